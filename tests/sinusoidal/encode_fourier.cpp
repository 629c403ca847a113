// SPDX-License-Identifier: MIT
/// Fourier features of coordinates, and their gradients.
#include "posenc/learnable.hpp"
#include "posenc/sinusoidal.hpp"

#include "support/allocations.hpp"
#include "support/catch2.hpp"
#include "support/golden.hpp"
#include "support/matrices.hpp"
#include "support/products.hpp"

#include <cmath>
#include <limits>

using namespace posenc_tests;
using Matrix = RowMatrix<double>;

namespace {

// encode_fourier() promises g (2^-51 + (M + 3) 2^-53 s), s = angle_scale sum |x W|. The directions are at most 2, so
// s <= 2 pi 2 2 for two coordinates in [-1, 1], and 2 pi 7.5 2 for the one at 7.5: 95. The golden program likewise.
constexpr double kAngle = 2 * (0x1p-51 + 5 * 0x1p-53 * 95);

}  // namespace

TEST_CASE("Fourier features of three projects", "[sinusoidal][fourier]") {
  const auto golden = posenc_tests::golden("learnable/fourier.csv");
  const Matrix weights = pattern<double>(2, 5);
  const auto centers = posenc::pixel_centers<double>(2, 3);
  Matrix out(6, 10);
  posenc::encode_fourier(out, centers, weights, posenc::presets::segment_anything_fourier());
  REQUIRE(distance(out, golden.block("segment_anything").matrix()) <= kAngle);
  posenc::encode_fourier(out, centers, weights, posenc::presets::learned_fourier(10));
  REQUIRE(distance(out, golden.block("learned").matrix()) <= kAngle);
  const Eigen::Vector3d times(0.1, 1.0, 7.5);
  posenc::encode_fourier(out.topRows(3), times, weights.topRows(1), posenc::presets::gaussian_fourier());
  REQUIRE(distance(out.topRows(3), golden.block("gaussian").matrix()) <= kAngle);
}

TEST_CASE("Fourier gradients equal PyTorch's", "[sinusoidal][fourier]") {
  const auto golden = posenc_tests::golden("learnable/fourier.csv");
  const Matrix weights = pattern<double>(2, 5);
  const auto centers = posenc::pixel_centers<double>(2, 3);
  Matrix grad_weights = Matrix::Zero(2, 5);
  Matrix grad_centers = Matrix::Zero(6, 2);
  const Matrix upstream = pattern<double>(6, 10, 3);
  const auto options = posenc::presets::segment_anything_fourier();
  posenc::fourier_backward(grad_centers, grad_weights, upstream, centers, weights, options);
  // A bracket is 2 pi (2 + 2) at most and off by 2 pi 4 kAngle; 10 of them weighed by 2 * 2, or 6 weighed by 1.
  constexpr double kGradient = 10 * 4 * 6.3 * 4 * kAngle;
  REQUIRE(distance(grad_centers, golden.block("segment_anything_grad_coordinates").matrix()) <= kGradient);
  REQUIRE(distance(grad_weights, golden.block("segment_anything_grad_weights").matrix()) <= kGradient);
  const Matrix once = grad_weights;
  posenc::fourier_backward(grad_centers, grad_weights, upstream, centers, weights, options);
  REQUIRE(distance(grad_weights, 2 * once) <= kGradient);  // adds
}

TEST_CASE("Fourier gradients agree with central differences in every channel order", "[sinusoidal][fourier]") {
  for (const auto order :
       {posenc::ChannelOrder::interleaved, posenc::ChannelOrder::sin_cos, posenc::ChannelOrder::cos_sin}) {
    posenc::FourierOptions options(order);
    options.angle_scale = 1.3;
    options.coordinate_scale = 0.7;
    options.coordinate_offset = -0.2;
    options.amplitude = 0.5;
    Matrix x(4, 3);
    Matrix weights(3, 18);
    Matrix y(4, 36);
    posenc::fill(x, posenc::Normal(1.0), posenc::Seed(1));
    posenc::fill(weights, posenc::Normal(1.0), posenc::Seed(2));
    posenc::fill(y, posenc::Normal(1.0), posenc::Seed(3));
    const auto loss = [&](const Matrix& at, const Matrix& directions) {
      Matrix out(4, 36);
      posenc::encode_fourier(out, at, directions, options);
      return dot(out, y);
    };
    Matrix grad_weights = Matrix::Zero(3, 18);
    Matrix grad_x = Matrix::Zero(4, 3);
    posenc::fourier_backward(grad_x, grad_weights, y, x, weights, options);
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

TEST_CASE("random Fourier features are those of scikit-learn", "[sinusoidal][fourier][golden]") {
  const auto golden = posenc_tests::golden("sinusoidal/waves.csv");
  for (const char* size : {"0", "1", "2"}) {
    const auto block = [&](const char* name) -> Matrix {
      return golden.block(std::string(name) + "-" + size).matrix();
    };
    const Matrix weights = block("weights"), phases = block("phases"), x = block("x");
    Matrix out(x.rows(), weights.cols());
    posenc::encode_fourier(out, x, weights, phases, posenc::presets::random_fourier(weights.cols()));
    // Both round angles of up to s = sum |x W| + b below 80 in a few steps; printed with 17 digits.
    CHECK(distance(out, block("features")) <= 2 * (0x1p-51 + 6 * 0x1p-53 * 80));
    posenc::encode_fourier(out, x, weights, phases.transpose(), posenc::presets::random_fourier(weights.cols()));
    CHECK(distance(out, block("features")) <= 2 * (0x1p-51 + 6 * 0x1p-53 * 80));
  }
}

TEST_CASE("Time2Vec: a linear channel and sines with phases", "[sinusoidal][fourier]") {
  for (const Eigen::Index width : {2, 17, 40}) {
    const Matrix t = pattern<double>(7, 1, 2), w = pattern<double>(1, width, 5), b = pattern<double>(1, width, 9);
    Matrix out(7, width);
    out.col(0) = (t * w(0, 0)).array() + b(0, 0);
    posenc::encode_fourier(out.rightCols(width - 1), t, w.rightCols(width - 1), b.rightCols(width - 1),
                           posenc::presets::time2vec());
    double worst = 0;
    for (Eigen::Index i = 0; i < 7; ++i) {
      for (Eigen::Index k = 0; k < width; ++k) {
        const long double a = static_cast<long double>(w(0, k)) * t(i, 0) + b(0, k);
        worst = std::max(worst, std::abs(static_cast<double>(out(i, k) - (k == 0 ? a : std::sin(a)))));
      }
    }
    CHECK(worst <= 0x1p-51 + 4 * 0x1p-53 * 6);  // |a| <= 2 2 + 2
  }
}

TEST_CASE("triangle waves are those of their definition", "[sinusoidal][fourier]") {
  // tiny-cuda-nn needs an accelerator to run; this is its definition, whose powers of two and quarters are exact.
  for (const int octaves : {1, 5, 12}) {
    Matrix x(33, 3);
    for (Eigen::Index i = 0; i < x.size(); ++i) x.data()[i] = static_cast<double>(i) / 98;
    Matrix weights = Matrix::Zero(3, 3 * octaves);
    Eigen::RowVectorXd phases(3 * octaves);
    for (int m = 0; m < 3; ++m) {
      for (int l = 0; l < octaves; ++l) {
        weights(m, octaves * m + l) = std::ldexp(0.5, l);
        phases[octaves * m + l] = l * 1.5707963267948966;
      }
    }
    Matrix out(33, 3 * octaves);
    posenc::encode_fourier(out, x, weights, phases, posenc::presets::triangle_waves());
    double worst = 0;
    for (Eigen::Index t = 0; t < 33; ++t) {
      for (Eigen::Index f = 0; f < 3 * octaves; ++f) {
        const int l = static_cast<int>(f) % octaves;
        const double value = std::ldexp(x(t, f / octaves), l - 1) + 0.25 * l;
        worst = std::max(worst, std::abs(out(t, f) - (4 * std::abs(value - std::floor(value) - 0.5) - 1)));
      }
    }
    // Angles of up to 2 pi (2^(l - 1) + l / 4), rounded in five steps; a triangle's slope is 2 / pi.
    CHECK(worst <= 0x1p-51 + 5 * 0x1p-53 * 4 * (std::ldexp(0.5, octaves - 1) + octaves / 4.0));
  }
}

TEST_CASE("gradients of single waves and of phases agree with central differences", "[sinusoidal][fourier]") {
  using posenc::FourierWave;
  const Eigen::Index features = 21;
  Matrix x(4, 3), weights(3, features), phases(1, features);
  posenc::fill(x, posenc::Normal(1.0), posenc::Seed(1));
  posenc::fill(weights, posenc::Normal(1.0), posenc::Seed(2));
  posenc::fill(phases, posenc::Uniform(0, 6), posenc::Seed(3));
  std::vector<posenc::FourierOptions> forms = {posenc::FourierOptions(posenc::ChannelOrder::sin_cos)};
  for (const auto wave : {FourierWave::sine, FourierWave::cosine, FourierWave::triangle}) forms.emplace_back(wave);
  for (posenc::FourierOptions options : forms) {
    options.angle_scale = 1.3;
    options.coordinate_scale = 0.7;
    options.coordinate_offset = -0.2;
    options.amplitude = 0.5;
    const Eigen::Index width = options.wave ? features : 2 * features;
    Matrix y(4, width);
    posenc::fill(y, posenc::Normal(1.0), posenc::Seed(4));
    const auto loss = [&](const Matrix& at, const Matrix& directions, const Matrix& shifts) {
      Matrix out(4, width);
      posenc::encode_fourier(out, at, directions, shifts, options);
      return dot(out, y);
    };
    Matrix grad_x = Matrix::Ones(4, 3), grad_weights = Matrix::Ones(3, features),
           grad_phases = Matrix::Ones(1, features);
    posenc::fourier_backward(grad_x, grad_weights, grad_phases, y, x, weights, phases, options);
    // As above for sines and cosines. No corner of a triangle lies within h of these angles.
    constexpr double h = 0x1p-15;
    constexpr double kDifference = 2e-6;
    const auto check = [&](const Matrix& grad, int which) {
      for (Eigen::Index i = 0; i < grad.size(); ++i) {
        Matrix plus[] = {x, weights, phases}, minus[] = {x, weights, phases};
        plus[which].data()[i] += h;
        minus[which].data()[i] -= h;
        const double slope = (loss(plus[0], plus[1], plus[2]) - loss(minus[0], minus[1], minus[2])) / (2 * h);
        REQUIRE(std::abs(slope - (grad.data()[i] - 1)) <= kDifference);
      }
    };
    check(grad_x, 0);
    check(grad_weights, 1);
    check(grad_phases, 2);
  }
}

TEST_CASE("Fourier features: layouts, scalars and NaN", "[sinusoidal][fourier]") {
  Matrix x(5, 2);
  Matrix weights(2, 20);
  posenc::fill(x, posenc::Uniform(-1, 1), posenc::Seed(1));
  posenc::fill(weights, posenc::Uniform(-2, 2), posenc::Seed(2));
  const auto options = posenc::presets::learned_fourier(40);
  Matrix out(5, 40);
  posenc::encode_fourier(out, x, weights, options);
  REQUIRE(std::abs(out.row(0).squaredNorm() - 0.5) <= 40 * kAngle);  // F (cos^2 + sin^2) / (2 F)
  ColumnMatrix<double> col(5, 40);
  posenc::encode_fourier(col, ColumnMatrix<double>(x), ColumnMatrix<double>(weights), options);
  REQUIRE(col == out);
  Matrix chunk(2, 40);
  posenc::encode_fourier(chunk, x.middleRows(2, 2), weights, options);
  REQUIRE(chunk == out.middleRows(2, 2));
  RowMatrix<float> single(5, 40);
  posenc::encode_fourier(single, x.cast<float>(), weights.cast<float>(), options);
  // Angles of two products below 2 whose factors are off by 2^-24 relative: 4 * 2 * 2^-24; one rounding more.
  REQUIRE(distance(single, out) <= options.amplitude * (8 * 0x1p-24 + 0x1p-24));

  x(1, 0) = std::numeric_limits<double>::quiet_NaN();
  Matrix with_nan(5, 40);
  posenc::encode_fourier(with_nan, x, weights, options);
  REQUIRE(with_nan.row(1).array().isNaN().all());
  REQUIRE(with_nan.row(0) == out.row(0));
  REQUIRE(with_nan.bottomRows(3) == out.bottomRows(3));

  for (const auto wave : {posenc::FourierWave::sine, posenc::FourierWave::triangle}) {
    Matrix grad_x = Matrix::Zero(5, 2), grad_weights = Matrix::Zero(2, 20);
    posenc::fourier_backward(grad_x, grad_weights, Matrix::Ones(5, 20), x, weights, posenc::FourierOptions(wave));
    REQUIRE(grad_x.row(1).array().isNaN().all());
    REQUIRE(grad_x.bottomRows(3).allFinite());
  }
}

TEST_CASE("Fourier features and their gradients allocate nothing", "[sinusoidal][fourier][allocations]") {
  if (posenc_tests::skip_without_allocation_count("allocations of Fourier features")) return;
  RowMatrix<float> features(6, 20);
  const RowMatrix<float> coordinates = pattern<float>(6, 2);
  const RowMatrix<float> weights = pattern<float>(2, 10);
  RowMatrix<float> grad_weights = RowMatrix<float>::Zero(2, 10);
  RowMatrix<float> grad_coordinates = RowMatrix<float>::Zero(6, 2);
  const Eigen::RowVectorXf phases = pattern<float>(1, 10);
  Eigen::RowVectorXf grad_phases = Eigen::RowVectorXf::Zero(10);
  const auto options = posenc::presets::gaussian_fourier();
  REQUIRE(posenc_tests::count_allocations([&] {
            posenc::encode_fourier(features, coordinates, weights, options);
            posenc::fourier_backward(grad_coordinates, grad_weights, features, coordinates, weights, options);
            posenc::encode_fourier(features, coordinates, weights, phases, options);
            posenc::fourier_backward(grad_coordinates, grad_weights, grad_phases, features, coordinates, weights,
                                     phases, options);
          }) == 0);
}

TEST_CASE("a coordinate, direction or gradient that holds a product is computed once", "[sinusoidal][fourier]") {
  const Matrix a = pattern<double>(36, 30);
  const Matrix b = pattern<double>(30, 20, 7);
  const Matrix coordinates = pattern<double>(36, 20);
  const Matrix weights = pattern<double>(20, 10);
  const auto options = posenc::presets::gaussian_fourier();
  const auto encode = [&](const auto& x, const auto& w) {
    Matrix result(36, 20);
    posenc::encode_fourier(result, x, w, options);
    return result;
  };
  posenc_tests::check_computed_once(a, b, [&](const auto& x) { return encode(x, weights); });
  const Matrix c = b.transpose();
  const Matrix d = pattern<double>(30, 10);
  posenc_tests::check_computed_once(c, d, [&](const auto& w) { return encode(coordinates, w); });
  const auto backward = [&](const auto& grad, const auto& x, const auto& w) {
    Matrix result = Matrix::Zero(20 + 36, 20);
    posenc::fourier_backward(result.bottomRows(36), result.topLeftCorner(20, 10), grad, x, w, options);
    return result;
  };
  posenc_tests::check_computed_once(a, b, [&](const auto& grad) { return backward(grad, coordinates, weights); });
  posenc_tests::check_computed_once(a, b, [&](const auto& x) { return backward(coordinates, x, weights); });
  posenc_tests::check_computed_once(c, d, [&](const auto& w) { return backward(coordinates, coordinates, w); });
}
