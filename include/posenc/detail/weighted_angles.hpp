// SPDX-License-Identifier: MIT
/// @file
/// Angles that are sums over several coordinates, angle(t, f) = scale * sum over m of x(t, m) W(m, f), and the gradient
/// by W. Fourier features and mixed RoPE frequencies are both of this kind.
#ifndef POSENC_DETAIL_WEIGHTED_ANGLES_HPP
#define POSENC_DETAIL_WEIGHTED_ANGLES_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/detail/sin_cos.hpp"

#include <algorithm>
#include <cmath>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// angle[i] = angle(token, first + i) for i < count <= kAngleBlock, in double; the rest of the block is 0. Returns the
/// largest size of one.
///
/// @param coordinate  coordinate(token, m) is x(token, m) as a double.
/// @param weights     W, coordinates x angles.
template <typename Coordinate, typename Weights>
double weighted_angles(Eigen::Index token, Eigen::Index first, int count, const Coordinate& coordinate,
                       const Weights& weights, double scale, double* angle) {
  std::fill_n(angle, kAngleBlock, 0.0);
  for (Eigen::Index m = 0; m < weights.rows(); ++m) {
    const double x = coordinate(token, m);
    for (int i = 0; i < count; ++i) angle[i] += x * static_cast<double>(weights.coeff(m, first + i));
  }
  double largest = 0;
  for (int i = 0; i < count; ++i) {
    angle[i] *= scale;
    largest = (std::max)(largest, std::abs(angle[i]));
  }
  return largest;
}

/// Cosine and sine of angle(token, first + i) for i < count <= kAngleBlock, in double; the rest of the block is padding.
template <typename Coordinate, typename Weights>
void weighted_sin_cos(Eigen::Index token, Eigen::Index first, int count, const Coordinate& coordinate,
                      const Weights& weights, double scale, double* cosine, double* sine) {
  alignas(64) double angle[kAngleBlock];
  const double largest = weighted_angles(token, first, count, coordinate, weights, scale, angle);
  sin_cos(angle, largest, 1.0, kAngleBlock, cosine, sine);
}

/// Calls sink(token, first, count, cosines, sines) for all tokens and angles, kAngleBlock angles at a time.
template <typename Coordinate, typename Weights, typename Sink>
void for_each_weighted_angle(Eigen::Index tokens, const Coordinate& coordinate, const Weights& weights, double scale,
                             Sink&& sink) {
  alignas(64) double cosine[kAngleBlock];
  alignas(64) double sine[kAngleBlock];
  for (Eigen::Index token = 0; token < tokens; ++token) {
    for (Eigen::Index first = 0; first < weights.cols(); first += kAngleBlock) {
      const int count = static_cast<int>((std::min)(Eigen::Index(kAngleBlock), weights.cols() - first));
      weighted_sin_cos(token, first, count, coordinate, weights, scale, cosine, sine);
      sink(token, first, count, cosine, sine);
    }
  }
}

/// Coordinates whose sums add_weights_gradient() holds on the stack at a time.
inline constexpr Eigen::Index kCoordinateGroup = 16;

/// grad_weights(m, f) += sum over tokens t of x(t, m) b(t, f), summed in double and rounded once for each entry.
///
/// @param angle_gradient  Called as angle_gradient(token, first, count, visit, b): writes b(token, first + i) into b[i]
///                        for i < count <= kAngleBlock. `visit` counts the calls for the same block from 0: there is one
///                        for each kCoordinateGroup coordinates.
template <typename GradWeights, typename Coordinate, typename AngleGradient>
void add_weights_gradient(GradWeights& grad_weights, Eigen::Index tokens, const Coordinate& coordinate,
                          AngleGradient&& angle_gradient) {
  using Scalar = typename GradWeights::Scalar;
  for (Eigen::Index first = 0; first < grad_weights.cols(); first += kAngleBlock) {
    const int count = static_cast<int>((std::min)(Eigen::Index(kAngleBlock), grad_weights.cols() - first));
    for (Eigen::Index group = 0; group < grad_weights.rows(); group += kCoordinateGroup) {
      const Eigen::Index in_group = (std::min)(kCoordinateGroup, grad_weights.rows() - group);
      double sums[kCoordinateGroup][kAngleBlock] = {};
      for (Eigen::Index token = 0; token < tokens; ++token) {
        double gradient[kAngleBlock] = {};
        angle_gradient(token, first, count, group / kCoordinateGroup, gradient);
        for (Eigen::Index m = 0; m < in_group; ++m) {
          const double x = coordinate(token, group + m);
          for (int i = 0; i < count; ++i) sums[m][i] += x * gradient[i];
        }
      }
      for (Eigen::Index m = 0; m < in_group; ++m) {
        for (int i = 0; i < count; ++i) {
          Scalar& target = grad_weights.coeffRef(group + m, first + i);
          target = convert<Scalar>(static_cast<double>(target) + sums[m][i]);
        }
      }
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_WEIGHTED_ANGLES_HPP
