// SPDX-License-Identifier: MIT
/// Learned frequencies: tables against the formula, and the gradient that trains them.
#include "support/rotations.hpp"

using namespace posenc_tests;
using posenc::apply_rope;
using posenc::RopeLayout;

namespace {

constexpr Index kHeadDim = 40;  // 20 pairs: a whole block and a part
constexpr Index kPairs = kHeadDim / 2;
constexpr Index kTokens = 9;

Eigen::MatrixXd positions() { return posenc::grid_positions({3, 3}).cast<double>() * 1.25; }
Eigen::MatrixXd frequencies() { return Noise(1).matrix<double>(2, kPairs); }

/// sum(c * rope(x))
double loss(const Eigen::MatrixXd& f, const RowMatrix<double>& x, const RowMatrix<double>& c,
            const RopeLayout& layout) {
  RowMatrix<double> y = x;
  apply_rope(y, posenc::make_mixed_table<double>(f, positions()), layout);
  return y.cwiseProduct(c).sum();
}

}  // namespace

TEST_CASE("a mixed table rotates by the sum over axes", "[rope][mixed]") {
  const Eigen::MatrixXd f = frequencies();
  const Eigen::MatrixXd p = positions();
  double worst = 0;
  for (const auto storage :
       {posenc::CosSinStorage::cos_sin, posenc::CosSinStorage::paired, posenc::CosSinStorage::repeated}) {
    const auto table = posenc::make_mixed_table<double>(f, p, {storage});
    for (Index token = 0; token < kTokens; ++token) {
      for (Index j = 0; j < kPairs; ++j) {
        const Wide x = static_cast<Wide>(p(token, 0)) * static_cast<Wide>(f(0, j));
        const Wide y = static_cast<Wide>(p(token, 1)) * static_cast<Wide>(f(1, j));
        const double bound = 0x1p-51 + 2 * 0x1p-52 * static_cast<double>(std::abs(x) + std::abs(y));
        worst = std::max(worst, std::abs(static_cast<double>(table.cos()(token, j) - std::cos(x + y))) / bound);
        worst = std::max(worst, std::abs(static_cast<double>(table.sin()(token, j) - std::sin(x + y))) / bound);
      }
    }
  }
  CHECK(worst <= 1);
  // One row of frequencies, integer positions: a learned 1-D RoPE.
  const auto one = posenc::make_mixed_table<double>(f.row(0), Eigen::Vector3i(0, 1, 7));
  CHECK(one.rows() == 3);
  CHECK(std::abs(one.sin()(2, 0) - std::sin(7 * f(0, 0))) <= 16 * 0x1p-52);
}

TEST_CASE("frequencies start in the directions of the paper", "[rope][mixed]") {
  const Eigen::Array2Xd f = posenc::initial_mixed_frequencies(16, 10, 0.7);
  REQUIRE(f.cols() == 8);
  for (int i = 0; i < 4; ++i) {
    const double size = std::pow(10.0, -4.0 * i / 16);
    CHECK(std::abs(f(0, i) - size * std::cos(0.7)) <= 4e-16);
    CHECK(std::abs(f(1, i) - size * std::sin(0.7)) <= 4e-16);
    CHECK(std::abs(f(0, 4 + i) - size * std::cos(0.7 + 1.5707963267948966)) <= 4e-16);
    CHECK(std::abs(f(1, 4 + i) - size * std::sin(0.7 + 1.5707963267948966)) <= 4e-16);
  }
}

TEST_CASE("the gradient of learned frequencies meets central differences", "[rope][mixed][gradient]") {
  const Index heads = 3;
  for (const RopeLayout& layout :
       {RopeLayout::half_split(kHeadDim), RopeLayout::interleaved(kHeadDim + 5).window(3, kHeadDim)}) {
    const auto x = Noise(2).matrix<double>(kTokens, heads * layout.head_dim());
    const auto c = Noise(3).matrix<double>(kTokens, heads * layout.head_dim());
    const Eigen::MatrixXd f = frequencies();
    RowMatrix<double> y = x;
    apply_rope(y, posenc::make_mixed_table<double>(f, positions()), layout);
    Eigen::MatrixXd grad = Eigen::MatrixXd::Constant(2, kPairs, 0.5);  // added to
    posenc::mixed_table_backward(grad, c, y, positions(), layout);

    constexpr double step = 1e-5;
    for (Index axis = 0; axis < 2; ++axis) {
      for (Index j = 0; j < kPairs; ++j) {
        Eigen::MatrixXd up = f, down = f;
        up(axis, j) += step;
        down(axis, j) -= step;
        const double slope = (loss(up, x, c, layout) - loss(down, x, c, layout)) / (2 * step);
        // The third derivative is at most sum |position|^3 4 per head and token: 9 3 4 2.5^3 = 1700; / 6 step^2.
        // Rounding: two sums of some 100 terms of 4, 2^-46, over 2 step.
        CHECK(std::abs(grad(axis, j) - 0.5 - slope) <= 1700.0 / 6 * step * step + 0x1p-44 / (2 * step));
      }
    }
    RowMatrix<float> in_float = RowMatrix<float>::Zero(2, kPairs);  // row-major, rounded once
    posenc::mixed_table_backward(in_float, c, y, positions(), layout);
    CHECK((in_float.cast<double>() - (grad.array() - 0.5).matrix()).cwiseAbs().maxCoeff() <=
          0x1p-23 * grad.cwiseAbs().maxCoeff());
  }
}
