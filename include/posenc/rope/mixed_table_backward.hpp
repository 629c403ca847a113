// SPDX-License-Identifier: MIT
/// @file
/// The gradient that trains learned frequencies over several axes: of make_mixed_table() through apply_rope().
#ifndef POSENC_ROPE_MIXED_TABLE_BACKWARD_HPP
#define POSENC_ROPE_MIXED_TABLE_BACKWARD_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/detail/overlap.hpp"
#include "posenc/detail/weighted_angles.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// Adds the gradient of a loss by learned frequencies, through y = apply_rope(x): grad_frequencies(a, j) +=
///
///     sum over tokens t, heads: positions(t, a) (g_b y_a - g_a y_b)
///
/// with (y_a, y_b) the channels of pair j in the *result* y, and (g_a, g_b) the gradient that arrives there. The
/// gradient by x itself is apply_rope(grad_y, table.adjoint(), layout). Call it for queries and for keys.
/// @param[in,out] grad_frequencies  num_axes x num_pairs, summed over the heads; or, where heads have frequencies of
///                                  their own, num_axes x (num_heads * num_pairs), the columns of head 0 first.
/// @param grad_y, y   tokens x (num_heads * head_dim), both as apply_rope() left y.
/// @param positions   tokens x num_axes.
/// @param layout      As of apply_rope().
/// @throws std::invalid_argument  shapes that do not agree; grad_frequencies that overlaps itself or what is read.
///                                grad_frequencies is then unchanged.
/// Cost:     two multiply-adds for each pair of y, and num_axes more for each token and pair; no allocation
///           (bench_rope: learned frequencies).
/// Accuracy: summed in double and rounded once [rope][mixed].
/// Source:   d/dtheta R(theta) x = J R(theta) x with J the rotation by pi / 2.
/// Matches:  autograd through RotaryEmbeddingMixed of timm.
template <typename GradFrequencies, typename DerivedGradY, typename DerivedY, typename DerivedPositions>
void mixed_table_backward(GradFrequencies&& grad_frequencies, const Eigen::DenseBase<DerivedGradY>& grad_y,
                          const Eigen::DenseBase<DerivedY>& y, const Eigen::DenseBase<DerivedPositions>& positions,
                          const RopeLayout& layout) {
  const char* const function = "mixed_table_backward";
  auto& dfrequencies = detail::written(std::forward<GradFrequencies>(grad_frequencies));
  const Eigen::Index pairs = layout.rotary_dim() / 2;
  const Eigen::Index num_heads = y.cols() / layout.head_dim();
  const bool shared = dfrequencies.cols() == pairs;
  detail::require(y.cols() % layout.head_dim() == 0, function, "y.cols()", y.cols(), "a multiple of layout.head_dim() ",
                  layout.head_dim());
  detail::require(shared || dfrequencies.cols() == num_heads * pairs, function, "grad_frequencies.cols()",
                  dfrequencies.cols(), "half of layout.rotary_dim() ", layout.rotary_dim(),
                  ", or that for each of the ", num_heads, " heads of y");
  detail::require_shape(function, "grad_y", grad_y, y.rows(), y.cols());
  detail::require_shape(function, "positions", positions, y.rows(), dfrequencies.rows());
  detail::require_data(function, "grad_frequencies", dfrequencies);
  detail::require_no_self_overlap(function, "grad_frequencies", dfrequencies);
  const auto& grad_y_values = detail::evaluated(grad_y);
  const auto& y_values = detail::evaluated(y);
  const auto& positions_values = detail::evaluated(positions);
  detail::require_disjoint(function, "grad_frequencies", dfrequencies, grad_y_values);
  detail::require_disjoint(function, "grad_frequencies", dfrequencies, y_values);
  detail::require_disjoint(function, "grad_frequencies", dfrequencies, positions_values);
  const bool half_split = layout.pairs() == RopePairs::half_split;
  const auto position = [&](Eigen::Index token, Eigen::Index axis) {
    return static_cast<double>(positions_values.coeff(token, axis));
  };
  const Eigen::Index together = shared ? num_heads : 1;
  for (Eigen::Index head = 0; head < num_heads; head += together) {
    const auto angle_gradient = [&](Eigen::Index token, Eigen::Index first, int count, Eigen::Index, double* gradient) {
      const auto value = [&](const auto& x, Eigen::Index column) {
        return static_cast<double>(x.coeff(token, column));
      };
      for (Eigen::Index h = head; h < head + together; ++h) {
        for (int i = 0; i < count; ++i) {
          const Eigen::Index a = h * layout.head_dim() + layout.offset() + (half_split ? first + i : 2 * (first + i));
          const Eigen::Index b = a + (half_split ? pairs : 1);
          gradient[i] += value(grad_y_values, b) * value(y_values, a) - value(grad_y_values, a) * value(y_values, b);
        }
      }
    };
    auto grad = dfrequencies.middleCols(shared ? Eigen::Index(0) : head * pairs, pairs);
    detail::add_weights_gradient(grad, y.rows(), position, angle_gradient);
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_MIXED_TABLE_BACKWARD_HPP
