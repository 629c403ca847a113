// SPDX-License-Identifier: MIT
/// @file
/// BiasMlp: the small network that makes a bias of a distance or displacement.
#ifndef POSENC_RELATIVE_BIAS_BIAS_MLP_HPP
#define POSENC_RELATIVE_BIAS_BIAS_MLP_HPP

#include "posenc/detail/abi.hpp"

#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// The function between the layers of a BiasMlp.
enum class Activation { relu, silu };

/// One layer of a BiasMlp: y = W x + b.
template <typename Scalar>
struct MlpLayer {
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> weight;  ///< outputs x inputs, as in PyTorch.
  Eigen::Matrix<Scalar, Eigen::Dynamic, 1> bias;                                  ///< outputs, or empty for none.
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
    }
    return result;
  }
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_BIAS_MLP_HPP
