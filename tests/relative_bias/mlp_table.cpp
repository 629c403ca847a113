// SPDX-License-Identifier: MIT
#include "relative_bias/scheme_support.hpp"

using namespace posenc_tests;
using posenc::BiasMlp;
using posenc::DistanceInput;
using posenc::DistanceRange;

namespace {

BiasMlp<double> random_mlp(Index inputs, Index hidden, Index outputs, posenc::Activation activation, bool last_bias) {
  BiasMlp<double> mlp;
  mlp.activation = activation;
  mlp.layers.push_back({random_matrix(hidden, inputs, 40), random_matrix(hidden, 1, 41)});
  mlp.layers.push_back({random_matrix(hidden, hidden, 42), random_matrix(hidden, 1, 43)});
  mlp.layers.push_back({random_matrix(outputs, hidden, 44),
                        last_bias ? Eigen::VectorXd(random_matrix(outputs, 1, 45)) : Eigen::VectorXd()});
  return mlp;
}

/// The network written out for one input and one head.
double naive_mlp(const BiasMlp<double>& mlp, double input, Index head) {
  std::vector<double> x = {input};
  for (std::size_t k = 0; k < mlp.layers.size(); ++k) {
    const auto& layer = mlp.layers[k];
    std::vector<double> y;
    for (Index o = 0; o < layer.weight.rows(); ++o) {
      double sum = layer.bias.size() == 0 ? 0 : layer.bias(o);
      for (Index i = 0; i < layer.weight.cols(); ++i) sum += layer.weight(o, i) * x[static_cast<std::size_t>(i)];
      if (k + 1 < mlp.layers.size()) {
        sum = mlp.activation == posenc::Activation::relu ? std::max(sum, 0.0) : sum / (1 + std::exp(-sum));
      }
      y.push_back(sum);
    }
    x = y;
  }
  return x[static_cast<std::size_t>(head)];
}

}  // namespace

TEST_CASE("a network of the distance, and its gradient", "[relative_bias][mlp_table][accuracy]") {
  for (const auto activation : {posenc::Activation::relu, posenc::Activation::silu}) {
    for (const DistanceInput input : {DistanceInput::linear, DistanceInput::logarithmic}) {
      BiasMlp<double> mlp = random_mlp(1, 6, 2, activation, input == DistanceInput::linear);
      require_scheme(
          2, [&](DistanceRange range) { return posenc::make_mlp_table(mlp, range, input); },
          [&](Index h, double d) {
            const double n = -d;
            const double x = input == DistanceInput::linear ? n : std::copysign(std::log(std::abs(n) + 1), n);
            return naive_mlp(mlp, x, h);
          },
          // Three layers of six products each, with inputs up to 43 and weights below 1: sums below 43 * 36.
          43 * 36 * 20 * kEpsilon);
      const DistanceRange range{-5, 8};
      const auto grad = random_gradient(2, range);
      BiasMlp<double> gradient = mlp.zeros();
      posenc::mlp_table_backward(gradient, grad, mlp, input);
      const auto value = [&] { return loss(posenc::make_mlp_table(mlp, range, input), grad); };
      // Inputs up to 8 enter the third derivative with their cube.
      const double size = 512 * absolute_dot(posenc::make_mlp_table(mlp, range, input).values(), grad.values());
      for (std::size_t k = 0; k < mlp.layers.size(); ++k) {
        require_gradient(value, mlp.layers[k].weight, gradient.layers[k].weight, size);
        if (mlp.layers[k].bias.size() != 0) {
          require_gradient(value, mlp.layers[k].bias, gradient.layers[k].bias, size);
        }
      }
    }
  }
}
