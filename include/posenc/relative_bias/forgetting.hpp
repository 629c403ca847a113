// SPDX-License-Identifier: MIT
/// @file
/// Forgetting attention (data-dependent ALiBi): every token decides how much of the past it forgets.
#ifndef POSENC_RELATIVE_BIAS_FORGETTING_HPP
#define POSENC_RELATIVE_BIAS_FORGETTING_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/relative_bias/attention_span.hpp"
#include "posenc/relative_bias/detail/held.hpp"
#include "posenc/relative_bias/detail/list.hpp"
#include "posenc/relative_bias/detail/written_argument.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// The running sums of forgetting attention, or their gradients: tokens x num_heads.
template <typename Scalar>
using ForgettingSums = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

/// Returns the running sums F(t, h) = before[h] + sum over l <= t of ln sigmoid(gate_logits(l, h)), tokens x num_heads.
/// @param gate_logits  The forget gates before their sigmoid, w[h] . x[t] + b[h], tokens x num_heads: a row for each
///                     token, a column for each head. Gates after the sigmoid give wrong sums, which nothing can
///                     detect.
/// @param before       F of the last cached token, num_heads numbers, to go on from: sums.row(last). Its gradient is
///                     the sum of all grad_sums of a head.
/// @throws std::invalid_argument  another number of heads.
/// Cost:     one exponential and one logarithm for each token and head (bench_content_bias: Forgetting).
/// Accuracy: summed in double and rounded once to the scalar of gate_logits: half an ulp of F, which grows with the
///           length (float, F = -70,000: 4e-3). Give gate_logits in double where sequences are long
///           [accuracy][relative_bias]. Chunks have the bits of the whole in double; in float they go on from a rounded
///           `before` [relative_bias][one_row].
/// Source:   Lin et al. 2025, arXiv:2503.02130.
template <typename GateLogits, typename Before, detail::IfDense<GateLogits, Before> = 0>
ForgettingSums<typename GateLogits::Scalar> forgetting_sums(const GateLogits& gate_logits, const Before& before) {
  using Scalar = typename GateLogits::Scalar;
  detail::require(before.size() == gate_logits.cols(), "forgetting_sums", "before.size()", before.size(),
                  "gate_logits.cols() ", gate_logits.cols(), ", one for each head");
  const auto& gate_values = detail::evaluated(gate_logits);
  ForgettingSums<Scalar> sums(gate_logits.rows(), gate_logits.cols());
  for (Eigen::Index head = 0; head < sums.cols(); ++head) {
    double sum = detail::number_at(before, head);
    for (Eigen::Index t = 0; t < sums.rows(); ++t) {
      const double gate = static_cast<double>(gate_values.coeff(t, head));
      sum += gate < 0 ? gate - std::log1p(std::exp(gate)) : -std::log1p(std::exp(-gate));
      sums(t, head) = detail::convert<Scalar>(sum);
    }
  }
  return sums;
}

/// @overload
/// From the first token on: before is 0.
template <typename GateLogits, detail::IfDense<GateLogits> = 0>
ForgettingSums<typename GateLogits::Scalar> forgetting_sums(const GateLogits& gate_logits) {
  return forgetting_sums(gate_logits, Eigen::ArrayXd::Zero(gate_logits.cols()));
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto forgetting_sums(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write forgetting_sums(gate_logits), or (gate_logits, before): gate_logits is tokens x "
                "num_heads, before the row of "
                "sums of the last cached token, sums.row(last)");
  return detail::Misfit<Arguments...>();
}

/// The gradient of forgetting_sums(): grad_gate_logits(t, h) += sigmoid(-gate_logits(t, h)) times the sum of
/// grad_sums(l, h) over l >= t.
/// @param[in,out] grad_gate_logits  tokens x num_heads.
/// @param grad_sums                 tokens x num_heads.
/// @param gate_logits               As in the forward call.
/// @throws std::invalid_argument  another shape; memory that overlaps. Nothing is written then.
/// Cost:     one exponential for each token and head; no allocation (bench_content_bias: Forgetting).
/// Accuracy: summed in double and rounded once [accuracy][relative_bias].
/// Source:   Lin et al. 2025, arXiv:2503.02130.
template <typename GradGateLogits, typename GradSums, typename GateLogits,
          detail::IfDense<GradGateLogits, GradSums, GateLogits> = 0>
void forgetting_sums_backward(GradGateLogits&& grad_gate_logits, const GradSums& grad_sums,
                              const GateLogits& gate_logits) {
  const char* const function = "forgetting_sums_backward";
  auto& grad = detail::written(std::forward<GradGateLogits>(grad_gate_logits));
  detail::require_shape(function, "grad_sums", grad_sums, gate_logits.rows(), gate_logits.cols());
  detail::require_shape(function, "grad_gate_logits", grad, gate_logits.rows(), gate_logits.cols());
  detail::require_target(function, "grad_gate_logits", grad, grad_sums, gate_logits);
  const auto& grad_sums_values = detail::evaluated(grad_sums);
  const auto& gate_values = detail::evaluated(gate_logits);
  for (Eigen::Index head = 0; head < gate_values.cols(); ++head) {
    double sum = 0;
    for (Eigen::Index t = gate_values.rows() - 1; t >= 0; --t) {
      sum += static_cast<double>(grad_sums_values.coeff(t, head));
      const double gate = static_cast<double>(gate_values.coeff(t, head));
      detail::add_in_double(grad.coeffRef(t, head), sum / (1 + std::exp(gate)));
    }
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto forgetting_sums_backward(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write forgetting_sums_backward(grad_gate_logits, grad_sums, gate_logits): all tokens x num_heads");
}

namespace detail {

/// Refuses sums, or their gradient, that lack a position of the span. Returns the number of heads.
template <typename Sums>
Eigen::Index require_forgetting(const char* function, const char* parameter, const Sums& sums,
                                const AttentionSpan& span) {
  require_in_range(span.query_offset() >= 0, function, "span.query_offset()", span.query_offset(), ">= 0");
  const Eigen::Index tokens = (std::max)(span.key_len(), span.query_offset() + span.query_len());
  if (sums.rows() < tokens) {
    refuse<std::invalid_argument>(function, joined(parameter, ".rows()"), sums.rows(), "at least ", tokens,
                                  ", one for each token");
  }
  require_data(function, parameter, sums);
  return sums.cols();
}

}  // namespace detail

/// Adds the forgetting bias to the logits of one head or of all heads stacked, in place, for the keys that a query sees
/// in causal attention:
///
///     logits(h L_q + i, j) += F(query_offset + i, h) - F(j, h)        j <= query_offset + i
///
/// @param[in,out] logits  (num_heads L_q) x L_k, head by head. Keys after the query are left as they are, for the
///                        causal mask.
/// @param sums            F at the positions of all queries and keys: at least max(L_k, query_offset + L_q) rows, and
///                        num_heads columns.
/// @param span            Which queries meet which keys.
/// @throws std::invalid_argument  another shape, or too few sums; memory of logits that overlaps itself or the sums.
/// @throws std::out_of_range      a negative query_offset. `logits` is then unchanged.
/// Cost:     one subtraction and addition for each visible logit; the bias is never stored
///           (bench_content_bias: Forgetting).
/// Accuracy: the difference of sums is formed before it is added, so that large sums do not cost the logits precision
///           [accuracy][relative_bias].
/// Source:   Lin et al. 2025, arXiv:2503.02130.
/// Matches:  DataDependentAlibi of x-transformers.
template <typename Logits, typename Sums, detail::IfDense<Logits, Sums> = 0>
void add_forgetting_bias(Logits&& logits, const Sums& sums, const AttentionSpan& span) {
  const char* const function = "add_forgetting_bias";
  auto& x = detail::written(std::forward<Logits>(logits));
  const Eigen::Index num_heads = detail::require_forgetting(function, "sums", sums, span);
  detail::require_stacked_logits(function, "logits", x, num_heads, span);
  detail::require_target(function, "logits", x, sums);
  const auto& f = detail::evaluated(sums);
  using Scalar = typename std::decay_t<decltype(x)>::Scalar;
  using Number = detail::ArithmeticScalar<Scalar, typename Sums::Scalar>;
  for (Eigen::Index head = 0; head < num_heads; ++head) {
    for (Eigen::Index i = 0; i < span.query_len(); ++i) {
      const Number own = detail::convert<Number>(f.coeff(span.query_offset() + i, head));
      const Eigen::Index visible = span.visible_keys(i);
      for (Eigen::Index j = 0; j < visible; ++j) {
        Scalar& target = x.coeffRef(head * span.query_len() + i, j);
        const Number bias = own - detail::convert<Number>(f.coeff(j, head));
        target = detail::convert<Scalar>(detail::convert<Number>(target) + bias);
      }
    }
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_forgetting_bias(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write add_forgetting_bias(logits, sums, span): sums is forgetting_sums(gate_logits), tokens x "
                "num_heads, span AttentionSpan::square(seq_len), cached(query_len, key_len) or at(queries, key_len)");
}

/// The gradient of add_forgetting_bias(): adds into grad_sums.
/// @param[in,out] grad_sums  Has the shape of the sums.
/// @param grad_logits        (num_heads L_q) x L_k.
/// @param span               As in the forward call.
/// @throws as add_forgetting_bias(); nothing is written then.
/// Cost:     two additions for each visible logit; no allocation (bench_content_bias: Forgetting).
/// Accuracy: summed in double and rounded once; adjoint to the forward call to 1e-12 of the sum of the terms' sizes
///           [accuracy][relative_bias].
template <typename GradSums, typename Grad, detail::IfDense<GradSums, Grad> = 0>
void forgetting_bias_backward(GradSums&& grad_sums, const Grad& grad_logits, const AttentionSpan& span) {
  const char* const function = "forgetting_bias_backward";
  auto& grad = detail::written(std::forward<GradSums>(grad_sums));
  const Eigen::Index num_heads = detail::require_forgetting(function, "grad_sums", grad, span);
  detail::require_stacked_logits(function, "grad_logits", grad_logits, num_heads, span);
  detail::require_target(function, "grad_sums", grad, grad_logits);
  const auto& grad_values = detail::evaluated(grad_logits);
  constexpr Eigen::Index kTokens = 256;  // whose sums are on the stack at a time
  double sums[kTokens];
  const Eigen::Index tokens = (std::max)(span.key_len(), span.query_offset() + span.query_len());
  for (Eigen::Index head = 0; head < num_heads; ++head) {
    const auto g = [&](Eigen::Index i, Eigen::Index j) {
      return static_cast<double>(grad_values.coeff(head * span.query_len() + i, j));
    };
    for (Eigen::Index first = 0; first < tokens; first += kTokens) {
      const Eigen::Index end = (std::min)(first + kTokens, tokens);
      std::fill_n(sums, kTokens, 0.0);
      for (Eigen::Index i = 0; i < span.query_len(); ++i) {
        const Eigen::Index visible = span.visible_keys(i);
        for (Eigen::Index j = first; j < (std::min)(end, visible); ++j) sums[j - first] -= g(i, j);
        const Eigen::Index own = span.query_offset() + i - first;
        if (own < 0 || own >= kTokens) continue;
        double of_query = 0;
        for (Eigen::Index j = 0; j < visible; ++j) of_query += g(i, j);
        sums[own] += of_query;
      }
      for (Eigen::Index t = first; t < end; ++t) detail::add_in_double(grad.coeffRef(t, head), sums[t - first]);
    }
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto forgetting_bias_backward(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write forgetting_bias_backward(grad_sums, grad_logits, span): grad_sums is tokens x num_heads, "
      "span that of the forward call");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_FORGETTING_HPP
