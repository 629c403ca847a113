// SPDX-License-Identifier: MIT
/// @file
/// FIRE: a network of the distance relative to the length seen so far.
#ifndef POSENC_RELATIVE_BIAS_FIRE_HPP
#define POSENC_RELATIVE_BIAS_FIRE_HPP

#include "posenc/detail/row.hpp"
#include "posenc/relative_bias/add_distance_bias.hpp"
#include "posenc/relative_bias/bias_mlp.hpp"
#include "posenc/relative_bias/detail/mlp.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// The trained parts of FIRE, with the authors' initial values. A gradient is one of these too (see zeros()).
template <typename Scalar>
struct Fire {
  BiasMlp<Scalar> mlp;           ///< 1 input, one output for each head; the authors use 1 -> 32 -> ReLU -> heads.
  double c = 0.1;                ///< Trained; not 0.
  double length_multiplier = 1;  ///< Trained.
  double initial_length = 512;   ///< Constant L_0.
  double eps = 1e-6;             ///< Constant.

  /// From this query position on, distances are measured relative to the query's position.
  double threshold() const { return std::abs(length_multiplier * initial_length); }
  Fire zeros() const { return {mlp.zeros(), 0.0, 0.0, initial_length, eps}; }
};

namespace detail {

template <typename Scalar>
void require_fire(const char* function, const Fire<Scalar>& fire, const AttentionSpan& span) {
  require_mlp(function, fire.mlp, 1);
  require(is_finite(fire.c) && fire.c != 0, function, "fire.c", fire.c, "finite and not 0");
  require(is_finite(fire.threshold()) && fire.threshold() > 0, function, "fire.threshold()", fire.threshold(),
          "finite and > 0");
  require(is_finite(fire.eps) && fire.eps >= 0, function, "fire.eps", fire.eps, "finite and >= 0");
  require_in_range(span.query_offset() >= 0, function, "span.query_offset()", span.query_offset(), ">= 0");
}

/// psi(n) = ln(|c n| + 1).
inline double fire_psi(double c, double n) { return std::log1p(std::abs(c * n)); }

/// psi of each distance of a span: its logarithms, which queries share.
inline Eigen::ArrayXd fire_psis(double c, const DistanceRange& distances) {
  Eigen::ArrayXd psis(distances.size());
  for (Eigen::Index m = 0; m < distances.size(); ++m) {
    psis[m] = fire_psi(c, static_cast<double>(distances.first() + m));
  }
  return psis;
}

/// Inputs of the network for distances whose psi these are, normalized by psi(reach).
template <typename Scalar, typename Psis>
MlpMatrix<Scalar> fire_inputs(const Fire<Scalar>& fire, double reach, const Psis& psis) {
  const double scale = 1 / (fire_psi(fire.c, reach) + fire.eps);
  return (psis * scale).template cast<Scalar>().matrix();
}

/// Whether no query of a nonempty span reaches the threshold, so that the bias depends on the distance alone.
template <typename Scalar>
bool fire_by_distance(const Fire<Scalar>& fire, const AttentionSpan& span) {
  return static_cast<double>(span.query_offset() + span.query_len() - 1) < fire.threshold();
}

}  // namespace detail

/// Adds the bias of FIRE to the logits of all heads, in place. With n = query - key and p the query's position,
///
///     logits(h L_q + i, j) += mlp(psi(n) / (psi(max(p, threshold)) + eps))[h]        psi(x) = ln(|c x| + 1)
///
/// While no query has reached the threshold, the bias depends on the distance alone and the network is evaluated
/// L_q + L_k - 1 times; once one has, it is evaluated for each pair of a query and a key.
/// @param[in,out] logits  (num_heads L_q) x L_k, head by head.
/// @param fire            The trained parameters.
/// @param span            Which queries meet which keys.
/// @throws std::invalid_argument  another shape; layers that do not fit together; c = 0; threshold 0; eps < 0; memory
///                                of logits that overlaps itself.
/// @throws std::out_of_range      a negative query_offset. `logits` is then unchanged.
/// Cost:     L_q + L_k - 1 or L_q L_k evaluations of the network and, in both cases, L_q + L_k - 1 logarithms; allocates
///           these and the network's activations (bench_relative_bias: FIRE).
/// Accuracy: 200 ulp of 1 in double, for a network of 8 hidden units [accuracy][relative_bias]. A query and a key
///           have the same bits in every span.
/// Source:   Li et al. 2023, arXiv:2310.04418.
template <typename Logits, typename Scalar, detail::IfDense<Logits> = 0>
void add_fire_bias(Logits&& logits, const Fire<Scalar>& fire, const AttentionSpan& span) {
  const char* const function = "add_fire_bias";
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_fire(function, fire, span);
  const Eigen::Index num_heads = fire.mlp.outputs();
  detail::require_stacked_logits(function, "logits", x, num_heads, span);
  detail::require_target(function, "logits", x);
  if (span.query_len() == 0 || span.key_len() == 0) return;

  const DistanceRange range = span.distances();
  const auto psis = detail::fire_psis(fire.c, range);
  if (detail::fire_by_distance(fire, span)) {
    DistanceTable<Scalar> table(num_heads, range);
    const auto inputs = detail::fire_inputs(fire, fire.threshold(), psis);
    table.values() = detail::mlp_outputs(fire.mlp, inputs).transpose().array();
    add_distance_bias(x, table, span);
    return;
  }
  for (Eigen::Index i = 0; i < span.query_len(); ++i) {
    const double position = static_cast<double>(span.query_offset() + i);
    const auto inputs = detail::fire_inputs(fire, (std::max)(position, fire.threshold()),
                                            psis.segment(span.first_distance(i) - range.first(), span.key_len()));
    const auto bias = detail::mlp_outputs(fire.mlp, inputs);
    for (Eigen::Index head = 0; head < num_heads; ++head) {
      detail::add_rounded_once(x.row(head * span.query_len() + i), bias.col(head).transpose().array());
    }
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_fire_bias(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write add_fire_bias(logits, fire, span): logits of all heads stacked, fire a Fire<Scalar>, span "
      "AttentionSpan::square(seq_len), cached(query_len, key_len) or at(queries, key_len)");
}

namespace detail {

/// The gradients of c and of the threshold.
struct FireGradient {
  double c = 0;
  double threshold = 0;

  /// Adds what keys 0 ... L_k - 1 of a query at `position` contribute, whose psi are given. share: d reach / d threshold.
  template <typename Scalar, typename Psis>
  void add(BiasMlp<Scalar>& grad_mlp, const Fire<Scalar>& fire, double position, double reach, double share,
           const Psis& psis, const MlpMatrix<Scalar>& grad_out) {
    const auto inputs = fire_inputs(fire, reach, psis);
    const auto grad_inputs = add_mlp_gradient(grad_mlp, fire.mlp, inputs, mlp_forward(fire.mlp, inputs), grad_out);
    const double sign_c = fire.c < 0 ? -1 : 1;
    const double divisor = fire_psi(fire.c, reach) + fire.eps;
    const double reach_slope_c = sign_c * reach / (std::abs(fire.c) * reach + 1);
    const double reach_slope = std::abs(fire.c) / (std::abs(fire.c) * reach + 1);
    for (Eigen::Index j = 0; j < grad_out.rows(); ++j) {
      const double n = std::abs(position - static_cast<double>(j));
      const double g = static_cast<double>(grad_inputs(j, 0));
      const double psi = psis[j];
      c += g * (sign_c * n / (std::abs(fire.c) * n + 1) / divisor - psi * reach_slope_c / (divisor * divisor));
      threshold -= g * psi * reach_slope / (divisor * divisor) * share;
    }
  }
};

}  // namespace detail

/// The gradient of add_fire_bias(): adds into grad_fire.mlp, grad_fire.c and grad_fire.length_multiplier.
///
/// Where the threshold equals a query's position, each side of the maximum gets half.
/// @param[in,out] grad_fire  fire.zeros(), or the sum so far.
/// @param grad_logits        (num_heads L_q) x L_k.
/// @param fire, span         As in the forward call.
/// @throws as add_fire_bias(), and std::invalid_argument for a grad_fire of other layers, or one that is `fire` itself
///         or overlaps grad_logits; nothing is written then.
/// Cost:     as add_fire_bias(), about three times; the network decides (bench_relative_bias: FIRE).
/// Accuracy: within the error of central differences, 64 eps^(2/3) of its size in double [accuracy][relative_bias].
template <typename Scalar, typename Grad, detail::IfDense<Grad> = 0>
void fire_bias_backward(Fire<Scalar>& grad_fire, const Grad& grad_logits, const Fire<Scalar>& fire,
                        const AttentionSpan& span) {
  const char* const function = "fire_bias_backward";
  detail::require_fire(function, fire, span);
  const Eigen::Index num_heads = fire.mlp.outputs();
  detail::require_stacked_logits(function, "grad_logits", grad_logits, num_heads, span);
  detail::require_mlp_gradient(function, "grad_fire.mlp", grad_fire.mlp, fire.mlp, grad_logits);
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  if (span.query_len() == 0 || span.key_len() == 0) return;
  const double threshold = fire.threshold();
  detail::FireGradient grad;
  const DistanceRange range = span.distances();
  const auto psis = detail::fire_psis(fire.c, range);
  if (detail::fire_by_distance(fire, span)) {
    DistanceTable<Scalar> grad_table(num_heads, range);
    distance_bias_backward(grad_table, grad_logits_values, span);
    grad.add(grad_fire.mlp, fire, -static_cast<double>(range.first()), threshold, 1, psis,
             detail::MlpMatrix<Scalar>(grad_table.values().matrix().transpose()));
  } else {
    detail::MlpMatrix<Scalar> grad_row(span.key_len(), num_heads);
    for (Eigen::Index i = 0; i < span.query_len(); ++i) {
      for (Eigen::Index head = 0; head < num_heads; ++head) {
        grad_row.col(head) = grad_logits_values.row(head * span.query_len() + i).transpose().template cast<Scalar>();
      }
      const double position = static_cast<double>(span.query_offset() + i);
      const double share = position < threshold ? 1.0 : position == threshold ? 0.5 : 0.0;
      grad.add(grad_fire.mlp, fire, position, (std::max)(position, threshold), share,
               psis.segment(span.first_distance(i) - range.first(), span.key_len()), grad_row);
    }
  }
  const double sign_length = fire.length_multiplier * fire.initial_length < 0 ? -1 : 1;
  grad_fire.c += grad.c;
  grad_fire.length_multiplier += grad.threshold * sign_length * fire.initial_length;
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto fire_bias_backward(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write fire_bias_backward(grad_fire, grad_logits, fire, span): grad_fire is fire.zeros() or the "
      "sum so far");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_FIRE_HPP
