// SPDX-License-Identifier: MIT
#include "relative_bias/mlp_support.hpp"
#include "relative_bias/scheme_support.hpp"
#include "relative_bias/window_support.hpp"

#include <limits>

using namespace posenc_tests;
using posenc::BiasMlp;
using posenc::DistanceInput;
using posenc::DistanceRange;
using posenc::GridShape;

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

/// The same network with a layer norm after each layer but the last; the first has no bias, as in x-transformers.
BiasMlp<double> with_norms(BiasMlp<double> mlp) {
  for (std::size_t k = 0; k + 1 < mlp.layers.size(); ++k) {
    const Index width = mlp.layers[k].weight.rows();
    mlp.layers[k].norm =
        posenc::LayerNorm<double>{random_matrix(width, 1, 46 + k),
                                  k == 0 ? Eigen::VectorXd() : Eigen::VectorXd(random_matrix(width, 1, 48)), 1e-5};
  }
  return mlp;
}

/// The network written out for one row of inputs and one head.
double naive_mlp(const BiasMlp<double>& mlp, std::vector<double> x, Index head) {
  for (std::size_t k = 0; k < mlp.layers.size(); ++k) {
    const auto& layer = mlp.layers[k];
    std::vector<double> y;
    for (Index o = 0; o < layer.weight.rows(); ++o) {
      double sum = layer.bias.size() == 0 ? 0 : layer.bias(o);
      for (Index i = 0; i < layer.weight.cols(); ++i) sum += layer.weight(o, i) * x[static_cast<std::size_t>(i)];
      y.push_back(sum);
    }
    if (layer.norm) {
      const double width = static_cast<double>(y.size());
      double mean = 0, variance = 0;
      for (const double v : y) mean += v / width;
      for (const double v : y) variance += (v - mean) * (v - mean) / width;
      for (std::size_t o = 0; o < y.size(); ++o) {
        const Index at = static_cast<Index>(o);
        const double bias = layer.norm->bias.size() == 0 ? 0 : layer.norm->bias(at);
        y[o] = (y[o] - mean) / std::sqrt(variance + layer.norm->epsilon) * layer.norm->weight(at) + bias;
      }
    }
    if (k + 1 < mlp.layers.size()) {
      for (double& v : y) v = mlp.activation == posenc::Activation::relu ? std::max(v, 0.0) : v / (1 + std::exp(-v));
    }
    x = y;
  }
  return x[static_cast<std::size_t>(head)];
}

double formed(DistanceInput input, double query_minus_key) {
  return input == DistanceInput::linear ? query_minus_key
                                        : std::copysign(std::log(std::abs(query_minus_key) + 1), query_minus_key);
}

/// Compares every parameter's gradient with central differences of value().
template <typename Value>
void require_gradients(const Value& value, BiasMlp<double>& mlp, const BiasMlp<double>& gradient, double size) {
  for (std::size_t k = 0; k < mlp.layers.size(); ++k) {
    auto& layer = mlp.layers[k];
    const auto& grad = gradient.layers[k];
    require_gradient(value, layer.weight, grad.weight, size);
    if (layer.bias.size() != 0) require_gradient(value, layer.bias, grad.bias, size);
    if (!layer.norm) continue;
    require_gradient(value, layer.norm->weight, grad.norm->weight, size);
    if (layer.norm->bias.size() != 0) require_gradient(value, layer.norm->bias, grad.norm->bias, size);
  }
}

}  // namespace

TEST_CASE("a network of the distance, with layer norms or without, and its gradient",
          "[relative_bias][mlp_table][accuracy]") {
  for (const auto activation : {posenc::Activation::relu, posenc::Activation::silu}) {
    for (const DistanceInput input : {DistanceInput::linear, DistanceInput::logarithmic}) {
      for (const bool normed : {false, true}) {
        BiasMlp<double> mlp = random_mlp(1, 6, 2, activation, normed || input == DistanceInput::linear);
        if (normed) mlp = with_norms(mlp);
        // Three layers of six products each, with inputs up to 43 and weights below 1: sums below 43 * 36. A norm
        // divides its layer's sums, and their errors, by a deviation that is at least 1/8 here.
        const double bound = 43 * 36 * 20 * (normed ? 64 : 1) * kEpsilon;
        require_scheme(
            2, [&](DistanceRange range) { return posenc::make_mlp_table(mlp, range, input); },
            [&](Index h, double d) { return naive_mlp(mlp, {formed(input, -d)}, h); }, bound);
        const DistanceRange range{-5, 8};
        const auto grad = random_gradient(2, range);
        BiasMlp<double> gradient = mlp.zeros();
        posenc::mlp_table_backward(gradient, grad, mlp, input);
        const auto value = [&] { return loss(posenc::make_mlp_table(mlp, range, input), grad); };
        // Inputs up to 8 enter the third derivative with their cube.
        const double size = 512 * absolute_dot(posenc::make_mlp_table(mlp, range, input).values(), grad.values());
        require_gradients(value, mlp, gradient, size);
      }
    }
  }
}

TEST_CASE("a network of the displacement in a window, and its gradient", "[relative_bias][mlp_table][accuracy]") {
  BiasMlp<double> plain;
  plain.layers.push_back({random_matrix(7, 2, 80), random_matrix(7, 1, 81)});
  plain.layers.push_back({random_matrix(2, 7, 82), random_matrix(2, 1, 84)});
  for (BiasMlp<double> mlp : {plain, with_norms(plain)}) {
    for (const DistanceInput input : {DistanceInput::linear, DistanceInput::logarithmic}) {
      for (const GridShape& window : kWindows) {
        INFO(window.height() << " x " << window.width());
        const auto table = posenc::make_mlp_table(mlp, window, input);
        MatrixD bias = MatrixD::Zero(2 * window.tokens(), window.tokens());
        posenc::add_window_bias(bias, table);
        for (Index h = 0; h < 2; ++h) {
          for (Index t = 0; t < window.tokens(); ++t) {
            for (Index u = 0; u < window.tokens(); ++u) {
              const double rows = formed(input, static_cast<double>(t / window.width() - u / window.width()));
              const double columns = formed(input, static_cast<double>(t % window.width() - u % window.width()));
              // Sums of seven products below 16; a norm divides them by a deviation that is at least 1/8 here.
              REQUIRE(std::abs(bias(h * window.tokens() + t, u) - naive_mlp(mlp, {rows, columns}, h)) <=
                      16 * 20 * 8 * kEpsilon);
            }
          }
        }
        posenc::WindowTable<double> grad(2, window);
        grad.values() = random_matrix(2, window.displacements(), 83).array();
        BiasMlp<double> gradient = mlp.zeros();
        posenc::mlp_table_backward(gradient, grad, mlp, input);
        const auto value = [&] { return dot(posenc::make_mlp_table(mlp, window, input).values(), grad.values()); };
        const double size = 125 * absolute_dot(table.values(), grad.values());  // inputs up to 5, cubed
        require_gradients(value, mlp, gradient, size);
      }
    }
  }
}

TEST_CASE("NaN goes through a network and its gradient", "[relative_bias][mlp_table]") {
  for (const auto activation : {posenc::Activation::relu, posenc::Activation::silu}) {
    BiasMlp<double> mlp = random_mlp(1, 6, 2, activation, true);
    mlp.layers[0].bias.setConstant(std::numeric_limits<double>::quiet_NaN());
    const DistanceRange range{-2, 3};
    REQUIRE(posenc::make_mlp_table(mlp, range, DistanceInput::linear).values().isNaN().all());
    BiasMlp<double> gradient = mlp.zeros();
    posenc::mlp_table_backward(gradient, random_gradient(2, range), mlp, DistanceInput::linear);
    REQUIRE(gradient.layers[1].weight.array().isNaN().all());
  }
}

TEST_CASE("networks of distances equal those of x-transformers, timm and CrossFormer",
          "[relative_bias][mlp_table][accuracy]") {
  const Golden file = golden("relative/mlp.csv");
  for (const std::string n : {"0", "1", "2", "3"}) {
    INFO(n);
    const BiasMlp<double> mlp = golden_mlp(file, "dynamic-" + n, posenc::Activation::silu);
    const auto span = posenc::AttentionSpan::square(file.block("dynamic-" + n + "-bias").columns());
    const bool log = file.block("dynamic-" + n + "-log").values[0] != 0;
    MatrixD logits = MatrixD::Zero(mlp.outputs() * span.query_len(), span.key_len());
    posenc::add_distance_bias(
        logits, posenc::make_mlp_table(mlp, span.distances(), log ? DistanceInput::logarithmic : DistanceInput::linear),
        span);
    const MatrixD expected = file.block("dynamic-" + n + "-bias").matrix();
    // Whole numbers go into the network as they are; outputs and sums are below 64.
    REQUIRE(distance(logits, expected) <= (log ? float_inputs_bound(mlp) : 64 * 20 * kEpsilon));
  }
  for (const std::string n : {"0", "1", "2"}) {
    INFO(n);
    const BiasMlp<double> mlp = golden_mlp(file, "cr-" + n, posenc::Activation::relu);
    const auto sides = file.block("cr-" + n + "-window").values;
    const GridShape window(static_cast<Index>(sides[0]), static_cast<Index>(sides[1]));
    MatrixD logits = MatrixD::Zero(mlp.outputs() * window.tokens(), window.tokens());
    posenc::add_window_bias(logits, posenc::make_mlp_table(mlp, window, DistanceInput::logarithmic));
    const MatrixD expected = file.block("cr-" + n + "-bias").matrix();
    REQUIRE(distance(logits, expected) <= float_inputs_bound(mlp));
  }
  for (const std::string n : {"0", "1", "2"}) {
    INFO(n);
    const BiasMlp<double> mlp = golden_mlp(file, "crossformer-" + n, posenc::Activation::relu);
    REQUIRE(mlp.layers.size() == 4);
    const auto sides = file.block("crossformer-" + n + "-window").values;
    const GridShape window(static_cast<Index>(sides[0]), static_cast<Index>(sides[1]));
    MatrixD logits = MatrixD::Zero(mlp.outputs() * window.tokens(), window.tokens());
    posenc::add_window_bias(logits, posenc::make_mlp_table(mlp, window, DistanceInput::linear));
    const MatrixD expected = file.block("crossformer-" + n + "-bias").matrix();
    // Whole displacements, and outputs and sums below 64, through three norms, which double what is in front of them.
    CHECK(distance(logits, expected) <= 8 * 64 * 20 * kEpsilon);
  }
}
