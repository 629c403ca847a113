// SPDX-License-Identifier: MIT
/// @file
/// FourierOptions: the conventions of Fourier features, and presets by project.
#ifndef POSENC_SINUSOIDAL_FOURIER_OPTIONS_HPP
#define POSENC_SINUSOIDAL_FOURIER_OPTIONS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/frequency/channel_order.hpp"

#include <cmath>

namespace posenc {
inline namespace POSENC_ABI {

/// The conventions in which Fourier features differ from project to project; presets:: has them by project.
struct FourierOptions {
  /// @param channel_order  Which features come first. It has no default, because projects differ.
  explicit FourierOptions(ChannelOrder channel_order) : order(channel_order) {}

  ChannelOrder order;
  double angle_scale = 1;        ///< Factor on every angle; 2 pi makes the unit of x W a full period.
  double coordinate_scale = 1;   ///< Coordinates are used as coordinate_scale x + coordinate_offset.
  double coordinate_offset = 0;  ///< See coordinate_scale.
  double amplitude = 1;          ///< Factor on the features.
};

namespace presets {

/// Learned Fourier features: [cos x W | sin x W] / sqrt(num_features), with W ~ N(0, 1 / gamma^2) and trained. The
/// two-layer perceptron that follows in the paper is the caller's.
/// @param num_features  Columns of the result (two for each column of W), > 0.
/// @throws std::invalid_argument  num_features <= 0.
/// Source:   Li et al. 2021, arXiv:2106.02795, equation 3.
inline FourierOptions learned_fourier(detail::Size num_features) {
  const Eigen::Index features = num_features;
  detail::require(features > 0, "presets::learned_fourier", "num_features", features, "> 0");
  FourierOptions options(ChannelOrder::cos_sin);
  options.amplitude = 1 / std::sqrt(static_cast<double>(features));
  return options;
}

/// Segment Anything: coordinates in [0, 1] become 2 x - 1, then [sin | cos] of 2 pi x W, W ~ N(0, scale^2) and fixed.
/// Matches:  PositionEmbeddingRandom, with pixel_centers() for its grid.
inline FourierOptions segment_anything_fourier() {
  FourierOptions options(ChannelOrder::sin_cos);
  options.angle_scale = 6.283185307179586;
  options.coordinate_scale = 2;
  options.coordinate_offset = -1;
  return options;
}

/// Noise levels of score models: [sin | cos] of 2 pi x W, W ~ N(0, scale^2) and fixed.
/// Matches:  GaussianFourierProjection of diffusers with flip_sin_to_cos=False; set order to cos_sin for True, and give
///           log(x) where the model has log=True.
inline FourierOptions gaussian_fourier() {
  FourierOptions options(ChannelOrder::sin_cos);
  options.angle_scale = 6.283185307179586;
  return options;
}

}  // namespace presets
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_FOURIER_OPTIONS_HPP
