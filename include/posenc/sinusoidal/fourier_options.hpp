// SPDX-License-Identifier: MIT
/// @file
/// FourierOptions: the conventions of Fourier features, and presets by project.
#ifndef POSENC_SINUSOIDAL_FOURIER_OPTIONS_HPP
#define POSENC_SINUSOIDAL_FOURIER_OPTIONS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/frequency/channel_order.hpp"

#include <cmath>
#include <optional>

namespace posenc {
inline namespace POSENC_ABI {

/// The one feature that each direction gives, where it does not give both a sine and a cosine.
enum class FourierWave {
  sine,     ///< sin a: Time2Vec.
  cosine,   ///< cos a: random Fourier features.
  triangle  ///< cos a with straight sides, 4 |u - floor(u) - 1/2| - 1 with u = a / (2 pi): tiny-cuda-nn.
};

/// The conventions in which Fourier features differ from project to project; presets:: has them by project.
struct FourierOptions {
  /// @param channel_order  Which features come first. It has no default, because projects differ.
  explicit FourierOptions(ChannelOrder channel_order) : order(channel_order) {}
  /// @param single_wave  The one feature of each direction, in the order of the directions.
  explicit FourierOptions(FourierWave single_wave) : order(ChannelOrder::sin_cos), wave(single_wave) {}

  ChannelOrder order;               ///< Where wave is not set.
  std::optional<FourierWave> wave;  ///< Not set: a sine and a cosine of each direction.
  double angle_scale = 1;           ///< Factor on every angle; with 2 pi, x W = 1 is a full period.
  double coordinate_scale = 1;      ///< Coordinates are used as coordinate_scale x + coordinate_offset.
  double coordinate_offset = 0;     ///< See coordinate_scale.
  double amplitude = 1;             ///< Factor on the features.
};

namespace presets {

/// Learned Fourier features: [cos x W | sin x W] / sqrt(num_features), with W drawn from N(0, 1 / gamma^2), gamma a
/// length of the caller's choice, and then trained. The two-layer perceptron that follows in the paper is the caller's.
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

/// Segment Anything: coordinates c in [0, 1] become x = 2 c - 1, then [sin | cos] of 2 pi x W, W ~ N(0, scale^2) and
/// fixed.
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

/// Random Fourier features of the Gaussian kernel exp(-|x - y|^2 / (2 s^2)): sqrt(2 / F) cos(x W + b), with
/// W ~ N(0, 1 / s^2) and phases b uniform in [0, 2 pi), both fixed. The dot product of two tokens' features is the
/// kernel, on average.
/// @param num_features  F, columns of the result and of W, > 0.
/// @throws std::invalid_argument  num_features <= 0.
/// Source:   Rahimi and Recht 2007, "Random Features for Large-Scale Kernel Machines".
/// Matches:  RBFSampler of scikit-learn with gamma = 1 / (2 s^2); W its random_weights_, b its random_offset_.
inline FourierOptions random_fourier(detail::Size num_features) {
  const Eigen::Index features = num_features;
  detail::require(features > 0, "presets::random_fourier", "num_features", features, "> 0");
  FourierOptions options(FourierWave::cosine);
  options.amplitude = std::sqrt(2 / static_cast<double>(features));
  return options;
}

/// Time2Vec: sin(t w + b) for a time t, with frequencies w and phases b that are trained. The linear channel in front,
/// t w_0 + b_0, is a line of Eigen:
///
///     out.col(0) = (t * w_0).array() + b_0;
///     encode_fourier(out.rightCols(F), t, w, b, presets::time2vec());
///
/// Source:   Kazemi et al. 2019, arXiv:1907.05321, equation 1.
inline FourierOptions time2vec() { return FourierOptions(FourierWave::sine); }

/// Triangle waves: n octaves of each of M coordinates in [0, 1], with fixed directions and phases:
///
///     W[m, m n + l] = 2^(l - 1)       phases[m n + l] = l pi / 2       l < n, all other entries of W are 0
///
/// Source:   Mueller et al. 2021, arXiv:2106.12372.
/// Matches:  TriangleWave of tiny-cuda-nn, without the ones that it pads with.
inline FourierOptions triangle_waves() {
  FourierOptions options(FourierWave::triangle);
  options.angle_scale = 6.283185307179586;
  return options;
}

}  // namespace presets
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_FOURIER_OPTIONS_HPP
