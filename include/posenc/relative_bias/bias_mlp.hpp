// SPDX-License-Identifier: MIT
/// @file
/// BiasMlp: the small network that turns a distance into a bias, and dynamic position bias made from it.
#ifndef POSENC_RELATIVE_BIAS_BIAS_MLP_HPP
#define POSENC_RELATIVE_BIAS_BIAS_MLP_HPP

#include "posenc/relative_bias/distance_table.hpp"

#include <cmath>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// Between the layers of a BiasMlp.
enum class Activation { relu, silu };

/// One layer, y = W x + b.
template <typename Scalar>
struct MlpLayer {
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> weight;  ///< outputs x inputs, as in PyTorch.
  Eigen::Matrix<Scalar, Eigen::Dynamic, 1> bias;                                  ///< outputs, or empty for none.
};

/// Layers with an activation between them (none after the last).
template <typename Scalar>
struct BiasMlp {
  std::vector<MlpLayer<Scalar>> layers;
  Activation activation = Activation::relu;

  Eigen::Index inputs() const { return layers.empty() ? 0 : layers.front().weight.cols(); }
  Eigen::Index outputs() const { return layers.empty() ? 0 : layers.back().weight.rows(); }

  /// The same shape with zeros: what gradients are added into.
  BiasMlp zeros() const {
    BiasMlp result = *this;
    for (MlpLayer<Scalar>& layer : result.layers) {
      layer.weight.setZero();
      layer.bias.setZero();
    }
    return result;
  }
};

namespace detail {

template <typename Scalar>
using MlpMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <typename Scalar>
void require_mlp(const char* function, const BiasMlp<Scalar>& mlp, Eigen::Index inputs) {
  require(!mlp.layers.empty(), function, "mlp.layers.size()", mlp.layers.size(), "> 0");
  Eigen::Index width = inputs;
  for (std::size_t k = 0; k < mlp.layers.size(); ++k) {
    const MlpLayer<Scalar>& layer = mlp.layers[k];
    const std::string name = element("mlp.layers", static_cast<Eigen::Index>(k));
    if (layer.weight.cols() != width) {
      refuse<std::invalid_argument>(function, name + ".weight.cols()", layer.weight.cols(), width);
    }
    if (layer.bias.size() != 0 && layer.bias.size() != layer.weight.rows()) {
      refuse<std::invalid_argument>(function, name + ".bias.size()", layer.bias.size(), "0 or ", layer.weight.rows());
    }
    width = layer.weight.rows();
  }
}

/// A gradient has the layers of its network.
template <typename Scalar>
void require_mlp_gradient(const char* function, const std::string& parameter, const BiasMlp<Scalar>& grad,
                          const BiasMlp<Scalar>& mlp) {
  if (grad.layers.size() != mlp.layers.size()) {
    refuse<std::invalid_argument>(function, parameter + ".layers.size()", grad.layers.size(), mlp.layers.size());
  }
  for (std::size_t k = 0; k < mlp.layers.size(); ++k) {
    const std::string name = parameter + ".layers[" + std::to_string(k) + "]";
    require_shape(function, (name + ".weight").c_str(), grad.layers[k].weight, mlp.layers[k].weight.rows(),
                  mlp.layers[k].weight.cols());
    require_shape(function, (name + ".bias").c_str(), grad.layers[k].bias, mlp.layers[k].bias.rows(), 1);
  }
}

template <typename Scalar>
Scalar activate(Activation activation, Scalar x) {
  if (activation == Activation::relu) return x > Scalar(0) ? x : Scalar(0);
  return x / (Scalar(1) + std::exp(-x));
}

template <typename Scalar>
Scalar activation_slope(Activation activation, Scalar x) {
  if (activation == Activation::relu) return x > Scalar(0) ? Scalar(1) : Scalar(0);
  const Scalar gate = Scalar(1) / (Scalar(1) + std::exp(-x));
  return gate * (Scalar(1) + x * (Scalar(1) - gate));
}

/// Values before each activation, layer by layer; the last is the output. One row for each row of `inputs`.
template <typename Scalar>
std::vector<MlpMatrix<Scalar>> mlp_forward(const BiasMlp<Scalar>& mlp, const MlpMatrix<Scalar>& inputs) {
  std::vector<MlpMatrix<Scalar>> values;
  MlpMatrix<Scalar> x = inputs;
  for (std::size_t k = 0; k < mlp.layers.size(); ++k) {
    const MlpLayer<Scalar>& layer = mlp.layers[k];
    MlpMatrix<Scalar> y = x * layer.weight.transpose();
    if (layer.bias.size() != 0) y.rowwise() += layer.bias.transpose();
    if (k + 1 < mlp.layers.size()) {
      x = y.unaryExpr([&](Scalar v) { return activate(mlp.activation, v); });
    }
    values.push_back(std::move(y));
  }
  return values;
}

/// Adds the parameters' gradients into `grad` and returns the inputs' gradient.
template <typename Scalar>
MlpMatrix<Scalar> mlp_backward(BiasMlp<Scalar>& grad, const BiasMlp<Scalar>& mlp, const MlpMatrix<Scalar>& inputs,
                               const std::vector<MlpMatrix<Scalar>>& values, MlpMatrix<Scalar> grad_out) {
  for (std::size_t k = mlp.layers.size(); k-- > 0;) {
    MlpMatrix<Scalar> x = inputs;
    if (k > 0) x = values[k - 1].unaryExpr([&](Scalar v) { return activate(mlp.activation, v); });
    grad.layers[k].weight.noalias() += grad_out.transpose() * x;
    if (mlp.layers[k].bias.size() != 0) grad.layers[k].bias += grad_out.colwise().sum().transpose();
    MlpMatrix<Scalar> grad_x = grad_out * mlp.layers[k].weight;
    if (k > 0) {
      grad_x.array() *= values[k - 1].unaryExpr([&](Scalar v) { return activation_slope(mlp.activation, v); }).array();
    }
    grad_out = std::move(grad_x);
  }
  return grad_out;
}

}  // namespace detail

/// What a dynamic position bias feeds its network with.
enum class DistanceInput {
  linear,      ///< query - key.
  logarithmic  ///< sign(query - key) ln(|query - key| + 1).
};

namespace detail {

template <typename Scalar>
MlpMatrix<Scalar> distance_inputs(DistanceRange range, DistanceInput input) {
  MlpMatrix<Scalar> inputs(range.size(), 1);
  for (Eigen::Index m = 0; m < range.size(); ++m) {
    const double distance = -static_cast<double>(range.min + m);
    const double size = std::log1p(std::abs(distance));
    inputs(m, 0) = static_cast<Scalar>(input == DistanceInput::linear ? distance : distance < 0 ? -size : size);
  }
  return inputs;
}

}  // namespace detail

/// Dynamic position bias: the network is asked once for each distance, not for each pair.
///
///     table(h, d) = mlp(f(-d))[h]        d = key - query, f as `input` says
///
/// @param mlp  1 input, one output for each head.
/// @throws std::invalid_argument  layers that do not fit together.
/// Cost:     range.size() evaluations of the network.
/// Source:   Wang et al. 2021, arXiv:2108.00154 (CrossFormer).
/// Matches:  DynamicPositionBias of x-transformers (SiLU, log_distance) without its layer norms.
template <typename Scalar>
DistanceTable<Scalar> make_mlp_table(const BiasMlp<Scalar>& mlp, DistanceRange range, DistanceInput input) {
  detail::require_mlp("make_mlp_table", mlp, 1);
  DistanceTable<Scalar> table(mlp.outputs(), range);
  table.values() = detail::mlp_forward(mlp, detail::distance_inputs<Scalar>(range, input)).back().transpose().array();
  return table;
}

/// The gradient of make_mlp_table(): adds into `grad_mlp`, which has the shape of `mlp` (mlp.zeros()).
/// @throws std::invalid_argument  another number of heads, or layers that do not fit together.
template <typename Scalar>
void mlp_backward(BiasMlp<Scalar>& grad_mlp, const DistanceTable<Scalar>& grad_table, const BiasMlp<Scalar>& mlp,
                  DistanceInput input) {
  detail::require_mlp("mlp_backward", mlp, 1);
  detail::require_mlp_gradient("mlp_backward", "grad_mlp", grad_mlp, mlp);
  detail::require(mlp.outputs() == grad_table.num_heads(), "mlp_backward", "mlp.outputs()", mlp.outputs(), "num_heads ",
                  grad_table.num_heads());
  const auto inputs = detail::distance_inputs<Scalar>(grad_table.range(), input);
  detail::mlp_backward(grad_mlp, mlp, inputs, detail::mlp_forward(mlp, inputs),
                       detail::MlpMatrix<Scalar>(grad_table.values().matrix().transpose()));
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_BIAS_MLP_HPP
