// SPDX-License-Identifier: MIT
/// @file
/// The passes of a BiasMlp, forward and backward, one row of inputs for each evaluation.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_MLP_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_MLP_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/relative_bias/bias_mlp.hpp"
#include "posenc/relative_bias/detail/written_argument.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename Scalar>
using MlpMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

/// So many rows pass the network at once, the last ones filled up with zeros: each row then goes through the same vector
/// operations wherever it lies and however many there are, so that it has one result. A matrix product has not.
inline constexpr int kMlpRows = 32;
template <typename Scalar>
using MlpBlock = Eigen::Array<Scalar, kMlpRows, Eigen::Dynamic>;
template <typename Scalar>
using MlpLanes = Eigen::Array<Scalar, kMlpRows, 1>;

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
    if (!layer.norm) continue;
    if (layer.norm->weight.size() != width) {
      refuse<std::invalid_argument>(function, name + ".norm->weight.size()", layer.norm->weight.size(), width);
    }
    if (layer.norm->bias.size() != 0 && layer.norm->bias.size() != width) {
      refuse<std::invalid_argument>(function, name + ".norm->bias.size()", layer.norm->bias.size(), "0 or ", width);
    }
    using Limits = std::numeric_limits<Scalar>;
    const double epsilon = layer.norm->epsilon;
    const bool within = epsilon >= double(Limits::denorm_min()) && epsilon <= double((Limits::max)());
    if (!within) {
      refuse<std::invalid_argument>(function, name + ".norm->epsilon", epsilon, "finite and > 0",
                                    std::is_same_v<Scalar, float> ? " as a float" : "");
    }
  }
}

/// Refuses a gradient unless it has the layers of its network and shares no memory with the network and `others`.
template <typename Scalar, typename... Others>
void require_mlp_gradient(const char* function, const std::string& parameter, const BiasMlp<Scalar>& grad,
                          const BiasMlp<Scalar>& mlp, const Others&... others) {
  if (grad.layers.size() != mlp.layers.size()) {
    refuse<std::invalid_argument>(function, parameter + ".layers.size()", grad.layers.size(), mlp.layers.size());
  }
  const auto require_like = [&](const std::string& name, const auto& written, const auto& read) {
    require_shape(function, name.c_str(), written, read.rows(), read.cols());
    require_target(function, name.c_str(), written, read, others...);
  };
  for (std::size_t k = 0; k < mlp.layers.size(); ++k) {
    const std::string name = parameter + ".layers[" + std::to_string(k) + "]";
    require_like(name + ".weight", grad.layers[k].weight, mlp.layers[k].weight);
    require_like(name + ".bias", grad.layers[k].bias, mlp.layers[k].bias);
    const auto& norm = mlp.layers[k].norm;
    if (grad.layers[k].norm.has_value() != norm.has_value()) {
      refuse<std::invalid_argument>(function, name + ".norm", norm ? "none" : "a norm", norm ? "given" : "empty");
    }
    if (!norm) continue;
    require_like(name + ".norm->weight", grad.layers[k].norm->weight, norm->weight);
    require_like(name + ".norm->bias", grad.layers[k].norm->bias, norm->bias);
  }
}

template <typename Scalar>
Scalar activate(Activation activation, Scalar x) {
  if (activation == Activation::relu) return x <= Scalar(0) ? Scalar(0) : x;  // NaN stays
  return x / (Scalar(1) + std::exp(-x));
}

template <typename Scalar>
Scalar activation_slope(Activation activation, Scalar x) {
  if (activation == Activation::relu) return x <= Scalar(0) ? Scalar(0) : Scalar(1);
  const Scalar gate = Scalar(1) / (Scalar(1) + std::exp(-x));
  return gate * (Scalar(1) + x * (Scalar(1) - gate));
}

/// W x + b of each row of a block.
template <typename Scalar>
void write_sums(MlpBlock<Scalar>& y, const MlpLayer<Scalar>& layer, const MlpBlock<Scalar>& x) {
  const auto& w = layer.weight;
  y.resize(kMlpRows, w.rows());
  for (Eigen::Index o = 0; o < w.rows(); ++o) {
    MlpLanes<Scalar> sum = MlpLanes<Scalar>::Constant(layer.bias.size() == 0 ? Scalar(0) : layer.bias[o]);
    Eigen::Index i = 0;
    for (; i + 4 <= w.cols(); i += 4) {
      sum +=
          (w(o, i) * x.col(i) + w(o, i + 1) * x.col(i + 1)) + (w(o, i + 2) * x.col(i + 2) + w(o, i + 3) * x.col(i + 3));
    }
    for (; i < w.cols(); ++i) sum += w(o, i) * x.col(i);
    y.col(o) = sum;
  }
}

/// Subtracts each row's mean and divides the row by its deviation, in place. Returns 1 / deviation of each row.
template <typename Scalar>
MlpLanes<Scalar> normalize_rows(MlpBlock<Scalar>& y, double epsilon) {
  const Scalar width = static_cast<Scalar>(y.cols());
  MlpLanes<Scalar> mean = MlpLanes<Scalar>::Zero();
  for (Eigen::Index o = 0; o < y.cols(); ++o) mean += y.col(o);
  mean /= width;
  MlpLanes<Scalar> variance = MlpLanes<Scalar>::Zero();
  for (Eigen::Index o = 0; o < y.cols(); ++o) {
    y.col(o) -= mean;
    variance += y.col(o).square();
  }
  const MlpLanes<Scalar> scales =
      (variance / width + static_cast<Scalar>(epsilon)).unaryExpr([](Scalar v) { return Scalar(1) / std::sqrt(v); });
  for (Eigen::Index o = 0; o < y.cols(); ++o) y.col(o) *= scales;
  return scales;
}

/// Reads rows first, first + 1, ... of `rows` into a block.
template <typename Scalar>
void read_block(MlpBlock<Scalar>& block, const MlpMatrix<Scalar>& rows, Eigen::Index first) {
  const Eigen::Index count = (std::min)(Eigen::Index{kMlpRows}, rows.rows() - first);
  block.setZero(kMlpRows, rows.cols());
  block.topRows(count) = rows.middleRows(first, count).array();
}

/// The reverse: writes the rows of a block that `rows` has.
template <typename Scalar>
void write_block(MlpMatrix<Scalar>& rows, const MlpBlock<Scalar>& block, Eigen::Index first) {
  const Eigen::Index count = (std::min)(Eigen::Index{kMlpRows}, rows.rows() - first);
  rows.middleRows(first, count) = block.topRows(count).matrix();
}

/// The network of one block of rows after the other.
/// @param keep  keep(k, y, first) with the values of layer k before its activation.
template <typename Scalar, typename Keep>
void mlp_blocks(const BiasMlp<Scalar>& mlp, const MlpMatrix<Scalar>& inputs, const Keep& keep) {
  MlpBlock<Scalar> x;
  MlpBlock<Scalar> y;
  for (Eigen::Index first = 0; first < inputs.rows(); first += kMlpRows) {
    read_block(x, inputs, first);
    for (std::size_t k = 0; k < mlp.layers.size(); ++k) {
      const MlpLayer<Scalar>& layer = mlp.layers[k];
      write_sums(y, layer, x);
      if (layer.norm) {
        normalize_rows(y, layer.norm->epsilon);
        for (Eigen::Index o = 0; o < y.cols(); ++o) {
          y.col(o) *= layer.norm->weight[o];
          if (layer.norm->bias.size() != 0) y.col(o) += layer.norm->bias[o];
        }
      }
      keep(k, y, first);
      if (k + 1 < mlp.layers.size()) x = y.unaryExpr([&](Scalar v) { return activate(mlp.activation, v); });
    }
  }
}

/// Returns the output. One row for each row of `inputs`, with the bits that it has alone.
template <typename Scalar>
MlpMatrix<Scalar> mlp_outputs(const BiasMlp<Scalar>& mlp, const MlpMatrix<Scalar>& inputs) {
  MlpMatrix<Scalar> outputs(inputs.rows(), mlp.outputs());
  mlp_blocks(mlp, inputs, [&](std::size_t k, const MlpBlock<Scalar>& y, Eigen::Index first) {
    if (k + 1 == mlp.layers.size()) write_block(outputs, y, first);
  });
  return outputs;
}

/// Returns the values before each activation, layer by layer; the last is the output.
template <typename Scalar>
std::vector<MlpMatrix<Scalar>> mlp_forward(const BiasMlp<Scalar>& mlp, const MlpMatrix<Scalar>& inputs) {
  std::vector<MlpMatrix<Scalar>> values;
  for (const MlpLayer<Scalar>& layer : mlp.layers) values.emplace_back(inputs.rows(), layer.weight.rows());
  mlp_blocks(mlp, inputs,
             [&](std::size_t k, const MlpBlock<Scalar>& y, Eigen::Index first) { write_block(values[k], y, first); });
  return values;
}

/// Adds the gradients of a norm's parameters into `grad` and takes `grad_out` back through it, in place.
/// @param x  The inputs of the layer.
template <typename Scalar>
void norm_backward(LayerNorm<Scalar>& grad, MlpMatrix<Scalar>& grad_out, const MlpLayer<Scalar>& layer,
                   const MlpMatrix<Scalar>& x) {
  const LayerNorm<Scalar>& norm = *layer.norm;
  MlpMatrix<Scalar> sums(grad_out.rows(), grad_out.cols());
  MlpMatrix<Scalar> scales(grad_out.rows(), 1);
  MlpBlock<Scalar> inputs;
  MlpBlock<Scalar> block;
  for (Eigen::Index first = 0; first < x.rows(); first += kMlpRows) {
    read_block(inputs, x, first);
    write_sums(block, layer, inputs);
    const MlpBlock<Scalar> block_scales = normalize_rows(block, norm.epsilon);
    write_block(sums, block, first);
    write_block(scales, block_scales, first);
  }
  grad.weight += (grad_out.array() * sums.array()).colwise().sum().transpose().matrix();
  if (norm.bias.size() != 0) grad.bias += grad_out.colwise().sum().transpose();
  grad_out.array().rowwise() *= norm.weight.transpose().array();
  const Eigen::Array<Scalar, Eigen::Dynamic, 1> means = grad_out.rowwise().mean();
  const Eigen::Array<Scalar, Eigen::Dynamic, 1> along = (grad_out.array() * sums.array()).rowwise().mean();
  grad_out.array() -= sums.array().colwise() * along;
  grad_out.array().colwise() -= means;
  grad_out.array().colwise() *= scales.col(0).array();
}

/// Adds the parameters' gradients into `grad` and returns the inputs' gradient.
template <typename Scalar>
MlpMatrix<Scalar> add_mlp_gradient(BiasMlp<Scalar>& grad, const BiasMlp<Scalar>& mlp, const MlpMatrix<Scalar>& inputs,
                                   const std::vector<MlpMatrix<Scalar>>& values, MlpMatrix<Scalar> grad_out) {
  for (std::size_t k = mlp.layers.size(); k-- > 0;) {
    const MlpLayer<Scalar>& layer = mlp.layers[k];
    MlpMatrix<Scalar> x = inputs;
    if (k > 0) x = values[k - 1].unaryExpr([&](Scalar v) { return activate(mlp.activation, v); });
    if (layer.norm) norm_backward(*grad.layers[k].norm, grad_out, layer, x);
    grad.layers[k].weight.noalias() += grad_out.transpose() * x;
    if (layer.bias.size() != 0) grad.layers[k].bias += grad_out.colwise().sum().transpose();
    MlpMatrix<Scalar> grad_x = grad_out * layer.weight;
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
