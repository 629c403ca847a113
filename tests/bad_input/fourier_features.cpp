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

  // Phases and single waves
  using posenc::FourierOptions;
  using posenc::FourierWave;
  bad.value("encode_fourier: phases.size() must be weights.cols() 4, got 3",
            [=](F& f) { posenc::encode_fourier(f.x, Matrix(6, 2), Matrix(2, 4), Eigen::RowVectorXf(3), options); });
  bad.value("encode_fourier: phases.cols() must be 1: a vector with a phase for each direction, got 2",
            [=](F& f) { posenc::encode_fourier(f.x, Matrix(6, 2), Matrix(2, 4), Matrix(2, 2), options); });
  bad.value("phases in the features", "encode_fourier: out must be disjoint from what is read, got overlapping memory",
            [=](F& f) { posenc::encode_fourier(f.x, Matrix(6, 2), Matrix(2, 4), f.x.row(0).head(4), options); });
  bad.value("a single wave in two columns", "encode_fourier: out.cols() must be weights.cols() 4, got 8",
            [](F& f) { posenc::encode_fourier(f.x, Matrix(6, 2), Matrix(2, 4), FourierOptions(FourierWave::cosine)); });
  bad.value("encode_fourier: options.wave must be one of its enumerators, got 3", [](F& f) {
    posenc::encode_fourier(f.x, Matrix(6, 2), Matrix(2, 8), FourierOptions(static_cast<FourierWave>(3)));
  });
  bad.value("fourier_backward: grad_phases.cols() must be 4, got 3", [=](F& f) {
    Matrix grad_weights(2, 4), grad_phases(1, 3);
    posenc::fourier_backward(f.x.leftCols(2), grad_weights, grad_phases, Matrix(6, 8), Matrix(6, 2), Matrix(2, 4),
                             Matrix(1, 4), options);
  });
  bad.value("phases of no coordinates", "fourier_backward: coordinates.cols() must be > 0, got 0", [=](F& f) {
    Matrix grad_weights(0, 4), grad_phases(1, 4);
    posenc::fourier_backward(f.x.leftCols(0), grad_weights, grad_phases, Matrix(6, 8), Matrix(6, 0), Matrix(0, 4),
                             Matrix(1, 4), options);
  });
  bad.value("one gradient for weights and phases",
            "fourier_backward: grad_phases must be disjoint from what is read, got overlapping memory", [=](F& f) {
              Matrix gradients(1, 4);
              posenc::fourier_backward(f.x.leftCols(1), gradients, gradients, Matrix(6, 8), Matrix(6, 1), Matrix(1, 4),
                                       Matrix(1, 4), options);
            });
  bad.value("presets::random_fourier: num_features must be > 0, got 0", [](F&) { posenc::presets::random_fourier(0); });

  // One-blob codes
  using posenc::BlobEdges;
  bad.value("encode_one_blob: out.cols() must be a positive multiple of coordinates.cols() 3, got 8",
            [](F& f) { posenc::encode_one_blob(f.x, Matrix(6, 3), BlobEdges::wrap); });
  bad.value("encode_one_blob: out.rows() must be coordinates.rows() 5, got 6",
            [](F& f) { posenc::encode_one_blob(f.x, Matrix(5, 2), BlobEdges::wrap); });
  bad.value("encode_one_blob: coordinates.cols() must be > 0, got 0",
            [](F& f) { posenc::encode_one_blob(f.x, Matrix(6, 0), BlobEdges::wrap); });
  bad.value("encode_one_blob: edges must be one of its enumerators, got 2",
            [](F& f) { posenc::encode_one_blob(f.x, Matrix(6, 2), static_cast<BlobEdges>(2)); });
  bad.value("encode_one_blob: out must be disjoint from what is read, got overlapping memory",
            [](F& f) { posenc::encode_one_blob(f.x, f.x.leftCols(2), BlobEdges::cut); });
  bad.value("one_blob_backward: grad_coordinates.cols() must be 2, got 8",
            [](F& f) { posenc::one_blob_backward(f.x, Matrix(6, 8), Matrix(6, 2), BlobEdges::cut); });
  bad.value("one_blob_backward: grad_out.cols() must be a positive multiple of coordinates.cols() 2, got 7",
            [](F& f) { posenc::one_blob_backward(f.x.leftCols(2), Matrix(6, 7), Matrix(6, 2), BlobEdges::cut); });
  bad.value("one_blob_backward: grad_coordinates must be disjoint from what is read, got overlapping memory",
            [](F& f) { posenc::one_blob_backward(f.x.leftCols(2), f.x, Matrix(6, 2), BlobEdges::cut); });

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
