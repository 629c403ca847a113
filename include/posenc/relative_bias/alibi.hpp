// SPDX-License-Identifier: MIT
/// @file
/// ALiBi: a penalty that grows linearly with distance, steeper or flatter by head.
#ifndef POSENC_RELATIVE_BIAS_ALIBI_HPP
#define POSENC_RELATIVE_BIAS_ALIBI_HPP

#include "posenc/relative_bias/distance_table.hpp"

#include <cmath>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// The slopes of ALiBi for any number of heads.
///
/// With n = 2^floor(log2 num_heads) and b = bias_max: slope[h] = 2^(-b (h + 1) / n) for h < n, and for the heads beyond
/// every other slope of 2n heads, 2^(-b (2 (h - n) + 1) / (2n)). The paper's own formula, 2^(-8 (h + 1) / num_heads),
/// differs when num_heads is no power of two; checkpoints use this one.
/// @param num_heads  > 0.
/// @param bias_max   `alibi_bias_max` of MPT, finite and > 0; 8 everywhere else.
/// @throws std::invalid_argument  one of these does not hold.
/// Accuracy: 1 ulp of double.
/// Source:   Press et al. 2022, arXiv:2108.12409.
/// Matches:  Hugging Face BLOOM and MPT, ggml max_bias, CTranslate2, x-transformers, MLX; slope 0 switches a head off.
inline Eigen::ArrayXd alibi_slopes(Eigen::Index num_heads, double bias_max = 8.0) {
  const char* const function = "alibi_slopes";
  detail::require(num_heads > 0 && num_heads <= (Eigen::Index(1) << 20), function, "num_heads", num_heads,
                  "> 0 and at most 1048576");
  detail::require(detail::is_finite(bias_max) && bias_max > 0, function, "bias_max", bias_max, "finite and > 0");
  Eigen::Index whole = 1;
  while (2 * whole <= num_heads) whole *= 2;
  Eigen::ArrayXd slopes(num_heads);
  for (Eigen::Index h = 0; h < num_heads; ++h) {
    const double step = h < whole ? static_cast<double>(2 * (h + 1)) : static_cast<double>(2 * (h - whole) + 1);
    slopes[h] = std::exp2(-bias_max * step / static_cast<double>(2 * whole));
  }
  return slopes;
}

namespace detail {

template <typename Derived>
void require_slopes(const char* function, const char* parameter, const Eigen::DenseBase<Derived>& slopes) {
  for (Eigen::Index head = 0; head < slopes.size(); ++head) {
    const double slope = static_cast<double>(slopes.derived().reshaped()(head));
    if (!is_finite(slope)) refuse<std::invalid_argument>(function, element(parameter, head), slope, "finite");
  }
}

}  // namespace detail

/// What ALiBi does with keys after the query.
enum class AlibiForm {
  causal,    ///< slope * (key - query) everywhere; keys after the query are for the causal mask.
  symmetric  ///< -slope * |key - query|: encoders.
};

/// ALiBi with slopes of their own for keys before and after the query:
///
///     table(h, d) = left[h] d  for d <= 0,  -right[h] d  for d > 0        d = key - query
///
/// @param left, right  One slope for each head, finite. 0 switches a head off; trained slopes are fine.
/// @throws std::invalid_argument  lists of different length, or a slope that is not finite.
template <typename Scalar, typename Left, typename Right>
DistanceTable<Scalar> make_alibi_table(const Eigen::DenseBase<Left>& left, const Eigen::DenseBase<Right>& right,
                                       DistanceRange range) {
  const char* const function = "make_alibi_table";
  detail::require(right.size() == left.size(), function, "right.size()", right.size(), "left.size() ", left.size());
  detail::require_slopes(function, "left", left);
  detail::require_slopes(function, "right", right);
  DistanceTable<Scalar> table(left.size(), range);
  for (Eigen::Index head = 0; head < left.size(); ++head) {
    const double before = static_cast<double>(left.derived().reshaped()(head));
    const double after = static_cast<double>(right.derived().reshaped()(head));
    for (Eigen::Index d = range.min; d <= range.max; ++d) {
      const double distance = static_cast<double>(d);
      table(head, d) = detail::convert<Scalar>(d <= 0 ? before * distance : -after * distance);
    }
  }
  return table;
}

/// ALiBi.
///
/// The original adds slope * key, which differs from slope * (key - query) by a constant of each row: softmax does not
/// see it, and near the diagonal this form keeps the digits that matter.
/// @param slopes  alibi_slopes(num_heads), or one's own: for models that scale the bias with the logits (Falcon),
///                slopes / sqrt(head_dim); for a longer context, slopes * trained length / length (arXiv:2310.13017).
///                Finite; 0 switches a head off.
/// @throws std::invalid_argument  a slope that is not finite.
template <typename Scalar, typename Slopes>
DistanceTable<Scalar> make_alibi_table(const Eigen::DenseBase<Slopes>& slopes, DistanceRange range, AlibiForm form) {
  detail::require_slopes("make_alibi_table", "slopes", slopes);
  const Eigen::ArrayXd left = slopes.derived().reshaped().template cast<double>().array();
  const Eigen::ArrayXd right = form == AlibiForm::causal ? Eigen::ArrayXd(-left) : left;
  return make_alibi_table<Scalar>(left, right, range);
}

namespace detail {

struct AlibiSlopeGradients {
  double left = 0;
  double right = 0;
};

template <typename Scalar>
AlibiSlopeGradients alibi_slope_gradients(const DistanceTable<Scalar>& grad_table, Eigen::Index head) {
  AlibiSlopeGradients sums;
  for (Eigen::Index d = grad_table.range().min; d <= grad_table.range().max; ++d) {
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
/// @throws std::invalid_argument  another number of heads.
template <typename Slopes, typename Scalar>
void alibi_backward(Slopes&& grad_slopes, const DistanceTable<Scalar>& grad_table, AlibiForm form) {
  auto& grad = detail::written(std::forward<Slopes>(grad_slopes));
  detail::require(grad.size() == grad_table.num_heads(), "alibi_backward", "grad_slopes.size()", grad.size(),
                  "num_heads ", grad_table.num_heads());
  using Slope = typename std::decay_t<decltype(grad)>::Scalar;
  for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
    const auto [left, right] = detail::alibi_slope_gradients(grad_table, head);
    detail::entry(grad, head) += detail::convert<Slope>(form == AlibiForm::causal ? left - right : left + right);
  }
}

/// @overload
/// With slopes of their own on both sides: grad_left[h] += sum over d <= 0 of grad_table(h, d) d and grad_right[h] -=
/// sum over d > 0 of grad_table(h, d) d.
/// @throws std::invalid_argument  another number of heads; nothing is written then.
template <typename Left, typename Right, typename Scalar>
void alibi_backward(Left&& grad_left, Right&& grad_right, const DistanceTable<Scalar>& grad_table) {
  auto& dleft = detail::written(std::forward<Left>(grad_left));
  auto& dright = detail::written(std::forward<Right>(grad_right));
  detail::require(dleft.size() == grad_table.num_heads(), "alibi_backward", "grad_left.size()", dleft.size(),
                  "num_heads ", grad_table.num_heads());
  detail::require(dright.size() == grad_table.num_heads(), "alibi_backward", "grad_right.size()", dright.size(),
                  "num_heads ", grad_table.num_heads());
  for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
    const auto [left, right] = detail::alibi_slope_gradients(grad_table, head);
    detail::entry(dleft, head) += detail::convert<typename std::decay_t<decltype(dleft)>::Scalar>(left);
    detail::entry(dright, head) += detail::convert<typename std::decay_t<decltype(dright)>::Scalar>(right);
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_ALIBI_HPP
