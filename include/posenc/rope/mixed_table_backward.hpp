// SPDX-License-Identifier: MIT
/// @file
/// The gradient of learned frequencies on several axes, through make_mixed_table() and apply_rope().
#ifndef POSENC_ROPE_MIXED_TABLE_BACKWARD_HPP
#define POSENC_ROPE_MIXED_TABLE_BACKWARD_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/detail/overlap.hpp"
#include "posenc/detail/weighted_angles.hpp"
#include "posenc/frequency/mixed_frequencies.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Columns of the gradient of frequencies, with the gradient of phases as one more row.
template <typename GradFrequencies, typename GradPhases>
struct PhasedGradient {
  using Scalar = typename GradFrequencies::Scalar;
  GradFrequencies& frequencies;
  GradPhases& phases;
  Eigen::Index first;
  Eigen::Index count;

  Eigen::Index rows() const { return frequencies.rows() + 1; }
  Eigen::Index cols() const { return count; }
  Scalar& coeffRef(Eigen::Index axis, Eigen::Index j) {  // NOLINT: as Eigen names it
    if (axis < frequencies.rows()) return frequencies.coeffRef(axis, first + j);
    return phases.cols() == 1 ? phases.coeffRef(first + j, 0) : phases.coeffRef(0, first + j);
  }
};

/// The checks and the sums of mixed_table_backward(); `grad_phases` is NoPhases where there are none.
template <typename GradFrequencies, typename GradPhases, typename GradY, typename Y, typename Positions>
void add_mixed_gradient(GradFrequencies& grad_frequencies, GradPhases& grad_phases, const GradY& grad_y, const Y& y,
                        const Positions& positions, const RopeLayout& layout) {
  constexpr bool kHasPhases = !std::is_same_v<std::remove_const_t<GradPhases>, NoPhases>;
  const char* const function = "mixed_table_backward";
  const Eigen::Index pairs = layout.rotary_dim() / 2;
  const Eigen::Index num_heads = y.cols() / layout.head_dim();
  const bool shared = grad_frequencies.cols() == pairs;
  require(y.cols() % layout.head_dim() == 0, function, "y.cols()", y.cols(), "a multiple of layout.head_dim() ",
          layout.head_dim());
  require(shared || grad_frequencies.cols() == num_heads * pairs, function, "grad_frequencies.cols()",
          grad_frequencies.cols(), "half of layout.rotary_dim() ", layout.rotary_dim(), ", or that for each of the ",
          num_heads, " heads of y");
  require_shape(function, "grad_y", grad_y, y.rows(), y.cols());
  require_shape(function, "positions", positions, y.rows(), grad_frequencies.rows());
  require_data(function, "grad_frequencies", grad_frequencies);
  require_no_self_overlap(function, "grad_frequencies", grad_frequencies);
  require_disjoint(function, "grad_frequencies", grad_frequencies, grad_y);
  require_disjoint(function, "grad_frequencies", grad_frequencies, y);
  require_disjoint(function, "grad_frequencies", grad_frequencies, positions);
  if constexpr (kHasPhases) {
    require(grad_phases.rows() == 1 || grad_phases.cols() == 1, function, "grad_phases.rows()", grad_phases.rows(),
            "1, or grad_phases.cols() be 1");
    require(grad_phases.size() == grad_frequencies.cols(), function, "grad_phases.size()", grad_phases.size(),
            "grad_frequencies.cols() ", grad_frequencies.cols());
    require_data(function, "grad_phases", grad_phases);
    require_no_self_overlap(function, "grad_phases", grad_phases);
    require_disjoint(function, "grad_phases", grad_phases, grad_frequencies);
    require_disjoint(function, "grad_phases", grad_phases, grad_y);
    require_disjoint(function, "grad_phases", grad_phases, y);
    require_disjoint(function, "grad_phases", grad_phases, positions);
  }
  const bool half_split = layout.pairs() == RopePairs::half_split;
  const Eigen::Index num_axes = grad_frequencies.rows();
  const auto position = [&](Eigen::Index token, Eigen::Index axis) {
    if (kHasPhases && axis == num_axes) return 1.0;
    return static_cast<double>(positions.coeff(token, axis));
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
          gradient[i] += value(grad_y, b) * value(y, a) - value(grad_y, a) * value(y, b);
        }
      }
    };
    const Eigen::Index first_pair = shared ? Eigen::Index(0) : head * pairs;
    if constexpr (kHasPhases) {
      PhasedGradient<GradFrequencies, GradPhases> grad{grad_frequencies, grad_phases, first_pair, pairs};
      add_weights_gradient(grad, y.rows(), position, angle_gradient);
    } else {
      auto grad = grad_frequencies.middleCols(first_pair, pairs);
      add_weights_gradient(grad, y.rows(), position, angle_gradient);
    }
  }
}

}  // namespace detail

/// Adds the gradient of a loss with respect to learned frequencies, by which apply_rope() rotated x into y:
///
///     grad_frequencies(a, j) += sum over tokens t and heads of positions(t, a) (g_b y_a - g_a y_b)
///
/// with (y_a, y_b) the channels of pair j in the *result* y, and (g_a, g_b) the gradient that arrives there. The
/// gradient with respect to x itself is apply_rope(grad_y, table.adjoint(), layout). Call it for queries and for keys.
/// @param[in,out] grad_frequencies  num_axes x num_pairs, summed over the heads; or, where heads have frequencies of
///                                  their own, num_axes x (num_heads * num_pairs), the columns of head 0 first.
/// @param grad_y, y   tokens x (num_heads * head_dim): the gradient of the loss with respect to y, and y, the result of
///                    apply_rope().
/// @param positions   tokens x num_axes.
/// @param layout      As in apply_rope().
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
  const detail::NoPhases none;
  detail::add_mixed_gradient(detail::written(std::forward<GradFrequencies>(grad_frequencies)), none,
                             detail::evaluated(grad_y), detail::evaluated(y), detail::evaluated(positions), layout);
}

/// @overload
/// With phases: grad_phases[j] += sum over tokens and heads of g_b y_a - g_a y_b.
/// @param[in,out] grad_phases  One number for each column of grad_frequencies, in a row or a column, of its scalar.
/// @throws std::invalid_argument  in addition: another number of phases; memory that overlaps.
/// Accuracy: summed in double and rounded once [rope][phases].
/// Matches:  autograd through the rotation of PoPE-pytorch.
template <typename GradFrequencies, typename GradPhases, typename DerivedGradY, typename DerivedY,
          typename DerivedPositions>
void mixed_table_backward(GradFrequencies&& grad_frequencies, GradPhases&& grad_phases,
                          const Eigen::DenseBase<DerivedGradY>& grad_y, const Eigen::DenseBase<DerivedY>& y,
                          const Eigen::DenseBase<DerivedPositions>& positions, const RopeLayout& layout) {
  auto& by_frequencies = detail::written(std::forward<GradFrequencies>(grad_frequencies));
  auto& by_phases = detail::written(std::forward<GradPhases>(grad_phases));
  constexpr bool same = std::is_same_v<typename std::decay_t<decltype(by_frequencies)>::Scalar,
                                       typename std::decay_t<decltype(by_phases)>::Scalar>;
  static_assert(same, "posenc: grad_frequencies and grad_phases must have one scalar");
  if constexpr (same) {
    detail::add_mixed_gradient(by_frequencies, by_phases, detail::evaluated(grad_y), detail::evaluated(y),
                               detail::evaluated(positions), layout);
  }
}

namespace detail {

/// Whether these are the arguments of mixed_table_backward(), in its order.
template <typename... Arguments>
inline constexpr bool takes_mixed_gradient = false;
template <typename Grad, typename GradY, typename Y, typename Positions>
inline constexpr bool takes_mixed_gradient<Grad, GradY, Y, Positions, RopeLayout> =
    is_dense<Grad>&& is_dense<GradY>&& is_dense<Y>&& is_dense<Positions>;
template <typename Grad, typename GradPhases, typename GradY, typename Y, typename Positions>
inline constexpr bool takes_mixed_gradient<Grad, GradPhases, GradY, Y, Positions, RopeLayout> =
    is_dense<GradPhases>&& takes_mixed_gradient<Grad, GradY, Y, Positions, RopeLayout>;

}  // namespace detail

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments, std::enable_if_t<!detail::takes_mixed_gradient<Arguments...>, int> = 0>
void mixed_table_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write mixed_table_backward(grad_frequencies, grad_y, y, positions, layout), or "
                "mixed_table_backward(grad_frequencies, grad_phases, grad_y, y, positions, layout): Eigen objects, and "
                "the layout of apply_rope()");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_MIXED_TABLE_BACKWARD_HPP
