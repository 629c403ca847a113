// SPDX-License-Identifier: MIT
/// @file
/// presets for any number of axes: tatp22, tensor2tensor, NeRF.
#ifndef POSENC_SINUSOIDAL_AXES_PRESETS_HPP
#define POSENC_SINUSOIDAL_AXES_PRESETS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/sinusoidal/detail/grid_builder.hpp"
#include "posenc/sinusoidal/presets.hpp"

#include <algorithm>
#include <cmath>

namespace posenc {
inline namespace POSENC_ABI {

/// Encodings of any number of axes by project. s and c are the blocks of sines and cosines of one axis.
///
///     preset            width              channels                          frequency m
///     tatp22            any, 1 to 3 axes   per axis s0 c0 s1 c1 .., cut      base^(-2m / C)
///     tensor2tensor_nd  any, any axes      per axis s | c, rest 0            base^(-m / (F-1))
///     nerf              n + 2nN            p | s0(all) c0(all) s1(all) ..    2^m
///
/// Accuracy: equal to the projects' formulas [sinusoidal][grid].
namespace presets {

/// tatp22: each axis has C = 2 ceil(width / (2 num_axes)) channels, and the row is cut after `width`.
/// @param width     Channels of a row, > 0.
/// @param num_axes  1, 2 or 3.
/// @throws std::invalid_argument  one of these does not hold.
/// Matches:  PositionalEncoding1D, 2D and 3D of tatp22's multidim-positional-encoding.
inline SinusoidalGridEncoding tatp22(detail::Size width, detail::Size num_axes) {
  const char* const function = "presets::tatp22";
  detail::require_grid_width(function, "width", width, 1);
  detail::require(num_axes >= 1 && num_axes <= 3, function, "num_axes", num_axes, "in [1, 3]");
  const int axes = static_cast<int>(num_axes);
  const Eigen::Index pairs = (width + 2 * num_axes - 1) / (2 * num_axes);
  const Frequencies frequencies = detail::ladder(pairs, 10000);
  const auto kept = [&](Eigen::Index channel) { return channel < width ? channel : -1; };
  detail::GridBuilder builder;
  for (int axis = 0; axis < axes; ++axis) {
    for (Eigen::Index i = 0; i < pairs; ++i) {
      const Eigen::Index channel = 2 * (axis * pairs + i);
      builder.add(axis, frequencies.inv_freq()[i], kept(channel), kept(channel + 1));
    }
  }
  return builder.build(width, axes);
}

/// tensor2tensor on any number of axes: F = width / (2 num_axes) rounded down; channels that are left over get nothing.
/// @param width                         Channels of a row, at least 2 num_axes.
/// @param num_axes                      > 0.
/// @param min_timescale, max_timescale  Finite, > 0 and not equal.
/// @throws std::invalid_argument  one of these does not hold.
/// Matches:  add_timing_signal_nd of tensor2tensor.
inline SinusoidalGridEncoding tensor2tensor_nd(detail::Size width, detail::Size num_axes, double min_timescale = 1,
                                               double max_timescale = 10000) {
  const char* const function = "presets::tensor2tensor_nd";
  detail::require_grid_width(function, "width", width, 1);
  detail::require(num_axes > 0 && width / 2 >= num_axes, function, "num_axes", num_axes,
                  "in [1, width / 2 = ", width / 2, "]");
  const int axes = static_cast<int>(num_axes);
  detail::require_spectrum(function, "min_timescale", min_timescale, "max_timescale", max_timescale);
  const Eigen::Index pairs = width / (2 * num_axes);
  Eigen::ArrayXd inv_freq = detail::spaced_series(pairs, max_timescale / min_timescale,
                                                  static_cast<double>((std::max)(pairs - 1, Eigen::Index(1))));
  for (Eigen::Index i = 0; i < pairs; ++i) inv_freq[i] *= min_timescale;
  detail::GridBuilder builder;
  for (int axis = 0; axis < axes; ++axis) {
    builder.add_axis(axis, Frequencies(inv_freq), 2 * axis * pairs, (2 * axis + 1) * pairs, 1);
  }
  return builder.build(width, axes);
}

/// NeRF: the coordinates themselves, then for each frequency the sines of all coordinates and the cosines of all.
///
/// @param num_axes         n, coordinates of a point, in [1, 1024].
/// @param num_frequencies  N, in [1, 64].
/// @param include_input    Whether the coordinates come first.
/// @param log_sampling     2^m for m < N; otherwise N equally spaced from 1 to 2^(N-1).
/// @throws std::invalid_argument  one of these does not hold.
/// Source:   Mildenhall et al. 2020, arXiv:2003.08934; like its code, without the paper's factor pi.
inline SinusoidalGridEncoding nerf(detail::Size num_axes, detail::Size num_frequencies,
                                   detail::Switch include_input = true, detail::Switch log_sampling = true) {
  const char* const function = "presets::nerf";
  detail::require(num_axes > 0 && num_axes <= 1024, function, "num_axes", num_axes, "in [1, 1024]");
  detail::require(num_frequencies > 0 && num_frequencies <= 64, function, "num_frequencies", num_frequencies,
                  "in [1, 64]");
  const int axes = static_cast<int>(num_axes);
  const int count = static_cast<int>(num_frequencies);
  detail::GridBuilder builder;
  const Eigen::Index first = include_input ? axes : 0;
  const double last = std::ldexp(1.0, count - 1);
  for (int m = 0; m < count; ++m) {
    const double frequency = log_sampling ? std::ldexp(1.0, m)
                             : count == 1 ? 1.0
                                          : 1.0 + m * ((last - 1) / (count - 1));
    for (int axis = 0; axis < axes; ++axis) {
      const Eigen::Index sine = first + Eigen::Index(2) * m * axes + axis;
      builder.add(axis, frequency, sine, sine + axes);
    }
  }
  for (int axis = 0; axis < axes && include_input; ++axis) builder.positions().push_back(axis);
  return builder.build(first + Eigen::Index(2) * axes * count, axes);
}

}  // namespace presets

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_AXES_PRESETS_HPP
