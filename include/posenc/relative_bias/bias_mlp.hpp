// SPDX-License-Identifier: MIT
/// @file
/// BiasMlp: the small network that makes a bias of a distance or displacement, with layer norms or without.
#ifndef POSENC_RELATIVE_BIAS_BIAS_MLP_HPP
#define POSENC_RELATIVE_BIAS_BIAS_MLP_HPP

#include "posenc/detail/abi.hpp"

#include <optional>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// The function between the layers of a BiasMlp.
enum class Activation { relu, silu };

/// The layer norm of a layer of a BiasMlp: (y - mean) / sqrt(variance + epsilon) weight + bias, with the mean of the
/// layer's outputs and the mean of their squared deviations from it.
template <typename Scalar>
struct LayerNorm {
  Eigen::Matrix<Scalar, Eigen::Dynamic, 1> weight;  ///< One for each output.
  Eigen::Matrix<Scalar, Eigen::Dynamic, 1> bias;    ///< One for each output, or empty for none.
  double epsilon = 0;                               ///< > 0; the 0 here is refused. PyTorch's own is 1e-5.
};

/// One layer of a BiasMlp: y = W x + b, normalized where it has a norm.
template <typename Scalar>
struct MlpLayer {
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> weight;  ///< outputs x inputs, as in PyTorch.
  Eigen::Matrix<Scalar, Eigen::Dynamic, 1> bias;                                  ///< For each output; or empty.
  std::optional<LayerNorm<Scalar>> norm{};  ///< Before the activation; gcc 12 crashes on `= {}` here.
};

/// The small network that makes a bias of a distance: layers with an activation between them, none after the last.
/// A gradient with respect to it is one of these too (see zeros()).
/// @tparam Scalar  float or double.
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
      if (!layer.norm) continue;
      layer.norm->weight.setZero();
      layer.norm->bias.setZero();
    }
    return result;
  }
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_BIAS_MLP_HPP
