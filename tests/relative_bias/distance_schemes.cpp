// SPDX-License-Identifier: MIT
/// ALiBi, KERPLE, Sandwich and the network of a distance, each against its formula.
#include "relative_bias/support.hpp"
#include "support/data.hpp"
#include "support/golden.hpp"

#include <functional>

using namespace posenc_tests;
using posenc::AlibiForm;
using posenc::AttentionSpan;
using posenc::BiasMlp;
using posenc::DistanceInput;
using posenc::DistanceRange;
using posenc::DistanceTable;
using posenc::KerpleKernel;

namespace {

/// Adds the scheme over every span and compares with naive(head, key position - query position). `bound` is relative to
/// 1 + |bias|.
void require_scheme(Index num_heads, const std::function<DistanceTable<double>(DistanceRange)>& make,
                    const std::function<double(Index, double)>& naive, double bound) {
  for (const NamedSpan& named : all_spans()) {
    INFO(named.name);
    const AttentionSpan& span = named.span;
    const auto table = make(span.distances());
    REQUIRE(table.num_heads() == num_heads);
    MatrixD logits = MatrixD::Zero(num_heads * span.query_len(), span.key_len());
    posenc::add_distance_bias(logits, table, span);
    for (Index h = 0; h < num_heads; ++h) {
      for (Index i = 0; i < span.query_len(); ++i) {
        for (Index j = 0; j < span.key_len(); ++j) {
          const double expected = naive(h, static_cast<double>(j) - static_cast<double>(span.query_offset() + i));
          REQUIRE(std::abs(logits(h * span.query_len() + i, j) - expected) <= bound * (1 + std::abs(expected)));
        }
      }
    }
  }
}

DistanceTable<double> random_gradient(Index num_heads, DistanceRange range) {
  DistanceTable<double> grad(num_heads, range);
  grad.values() = random_matrix(num_heads, range.size(), 99).array();
  return grad;
}

double loss(const DistanceTable<double>& table, const DistanceTable<double>& grad) {
  return dot(table.values(), grad.values());
}

// A logarithm, power or exponential within an ulp or two of the same argument, then a product or two.
constexpr double kFunctionBound = 8 * kEpsilon;

}  // namespace

TEST_CASE("ALiBi slopes equal the golden files, and MPT's and ggml's formulas for 1 to 128 heads") {
  constexpr double kSlopeBound = kEpsilon;  // relative: 1 ulp
  for (const int n : {1, 2, 4, 6, 8, 12, 16, 20, 32, 40, 71, 112}) {
    const Golden file = golden("relative/alibi-" + std::to_string(n) + ".csv");
    const Eigen::ArrayXd slopes = posenc::alibi_slopes(n);
    const auto expected = file.block("slopes").matrix();
    REQUIRE(slopes.size() == expected.rows());
    for (Index h = 0; h < n; ++h) REQUIRE(std::abs(slopes[h] - expected(h, 0)) <= kSlopeBound * expected(h, 0));
  }
  for (const double bias_max : {8.0, 4.0}) {
    for (Index n = 1; n <= 128; ++n) {
      const Eigen::ArrayXd slopes = posenc::alibi_slopes(n, bias_max);
      const Index above = Index(1) << static_cast<int>(std::ceil(std::log2(static_cast<double>(n))));
      std::vector<double> mpt;  // the odd slopes of the next power of two, then the even ones
      for (Index k = 0; k < above; ++k)
        mpt.push_back(std::exp2(-bias_max * static_cast<double>(k + 1) / static_cast<double>(above)));
      std::vector<double> order;
      if (above == n) order = mpt;
      for (Index k = 1; above != n && k < above; k += 2) order.push_back(mpt[static_cast<std::size_t>(k)]);
      for (Index k = 0; above != n && k < above; k += 2) order.push_back(mpt[static_cast<std::size_t>(k)]);
      const Index below = Index(1) << static_cast<int>(std::floor(std::log2(static_cast<double>(n))));
      const double m0 = std::exp2(-bias_max / static_cast<double>(below));
      const double m1 = std::exp2(-bias_max / 2 / static_cast<double>(below));
      for (Index h = 0; h < n; ++h) {
        REQUIRE(std::abs(slopes[h] - order[static_cast<std::size_t>(h)]) <= kSlopeBound * slopes[h]);
        const double ggml = h < below ? std::pow(m0, static_cast<double>(h + 1))
                                      : std::pow(m1, static_cast<double>(2 * (h - below) + 1));
        REQUIRE(std::abs(slopes[h] - ggml) <= 256 * kSlopeBound * slopes[h]);  // the error of m grows with the power
      }
    }
  }
}

TEST_CASE("ALiBi: causal, symmetric, and one slope for each side; slope 0 switches a head off") {
  const Eigen::ArrayXd slopes = posenc::alibi_slopes(3);
  require_scheme(
      3, [&](DistanceRange range) { return posenc::make_alibi_table<double>(slopes, range, AlibiForm::causal); },
      [&](Index h, double d) { return slopes[h] * d; }, 0);
  require_scheme(
      3, [&](DistanceRange range) { return posenc::make_alibi_table<double>(slopes, range, AlibiForm::symmetric); },
      [&](Index h, double d) { return -slopes[h] * std::abs(d); }, 0);
  const Eigen::RowVector3f left(0.5f, 0.0f, 0.25f);
  const Eigen::RowVector3f right(0.125f, 2.0f, 0.0f);
  require_scheme(
      3, [&](DistanceRange range) { return posenc::make_alibi_table<double>(left, right, range); },
      [&](Index h, double d) { return d < 0 ? static_cast<double>(left[h]) * d : -static_cast<double>(right[h]) * d; },
      0);
}

TEST_CASE("ALiBi peers: CTranslate2 and keras-hub") {
  if (skip_without_data("ALiBi peers")) return;
  const RowMatrixXd ct2 = read_csv(data_dir() + "/peers/ct2_alibi_h4_q2_k5/expected.csv");
  const AttentionSpan span = AttentionSpan::cached(2, 5);
  const auto table = posenc::make_alibi_table<double>(posenc::alibi_slopes(4), span.distances(), AlibiForm::causal);
  for (Index h = 0; h < 4; ++h) {
    const MatrixD bias = posenc::make_distance_bias(table, span, h);
    // The peer counts from the last key for every query; this differs by a constant of each row.
    for (Index i = 0; i < 2; ++i) {
      for (Index j = 0; j < 5; ++j) REQUIRE(bias(i, j) - bias(i, 4) == ct2(2 * h + i, j));
    }
  }
  const RowMatrixXd positive = read_csv(data_dir() + "/peers/ct2_alibi_h4_q2_k5/expected_positive.csv");
  constexpr double kFourDecimals = 0.5e-4 + 1e-12;
  for (Index h = 0; h < 4; ++h) {
    const MatrixD bias = posenc::make_distance_bias(table, span, h);
    for (Index i = 0; i < 2; ++i) {
      for (Index j = 0; j < 5; ++j)
        REQUIRE(std::abs(bias(i, j) - bias(i, 0) - positive(2 * h + i, j)) <= kFourDecimals);
    }
  }
  const RowMatrixXd keras = read_csv(data_dir() + "/peers/keras_alibi_h14_q1_k3/expected.csv");
  const AttentionSpan decode = AttentionSpan::cached(1, 3);
  MatrixD logits = MatrixD::Zero(14, 3);
  posenc::add_distance_bias(
      logits, posenc::make_alibi_table<double>(posenc::alibi_slopes(14), decode.distances(), AlibiForm::causal),
      decode);
  constexpr double kFloatBound = 1.5 * 0x1p-24;  // the peer's numbers are floats up to 1.5
  REQUIRE(distance(logits, keras) <= kFloatBound);
}

TEST_CASE("ALiBi: gradients of the slopes are those of a linear map") {
  const DistanceRange range{-6, 9};
  const auto grad = random_gradient(4, range);
  const MatrixD slopes = random_matrix(2, 2, 20);  // a list of four in a matrix
  const MatrixD other = random_matrix(4, 1, 21);
  for (const AlibiForm form : {AlibiForm::causal, AlibiForm::symmetric}) {
    MatrixD gradient = MatrixD::Zero(2, 2);
    posenc::alibi_backward(gradient, grad, form);
    const auto table = posenc::make_alibi_table<double>(slopes, range, form);
    require_adjoint(loss(table, grad), dot(slopes, gradient), absolute_dot(table.values(), grad.values()));
    RowMatrix<float> row = RowMatrix<float>::Zero(1, 4);
    posenc::alibi_backward(row, grad, form);
    for (Index h = 0; h < 4; ++h) REQUIRE(row(0, h) == static_cast<float>(gradient(h % 2, h / 2)));
  }
  MatrixD left = MatrixD::Zero(4, 1);
  MatrixD right = MatrixD::Zero(2, 2);
  posenc::alibi_backward(left, right, grad);
  const auto table = posenc::make_alibi_table<double>(other, slopes, range);
  require_adjoint(loss(table, grad), dot(other, left) + dot(slopes, right),
                  absolute_dot(table.values(), grad.values()));
}

TEST_CASE("KERPLE: both kernels and their gradients") {
  MatrixD a = (random_matrix(2, 2, 30).array().abs() + 0.5).matrix();
  MatrixD p = (random_matrix(2, 2, 31).array().abs() + 0.05).matrix();
  const auto at = [](const MatrixD& x, Index h) { return x(h % 2, h / 2); };
  for (const KerpleKernel kernel : {KerpleKernel::logarithmic, KerpleKernel::power}) {
    const bool logarithmic = kernel == KerpleKernel::logarithmic;
    require_scheme(
        4, [&](DistanceRange range) { return posenc::make_kerple_table<double>(a, p, range, kernel); },
        [&](Index h, double d) {
          return logarithmic ? -at(p, h) * std::log(1 + at(a, h) * std::abs(d))
                             : -at(a, h) * std::pow(std::abs(d), at(p, h));
        },
        kFunctionBound);
    const DistanceRange range{-20, 3};
    const auto grad = random_gradient(4, range);
    MatrixD grad_a = MatrixD::Zero(2, 2);
    MatrixD grad_p = MatrixD::Zero(2, 2);
    posenc::kerple_backward(grad_a, grad_p, grad, a, p, kernel);
    const auto value = [&] { return loss(posenc::make_kerple_table<double>(a, p, range, kernel), grad); };
    // Third derivatives with respect to a are 2 p n^3 / (1 + a n)^3 < 2 p / a^3: largest where a is smallest.
    const double third = 2 * p.maxCoeff() / std::pow(a.minCoeff(), 3);
    const double size = 24 * (logarithmic ? third : 1) +
                        absolute_dot(posenc::make_kerple_table<double>(a, p, range, kernel).values(), grad.values());
    require_gradient(value, a, grad_a, size);
    require_gradient(value, p, grad_p, size);
  }
}

TEST_CASE("Sandwich") {
  for (const double base : {10000.0, 500.0}) {
    require_scheme(
        3, [&](DistanceRange range) { return posenc::make_sandwich_table<double>(3, 10, range, base); },
        [&](Index h, double d) {
          double sum = -5;
          for (int m = 1; m <= 5; ++m) sum += std::cos(d * std::pow(base, -2.0 * m / 10));
          return sum / (8 * static_cast<double>(h + 1) / 3);
        },
        // Angles up to 43 carry half an ulp of 64 each, then five cosines and a few operations.
        5 * 64 * kEpsilon);
  }
}

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

TEST_CASE("a network of the distance, and its gradient") {
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
      posenc::mlp_backward(gradient, grad, mlp, input);
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

TEST_CASE("float tables are double tables rounded once, and float gradients agree") {
  const DistanceRange range{-300, 40};
  const Eigen::ArrayXd slopes = posenc::alibi_slopes(12);
  const Eigen::ArrayXd a = Eigen::ArrayXd::LinSpaced(12, 0.1, 1.2);
  const auto same = [](const DistanceTable<float>& short_table, const DistanceTable<double>& table) {
    return same_bits(short_table.values(), table.values().cast<float>());
  };
  REQUIRE(same(posenc::make_alibi_table<float>(slopes, range, AlibiForm::symmetric),
               posenc::make_alibi_table<double>(slopes, range, AlibiForm::symmetric)));
  REQUIRE(same(posenc::make_kerple_table<float>(a, a, range, KerpleKernel::power),
               posenc::make_kerple_table<double>(a, a, range, KerpleKernel::power)));
  REQUIRE(same(posenc::make_sandwich_table<float>(12, 64, range), posenc::make_sandwich_table<double>(12, 64, range)));

  DistanceTable<float> grad(12, range);
  grad.values() = random_matrix<float>(12, range.size(), 50).array();
  DistanceTable<double> grad_in_double(12, range);
  grad_in_double.values() = grad.values().cast<double>();
  Eigen::ArrayXf grad_a = Eigen::ArrayXf::Zero(12);
  Eigen::ArrayXf grad_p = Eigen::ArrayXf::Zero(12);
  Eigen::ArrayXd double_a = Eigen::ArrayXd::Zero(12);
  Eigen::ArrayXd double_p = Eigen::ArrayXd::Zero(12);
  posenc::kerple_backward(grad_a, grad_p, grad, a, a, KerpleKernel::logarithmic);
  posenc::kerple_backward(double_a, double_p, grad_in_double, a, a, KerpleKernel::logarithmic);
  REQUIRE(same_bits(grad_a, double_a.cast<float>()));  // summed in double, rounded once
  REQUIRE(same_bits(grad_p, double_p.cast<float>()));
}
