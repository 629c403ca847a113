// SPDX-License-Identifier: MIT
/// Reads a network of tests/golden/relative/mlp.csv.
#ifndef POSENC_TESTS_RELATIVE_BIAS_MLP_SUPPORT_HPP
#define POSENC_TESTS_RELATIVE_BIAS_MLP_SUPPORT_HPP

#include "posenc/relative_bias.hpp"
#include "support/golden.hpp"

#include <cmath>
#include <string>

namespace posenc_tests {

inline posenc::BiasMlp<double> golden_mlp(const Golden& file, const std::string& name, posenc::Activation activation) {
  posenc::BiasMlp<double> mlp;
  mlp.activation = activation;
  const auto column = [&](const std::string& block) {
    return file.blocks.count(block) == 0 ? Eigen::VectorXd() : Eigen::VectorXd(file.block(block).matrix());
  };
  for (int k = 0; file.blocks.count(name + "-weight" + std::to_string(k)) != 0; ++k) {
    const std::string layer = std::to_string(k);
    posenc::MlpLayer<double> read;
    read.weight = file.block(name + "-weight" + layer).matrix();
    read.bias = column(name + "-bias" + layer);
    if (file.blocks.count(name + "-norm_weight" + layer) != 0) {
      read.norm =
          posenc::LayerNorm<double>{column(name + "-norm_weight" + layer), column(name + "-norm_bias" + layer), 1e-5};
    }
    mlp.layers.push_back(read);
  }
  return mlp;
}

/// How far a network's outputs move where its inputs are logarithms below 4 in float32, off by 2^-22 at most: by the
/// largest row sum of each layer, and the slope of SiLU, at most 1.1. Norms divide by deviations above 1/2 in that file.
inline double float_inputs_bound(const posenc::BiasMlp<double>& mlp) {
  double bound = std::ldexp(1.0, -22);
  for (const auto& layer : mlp.layers) {
    bound *= 1.1 * layer.weight.cwiseAbs().rowwise().sum().maxCoeff();
    if (layer.norm) bound *= 2 * layer.norm->weight.cwiseAbs().maxCoeff();
  }
  return bound;
}

}  // namespace posenc_tests

#endif  // POSENC_TESTS_RELATIVE_BIAS_MLP_SUPPORT_HPP
