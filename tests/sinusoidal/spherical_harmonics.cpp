// SPDX-License-Identifier: MIT
/// Spherical harmonics against SciPy and the polynomials of tiny-cuda-nn, and their gradient by differences.
#include "posenc/sinusoidal.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"
#include "support/matrices.hpp"

#include <cmath>
#include <string>

using namespace posenc_tests;
using posenc::HarmonicSign;

namespace {

using Matrix = RowMatrix<double>;
constexpr double kPromised = 0x1p-46;

Matrix harmonics(const Matrix& directions, Eigen::Index degrees, HarmonicSign sign) {
  Matrix out(directions.rows(), degrees * degrees);
  posenc::encode_spherical_harmonics(out, directions, sign);
  return out;
}

}  // namespace

TEST_CASE("spherical harmonics equal SciPy's", "[sinusoidal][harmonics]") {
  const Golden file = golden("sinusoidal/harmonics.csv");
  for (const int degrees : {2, 5, 9}) {
    const Matrix at = file.block("at-" + std::to_string(degrees)).matrix();
    Matrix expected = file.block("row-" + std::to_string(degrees)).matrix();
    // SciPy errs as much: its angles are rounded, and 8 of them are multiplied.
    REQUIRE(distance(harmonics(at, degrees, HarmonicSign::condon_shortley), expected) <= 2 * kPromised);
    for (Eigen::Index l = 0; l < degrees; ++l) {
      for (Eigen::Index m = -l; m <= l; ++m) {
        if (m % 2 != 0) expected.col(l * l + l + m) *= -1;
      }
    }
    REQUIRE(distance(harmonics(at, degrees, HarmonicSign::positive), expected) <= 2 * kPromised);
    REQUIRE(harmonics(4 * at, degrees, HarmonicSign::positive) == harmonics(at, degrees, HarmonicSign::positive));
    Matrix single(at.rows(), degrees * degrees);
    RowMatrix<float> rounded(at.rows(), degrees * degrees);
    posenc::encode_spherical_harmonics(single, at, HarmonicSign::positive);
    posenc::encode_spherical_harmonics(rounded, at, HarmonicSign::positive);
    REQUIRE(rounded == single.cast<float>());
  }
}

TEST_CASE("spherical harmonics of low degree are the printed polynomials", "[sinusoidal][harmonics]") {
  // The constants of tiny-cuda-nn's encoding, of degree 3, for the unit vector (2, 3, 6) / 7.
  const double x = 2.0 / 7, y = 3.0 / 7, z = 6.0 / 7;
  Matrix at(1, 3);
  at << 2, 3, 6;
  Matrix expected(1, 9);
  expected << 0.28209479177387814, -0.48860251190291987 * y, 0.48860251190291987 * z, -0.48860251190291987 * x,
      1.0925484305920792 * x * y, -1.0925484305920792 * y * z, 0.94617469575755997 * z * z - 0.31539156525251999,
      -1.0925484305920792 * x * z, 0.54627421529603959 * (x * x - y * y);
  REQUIRE(distance(harmonics(at, 3, HarmonicSign::condon_shortley), expected) <= kPromised);
}

TEST_CASE("the gradient of spherical harmonics is that of differences, and adds", "[sinusoidal][harmonics]") {
  const Golden file = golden("sinusoidal/harmonics.csv");
  for (const HarmonicSign sign : {HarmonicSign::positive, HarmonicSign::condon_shortley}) {
    Matrix at = file.block("at-9").matrix();
    const Matrix grad_out = pattern<double>(at.rows(), 81);
    const Matrix start = pattern<double>(at.rows(), 3);
    Matrix grad = start;
    posenc::spherical_harmonics_backward(grad, grad_out, at, sign);
    const double step = std::cbrt(0x1p-52);
    for (Eigen::Index token = 0; token < at.rows(); ++token) {
      for (Eigen::Index axis = 0; axis < 3; ++axis) {
        Matrix above = at, below = at;
        above(token, axis) += step;
        below(token, axis) -= step;
        const double difference =
            (dot(harmonics(above, 9, sign), grad_out) - dot(harmonics(below, 9, sign), grad_out)) / (2 * step);
        // Truncation and rounding are both of order eps^(2/3) times f and its third derivative, at most 8^3 of 81
        // terms.
        const double size = 512 * grad_out.row(token).cwiseAbs().sum();
        REQUIRE(std::abs(grad(token, axis) - start(token, axis) - difference) <= std::pow(0x1p-52, 2.0 / 3) * size);
      }
    }
    REQUIRE((grad - start).norm() > 1);
  }
}

TEST_CASE("spherical harmonics do not depend on the length of a direction", "[sinusoidal][harmonics]") {
  const Matrix ones = harmonics(Matrix::Ones(1, 3), 9, HarmonicSign::positive);
  for (const double length : {0x1p-1074, 0x1p-1030, 0x1p1022}) {
    REQUIRE((harmonics(Matrix::Constant(1, 3, length), 9, HarmonicSign::positive) - ones).cwiseAbs().maxCoeff() <=
            0x1p-46);
  }
}
