// SPDX-License-Identifier: MIT
/// @file
/// Swin v2: the bias of a window from a small network of log-spaced displacements.
#ifndef POSENC_RELATIVE_BIAS_SWIN_V2_HPP
#define POSENC_RELATIVE_BIAS_SWIN_V2_HPP

#include "posenc/relative_bias/bias_mlp.hpp"
#include "posenc/relative_bias/detail/mlp.hpp"
#include "posenc/relative_bias/window_table.hpp"

#include <cmath>
#include <optional>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Displacements query - key in log space, displacements x 2, in the order of WindowTable::values().
template <typename Scalar>
MlpMatrix<Scalar> swin_v2_inputs(const GridShape& window, const GridShape& trained) {
  const auto coordinate = [](Eigen::Index key_minus_query, Eigen::Index trained_side) {
    if (key_minus_query == 0) return Scalar(0);  // and so for a side of 1, where the original divides 0 by 0
    const double x = -8 * static_cast<double>(key_minus_query) / static_cast<double>(trained_side - 1);
    return static_cast<Scalar>(std::copysign(std::log2(std::abs(x) + 1) / 3, x));
  };
  MlpMatrix<Scalar> inputs(window.displacements(), 2);
  for (Eigen::Index m = 0; m < inputs.rows(); ++m) {
    inputs(m, 0) = coordinate(m / (2 * window.width() - 1) - (window.height() - 1), trained.height());
    inputs(m, 1) = coordinate(m % (2 * window.width() - 1) - (window.width() - 1), trained.width());
  }
  return inputs;
}

/// The sigmoid of each number by itself: exp() of an Eigen array has other bits in its vectors than in what they leave.
template <typename Scalar>
MlpMatrix<Scalar> swin_v2_gates(const MlpMatrix<Scalar>& x) {
  return x.unaryExpr([](Scalar v) { return Scalar(1) / (Scalar(1) + std::exp(-v)); });
}

template <typename Scalar>
void require_swin_v2(const char* function, const BiasMlp<Scalar>& mlp, const std::optional<GridShape>& pretrained) {
  require_mlp(function, mlp, 2);
  if (!pretrained) return;
  require(pretrained->height() > 1, function, "pretrained.height()", pretrained->height(), "> 1");
  require(pretrained->width() > 1, function, "pretrained.width()", pretrained->width(), "> 1");
}

/// Constraint of template parameters: a GridShape, std::nullopt, or an optional that holds either.
template <typename T>
using IfMaybeWindow = std::enable_if_t<std::is_convertible_v<T, std::optional<GridShape>>, int>;

}  // namespace detail

/// Returns the continuous bias of Swin v2 by displacement: 16 sigmoid(mlp(x)), x = sign(y) log2(1 + |y|) / log2(8),
/// y = 8 (query - key) / reach in rows and in columns, 0 where query and key are in one row or column.
///
/// @param mlp         2 inputs, one output for each head; `cpb_mlp`: 2 -> 512 -> ReLU -> heads, no last bias.
/// @param window      The window to serve.
/// @param pretrained  The window of pretraining, `pretrained_window_size`: reach is its side - 1. std::nullopt where
///                    the config has 0: reach is that of `window`.
/// @throws std::invalid_argument  layers that do not fit together, a side of pretraining that is not > 1.
/// Cost:     window.displacements() evaluations of the network; no bench case, called once for a window.
/// Accuracy: 60 ulp of 16 in double, for a network of seven hidden units [accuracy][relative_bias]; the same bits in
///           every window where `pretrained` is given.
/// Source:   Liu et al. 2021, arXiv:2111.09883.
/// Matches:  WindowAttention of Swin-Transformer v2 and timm.
template <typename Scalar, typename Pretrained, detail::IfMaybeWindow<Pretrained> = 0>
WindowTable<Scalar> make_swin_v2_table(const BiasMlp<Scalar>& mlp, const GridShape& window,
                                       const Pretrained& pretrained) {
  const std::optional<GridShape> trained = pretrained;
  detail::require_swin_v2("make_swin_v2_table", mlp, trained);
  WindowTable<Scalar> table(mlp.outputs(), window);
  const auto inputs = detail::swin_v2_inputs<Scalar>(window, trained.value_or(window));
  table.values() = Scalar(16) * detail::swin_v2_gates(detail::mlp_outputs(mlp, inputs)).transpose().array();
  return table;
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto make_swin_v2_table(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write make_swin_v2_table(mlp, window, pretrained): mlp is a BiasMlp, window a "
                "GridShape(height, width), pretrained the window of pretraining or std::nullopt");
  return detail::Misfit<Arguments...>();
}

/// The gradient of make_swin_v2_table(): adds into grad_mlp.
/// @param[in,out] grad_mlp  Has the shape of mlp: mlp.zeros(), or the sum so far.
/// @param grad_table        dL/d(table), as window_bias_backward() sums it.
/// @param mlp, pretrained   As in the forward call.
/// @throws std::invalid_argument  another number of heads, layers that do not fit together, or a grad_mlp that is `mlp`
///                                itself; nothing is written then.
/// Cost:     as make_swin_v2_table(), about three times; allocates its activations; no bench case.
/// Accuracy: within the error of central differences, 64 eps^(2/3) of its size in double [accuracy][relative_bias].
template <typename Scalar, typename Pretrained, detail::IfMaybeWindow<Pretrained> = 0>
void swin_v2_table_backward(BiasMlp<Scalar>& grad_mlp, const WindowTable<Scalar>& grad_table,
                            const BiasMlp<Scalar>& mlp, const Pretrained& pretrained) {
  const char* const function = "swin_v2_table_backward";
  const std::optional<GridShape> trained = pretrained;
  detail::require_swin_v2(function, mlp, trained);
  detail::require_mlp_gradient(function, "grad_mlp", grad_mlp, mlp);
  detail::require(mlp.outputs() == grad_table.num_heads(), function, "mlp.outputs()", mlp.outputs(), "num_heads ",
                  grad_table.num_heads());
  const GridShape& window = grad_table.window();
  const auto inputs = detail::swin_v2_inputs<Scalar>(window, trained.value_or(window));
  const auto values = detail::mlp_forward(mlp, inputs);
  const detail::MlpMatrix<Scalar> gate = detail::swin_v2_gates(values.back());
  const detail::MlpMatrix<Scalar> grad_out =
      (grad_table.values().transpose() * Scalar(16) * gate.array() * (Scalar(1) - gate.array())).matrix();
  detail::add_mlp_gradient(grad_mlp, mlp, inputs, values, grad_out);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto swin_v2_table_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write swin_v2_table_backward(grad_mlp, grad_table, mlp, pretrained): grad_mlp is mlp.zeros() "
                "or the sum so far, pretrained that of the forward call");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_SWIN_V2_HPP
