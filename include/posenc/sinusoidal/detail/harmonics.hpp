// SPDX-License-Identifier: MIT
/// @file
/// The real spherical harmonics of one direction, and their gradient.
#ifndef POSENC_SINUSOIDAL_DETAIL_HARMONICS_HPP
#define POSENC_SINUSOIDAL_DETAIL_HARMONICS_HPP

#include "posenc/detail/check.hpp"
#include "posenc/detail/eigen.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline constexpr Eigen::Index kMaxHarmonics = 9;  // degrees l = 0, ..., 8

/// A direction of length 1, and the length that it had.
struct UnitVector {
  double x, y, z, length;
};

/// The direction of row `token`, found without overflow. Its length is 0 or not finite where the row has no direction.
template <typename Directions>
UnitVector unit_vector(const Directions& directions, Eigen::Index token) {
  const double x = static_cast<double>(directions.coeff(token, 0));
  const double y = static_cast<double>(directions.coeff(token, 1));
  const double z = static_cast<double>(directions.coeff(token, 2));
  const double largest = (std::max)({std::abs(x), std::abs(y), std::abs(z)});
  if (largest == 0) return {0, 0, 0, 0};
  const double a = x / largest, b = y / largest, c = z / largest;  // the length of a subnormal direction has few digits
  const double length = std::sqrt(a * a + b * b + c * c);
  return {a / length, b / length, c / length, length * largest};
}

/// Calls use(channel, value, d/dx, d/dy, d/dz) for each harmonic of degree l < degrees and order m; its channel is
/// l^2 + l + m. The derivatives are those of polynomials that equal the harmonics on the unit sphere.
///
/// Y(l, m) = q(l, |m|)(z) r(m), where r is the real (m >= 0) or imaginary part of (x + i y)^|m|, and
/// q(l, m) = a (z q(l - 1, m) - b q(l - 2, m)) with a^2 = (4 l^2 - 1) / (l^2 - m^2) and b = 1 / the a before.
template <typename Use>
void for_each_harmonic(const UnitVector& n, Eigen::Index degrees, bool alternating, const Use& use) {
  double real = 1, imaginary = 0;              // of (x + i y)^m
  double real_below = 0, imaginary_below = 0;  // of (x + i y)^(m - 1), times m
  double diagonal = 0.28209479177387814;       // q(m, m): sqrt(1 / (4 pi)) at m = 0
  for (Eigen::Index m = 0; m < degrees; ++m) {
    const double order = static_cast<double>(m);
    const double sign = alternating && m % 2 != 0 ? -1 : 1;
    const double factor = sign * (m == 0 ? 1 : 1.4142135623730951);
    double q = diagonal, q_before = 0, slope = 0, slope_before = 0, b = 0;
    for (Eigen::Index l = m; l < degrees; ++l) {
      if (l > m) {
        const double degree = static_cast<double>(l);
        const double a = std::sqrt((4 * degree * degree - 1) / (degree * degree - order * order));
        const double q_next = a * (n.z * q - b * q_before);
        const double slope_next = a * (q + n.z * slope - b * slope_before);
        q_before = q;
        q = q_next;
        slope_before = slope;
        slope = slope_next;
        b = 1 / a;
      }
      const double scaled = factor * q, steep = factor * slope;
      const Eigen::Index center = l * l + l;
      use(center + m, scaled * real, scaled * real_below, -scaled * imaginary_below, steep * real);
      if (m > 0) {
        use(center - m, scaled * imaginary, scaled * imaginary_below, scaled * real_below, steep * imaginary);
      }
    }
    real_below = (order + 1) * real;
    imaginary_below = (order + 1) * imaginary;
    const double next = real * n.x - imaginary * n.y;
    imaginary = real * n.y + imaginary * n.x;
    real = next;
    diagonal *= std::sqrt((2 * order + 3) / (2 * order + 2));
  }
}

/// Refuses directions that are not tokens x 3 or have no direction, and features (or their gradient) whose number of
/// columns is not a square. Returns the number of degrees, the root of that square.
template <typename Features, typename Directions>
Eigen::Index require_harmonics(const char* function, const char* features_name,
                               const Eigen::DenseBase<Features>& features,
                               const Eigen::DenseBase<Directions>& directions) {
  static_assert(is_storage<typename Directions::Scalar>,
                "posenc: directions are float, double, Eigen::half or Eigen::bfloat16");
  const std::string name = features_name;
  require(directions.cols() == 3, function, "directions.cols()", directions.cols(), "3 (x, y, z)");
  if (features.rows() != directions.rows()) {
    refuse<std::invalid_argument>(function, name + ".rows()", features.rows(), "directions.rows() ", directions.rows());
  }
  Eigen::Index degrees = 1;
  while (degrees < kMaxHarmonics && degrees * degrees < features.cols()) ++degrees;
  if (degrees * degrees != features.cols()) {
    refuse<std::invalid_argument>(function, name + ".cols()", features.cols(),
                                  "the square of the number of degrees, 1, 4, 9, ... 81");
  }
  require_data(function, features_name, features);
  require_data(function, "directions", directions);
  const auto& all = evaluated(directions);
  for (Eigen::Index token = 0; token < all.rows(); ++token) {
    for (Eigen::Index axis = 0; axis < 3; ++axis) {
      const double value = static_cast<double>(all.coeff(token, axis));
      if (is_finite(value)) continue;
      refuse<std::invalid_argument>(function, "directions(" + std::to_string(token) + ", " + std::to_string(axis) + ")",
                                    value, "finite");
    }
    const double length = unit_vector(all, token).length;
    if (is_finite(length) && length > 0) continue;
    refuse<std::invalid_argument>(function, "directions.row(" + std::to_string(token) + ").norm()", length,
                                  "finite and > 0");
  }
  return degrees;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_DETAIL_HARMONICS_HPP
