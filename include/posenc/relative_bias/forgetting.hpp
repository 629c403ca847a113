// SPDX-License-Identifier: MIT
/// @file
/// Forgetting attention (data-dependent ALiBi): every token decides how much of the past it forgets.
#ifndef POSENC_RELATIVE_BIAS_FORGETTING_HPP
#define POSENC_RELATIVE_BIAS_FORGETTING_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/relative_bias/attention_span.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// Returns the running sums F[t] = sum over l <= t of ln sigmoid(gates[l]), one for each token.
/// @param gates   Forget logits w . x[t] + b of one head.
/// @param before  F of the last cached token, to go on from it. Its gradient is the sum of all grad_sums.
/// Cost:     one exponential and one logarithm for each token.
/// Accuracy: summed in double and rounded once to the gates' scalar: half an ulp of F, which grows with the length
///           (float, F = -70,000: 4e-3). Give the gates in double where sequences are long.
template <typename Derived>
Eigen::Array<typename Derived::Scalar, Eigen::Dynamic, 1> forgetting_sums(const Eigen::DenseBase<Derived>& gates,
                                                                          double before = 0) {
  const auto& gates_values = detail::evaluated(gates);
  using Scalar = typename Derived::Scalar;
  Eigen::Array<Scalar, Eigen::Dynamic, 1> sums(gates_values.size());
  double sum = before;
  for (Eigen::Index t = 0; t < gates_values.size(); ++t) {
    const double gate = static_cast<double>(gates_values.reshaped()(t));
    sum += gate < 0 ? gate - std::log1p(std::exp(gate)) : -std::log1p(std::exp(-gate));
    sums(t) = detail::convert<Scalar>(sum);
  }
  return sums;
}

/// The gradient of forgetting_sums(): grad_gates[t] += sigmoid(-gates[t]) times the sum of grad_sums from t on.
/// @throws std::invalid_argument  another number of tokens.
template <typename GradGates, typename GradSums, typename Derived>
void forgetting_sums_backward(GradGates&& grad_gates, const Eigen::DenseBase<GradSums>& grad_sums,
                              const Eigen::DenseBase<Derived>& gates) {
  const char* const function = "forgetting_sums_backward";
  auto& grad = detail::written(std::forward<GradGates>(grad_gates));
  detail::require(grad_sums.size() == gates.size(), function, "grad_sums.size()", grad_sums.size(), "gates.size() ",
                  gates.size());
  detail::require(grad.size() == gates.size(), function, "grad_gates.size()", grad.size(), "gates.size() ",
                  gates.size());
  const auto& grad_sums_values = detail::evaluated(grad_sums);
  const auto& gates_values = detail::evaluated(gates);
  using Target = typename std::decay_t<decltype(grad)>::Scalar;
  double sum = 0;
  for (Eigen::Index t = gates_values.size() - 1; t >= 0; --t) {
    sum += static_cast<double>(grad_sums_values.reshaped()(t));
    const double gate = static_cast<double>(gates_values.reshaped()(t));
    detail::entry(grad, t) += detail::convert<Target>(sum / (1 + std::exp(gate)));
  }
}

/// Adds the forgetting bias to the logits of one head, in place, for the keys that a query sees:
///
///     logits(i, j) += F[query_offset + i] - F[j]        j <= query_offset + i
///
/// @param[in,out] logits  L_q x L_k. Keys after the query are left as they are, for the causal mask.
/// @param sums            F at the positions of all queries and keys: at least max(L_k, query_offset + L_q) values.
/// @throws std::invalid_argument  another shape, or too few sums. `logits` is then unchanged.
/// @throws std::out_of_range      a negative query_offset.
/// Cost:     one subtraction and addition for each visible logit; the bias is never stored.
/// Source:   Lin et al. 2025, arXiv:2503.02130. Matches: DataDependentAlibi of x-transformers.
template <typename Logits, typename Sums>
void add_forgetting_bias(Logits&& logits, const Eigen::DenseBase<Sums>& sums, const AttentionSpan& span) {
  const char* const function = "add_forgetting_bias";
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_shape(function, "logits", x, span.query_len(), span.key_len());
  detail::require_in_range(span.query_offset() >= 0, function, "span.query_offset()", span.query_offset(), ">= 0");
  detail::require(sums.size() >= (std::max)(span.key_len(), span.query_offset() + span.query_len()), function,
                  "sums.size()", sums.size(), "at least ",
                  (std::max)(span.key_len(), span.query_offset() + span.query_len()));
  const auto& sums_values = detail::evaluated(sums);
  using Scalar = typename std::decay_t<decltype(x)>::Scalar;
  using Number = detail::ArithmeticScalar<Scalar, typename Sums::Scalar>;
  const auto f = sums_values.reshaped();
  for (Eigen::Index i = 0; i < span.query_len(); ++i) {
    const Number own = detail::convert<Number>(f(span.query_offset() + i));
    const Eigen::Index visible = span.visible_keys(i);
    for (Eigen::Index j = 0; j < visible; ++j) {
      Scalar& target = x.coeffRef(i, j);
      target = detail::convert<Scalar>(detail::convert<Number>(target) + (own - detail::convert<Number>(f(j))));
    }
  }
}

/// The gradient of add_forgetting_bias(): adds into grad_sums, which has the size of the sums.
/// @throws as add_forgetting_bias(); nothing is written then.
template <typename GradSums, typename Derived>
void forgetting_bias_backward(GradSums&& grad_sums, const Eigen::DenseBase<Derived>& grad_logits,
                              const AttentionSpan& span) {
  const char* const function = "forgetting_bias_backward";
  auto& grad = detail::written(std::forward<GradSums>(grad_sums));
  detail::require_shape(function, "grad_logits", grad_logits, span.query_len(), span.key_len());
  detail::require_in_range(span.query_offset() >= 0, function, "span.query_offset()", span.query_offset(), ">= 0");
  detail::require(grad.size() >= (std::max)(span.key_len(), span.query_offset() + span.query_len()), function,
                  "grad_sums.size()", grad.size(), "at least ",
                  (std::max)(span.key_len(), span.query_offset() + span.query_len()));
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  using Target = typename std::decay_t<decltype(grad)>::Scalar;
  for (Eigen::Index i = 0; i < span.query_len(); ++i) {
    double sum = 0;
    for (Eigen::Index j = 0; j < span.visible_keys(i); ++j) {
      const double g = static_cast<double>(grad_logits_values.coeff(i, j));
      sum += g;
      detail::entry(grad, j) -= detail::convert<Target>(g);
    }
    detail::entry(grad, span.query_offset() + i) += detail::convert<Target>(sum);
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_FORGETTING_HPP
