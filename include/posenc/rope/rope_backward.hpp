// SPDX-License-Identifier: MIT
/// @file
/// rope_backward(): the gradients of a norm and a rotation. Of a rotation alone it is table.adjoint().
#ifndef POSENC_ROPE_ROPE_BACKWARD_HPP
#define POSENC_ROPE_ROPE_BACKWARD_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/detail/overlap.hpp"
#include "posenc/frequency/table_rows.hpp"
#include "posenc/rope/detail/head_gradients.hpp"
#include "posenc/rope/detail/rope_call.hpp"
#include "posenc/rope/detail/rotate_heads.hpp"
#include "posenc/rope/rms_norm.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// One head of one token, in double. With g the gradient that arrives, v is the gradient of the normalized x times the
/// weights, rotated back where the norm comes before the rotation and after, and u that of the weights, but for 1 / rms.
template <typename GradOut, typename X, typename TableScalar>
struct NormedHead {
  const GradOut& grad_out;
  const X& x;
  Rotation<TableScalar> table;
  const RopeLayout& layout;
  const NormOfCall& call;
  Eigen::Index row, token, head;

  double weight(Eigen::Index channel) const {
    if (!call.has_weights()) return 1;
    return call.norm.factors()[channel + (call.over_token() ? head * layout.head_dim() : 0)];
  }

  /// Calls action(channel, x, v, u) for every channel, for both of a pair one after the other when all of it is read.
  template <typename Action>
  void for_each_channel(const Action& action) const {
    const auto read = [&](const auto& from, Eigen::Index channel) {
      return convert<double>(from.coeff(token, head * layout.head_dim() + channel));
    };
    const Eigen::Index pairs = layout.rotary_dim() / 2;
    const bool half_split = layout.pairs() == RopePairs::half_split;
    for (Eigen::Index pair = 0; pair < pairs; ++pair) {
      const Eigen::Index a = layout.offset() + (half_split ? pair : 2 * pair);
      const Eigen::Index b = a + (half_split ? pairs : 1);
      const double c = static_cast<double>(table.cos(row)[pair * table.pair_stride]);
      const double s = static_cast<double>(table.sin(row)[pair * table.pair_stride]);
      const double x_a = read(x, a), x_b = read(x, b);
      const double g_a = read(grad_out, a), g_b = read(grad_out, b);
      const double w_a = weight(a), w_b = weight(b);
      if (call.after()) {
        action(a, x_a, w_a * g_a * c + w_b * g_b * s, g_a * (x_a * c - x_b * s));
        action(b, x_b, w_b * g_b * c - w_a * g_a * s, g_b * (x_a * s + x_b * c));
      } else {
        const double back_a = g_a * c + g_b * s;
        const double back_b = g_b * c - g_a * s;
        action(a, x_a, w_a * back_a, back_a * x_a);
        action(b, x_b, w_b * back_b, back_b * x_b);
      }
    }
    const auto other = [&](Eigen::Index begin, Eigen::Index end) {
      for (Eigen::Index i = begin; i < end; ++i) {
        const double g = read(grad_out, i), value = read(x, i);
        action(i, value, weight(i) * g, g * value);
      }
    };
    other(0, layout.offset());
    other(layout.offset() + layout.rotary_dim(), layout.head_dim());
  }
};

/// grad_x = dL/dx and grad_weight += dL/dw, whose sums are formed in double and rounded once. Where there are more weights
/// than a group, all tokens are read once more for each other group, before any of grad_x is written. Every pair of
/// grad_out and x is read before that of grad_x is written.
template <typename GradX, typename GradWeight, typename GradOut, typename X, typename TableScalar, typename RowOf>
void norm_gradients(GradX& grad_x, GradWeight& grad_weight, const GradOut& grad_out, const X& x,
                    const HeadRotations<TableScalar>& rotations, const RopeLayout& layout, const RowOf& row_of,
                    const NormOfCall& call) {
  const Eigen::Index head_dim = layout.head_dim();
  const Eigen::Index num_heads = x.cols() / head_dim;
#if POSENC_HAS_LEVELS
  if constexpr (is_storage<typename GradX::Scalar> && is_storage<typename GradOut::Scalar> &&
                is_storage<typename X::Scalar>) {
    if (head_dim <= kGradientChannels) {
      return norm_gradients_at_level(grad_x, grad_weight, grad_out, x, rotations, layout, row_of, call);
    }
  }
#endif
  const Eigen::Index together = call.over_token() ? num_heads : 1;
  const double divisor = static_cast<double>(together) * static_cast<double>(head_dim);
  const MatrixOperand<const X> heads{x, head_dim};
  const auto rotates = [&](Eigen::Index channel) {
    return channel >= layout.offset() && channel < layout.offset() + layout.rotary_dim();
  };
  const auto normed = [&](Eigen::Index token, Eigen::Index head) {
    return NormedHead<GradOut, X, TableScalar>{
        grad_out, x, rotations.of(rotations.shared() ? 0 : head), layout, call, row_of(token), token, head};
  };
  const Eigen::Index weights = call.norm.factors().size();
  double sums[kWeightGroup];
  for (Eigen::Index begin = 0; begin == 0 || begin < weights; begin += kWeightGroup) {
    const Eigen::Index end = (std::min)(begin + kWeightGroup, weights);
    const bool last = end == weights;
    std::fill_n(sums, end - begin, 0.0);
    for (Eigen::Index token = 0; token < x.rows(); ++token) {
      for (Eigen::Index first = 0; first < num_heads; first += together) {
        const double factor = norm_factor<double>(heads, token, first, together, call, layout);
        double product = 0;  // v . x
        for (Eigen::Index head = first; last && head < first + together; ++head) {
          normed(token, head).for_each_channel([&](Eigen::Index, double value, double v, double) {
            product += v * value;
          });
        }
        const double by_length = product * factor * factor / divisor;
        for (Eigen::Index head = first; head < first + together; ++head) {
          const Eigen::Index first_weight = call.over_token() ? head * head_dim : 0;
          if (!last && (first_weight >= end || first_weight + head_dim <= begin)) continue;
          normed(token, head).for_each_channel([&](Eigen::Index channel, double value, double v, double u) {
            const Eigen::Index weight = first_weight + channel;
            if (weight >= begin && weight < end) sums[weight - begin] += factor * u;
            if (!last) return;
            const double gain = rotates(channel) ? call.gain : 1;
            grad_x.coeffRef(token, head * head_dim + channel) =
                convert<typename GradX::Scalar>(factor * (v - gain * value * by_length));
          });
        }
      }
    }
    for (Eigen::Index weight = begin; weight < end; ++weight) {
      auto& sum = entry(grad_weight, weight);
      sum = static_cast<typename GradWeight::Scalar>(static_cast<double>(sum) + sums[weight - begin]);
    }
  }
}

template <typename GradX, typename GradWeight, typename GradOut, typename X, typename Table, typename Which>
void check_and_differentiate(GradX& grad_x, GradWeight& grad_weight, const GradOut& grad_out, const X& x,
                             const Table& table, const RopeLayout& layout, const RmsNorm& norm, const Which& which) {
  const char* const function = "rope_backward";
  const auto& view = RopeTable<Table>::of(table);
  const MatrixOperand<const X> heads{x, layout.head_dim()};
  require_window(function, layout, view);
  require_heads(function, "x", heads, layout);
  require_heads_of_table(function, view.num_heads(), heads.num_heads());
  require_norm(function, norm, view, layout, heads.num_heads());
  require_shape(function, "grad_out", grad_out, x.rows(), x.cols());
  require_shape(function, "grad_x", grad_x, x.rows(), x.cols());
  require(grad_weight.rows() == 1 || grad_weight.cols() == 1, function, "grad_weight.rows()", grad_weight.rows(),
          "1, or grad_weight.cols() be 1");
  require(grad_weight.size() == norm.factors().size(), function, "grad_weight.size()", grad_weight.size(),
          "norm.factors().size() ", norm.factors().size());
  require_data(function, "grad_weight", grad_weight);
  require_no_self_overlap(function, "grad_x", grad_x);
  require_no_self_overlap(function, "grad_weight", grad_weight);
  const bool partial = overlap_partially(grad_x, grad_out) || overlap_partially(grad_x, x);
  require(!partial, function, "grad_x", "overlapping memory", "grad_out or x itself or disjoint from them");
  require_disjoint(function, "grad_weight", grad_weight, grad_x);
  require_disjoint(function, "grad_weight", grad_weight, grad_out);
  require_disjoint(function, "grad_weight", grad_weight, x);
  const TokenGrid grid{"x", "x.rows()", 1, x.rows()};
  require_table_elsewhere(function, "grad_x", MatrixOperand<GradX>{grad_x, layout.head_dim()}, view, grid,
                          layout.head_dim());
  require_disjoint_list(function, "grad_x", grad_x, which);
  require_disjoint_list(function, "grad_weight", grad_weight, which);
  require_table_elsewhere(function, "grad_weight", MatrixOperand<GradWeight>{grad_weight, 1}, view, grid, 1);
  with_rope_rows<false>(function, view, which, grid, [&](const auto& rows) {
    const double a = view.magnitude();
    const bool after = norm.order() == NormOrder::after_rotation;
    const HeadRotations<typename std::decay_t<decltype(view)>::Scalar> rotations{view, 1};
    norm_gradients(grad_x, grad_weight, grad_out, x, rotations, layout, rows, NormOfCall{norm, after ? a * a : 1});
  });
}

template <typename GradX, typename GradWeight, typename GradOut, typename X, typename Table, typename Which>
void rope_gradients(GradX&& grad_x, GradWeight&& grad_weight, const GradOut& grad_out, const X& x, const Table& table,
                    const RopeLayout& layout, const RmsNorm& norm, const Which& which) {
  auto& to_x = written(std::forward<GradX>(grad_x));
  auto& to_weight = written(std::forward<GradWeight>(grad_weight));
  require_gradient_scalar<typename std::decay_t<decltype(to_weight)>::Scalar>();
  check_and_differentiate(to_x, to_weight, evaluated(grad_out), evaluated(x), table, layout, norm, which);
}

/// Whether arguments (by type, without references) begin with grad_x, grad_weight, grad_out, x, table, layout, norm.
template <typename... A>
inline constexpr bool is_rope_backward =
    sizeof...(A) <= 8 &&
    is_dense<Argument<0, A...>>&& is_dense<Argument<1, A...>>&& is_dense<Argument<2, A...>>&& is_dense<Argument<
        3, A...>>&& is_frequency_table<Argument<4, A...>>&& is_rope_layout<Argument<5, A...>>&& is_norm<Argument<6,
                                                                                                                 A...>>;
template <typename... A>
using IfRopeBackward = std::enable_if_t<is_rope_backward<std::decay_t<A>...>, int>;

}  // namespace detail

/// The gradients of y = apply_rope(x, table, layout, norm) from the gradient of a loss with respect to y. Those of a
/// rotation without a norm are apply_rope(grad, table.adjoint(), layout).
///
///     grad_x[c]       = (v[c] - x[c] (v . x) / (n rms^2)) / rms        v = w R(t)^T grad_out
///     grad_weight[c] += sum over tokens (and heads) of (R(t)^T grad_out)[c] x[c] / rms
///
/// with R(t) as the table's cosines and sines have it, its magnitude A included, n the channels of the mean and rms as
/// in apply_rope(). Where the norm comes behind the rotation, v = R(t)^T (w grad_out), A^2 x[c] is in place of the
/// first x[c] in channels that rotate, and grad_weight sums grad_out[c] (R(t) x)[c] / rms.
/// @param[out] grad_x          Shape of x, in any scalar; it may be grad_out or x itself.
/// @param[in,out] grad_weight  A vector of as many numbers as the norm has weights, of float or double: added to. Empty
///                             for a norm without weights.
/// @param grad_out, x          tokens x (num_heads * head_dim): what arrives, and what apply_rope() read.
/// @param table, layout        As in apply_rope(); the table itself, not its adjoint().
/// @param norm                 As in apply_rope().
/// @throws std::invalid_argument  grad_x or grad_out of another shape than x; a grad_weight that is no vector, or not of
///                                as many numbers as the norm has weights; other weights than the layout's head_dim (or
///                                x.cols(), over whole tokens); x.cols() no multiple of layout.head_dim();
///                                table.rotary_dim() other than the layout's; table.num_heads() neither 1 nor the heads
///                                of x; another number of rows than tokens; a norm behind the rotation by an xPos or
///                                FoPE table; a grad_x that overlaps itself, the table, or grad_out or x in part; a
///                                grad_weight that overlaps itself, the table, grad_x, grad_out or x. Nothing is then
///                                written.
/// Cost:     some 30 operations in double for each channel, by vectors for heads of at most 512 channels, else element by
///           element; one more reading of x and grad_out for each 2,048 weights of the norm after the first; no
///           allocation (bench_rope: norm and rotation).
/// Accuracy: summed in double and rounded once, grad_weight too; the order of sums, and so the last bit of a double, is
///           not that of the channels [rope][norm][backward].
/// Source:   Zhang and Sennrich 2019, arXiv:1910.07467, section 4.
/// Matches:  autograd through q_norm and apply_rotary_pos_emb of Qwen3 in transformers.
template <typename GradX, typename GradWeight, typename GradOut, typename X, typename Table,
          detail::IfRopeBackward<GradX, GradWeight, GradOut, X, Table, RopeLayout, RmsNorm> = 0>
void rope_backward(GradX&& grad_x, GradWeight&& grad_weight, const GradOut& grad_out, const X& x, const Table& table,
                   const RopeLayout& layout, const RmsNorm& norm) {
  detail::rope_gradients(std::forward<GradX>(grad_x), std::forward<GradWeight>(grad_weight), grad_out, x, table, layout,
                         norm, detail::OneRowForEachToken{});
}

/// @overload
/// Token i takes the row that `which` says, as in apply_rope().
/// @throws std::invalid_argument  in addition: a list of another length; positions for a table that does not know them;
///                                tokens that are no multiple of each_sequence's seq_len.
/// @throws std::out_of_range      a position or row that the table does not have. Nothing is then written.
template <typename GradX, typename GradWeight, typename GradOut, typename X, typename Table, typename Which,
          detail::IfRopeBackward<GradX, GradWeight, GradOut, X, Table, RopeLayout, RmsNorm> = 0>
void rope_backward(GradX&& grad_x, GradWeight&& grad_weight, const GradOut& grad_out, const X& x, const Table& table,
                   const RopeLayout& layout, const RmsNorm& norm, const Which& which) {
  detail::rope_gradients(std::forward<GradX>(grad_x), std::forward<GradWeight>(grad_weight), grad_out, x, table, layout,
                         norm, which);
}

/// @overload
/// Says what the arguments are.
template <typename... Arguments, std::enable_if_t<!detail::is_rope_backward<std::decay_t<Arguments>...>, int> = 0>
void rope_backward(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write rope_backward(grad_x, grad_weight, grad_out, x, table, layout, norm), and after it which "
      "rows; without a norm the gradient is apply_rope(grad, table.adjoint(), layout)");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_ROPE_BACKWARD_HPP
