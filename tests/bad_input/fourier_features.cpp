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

  // Spherical harmonics
  using posenc::HarmonicSign;
  bad.value(
      "encode_spherical_harmonics: out.cols() must be the square of the number of degrees, 1, 4, 9, ... 81, got 8",
      [](F& f) { posenc::encode_spherical_harmonics(f.x, Matrix::Ones(6, 3), HarmonicSign::positive); });
  bad.value("encode_spherical_harmonics: directions.cols() must be 3 (x, y, z), got 2", [](F& f) {
    posenc::encode_spherical_harmonics(f.x.leftCols(4), Matrix::Ones(6, 2), HarmonicSign::positive);
  });
  bad.value("encode_spherical_harmonics: out.rows() must be directions.rows() 5, got 6", [](F& f) {
    posenc::encode_spherical_harmonics(f.x.leftCols(4), Matrix::Ones(5, 3), HarmonicSign::positive);
  });
  bad.value("encode_spherical_harmonics: directions.row(2).norm() must be finite and > 0, got 0", [](F& f) {
    Matrix directions = Matrix::Ones(6, 3);
    directions.row(2).setZero();
    posenc::encode_spherical_harmonics(f.x.leftCols(4), directions, HarmonicSign::positive);
  });
  bad.value("a direction without an end", "encode_spherical_harmonics: directions(1, 1) must be finite, got -inf",
            [](F& f) {
              Matrix directions = Matrix::Ones(6, 3);
              directions(1, 1) = -static_cast<float>(kInfinity);
              posenc::encode_spherical_harmonics(f.x.leftCols(4), directions, HarmonicSign::positive);
            });
  bad.value("encode_spherical_harmonics: sign must be one of its enumerators, got 2", [](F& f) {
    posenc::encode_spherical_harmonics(f.x.leftCols(4), Matrix::Ones(6, 3), static_cast<HarmonicSign>(2));
  });
  bad.value("harmonics of what they overwrite",
            "encode_spherical_harmonics: out must be disjoint from what is read, got overlapping memory", [](F& f) {
              posenc::encode_spherical_harmonics(f.x.leftCols(4), f.x.middleCols(2, 3), HarmonicSign::positive);
            });
  bad.value("spherical_harmonics_backward: grad_directions.cols() must be 3, got 4", [](F& f) {
    posenc::spherical_harmonics_backward(f.x.leftCols(4), Matrix::Ones(6, 9), Matrix::Ones(6, 3),
                                         HarmonicSign::positive);
  });
  return bad.cases();
}
