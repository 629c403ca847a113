// SPDX-License-Identifier: MIT
/// @file
/// Resizes the bias table of a window to another window.
/// resize() of learned positions is in learnable/resize.hpp.
#ifndef POSENC_RELATIVE_BIAS_RESIZE_WINDOW_HPP
#define POSENC_RELATIVE_BIAS_RESIZE_WINDOW_HPP

#include "posenc/detail/explain_resize.hpp"
#include "posenc/relative_bias/detail/geometric_distances.hpp"
#include "posenc/relative_bias/detail/held.hpp"
#include "posenc/relative_bias/detail/written_argument.hpp"
#include "posenc/relative_bias/window_table.hpp"

#include <string>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// How biases at displacements between the trained ones are formed. Two rules read the table as an image; two spread
/// the trained distances, from distance 0 on.
enum class WindowFilter {
  /// As an image of (2 height - 1) x (2 width - 1) pixels, with the cubic kernel of Keys, a = -0.75: half-pixel
  /// centers, the border repeated. Swin.
  bicubic,
  /// Near distances keep their bias and far ones are stretched. Along each axis, the trained distances 0, 1, 2, 3, ...
  /// are placed at 0, 1, 1 + q, 1 + q + q^2, ..., with q in (1.01, 1.5) such that the last one comes nearest to the end
  /// of the new window. A cubic spline through them (not-a-knot) is read at the new whole distances; beyond the last
  /// one its value is repeated. An axis that keeps its length is copied. BEiT.
  geometric,
  /// As geometric, with straight lines instead of the spline. timm.
  geometric_linear,
  /// As bicubic, with linear interpolation. BEiT and Data2Vec of transformers, MiDaS.
  bilinear
};

/// The rule that brings the bias table of a window to another window. Neither need be square.
class WindowResize {
 public:
  /// @param from, to  The window of the table that is read, and that of the result.
  /// @param filter    How the biases in between are formed; frameworks differ.
  /// @throws std::invalid_argument  WindowFilter::geometric with an axis that changes from fewer than 3 tokens: a
  ///                                spline needs four distances at least.
  explicit WindowResize(const GridShape& from, const GridShape& to, WindowFilter filter)
      : from_(from), to_(to), filter_(filter) {
    detail::require_named("WindowResize", "filter", filter, WindowFilter::bilinear);
    if (filter != WindowFilter::geometric) return;
    const char* const rule = "at least 3 where it changes (or use WindowFilter::geometric_linear)";
    detail::require(from.height() == to.height() || from.height() >= 3, "WindowResize", "from.height()", from.height(),
                    rule);
    detail::require(from.width() == to.width() || from.width() >= 3, "WindowResize", "from.width()", from.width(),
                    rule);
  }

  /// @overload
  /// Says what is missing or out of order.
  template <typename... Arguments>
  explicit WindowResize(const Arguments&...) : from_(1, 1), to_(1, 1), filter_(WindowFilter::bicubic) {
    static_assert(detail::kMisuse<Arguments...>,
                  "posenc: write WindowResize(from, to, filter): two GridShape(height, width), and "
                  "WindowFilter::bicubic, bilinear, geometric or geometric_linear");
  }

  /// The same rule for tables with a class token: their last three rows are copied.
  /// @throws std::invalid_argument  a class_token that ClassToken does not name.
  WindowResize keep(ClassToken class_token) const {
    detail::require_named("WindowResize::keep", "class_token", class_token, ClassToken::first);
    WindowResize rule = *this;
    rule.class_token_ = class_token;
    return rule;
  }

  GridShape from() const { return from_; }
  GridShape to() const { return to_; }
  WindowFilter filter() const { return filter_; }
  ClassToken class_token() const { return class_token_; }

 private:
  GridShape from_;
  GridShape to_;
  WindowFilter filter_;
  ClassToken class_token_ = ClassToken::none;
};

namespace detail {

/// The weights that bring the distances of an axis of `from` tokens to those of an axis of `to` tokens.
inline Taps window_axis_taps(Eigen::Index from, Eigen::Index to, WindowFilter filter) {
  if (from == to) return identity_taps(2 * from - 1);
  if (filter == WindowFilter::bicubic) return cubic_taps(2 * from - 1, 2 * to - 1);
  if (filter == WindowFilter::bilinear) return half_pixel_taps(2 * from - 1, 2 * to - 1);
  const std::vector<double> places = geometric_distances(from, to);
  return filter == WindowFilter::geometric ? spline_taps(places, whole_distances(to))
                                           : lerp_taps(places, whole_distances(to));
}

template <typename To, typename From>
void require_window_resize(const char* function, const char* to_name, const To& to_weights, const GridShape& to,
                           const char* from_name, const From& from_weights, const GridShape& from,
                           ClassToken class_token) {
  const Eigen::Index extra = class_token == ClassToken::first ? 3 : 0;
  require_shape(function, from_name, from_weights, from.displacements() + extra, from_weights.cols());
  require_shape(function, to_name, to_weights, to.displacements() + extra, from_weights.cols());
  require_target(function, to_name, to_weights, from_weights);
}

/// The image between the two axes, in double, so that the result is rounded once.
template <typename Scalar>
using ResizeScratch = Eigen::Matrix<std::conditional_t<is_storage<Scalar>, double, Scalar>, Eigen::Dynamic,
                                    Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace detail

/// Resizes the bias table of a window by a rule: resize(out, table, WindowResize(from, to, WindowFilter::bicubic)).
///
/// @param[out] out  rule.to().displacements() x num_heads, and three more rows with a class token: the layout of
///                  checkpoints, which make_window_table() reads. Any writable Eigen expression.
/// @param table     rule.from().displacements() x num_heads, likewise.
/// @param rule      WindowResize(from, to, filter), .keep(ClassToken::first) for BEiT.
/// @throws std::invalid_argument  other shapes; memory that overlaps. `out` is then unchanged.
/// Cost:     for each value 4 (bilinear), 8 (bicubic) or up to 2 (2 side - 1) (geometric) multiply-adds; allocates an
///           image in double between the axes, and lists of weights; no bench case, called once for a checkpoint.
/// Accuracy: formed in double and rounded once: 4e-13 of the largest value against SciPy; a window that stays is copied
///           bit for bit [accuracy][relative_bias].
/// Source:   Liu et al. 2021, arXiv:2103.14030 (bicubic); Bao et al. 2021, arXiv:2106.08254 (geometric: the rule is in
///           BEiT's fine-tuning script).
/// Matches:  bicubic: load_pretrained of Swin-Transformer, F.interpolate(mode="bicubic") of PyTorch. geometric:
///           load_checkpoint of BEiT (scipy.interpolate.interp2d, kind="cubic"). geometric_linear:
///           resize_rel_pos_bias_table of timm where both axes change. bilinear: BeitRelativePositionBias of
///           transformers where the trained window is square; of others it swaps the sides.
template <typename Out, typename Table, detail::IfDense<Out, Table> = 0>
void resize(Out&& out, const Table& table, const WindowResize& rule) {
  auto& target = detail::written(std::forward<Out>(out));
  using Scalar = typename std::decay_t<decltype(target)>::Scalar;
  detail::require_window_resize("resize", "out", target, rule.to(), "table", table, rule.from(), rule.class_token());
  const auto& weights = detail::evaluated(table);
  const detail::Taps rows = detail::window_axis_taps(rule.from().height(), rule.to().height(), rule.filter());
  const detail::Taps columns = detail::window_axis_taps(rule.from().width(), rule.to().width(), rule.filter());
  const Eigen::Index from_rows = 2 * rule.from().height() - 1;
  const Eigen::Index to_width = 2 * rule.to().width() - 1;
  detail::ResizeScratch<Scalar> half(from_rows * to_width, weights.cols());
  detail::apply_taps<false>(
      half, weights, detail::grid_taps(detail::identity_taps(from_rows), columns, 2 * rule.from().width() - 1, 0));
  auto grid = target.topRows(rule.to().displacements());
  detail::apply_taps<false>(grid, half, detail::grid_taps(rows, detail::identity_taps(to_width), to_width, 0));
  Eigen::Index from_row = rule.from().displacements();
  for (Eigen::Index row = rule.to().displacements(); row < target.rows(); ++row, ++from_row) {
    for (Eigen::Index head = 0; head < target.cols(); ++head) {
      target.coeffRef(row, head) = detail::convert<Scalar>(weights.coeff(from_row, head));
    }
  }
}

/// The adjoint of resize() of a window table: adds into grad_table.
/// @param[in,out] grad_table  Has the shape of `table`.
/// @param grad_out            Has the shape of `out`.
/// @param rule                As in the forward call.
/// @throws std::invalid_argument  other shapes; memory that overlaps. Nothing is written then.
/// Cost:     as resize(); no bench case.
/// Accuracy: adjoint to resize() to 1e-12 of the sum of the terms' sizes [accuracy][relative_bias].
template <typename GradTable, typename GradOut, detail::IfDense<GradTable, GradOut> = 0>
void resize_backward(GradTable&& grad_table, const GradOut& grad_out, const WindowResize& rule) {
  auto& grad = detail::written(std::forward<GradTable>(grad_table));
  using Scalar = typename std::decay_t<decltype(grad)>::Scalar;
  detail::require_window_resize("resize_backward", "grad_table", grad, rule.from(), "grad_out", grad_out, rule.to(),
                                rule.class_token());
  const auto& grad_values = detail::evaluated(grad_out);
  const detail::Taps rows = detail::window_axis_taps(rule.from().height(), rule.to().height(), rule.filter());
  const detail::Taps columns = detail::window_axis_taps(rule.from().width(), rule.to().width(), rule.filter());
  const Eigen::Index from_rows = 2 * rule.from().height() - 1;
  const Eigen::Index from_width = 2 * rule.from().width() - 1;
  const Eigen::Index to_width = 2 * rule.to().width() - 1;
  detail::ResizeScratch<Scalar> half(from_rows * to_width, grad_values.cols());
  detail::apply_taps<false>(
      half, grad_values,
      detail::grid_taps(detail::transposed(rows, from_rows), detail::identity_taps(to_width), to_width, 0));
  auto grid = grad.topRows(rule.from().displacements());
  detail::apply_taps<true>(
      grid, half,
      detail::grid_taps(detail::identity_taps(from_rows), detail::transposed(columns, from_width), to_width, 0));
  using Number = detail::ArithmeticScalar<Scalar, typename GradOut::Scalar>;
  Eigen::Index from_row = rule.to().displacements();
  for (Eigen::Index row = rule.from().displacements(); row < grad.rows(); ++row, ++from_row) {
    for (Eigen::Index head = 0; head < grad.cols(); ++head) {
      Scalar& target = grad.coeffRef(row, head);
      target = detail::convert<Scalar>(
          Number(detail::convert<Number>(target) + detail::convert<Number>(grad_values.coeff(from_row, head))));
    }
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_RESIZE_WINDOW_HPP
