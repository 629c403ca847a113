// SPDX-License-Identifier: MIT
#include "relative_bias/scheme_support.hpp"
#include "support/data.hpp"
#include "support/golden.hpp"

using namespace posenc_tests;
using posenc::AlibiForm;
using posenc::AttentionSpan;
using posenc::DistanceRange;

TEST_CASE("ALiBi slopes equal the golden files, and MPT's and ggml's formulas for 1 to 128 heads",
          "[relative_bias][alibi][accuracy]") {
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

TEST_CASE("ALiBi: causal, symmetric, and one slope for each side; slope 0 switches a head off",
          "[relative_bias][alibi][accuracy]") {
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

TEST_CASE("ALiBi peers: CTranslate2 and keras-hub", "[relative_bias][alibi][accuracy]") {
  if (skip_without_data("ALiBi peers")) return;
  const RowMatrixXd ct2 = read_csv(data_dir() + "/peers/ct2_alibi_h4_q2_k5/expected.csv");
  const AttentionSpan span = AttentionSpan::cached(2, 5);
  const auto table = posenc::make_alibi_table<double>(posenc::alibi_slopes(4), span.distances(), AlibiForm::causal);
  for (Index h = 0; h < 4; ++h) {
    MatrixD bias = MatrixD::Zero(2, 5);
    posenc::add_distance_bias(bias, table.head(h), span);
    // The peer counts from the last key for every query; this differs by a constant of each row.
    for (Index i = 0; i < 2; ++i) {
      for (Index j = 0; j < 5; ++j) REQUIRE(bias(i, j) - bias(i, 4) == ct2(2 * h + i, j));
    }
  }
  const RowMatrixXd positive = read_csv(data_dir() + "/peers/ct2_alibi_h4_q2_k5/expected_positive.csv");
  constexpr double kFourDecimals = 0.5e-4 + 1e-12;
  for (Index h = 0; h < 4; ++h) {
    MatrixD bias = MatrixD::Zero(2, 5);
    posenc::add_distance_bias(bias, table.head(h), span);
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

TEST_CASE("ALiBi: gradients of the slopes are those of a linear map", "[relative_bias][alibi][accuracy]") {
  const DistanceRange range{-6, 9};
  const auto grad = random_gradient(4, range);
  const MatrixD slopes = random_matrix(2, 2, 20);  // a list of four in a matrix
  const MatrixD other = random_matrix(4, 1, 21);
  for (const AlibiForm form : {AlibiForm::causal, AlibiForm::symmetric}) {
    MatrixD gradient = MatrixD::Zero(2, 2);
    posenc::alibi_table_backward(gradient, grad, form);
    const auto table = posenc::make_alibi_table<double>(slopes, range, form);
    require_adjoint(loss(table, grad), dot(slopes, gradient), absolute_dot(table.values(), grad.values()));
    RowMatrix<float> row = RowMatrix<float>::Zero(1, 4);
    posenc::alibi_table_backward(row, grad, form);
    for (Index h = 0; h < 4; ++h) REQUIRE(row(0, h) == static_cast<float>(gradient(h % 2, h / 2)));
  }
  MatrixD left = MatrixD::Zero(4, 1);
  MatrixD right = MatrixD::Zero(2, 2);
  posenc::alibi_table_backward(left, right, grad);
  const auto table = posenc::make_alibi_table<double>(other, slopes, range);
  require_adjoint(loss(table, grad), dot(other, left) + dot(slopes, right),
                  absolute_dot(table.values(), grad.values()));
}
