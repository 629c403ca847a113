// SPDX-License-Identifier: MIT
/// @file
/// Brings the bias table of a window to another window.
#ifndef POSENC_RELATIVE_BIAS_RESIZE_WINDOW_HPP
#define POSENC_RELATIVE_BIAS_RESIZE_WINDOW_HPP

#include "posenc/detail/overlap.hpp"
#include "posenc/detail/resample.hpp"
#include "posenc/relative_bias/detail/spline.hpp"
#include "posenc/relative_bias/window_bias.hpp"

#include <cmath>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// From which window to which. Neither need be square.
struct WindowResize {
  WindowShape from;
  WindowShape to;
  ClassToken class_token = ClassToken::none;  ///< With one, the last three rows of the tables are copied.
};

namespace detail {

/// Where the 2 from - 1 distances of an axis of `from` tokens lie among the distances of one of `to` tokens: 0, +-1,
/// +-(1 + q), +-(1 + q + q^2), ..., so that the last one comes to to - 1, with 1.01 < q < 1.5.
///
/// q is found by the bisection that checkpoints were made with, and is its last midpoint, to the last bit.
inline std::vector<double> geometric_distances(Eigen::Index from, Eigen::Index to) {
  const double steps = static_cast<double>(from - 1);
  double left = 1.01;
  double right = 1.5;
  double q = left;
  while (right - left > 1e-6) {
    q = (left + right) / 2;
    if ((1 - std::pow(q, steps)) / (1 - q) > static_cast<double>(to - 1)) {
      right = q;
    } else {
      left = q;
    }
  }
  std::vector<double> at(static_cast<std::size_t>(2 * from - 1), 0.0);
  const std::size_t centre = static_cast<std::size_t>(from - 1);
  double distance = 1;
  for (std::size_t i = 1; i <= centre; ++i) {
    at[centre + i] = distance;
    at[centre - i] = -distance;
    distance += std::pow(q, static_cast<double>(i));
  }
  return at;
}

/// The distances -(side - 1), ..., side - 1.
inline std::vector<double> whole_distances(Eigen::Index side) {
  std::vector<double> at;
  for (Eigen::Index d = 1 - side; d < side; ++d) at.push_back(static_cast<double>(d));
  return at;
}

/// How an axis of `from` tokens becomes one of `to` tokens, by its distances.
using WindowAxisTaps = Taps (*)(Eigen::Index from, Eigen::Index to);

inline Taps bicubic_window_taps(Eigen::Index from, Eigen::Index to) { return cubic_taps(2 * from - 1, 2 * to - 1); }

inline Taps geometric_window_taps(Eigen::Index from, Eigen::Index to) {
  if (from == to) return identity_taps(2 * from - 1);
  return spline_taps(geometric_distances(from, to), whole_distances(to));
}

inline Taps geometric_linear_window_taps(Eigen::Index from, Eigen::Index to) {
  if (from == to) return identity_taps(2 * from - 1);
  return lerp_taps(geometric_distances(from, to), whole_distances(to));
}

template <typename To, typename From>
void require_window_resize(const char* function, const char* to_name, const To& to_weights, const WindowShape& to,
                           const char* from_name, const Eigen::DenseBase<From>& from_weights, const WindowShape& from,
                           const WindowResize& resize) {
  require_window_shape(function, "resize.from", resize.from);
  require_window_shape(function, "resize.to", resize.to);
  const Eigen::Index extra = resize.class_token == ClassToken::first ? 3 : 0;
  require_shape(function, from_name, from_weights, from.displacements() + extra, from_weights.cols());
  require_shape(function, to_name, to_weights, to.displacements() + extra, from_weights.cols());
  require_disjoint(function, to_name, to_weights, from_weights);
}

/// A spline needs four distances, which is three tokens.
inline void require_spline_sides(const char* function, const WindowResize& resize) {
  if (resize.from.height != resize.to.height && resize.from.height < 3) {
    refuse<std::invalid_argument>(function, "resize.from.height", resize.from.height, "at least 3 where it changes");
  }
  if (resize.from.width != resize.to.width && resize.from.width < 3) {
    refuse<std::invalid_argument>(function, "resize.from.width", resize.from.width, "at least 3 where it changes");
  }
}

/// What is between the two axes is held in double, so that the result is rounded once.
template <typename Scalar>
using ResizeScratch = Eigen::Matrix<std::conditional_t<is_storage<Scalar>, double, Scalar>, Eigen::Dynamic,
                                    Eigen::Dynamic, Eigen::RowMajor>;

template <typename Out, typename Derived>
void resize_window(const char* function, Out&& out_weights, const Eigen::DenseBase<Derived>& weights,
                   const WindowResize& resize, WindowAxisTaps axis_taps) {
  auto& out = written(std::forward<Out>(out_weights));
  require_window_resize(function, "out_weights", out, resize.to, "weights", weights, resize.from, resize);
  const Taps rows = axis_taps(resize.from.height, resize.to.height);
  const Taps columns = axis_taps(resize.from.width, resize.to.width);
  const Eigen::Index from_rows = 2 * resize.from.height - 1;
  const Eigen::Index to_width = 2 * resize.to.width - 1;
  ResizeScratch<typename std::decay_t<decltype(out)>::Scalar> half(from_rows * to_width, weights.cols());
  apply_taps<false>(half, weights.derived(),
                    grid_taps(identity_taps(from_rows), columns, 2 * resize.from.width - 1, 0));
  auto grid = out.topRows(resize.to.displacements());
  apply_taps<false>(grid, half, grid_taps(rows, identity_taps(to_width), to_width, 0));
  for (Eigen::Index i = resize.to.displacements(), j = resize.from.displacements(); i < out.rows(); ++i, ++j) {
    for (Eigen::Index head = 0; head < out.cols(); ++head) {
      out.coeffRef(i, head) = convert<typename std::decay_t<decltype(out)>::Scalar>(weights.derived().coeff(j, head));
    }
  }
}

template <typename Grad, typename Derived>
void resize_window_backward(const char* function, Grad&& grad_weights, const Eigen::DenseBase<Derived>& grad_out,
                            const WindowResize& resize, WindowAxisTaps axis_taps) {
  auto& grad = written(std::forward<Grad>(grad_weights));
  using Scalar = typename std::decay_t<decltype(grad)>::Scalar;
  require_window_resize(function, "grad_weights", grad, resize.from, "grad_out", grad_out, resize.to, resize);
  const Taps rows = axis_taps(resize.from.height, resize.to.height);
  const Taps columns = axis_taps(resize.from.width, resize.to.width);
  const Eigen::Index from_rows = 2 * resize.from.height - 1;
  const Eigen::Index from_width = 2 * resize.from.width - 1;
  const Eigen::Index to_width = 2 * resize.to.width - 1;
  ResizeScratch<Scalar> half(from_rows * to_width, grad_out.cols());
  apply_taps<false>(half, grad_out.derived(),
                    grid_taps(transposed(rows, from_rows), identity_taps(to_width), to_width, 0));
  auto grid = grad.topRows(resize.from.displacements());
  apply_taps<true>(grid, half, grid_taps(identity_taps(from_rows), transposed(columns, from_width), to_width, 0));
  using Number = ArithmeticScalar<Scalar, typename Derived::Scalar>;
  for (Eigen::Index i = resize.from.displacements(), j = resize.to.displacements(); i < grad.rows(); ++i, ++j) {
    for (Eigen::Index head = 0; head < grad.cols(); ++head) {
      Scalar& target = grad.coeffRef(i, head);
      target = convert<Scalar>(Number(convert<Number>(target) + convert<Number>(grad_out.derived().coeff(j, head))));
    }
  }
}

}  // namespace detail

/// Resizes the bias table of a window as an image of (2 height - 1) x (2 width - 1) pixels, with the cubic kernel of
/// Keys, a = -0.75: half-pixel centres, the border repeated.
///
/// @param[out] out_weights  resize.to.displacements() x num_heads, and three more rows with a class token: the layout
///                          of checkpoints, which make_window_table() reads. Any writable Eigen expression.
/// @param weights           resize.from.displacements() x num_heads, likewise.
/// @throws std::invalid_argument  other shapes; a side that is not > 0; memory that overlaps. `out_weights` is then
///                                unchanged.
/// Cost:     eight multiply-adds for each value, an image in double between the axes, and lists of weights.
/// Accuracy: formed in double and rounded once. A window that stays is copied bit for bit.
/// Matches:  load_pretrained of Swin-Transformer, F.interpolate(mode="bicubic") of PyTorch.
template <typename Out, typename Derived>
void resize_window_bicubic(Out&& out_weights, const Eigen::DenseBase<Derived>& weights, const WindowResize& resize) {
  detail::resize_window("resize_window_bicubic", std::forward<Out>(out_weights), weights, resize,
                        detail::bicubic_window_taps);
}

/// The adjoint of resize_window_bicubic(): adds into grad_weights (the shape of `weights`).
/// @throws std::invalid_argument  as resize_window_bicubic(); nothing is written then.
template <typename Grad, typename Derived>
void resize_window_bicubic_backward(Grad&& grad_weights, const Eigen::DenseBase<Derived>& grad_out,
                                    const WindowResize& resize) {
  detail::resize_window_backward("resize_window_bicubic_backward", std::forward<Grad>(grad_weights), grad_out, resize,
                                 detail::bicubic_window_taps);
}

/// Resizes the bias table of a window so that near distances keep their bias and far ones spread: the trained distances
/// 0, 1, 2, 3, ... are taken to have been at
///
///     0, 1, 1 + q, 1 + q + q^2, ...        1.01 < q < 1.5
///
/// with q such that the last one comes nearest the end of the new window, along each axis, and a cubic spline through
/// them (not-a-knot) is read at the new whole distances; past the last one its value stays. An axis that keeps its
/// length is copied.
///
/// @param[out] out_weights  resize.to.displacements() x num_heads, and three more rows with a class token, which are
///                          copied: the layout of checkpoints, which make_window_table() reads.
/// @param weights           resize.from.displacements() x num_heads, likewise.
/// @throws std::invalid_argument  other shapes; an axis that changes from fewer than 3 tokens; memory that overlaps.
///                                `out_weights` is then unchanged.
/// Cost:     2 (2 side - 1) multiply-adds for each value, an image in double between the axes, and lists of weights.
/// Accuracy: formed in double and rounded once: 4e-13 of the largest value in tests/, against SciPy.
/// Source:   Bao et al. 2021, arXiv:2106.08254 (BEiT); the rule is in its fine-tuning script.
/// Matches:  load_checkpoint of BEiT (scipy.interpolate.interp2d, kind="cubic").
template <typename Out, typename Derived>
void resize_window_geometric(Out&& out_weights, const Eigen::DenseBase<Derived>& weights, const WindowResize& resize) {
  detail::require_spline_sides("resize_window_geometric", resize);
  detail::resize_window("resize_window_geometric", std::forward<Out>(out_weights), weights, resize,
                        detail::geometric_window_taps);
}

/// The adjoint of resize_window_geometric(): adds into grad_weights (the shape of `weights`).
/// @throws std::invalid_argument  as resize_window_geometric(); nothing is written then.
template <typename Grad, typename Derived>
void resize_window_geometric_backward(Grad&& grad_weights, const Eigen::DenseBase<Derived>& grad_out,
                                      const WindowResize& resize) {
  detail::require_spline_sides("resize_window_geometric_backward", resize);
  detail::resize_window_backward("resize_window_geometric_backward", std::forward<Grad>(grad_weights), grad_out, resize,
                                 detail::geometric_window_taps);
}

/// resize_window_geometric() with straight lines between the trained distances in place of the spline; any sides.
/// Parameters and errors are otherwise the same.
/// Matches:  resize_rel_pos_bias_table of timm where both axes change; an axis that stays is copied here.
template <typename Out, typename Derived>
void resize_window_geometric_linear(Out&& out_weights, const Eigen::DenseBase<Derived>& weights,
                                    const WindowResize& resize) {
  detail::resize_window("resize_window_geometric_linear", std::forward<Out>(out_weights), weights, resize,
                        detail::geometric_linear_window_taps);
}

/// The adjoint of resize_window_geometric_linear(): adds into grad_weights (the shape of `weights`).
/// @throws std::invalid_argument  as resize_window_geometric_linear(); nothing is written then.
template <typename Grad, typename Derived>
void resize_window_geometric_linear_backward(Grad&& grad_weights, const Eigen::DenseBase<Derived>& grad_out,
                                             const WindowResize& resize) {
  detail::resize_window_backward("resize_window_geometric_linear_backward", std::forward<Grad>(grad_weights), grad_out,
                                 resize, detail::geometric_linear_window_taps);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_RESIZE_WINDOW_HPP
