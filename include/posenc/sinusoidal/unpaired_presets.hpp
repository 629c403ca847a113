// SPDX-License-Identifier: MIT
/// @file
/// presets of older projects whose sines and cosines make no pairs: Caffe2 and dlib, OpenNN.
#ifndef POSENC_SINUSOIDAL_UNPAIRED_PRESETS_HPP
#define POSENC_SINUSOIDAL_UNPAIRED_PRESETS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/sinusoidal/detail/grid_builder.hpp"

namespace posenc {
inline namespace POSENC_ABI {

/// Legacy encodings of one axis in which sines and cosines make no pairs, for checkpoints trained so.
///
///     preset            width              channels                          frequency m
///     per_channel       any                s0 c1 s2 c3 ..                    base^(-channel / D)
///     opennn            any                s | c, one more cosine when odd   10000^(-2m / D)
///
/// Accuracy: equal to the projects' formulas [sinusoidal][grid].
namespace presets {

/// Every channel has a frequency of its own, sines on even and cosines on odd channels, so that no two of them make a
/// pair and the encoding of p + k is no rotation of that of p.
/// @param width  Channels of a row, > 0.
/// @param alpha  The base: finite, > 0, not 1.
/// @throws std::invalid_argument  one of these does not hold.
/// Matches:  SinusoidPositionEncoding of Caffe2 (alpha), positional_encodings_ of dlib.
inline SinusoidalGridEncoding per_channel(detail::Size width, double alpha = 10000) {
  detail::require_grid_width("presets::per_channel", "width", width, 1);
  detail::require_base("presets::per_channel", alpha, "alpha");
  const Frequencies frequencies = detail::ladder(width, alpha);
  detail::GridBuilder builder;
  for (Eigen::Index c = 0; c < width; ++c) {
    builder.add(0, frequencies.inv_freq()[c], c % 2 == 0 ? c : -1, c % 2 == 0 ? -1 : c);
  }
  return builder.build(width, 1);
}

/// OpenNN: sines, then cosines, of which an odd width has one more. Tokens with the id 0 get nothing there: the caller
/// leaves those rows out.
/// @param width  Channels of a row, > 0.
/// @throws std::invalid_argument  this does not hold.
/// Matches:  OpenNN.
inline SinusoidalGridEncoding opennn(detail::Size width) {
  detail::require_grid_width("presets::opennn", "width", width, 1);
  const Eigen::Index sines = width / 2;
  const Frequencies frequencies = detail::spaced(width - sines, 10000, static_cast<double>(width) / 2);
  detail::GridBuilder builder;
  for (Eigen::Index m = 0; m < width - sines; ++m) {
    builder.add(0, frequencies.inv_freq()[m], m < sines ? m : -1, sines + m);
  }
  return builder.build(width, 1);
}

}  // namespace presets

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_UNPAIRED_PRESETS_HPP
