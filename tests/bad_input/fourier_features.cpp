// SPDX-License-Identifier: MIT
#include "bad_input/tables.hpp"

#include "posenc/sinusoidal.hpp"

namespace {

using posenc_tests::BadInputs;
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Six tokens of 8 channels.
struct Fixture {
  Matrix x = Matrix::Constant(6, 8, 1.5f);

  std::string written() const { return posenc_tests::bytes_of(x); }
};

}  // namespace

std::vector<posenc_tests::BadInputCase> posenc_tests::bad_fourier_features() {
  using F = Fixture;
  BadInputs<F> bad("fourier");

  const auto options = posenc::presets::gaussian_fourier();
  bad.value("encode_fourier: weights.rows() must be coordinates.cols() 2, got 3",
            [=](F& f) { posenc::encode_fourier(f.x, Matrix(6, 2), Matrix(3, 4), options); });
  bad.value("encode_fourier: out.cols() must be 2 * weights.cols() 6, got 8",
            [=](F& f) { posenc::encode_fourier(f.x, Matrix(6, 2), Matrix(2, 3), options); });
  bad.value("encode_fourier: options.angle_scale must be finite, got nan", [=](F& f) {
    auto changed = options;
    changed.angle_scale = kNan;
    posenc::encode_fourier(f.x, Matrix(6, 2), Matrix(2, 4), changed);
  });
  bad.value("encode_fourier: out must be disjoint from what is read, got overlapping memory",
            [=](F& f) { posenc::encode_fourier(f.x, f.x(Eigen::all, Eigen::seq(1, 2)), Matrix(2, 4), options); });
  bad.value("fourier_backward: grad_weights.cols() must be 4, got 3", [=](F& f) {
    Matrix grad_weights(2, 3);
    posenc::fourier_backward(f.x.leftCols(2), grad_weights, Matrix(6, 8), Matrix(6, 2), Matrix(2, 4), options);
  });
  bad.value("gradients in each other's place", "fourier_backward: grad_coordinates.rows() must be 6, got 2", [=](F& f) {
    Matrix grad_weights(2, 4);
    posenc::fourier_backward(grad_weights, f.x.leftCols(2), Matrix(6, 8), Matrix(6, 2), Matrix(2, 4), options);
  });
  bad.value("presets::learned_fourier: num_features must be > 0, got 0",
            [](F&) { posenc::presets::learned_fourier(0); });
  bad.value("pixel_centers: width must be >= 0, got -2", [](F&) { posenc::pixel_centers<float>(3, -2); });
  return bad.cases();
}
