// SPDX-License-Identifier: MIT
/// @file
/// Dynamic position bias: a small network of the distance, in a line or in a window.
#ifndef POSENC_RELATIVE_BIAS_MLP_TABLE_HPP
#define POSENC_RELATIVE_BIAS_MLP_TABLE_HPP

#include "posenc/relative_bias/bias_mlp.hpp"
#include "posenc/relative_bias/detail/mlp.hpp"
#include "posenc/relative_bias/distance_table.hpp"
#include "posenc/relative_bias/window_table.hpp"

#include <cmath>
#include <initializer_list>

namespace posenc {
inline namespace POSENC_ABI {

/// What a dynamic position bias gives its network.
enum class DistanceInput {
  linear,      ///< query - key.
  logarithmic  ///< sign(query - key) ln(|query - key| + 1).
};

namespace detail {

/// What the network gets for a displacement key - query.
template <typename Scalar>
Scalar distance_input(Eigen::Index key_minus_query, DistanceInput input) {
  const double distance = -static_cast<double>(key_minus_query);
  if (input == DistanceInput::linear) return static_cast<Scalar>(distance);
  return static_cast<Scalar>(std::copysign(std::log1p(std::abs(distance)), distance));
}

template <typename Scalar>
MlpMatrix<Scalar> distance_inputs(const DistanceRange& distances, DistanceInput input) {
  MlpMatrix<Scalar> inputs(distances.size(), 1);
  for (Eigen::Index m = 0; m < distances.size(); ++m) {
    inputs(m, 0) = distance_input<Scalar>(distances.first() + m, input);
  }
  return inputs;
}

/// Displacements in rows and columns, in the order of WindowTable::values().
template <typename Scalar>
MlpMatrix<Scalar> distance_inputs(const GridShape& window, DistanceInput input) {
  MlpMatrix<Scalar> inputs(window.displacements(), 2);
  for (Eigen::Index m = 0; m < inputs.rows(); ++m) {
    inputs(m, 0) = distance_input<Scalar>(m / (2 * window.width() - 1) - (window.height() - 1), input);
    inputs(m, 1) = distance_input<Scalar>(m % (2 * window.width() - 1) - (window.width() - 1), input);
  }
  return inputs;
}

/// Adds the gradient of the network into `grad_mlp`, after every check.
template <typename Scalar, typename Table, typename Where>
void add_table_gradient(BiasMlp<Scalar>& grad_mlp, const Table& grad_table, const BiasMlp<Scalar>& mlp,
                        const Where& where, DistanceInput input, Eigen::Index num_inputs) {
  const char* const function = "mlp_table_backward";
  require_mlp(function, mlp, num_inputs);
  require_named(function, "input", input, DistanceInput::logarithmic);
  require_mlp_gradient(function, "grad_mlp", grad_mlp, mlp);
  require(mlp.outputs() == grad_table.num_heads(), function, "mlp.outputs()", mlp.outputs(), "num_heads ",
          grad_table.num_heads());
  const MlpMatrix<Scalar> inputs = distance_inputs<Scalar>(where, input);
  add_mlp_gradient(grad_mlp, mlp, inputs, mlp_forward(mlp, inputs),
                   MlpMatrix<Scalar>(grad_table.values().matrix().transpose()));
}

}  // namespace detail

/// Returns a dynamic position bias by distance: the network is evaluated once for each distance, not for each pair.
///
///     table(h, d) = mlp(f(-d))[h]        d = key - query, f(n) = n or sign(n) ln(|n| + 1), as `input` says
///
/// @param mlp        1 input, one output for each head.
/// @param distances  span.distances(), or more, so that one table serves every step.
/// @param input      Which f.
/// @throws std::invalid_argument  layers that do not fit together; an epsilon of a norm that is not finite and > 0.
/// Cost:     distances.size() evaluations of the network; no bench case, called once for a length.
/// Accuracy: 20 ulp of the largest sum of a layer in double, for three layers of six units; each norm divides the error
///           by its layer's deviation [accuracy][relative_bias]. A distance has the same bits in every range.
/// Source:   Wang et al. 2021, arXiv:2108.00154 (CrossFormer).
/// Matches:  DynamicPositionBias of x-transformers: SiLU, log_distance or not; with norm=True each layer but the last has
///           a LayerNorm of epsilon 1e-5, whose bias is empty in the first layer.
template <typename Scalar>
DistanceTable<Scalar> make_mlp_table(const BiasMlp<Scalar>& mlp, const DistanceRange& distances, DistanceInput input) {
  detail::require_mlp("make_mlp_table", mlp, 1);
  detail::require_named("make_mlp_table", "input", input, DistanceInput::logarithmic);
  DistanceTable<Scalar> table(mlp.outputs(), distances);
  table.values() = detail::mlp_outputs(mlp, detail::distance_inputs<Scalar>(distances, input)).transpose().array();
  return table;
}

/// @overload
/// Returns a dynamic position bias of a window: the network is evaluated once for each displacement.
///
///     table(h, (dr, dc)) = mlp(f(-dr), f(-dc))[h]        (dr, dc) = key - query in rows and columns
///
/// Swin v2's own bias, with a sigmoid and coordinates relative to the window of pretraining, is make_swin_v2_table().
/// @param mlp     2 inputs, one output for each head.
/// @param window  The window to serve; the network may have been trained in another one.
/// @param input   Which f.
/// @throws  as above.
/// Cost:     window.displacements() evaluations of the network; no bench case, called once for a window.
/// Accuracy: 20 ulp of the largest sum of a layer in double, for two layers of seven units; norms as above
///           [accuracy][relative_bias]. A displacement has the same bits in every window.
/// Source:   Wang et al. 2021, arXiv:2108.00154 (CrossFormer).
/// Matches:  DynamicPosBias of CrossFormer (linear, ReLU, each layer but the last with a LayerNorm), its residual=False;
///           RelPosMlp of timm with mode="cr" and the bias of SwinTransformerV2Cr (logarithmic, ReLU).
template <typename Scalar>
WindowTable<Scalar> make_mlp_table(const BiasMlp<Scalar>& mlp, const GridShape& window, DistanceInput input) {
  detail::require_mlp("make_mlp_table", mlp, 2);
  detail::require_named("make_mlp_table", "input", input, DistanceInput::logarithmic);
  WindowTable<Scalar> table(mlp.outputs(), window);
  table.values() = detail::mlp_outputs(mlp, detail::distance_inputs<Scalar>(window, input)).transpose().array();
  return table;
}

/// @overload
/// Says how distances and windows are written.
template <typename Scalar, typename Number>
DistanceTable<Scalar> make_mlp_table(const BiasMlp<Scalar>& mlp, std::initializer_list<Number>, DistanceInput input) {
  static_assert(detail::kMisuse<Number>,
                "posenc: bare braces are neither distances nor a window: write make_mlp_table(mlp, "
                "DistanceRange(first, last), input), or GridShape(height, width)");
  return make_mlp_table(mlp, DistanceRange(0, -1), input);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto make_mlp_table(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write make_mlp_table(mlp, distances, input), or (mlp, window, input): mlp is a BiasMlp, "
                "distances span.distances(), window a GridShape(height, width), input DistanceInput::linear or "
                "logarithmic");
  return detail::Misfit<Arguments...>();
}

/// The gradient of make_mlp_table(): adds into `grad_mlp`.
/// @param[in,out] grad_mlp  Has the shape of `mlp`: mlp.zeros(), or the sum so far.
/// @param grad_table        dL/d(table), as distance_bias_backward() sums it.
/// @param mlp, input        As in the forward call.
/// @throws std::invalid_argument  another number of heads, layers that do not fit together, or a grad_mlp that is `mlp`
///                                itself; nothing is written then.
/// Cost:     as make_mlp_table(), about three times, four with layer norms; allocates its activations; no bench case, it
///           reads the table alone.
/// Accuracy: within the error of central differences, 64 eps^(2/3) of its size in double [accuracy][relative_bias].
template <typename Scalar>
void mlp_table_backward(BiasMlp<Scalar>& grad_mlp, const DistanceTable<Scalar>& grad_table, const BiasMlp<Scalar>& mlp,
                        DistanceInput input) {
  detail::add_table_gradient(grad_mlp, grad_table, mlp, grad_table.distances(), input, 1);
}

/// @overload
/// For the bias of a window, whose grad_table window_bias_backward() sums.
/// @throws as above.
/// Cost:     as above; no bench case, it reads the table alone.
/// Accuracy: as above [accuracy][relative_bias].
template <typename Scalar>
void mlp_table_backward(BiasMlp<Scalar>& grad_mlp, const WindowTable<Scalar>& grad_table, const BiasMlp<Scalar>& mlp,
                        DistanceInput input) {
  detail::add_table_gradient(grad_mlp, grad_table, mlp, grad_table.window(), input, 2);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto mlp_table_backward(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write mlp_table_backward(grad_mlp, grad_table, mlp, input): grad_mlp is mlp.zeros() or the sum "
      "so far, grad_table what distance_bias_backward() or window_bias_backward() sums into");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_MLP_TABLE_HPP
