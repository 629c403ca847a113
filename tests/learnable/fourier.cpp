// SPDX-License-Identifier: MIT
/// Fourier features of coordinates, and their gradients.
#include "posenc/learnable.hpp"
#include "posenc/sinusoidal.hpp"

#include "learnable/support.hpp"
#include "support/catch2.hpp"
#include "support/golden.hpp"

#include <cmath>
#include <limits>

using namespace learnable_tests;
using Matrix = RowMatrix<double>;

namespace {

// encode_fourier() promises g (2^-51 + (M + 3) 2^-53 s), s = angle_scale sum |x W|. The directions are at most 2, so
// s <= 2 pi 2 2 for two coordinates in [-1, 1], and 2 pi 7.5 2 for the one at 7.5: 95. The golden program likewise.
constexpr double kAngle = 2 * (0x1p-51 + 5 * 0x1p-53 * 95);

}  // namespace

TEST_CASE("Fourier features of three projects", "[learnable]") {
  const auto golden = posenc_tests::golden("learnable/fourier.csv");
  const Matrix weights = pattern<double>(2, 5);
  const auto centres = posenc::make_pixel_centres<double>(2, 3);
  Matrix out(6, 10);
  posenc::encode_fourier(out, centres, weights, posenc::segment_anything_fourier_options());
  REQUIRE(max_difference(out, golden.block("segment_anything").matrix()) <= kAngle);
  posenc::encode_fourier(out, centres, weights, posenc::learned_fourier_options(10));
  REQUIRE(max_difference(out, golden.block("learned").matrix()) <= kAngle);
  const Eigen::Vector3d times(0.1, 1.0, 7.5);
  posenc::encode_fourier(out.topRows(3), times, weights.topRows(1), posenc::gaussian_fourier_options());
  REQUIRE(max_difference(out.topRows(3), golden.block("gaussian").matrix()) <= kAngle);
}

TEST_CASE("Fourier gradients equal PyTorch's", "[learnable]") {
  const auto golden = posenc_tests::golden("learnable/fourier.csv");
  const Matrix weights = pattern<double>(2, 5);
  const auto centres = posenc::make_pixel_centres<double>(2, 3);
  Matrix grad_weights = Matrix::Zero(2, 5);
  Matrix grad_centres = Matrix::Zero(6, 2);
  const Matrix upstream = pattern<double>(6, 10, 3);
  const auto options = posenc::segment_anything_fourier_options();
  posenc::fourier_backward(grad_weights, grad_centres, upstream, centres, weights, options);
  // A bracket is 2 pi (2 + 2) at most and off by 2 pi 4 kAngle; 10 of them weighed by 2 * 2, or 6 weighed by 1.
  constexpr double kGradient = 10 * 4 * 6.3 * 4 * kAngle;
  REQUIRE(max_difference(grad_centres, golden.block("segment_anything_grad_coordinates").matrix()) <= kGradient);
  REQUIRE(max_difference(grad_weights, golden.block("segment_anything_grad_weights").matrix()) <= kGradient);
  const Matrix once = grad_weights;
  posenc::fourier_backward(grad_weights, grad_centres, upstream, centres, weights, options);
  REQUIRE(max_difference(grad_weights, 2 * once) <= kGradient);  // adds
}

TEST_CASE("Fourier gradients agree with central differences in every channel order", "[learnable]") {
  for (const auto order :
       {posenc::ChannelOrder::interleaved, posenc::ChannelOrder::sin_cos, posenc::ChannelOrder::cos_sin}) {
    const posenc::FourierOptions options{order, 1.3, 0.7, -0.2, 0.5};
    Matrix x(4, 3);
    Matrix weights(3, 18);
    Matrix y(4, 36);
    posenc::fill_normal(x, 1, 1.0);
    posenc::fill_normal(weights, 2, 1.0);
    posenc::fill_normal(y, 3, 1.0);
    const auto loss = [&](const Matrix& at, const Matrix& directions) {
      Matrix out(4, 36);
      posenc::encode_fourier(out, at, directions, options);
      return dot(out, y);
    };
    Matrix grad_weights = Matrix::Zero(3, 18);
    Matrix grad_x = Matrix::Zero(4, 3);
    posenc::fourier_backward(grad_weights, grad_x, y, x, weights, options);
    // Truncation: h^2/6 times a third derivative below 0.5 (1.3 * 4)^3 * 36 summands of 3: 1e-2 h^2 1e6 / 6;
    // rounding: a loss below 100, 100 * 2^-52 * 8 / h. Their sum at h = 2^-15 is below 2e-6.
    constexpr double h = 0x1p-15;
    constexpr double kDifference = 2e-6;
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      Matrix plus = x;
      Matrix minus = x;
      plus.data()[i] += h;
      minus.data()[i] -= h;
      REQUIRE(std::abs((loss(plus, weights) - loss(minus, weights)) / (2 * h) - grad_x.data()[i]) <= kDifference);
    }
    for (Eigen::Index i = 0; i < weights.size(); ++i) {
      Matrix plus = weights;
      Matrix minus = weights;
      plus.data()[i] += h;
      minus.data()[i] -= h;
      REQUIRE(std::abs((loss(x, plus) - loss(x, minus)) / (2 * h) - grad_weights.data()[i]) <= kDifference);
    }
  }
}

TEST_CASE("Fourier features: layouts, scalars and NaN", "[learnable]") {
  Matrix x(5, 2);
  Matrix weights(2, 20);
  posenc::fill_uniform(x, 1, -1, 1);
  posenc::fill_uniform(weights, 2, -2, 2);
  const auto options = posenc::learned_fourier_options(40);
  Matrix out(5, 40);
  posenc::encode_fourier(out, x, weights, options);
  REQUIRE(std::abs(out.row(0).squaredNorm() - 0.5) <= 40 * kAngle);  // F (cos^2 + sin^2) / (2 F)
  ColMatrix<double> col(5, 40);
  posenc::encode_fourier(col, ColMatrix<double>(x), ColMatrix<double>(weights), options);
  REQUIRE(col == out);
  Matrix chunk(2, 40);
  posenc::encode_fourier(chunk, x.middleRows(2, 2), weights, options);
  REQUIRE(chunk == out.middleRows(2, 2));
  RowMatrix<float> single(5, 40);
  posenc::encode_fourier(single, x.cast<float>(), weights.cast<float>(), options);
  // Angles of two products below 2 whose factors are off by 2^-24 relative: 4 * 2 * 2^-24; one rounding more.
  REQUIRE(max_difference(single, out) <= options.amplitude * (8 * 0x1p-24 + 0x1p-24));

  x(1, 0) = std::numeric_limits<double>::quiet_NaN();
  Matrix with_nan(5, 40);
  posenc::encode_fourier(with_nan, x, weights, options);
  REQUIRE(with_nan.row(1).array().isNaN().all());
  REQUIRE(with_nan.row(0) == out.row(0));
  REQUIRE(with_nan.bottomRows(3) == out.bottomRows(3));
}
