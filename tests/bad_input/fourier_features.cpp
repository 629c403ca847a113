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

  bad.value("encode_fourier: weights.rows() must be coordinates.cols() 2, got 3",
            [](F& f) { posenc::encode_fourier(f.x, Matrix(6, 2), Matrix(3, 4), {}); });
  bad.value("encode_fourier: out.cols() must be 2 * weights.cols() 6, got 8",
            [](F& f) { posenc::encode_fourier(f.x, Matrix(6, 2), Matrix(2, 3), {}); });
  bad.value("encode_fourier: angle_scale must be finite, got nan", [](F& f) {
    posenc::encode_fourier(f.x, Matrix(6, 2), Matrix(2, 4), {posenc::ChannelOrder::sin_cos, kNan, 1, 0, 1});
  });
  bad.value("fourier_backward: grad_weights.cols() must be 4, got 3", [](F& f) {
    Matrix grad_weights(2, 3);
    posenc::fourier_backward(grad_weights, f.x, Matrix(6, 8), Matrix(6, 2), Matrix(2, 4), {});
  });
  bad.value("learned_fourier_options: num_features must be > 0, got 0", [](F&) { posenc::learned_fourier_options(0); });
  bad.value("make_pixel_centres: width must be >= 0, got -2", [](F&) { posenc::make_pixel_centres<float>(3, -2); });
  return bad.cases();
}
