// SPDX-License-Identifier: MIT
/// @file
/// The waves of Fourier features at a block of angles, and their derivatives.
#ifndef POSENC_SINUSOIDAL_DETAIL_FOURIER_WAVES_HPP
#define POSENC_SINUSOIDAL_DETAIL_FOURIER_WAVES_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/detail/sin_cos.hpp"
#include "posenc/detail/weighted_angles.hpp"
#include "posenc/sinusoidal/fourier_options.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Fourier features whose angles have no phase.
struct NoFourierPhases {};

/// A phase for each direction.
template <typename Phases>
struct FourierPhases {
  const Phases& values;

  double operator[](Eigen::Index f) const {
    return static_cast<double>(values.rows() == 1 ? values.coeff(0, f) : values.coeff(f, 0));
  }
};

/// The angles of one block of directions of a token, with a wave of them and its derivative.
struct FourierBlock {
  alignas(64) double angle[kAngleBlock];
  alignas(64) double cosine[kAngleBlock];
  alignas(64) double sine[kAngleBlock];

  /// Fills `cosine` and `sine` for directions first + i, i < count. Where the wave is a triangle, `cosine` is that and
  /// `sine` minus its derivative, as for a cosine.
  template <typename Coordinate, typename Weights, typename Phases>
  void compute(Eigen::Index token, Eigen::Index first, int count, const Coordinate& coordinate, const Weights& weights,
               const Phases& phases, const FourierOptions& options) {
    double largest = weighted_angles(token, first, count, coordinate, weights, options.angle_scale, angle);
    if constexpr (!std::is_same_v<Phases, NoFourierPhases>) {
      largest = 0;
      for (int i = 0; i < count; ++i) {
        angle[i] += phases[first + i];
        largest = (std::max)(largest, std::abs(angle[i]));
      }
    }
    if (options.wave != FourierWave::triangle) return sin_cos(angle, largest, 1.0, kAngleBlock, cosine, sine);
    constexpr double circle = 6.283185307179586;
    constexpr double slope = 0.63661977236758134;  // 2 / pi
    for (int i = 0; i < count; ++i) {
      const double periods = angle[i] / circle;
      const double within = periods - std::floor(periods);
      cosine[i] = 4 * std::abs(within - 0.5) - 1;
      sine[i] = within < 0.5 ? slope : within >= 0.5 ? -slope : within;  // NaN stays
    }
  }

  /// dL/dangle over the amplitude: of one wave, whose gradient is `by_wave`.
  double gradient(FourierWave wave, int i, double by_wave) const {
    return wave == FourierWave::sine ? by_wave * cosine[i] : -by_wave * sine[i];
  }
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_DETAIL_FOURIER_WAVES_HPP
