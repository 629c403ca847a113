// SPDX-License-Identifier: MIT
/// @file
/// ALiBi: a penalty that grows linearly with distance, steeper or flatter by head.
/// make_alibi_table() on a grid of tokens is in grid_alibi.hpp.
#ifndef POSENC_RELATIVE_BIAS_ALIBI_HPP
#define POSENC_RELATIVE_BIAS_ALIBI_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/limits.hpp"
#include "posenc/relative_bias/detail/list.hpp"
#include "posenc/relative_bias/detail/written_argument.hpp"
#include "posenc/relative_bias/distance_table.hpp"

#include <cmath>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// Returns the slopes of ALiBi for any number of heads, the steepest first.
///
/// With n = 2^floor(log2 num_heads) and b = bias_max: slope[h] = 2^(-b (h + 1) / n) for h < n. Heads from n on get
/// every other slope of 2n heads, 2^(-b (2 (h - n) + 1) / (2n)). The paper's own formula, 2^(-8 (h + 1) / num_heads),
/// differs when num_heads is no power of two; checkpoints use this one.
/// @param num_heads  > 0 and at most 2^20.
/// @param bias_max   `alibi_bias_max` of MPT, finite and > 0; 8 everywhere else.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:     one exponential for each head; no bench case, called once.
/// Accuracy: 1 ulp of double [accuracy][relative_bias].
/// Source:   Press et al. 2022, arXiv:2108.12409.
/// Matches:  Hugging Face BLOOM and MPT, ggml max_bias, CTranslate2, MLX; x-transformers, whose further heads without
///           ALiBi have slope 0.
inline Eigen::ArrayXd alibi_slopes(detail::Size num_heads, double bias_max = 8.0) {
  const char* const function = "alibi_slopes";
  detail::require(num_heads > 0 && num_heads <= detail::kMaxHeads, function, "num_heads", num_heads, "> 0 and at most ",
                  detail::kMaxHeads);
  detail::require(detail::is_finite(bias_max) && bias_max > 0, function, "bias_max", bias_max, "finite and > 0");
  Eigen::Index whole = 1;
  while (2 * whole <= num_heads) whole *= 2;
  Eigen::ArrayXd slopes(Eigen::Index{num_heads});
  for (Eigen::Index h = 0; h < num_heads; ++h) {
    const double step = h < whole ? static_cast<double>(2 * (h + 1)) : static_cast<double>(2 * (h - whole) + 1);
    slopes[h] = std::exp2(-bias_max * step / static_cast<double>(2 * whole));
  }
  return slopes;
}

/// What ALiBi does with keys after the query.
enum class AlibiForm {
  causal,    ///< slope * (key - query) everywhere; keys after the query are for the causal mask.
  symmetric  ///< -slope * |key - query|: encoders.
};

/// Returns the bias of ALiBi by distance, with separate slopes for keys before and after the query:
///
///     table(h, d) = left[h] d  for d <= 0,  -right[h] d  for d > 0        d = key - query
///
/// @tparam Scalar      Of the table: make_alibi_table<float>(...).
/// @param left, right  One slope for each head, finite. 0 switches a head off; trained slopes are fine.
/// @param distances    span.distances(), or more, so that one table serves every step.
/// @throws std::invalid_argument  lists of different length, or a slope that is not finite.
/// Cost:     one product for each head and distance; no bench case, called once for a length.
/// Accuracy: formed in double and rounded once [accuracy][relative_bias].
/// Source:   Press et al. 2022, arXiv:2108.12409, with a slope for each side.
template <typename Scalar, typename Left, typename Right, detail::IfDense<Left, Right> = 0>
DistanceTable<Scalar> make_alibi_table(const Left& left, const Right& right, const DistanceRange& distances) {
  const char* const function = "make_alibi_table";
  detail::require(right.size() == left.size(), function, "right.size()", right.size(), "left.size() ", left.size());
  detail::require_finite_list(function, "left", left);
  detail::require_finite_list(function, "right", right);
  DistanceTable<Scalar> table(left.size(), distances);
  for (Eigen::Index head = 0; head < left.size(); ++head) {
    const double before = detail::number_at(left, head);
    const double after = detail::number_at(right, head);
    for (Eigen::Index d = distances.first(); d <= distances.last(); ++d) {
      const double distance = static_cast<double>(d);
      table(head, d) = detail::convert<Scalar>(d <= 0 ? before * distance : -after * distance);
    }
  }
  return table;
}

/// @overload
/// Returns the bias of ALiBi by distance, with one slope for each head.
///
/// The original adds slope * key, which differs from slope * (key - query) by a constant in each row. Softmax cancels
/// that constant, and without it biases near the diagonal are small and keep their precision.
/// @param slopes  alibi_slopes(num_heads), or one's own: for models that scale the bias with the logits (Falcon),
///                slopes / sqrt(head_dim); for a longer context, slopes * trained length / length (arXiv:2310.13017).
///                Finite; 0 switches a head off.
/// @param form    Which side of the query is penalized.
/// @throws std::invalid_argument  a slope that is not finite.
template <typename Scalar, typename Slopes, detail::IfDense<Slopes> = 0>
DistanceTable<Scalar> make_alibi_table(const Slopes& slopes, const DistanceRange& distances, AlibiForm form) {
  detail::require_named("make_alibi_table", "form", form, AlibiForm::symmetric);
  detail::require_finite_list("make_alibi_table", "slopes", slopes);
  Eigen::ArrayXd left(slopes.size());
  Eigen::ArrayXd right(slopes.size());
  for (Eigen::Index head = 0; head < slopes.size(); ++head) {
    left[head] = detail::number_at(slopes, head);
    right[head] = form == AlibiForm::causal ? -left[head] : left[head];
  }
  return make_alibi_table<Scalar>(left, right, distances);
}

/// @overload
/// Says what is missing or out of order.
template <typename Scalar = void, typename... Arguments>
auto make_alibi_table(const Arguments&...) {
  static_assert(
      detail::kMisuse<Scalar, Arguments...>,
      "posenc: write make_alibi_table<float>(slopes, distances, form), or (left, right, distances), or on a "
      "grid (slopes, window, distance): slopes, left and right are lists with one for each head, "
      "alibi_slopes(num_heads); distances is span.distances(); form is AlibiForm::causal or symmetric; window "
      "is a GridShape(height, width); distance is GridDistance::manhattan or euclidean");
  return detail::Misfit<Arguments...>();
}

namespace detail {

struct AlibiSlopeGradients {
  double left = 0;
  double right = 0;
};

template <typename Scalar>
AlibiSlopeGradients alibi_slope_gradients(const DistanceTable<Scalar>& grad_table, Eigen::Index head) {
  AlibiSlopeGradients sums;
  for (Eigen::Index d = grad_table.distances().first(); d <= grad_table.distances().last(); ++d) {
    const double term = static_cast<double>(grad_table(head, d)) * static_cast<double>(d);
    if (d <= 0) {
      sums.left += term;
    } else {
      sums.right -= term;
    }
  }
  return sums;
}

}  // namespace detail

/// The gradient of make_alibi_table() with respect to the slopes: grad_slopes[h] += sum over d of
/// grad_table(h, d) * d, or * -|d| for the symmetric form.
/// @param[in,out] grad_slopes  num_heads numbers, a row, a column or a matrix.
/// @param grad_table           dL/d(table), as distance_bias_backward() sums it.
/// @param form                 As in the forward call.
/// @throws std::invalid_argument  another number of heads; memory that overlaps. Nothing is written then.
/// Cost:     one multiply-add for each head and distance; no allocation; no bench case, it reads the table alone.
/// Accuracy: summed in double and rounded once [accuracy][relative_bias].
/// Source:   Press et al. 2022, arXiv:2108.12409, section 3, where trained slopes are tried.
template <typename GradSlopes, typename Scalar, detail::IfDense<GradSlopes> = 0>
void alibi_table_backward(GradSlopes&& grad_slopes, const DistanceTable<Scalar>& grad_table, AlibiForm form) {
  const char* const function = "alibi_table_backward";
  auto& grad = detail::written(std::forward<GradSlopes>(grad_slopes));
  detail::require_named(function, "form", form, AlibiForm::symmetric);
  detail::require_list_size(function, "grad_slopes", grad, grad_table.num_heads());
  detail::require_target(function, "grad_slopes", grad, grad_table.values());
  for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
    const auto [left, right] = detail::alibi_slope_gradients(grad_table, head);
    detail::add_to_entry(grad, head, form == AlibiForm::causal ? left - right : left + right);
  }
}

/// @overload
/// With separate slopes for the two sides: grad_left[h] += sum over d <= 0 of grad_table(h, d) d and grad_right[h] -=
/// sum over d > 0 of grad_table(h, d) d.
/// @param[in,out] grad_left, grad_right  num_heads numbers each.
/// @param grad_table                     As above.
template <typename GradLeft, typename GradRight, typename Scalar, detail::IfDense<GradLeft, GradRight> = 0>
void alibi_table_backward(GradLeft&& grad_left, GradRight&& grad_right, const DistanceTable<Scalar>& grad_table) {
  const char* const function = "alibi_table_backward";
  auto& dleft = detail::written(std::forward<GradLeft>(grad_left));
  auto& dright = detail::written(std::forward<GradRight>(grad_right));
  detail::require_list_size(function, "grad_left", dleft, grad_table.num_heads());
  detail::require_list_size(function, "grad_right", dright, grad_table.num_heads());
  detail::require_target(function, "grad_left", dleft, dright, grad_table.values());
  detail::require_target(function, "grad_right", dright, grad_table.values());
  for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
    const auto [left, right] = detail::alibi_slope_gradients(grad_table, head);
    detail::add_to_entry(dleft, head, left);
    detail::add_to_entry(dright, head, right);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto alibi_table_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write alibi_table_backward(grad_slopes, grad_table, form), or (grad_left, grad_right, "
                "grad_table), or on a grid (grad_slopes, grad_table, distance): lists with one number for each head, "
                "then the gradient of the table");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_ALIBI_HPP
