// SPDX-License-Identifier: MIT
/// @file
/// Dynamic position bias: a small network of the distance.
#ifndef POSENC_RELATIVE_BIAS_MLP_TABLE_HPP
#define POSENC_RELATIVE_BIAS_MLP_TABLE_HPP

#include "posenc/relative_bias/bias_mlp.hpp"
#include "posenc/relative_bias/detail/mlp.hpp"
#include "posenc/relative_bias/distance_table.hpp"

#include <cmath>

namespace posenc {
inline namespace POSENC_ABI {

/// What a dynamic position bias gives its network.
enum class DistanceInput {
  linear,      ///< query - key.
  logarithmic  ///< sign(query - key) ln(|query - key| + 1).
};

namespace detail {

template <typename Scalar>
MlpMatrix<Scalar> distance_inputs(const DistanceRange& distances, DistanceInput input) {
  MlpMatrix<Scalar> inputs(distances.size(), 1);
  for (Eigen::Index m = 0; m < distances.size(); ++m) {
    const double distance = -static_cast<double>(distances.first() + m);
    const double size = std::log1p(std::abs(distance));
    inputs(m, 0) = static_cast<Scalar>(input == DistanceInput::linear ? distance : distance < 0 ? -size : size);
  }
  return inputs;
}

}  // namespace detail

/// Returns a dynamic position bias by distance: the network is evaluated once for each distance, not for each pair.
///
///     table(h, d) = mlp(f(-d))[h]        d = key - query, f(n) = n or sign(n) ln(|n| + 1), as `input` says
///
/// @param mlp        1 input, one output for each head.
/// @param distances  span.distances(), or more, so that one table serves every step.
/// @param input      Which f.
/// @throws std::invalid_argument  layers that do not fit together.
/// Cost:     distances.size() evaluations of the network; no bench case, called once for a length.
/// Accuracy: 20 ulp of the largest sum of a layer in double, for three layers of six units [accuracy][relative_bias].
/// Source:   Wang et al. 2021, arXiv:2108.00154 (CrossFormer).
/// Matches:  DynamicPositionBias of x-transformers (SiLU, log_distance) without its layer norms.
template <typename Scalar>
DistanceTable<Scalar> make_mlp_table(const BiasMlp<Scalar>& mlp, const DistanceRange& distances, DistanceInput input) {
  detail::require_mlp("make_mlp_table", mlp, 1);
  detail::require_named("make_mlp_table", "input", input, DistanceInput::logarithmic);
  DistanceTable<Scalar> table(mlp.outputs(), distances);
  table.values() =
      detail::mlp_forward(mlp, detail::distance_inputs<Scalar>(distances, input)).back().transpose().array();
  return table;
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto make_mlp_table(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write make_mlp_table(mlp, distances, input): mlp is a BiasMlp, distances span.distances(), "
                "input DistanceInput::linear or logarithmic");
  return detail::Misfit<Arguments...>();
}

/// The gradient of make_mlp_table(): adds into `grad_mlp`.
/// @param[in,out] grad_mlp  Has the shape of `mlp`: mlp.zeros(), or the sum so far.
/// @param grad_table        dL/d(table), as distance_bias_backward() sums it.
/// @throws std::invalid_argument  another number of heads, layers that do not fit together, or a grad_mlp that is `mlp`
///                                itself; nothing is written then.
/// Cost:     as make_mlp_table(), about three times; allocates its activations; no bench case, it reads the table
///           alone.
/// Accuracy: within the error of central differences, 64 eps^(2/3) of its size in double [accuracy][relative_bias].
template <typename Scalar>
void mlp_table_backward(BiasMlp<Scalar>& grad_mlp, const DistanceTable<Scalar>& grad_table, const BiasMlp<Scalar>& mlp,
                        DistanceInput input) {
  const char* const function = "mlp_table_backward";
  detail::require_mlp(function, mlp, 1);
  detail::require_named(function, "input", input, DistanceInput::logarithmic);
  detail::require_mlp_gradient(function, "grad_mlp", grad_mlp, mlp);
  detail::require(mlp.outputs() == grad_table.num_heads(), function, "mlp.outputs()", mlp.outputs(), "num_heads ",
                  grad_table.num_heads());
  const auto inputs = detail::distance_inputs<Scalar>(grad_table.distances(), input);
  detail::add_mlp_gradient(grad_mlp, mlp, inputs, detail::mlp_forward(mlp, inputs),
                           detail::MlpMatrix<Scalar>(grad_table.values().matrix().transpose()));
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto mlp_table_backward(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write mlp_table_backward(grad_mlp, grad_table, mlp, input): grad_mlp is mlp.zeros() or the sum "
      "so far, grad_table the DistanceTable that distance_bias_backward() sums into");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_MLP_TABLE_HPP
