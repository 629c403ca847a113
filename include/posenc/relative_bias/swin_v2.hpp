// SPDX-License-Identifier: MIT
/// @file
/// Swin v2: the bias of a window from a small network of log-spaced displacements.
#ifndef POSENC_RELATIVE_BIAS_SWIN_V2_HPP
#define POSENC_RELATIVE_BIAS_SWIN_V2_HPP

#include "posenc/relative_bias/bias_mlp.hpp"
#include "posenc/relative_bias/window_bias.hpp"

#include <cmath>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Displacements query - key in log space, displacements x 2, in the order of WindowTable::values().
template <typename Scalar>
MlpMatrix<Scalar> swin_v2_inputs(const WindowShape& window, const WindowShape& pretrained) {
  const auto coordinate = [](Eigen::Index key_minus_query, Eigen::Index side, Eigen::Index pretrained_side) {
    const Eigen::Index reach = (pretrained_side > 0 ? pretrained_side : side) - 1;
    if (key_minus_query == 0) return Scalar(0);  // and so for a side of 1, where the original divides 0 by 0
    const double x = -8 * static_cast<double>(key_minus_query) / static_cast<double>(reach);
    return static_cast<Scalar>(std::copysign(std::log2(std::abs(x) + 1) / 3, x));
  };
  MlpMatrix<Scalar> inputs(window.displacements(), 2);
  for (Eigen::Index m = 0; m < inputs.rows(); ++m) {
    inputs(m, 0) = coordinate(m / (2 * window.width - 1) - (window.height - 1), window.height, pretrained.height);
    inputs(m, 1) = coordinate(m % (2 * window.width - 1) - (window.width - 1), window.width, pretrained.width);
  }
  return inputs;
}

template <typename Scalar>
void require_swin_v2(const char* function, const BiasMlp<Scalar>& mlp, const WindowShape& window,
                     const WindowShape& pretrained) {
  require_window_shape(function, "window", window);
  require_mlp(function, mlp, 2);
  require(pretrained.height == 0 || pretrained.height > 1, function, "pretrained.height", pretrained.height,
          "0 (none) or > 1");
  require(pretrained.width == 0 || pretrained.width > 1, function, "pretrained.width", pretrained.width,
          "0 (none) or > 1");
}

}  // namespace detail

/// The continuous bias of Swin v2: 16 sigmoid(mlp(x)), x = sign(y) log2(1 + |y|) / log2(8), y = 8 (query - key) / reach
/// in rows and in columns.
///
/// @param mlp         2 inputs, one output for each head; `cpb_mlp`: 2 -> 512 -> ReLU -> heads, no last bias.
/// @param window      The window to serve; reach is its side - 1, or that of
/// @param pretrained  the window of pretraining when its sides are > 0 (`pretrained_window_size`).
/// @throws std::invalid_argument  layers that do not fit together, sides that are not positive.
/// Cost:     window.displacements() evaluations of the network.
/// Source:   Liu et al. 2021, arXiv:2111.09883.
template <typename Scalar>
WindowTable<Scalar> make_swin_v2_table(const BiasMlp<Scalar>& mlp, const WindowShape& window,
                                       const WindowShape& pretrained = {}) {
  detail::require_swin_v2("make_swin_v2_table", mlp, window, pretrained);
  WindowTable<Scalar> table(mlp.outputs(), window);
  const auto outputs = detail::mlp_forward(mlp, detail::swin_v2_inputs<Scalar>(window, pretrained)).back();
  table.values() = (Scalar(16) / (Scalar(1) + (-outputs.transpose().array()).exp()));
  return table;
}

/// The gradient of make_swin_v2_table(): adds into grad_mlp, which has the shape of mlp.
/// @throws std::invalid_argument  another number of heads, layers that do not fit together.
template <typename Scalar>
void swin_v2_backward(BiasMlp<Scalar>& grad_mlp, const WindowTable<Scalar>& grad_table, const BiasMlp<Scalar>& mlp,
                      const WindowShape& pretrained = {}) {
  detail::require_swin_v2("swin_v2_backward", mlp, grad_table.window(), pretrained);
  detail::require_mlp_gradient("swin_v2_backward", "grad_mlp", grad_mlp, mlp);
  detail::require(mlp.outputs() == grad_table.num_heads(), "swin_v2_backward", "mlp.outputs()", mlp.outputs(),
                  "num_heads ", grad_table.num_heads());
  const auto inputs = detail::swin_v2_inputs<Scalar>(grad_table.window(), pretrained);
  const auto values = detail::mlp_forward(mlp, inputs);
  const detail::MlpMatrix<Scalar> gate = (Scalar(1) / (Scalar(1) + (-values.back().array()).exp())).matrix();
  const detail::MlpMatrix<Scalar> grad_out =
      (grad_table.values().transpose() * Scalar(16) * gate.array() * (Scalar(1) - gate.array())).matrix();
  detail::mlp_backward(grad_mlp, mlp, inputs, values, grad_out);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_SWIN_V2_HPP
