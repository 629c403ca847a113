// SPDX-License-Identifier: MIT
/// @file
/// The passes of a BiasMlp, forward and backward, one row of inputs for each evaluation.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_MLP_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_MLP_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/relative_bias/bias_mlp.hpp"
#include "posenc/relative_bias/detail/written_argument.hpp"

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename Scalar>
using MlpMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <typename Scalar>
void require_mlp(const char* function, const BiasMlp<Scalar>& mlp, Eigen::Index inputs) {
  require_named(function, "mlp.activation", mlp.activation, Activation::silu);
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

/// Refuses a gradient unless it has the layers of its network and shares no memory with the network and `others`.
template <typename Scalar, typename... Others>
void require_mlp_gradient(const char* function, const std::string& parameter, const BiasMlp<Scalar>& grad,
                          const BiasMlp<Scalar>& mlp, const Others&... others) {
  if (grad.layers.size() != mlp.layers.size()) {
    refuse<std::invalid_argument>(function, parameter + ".layers.size()", grad.layers.size(), mlp.layers.size());
  }
  for (std::size_t k = 0; k < mlp.layers.size(); ++k) {
    const std::string weight = parameter + ".layers[" + std::to_string(k) + "].weight";
    const std::string bias = parameter + ".layers[" + std::to_string(k) + "].bias";
    require_shape(function, weight.c_str(), grad.layers[k].weight, mlp.layers[k].weight.rows(),
                  mlp.layers[k].weight.cols());
    require_shape(function, bias.c_str(), grad.layers[k].bias, mlp.layers[k].bias.rows(), 1);
    require_target(function, weight.c_str(), grad.layers[k].weight, mlp.layers[k].weight, others...);
    require_target(function, bias.c_str(), grad.layers[k].bias, mlp.layers[k].bias, others...);
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

/// Returns the values before each activation, layer by layer; the last is the output. One row for each row of `inputs`.
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
MlpMatrix<Scalar> add_mlp_gradient(BiasMlp<Scalar>& grad, const BiasMlp<Scalar>& mlp, const MlpMatrix<Scalar>& inputs,
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

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_MLP_HPP
