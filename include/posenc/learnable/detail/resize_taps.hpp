// SPDX-License-Identifier: MIT
/// @file
/// The weights of the rules of resize_rules.hpp.
#ifndef POSENC_LEARNABLE_DETAIL_RESIZE_TAPS_HPP
#define POSENC_LEARNABLE_DETAIL_RESIZE_TAPS_HPP

#include "posenc/detail/resample.hpp"
#include "posenc/learnable/resize_rules.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The weights that bring a line of `from` rows to `to` rows, both > 0.
inline Taps linear_taps(Eigen::Index from, Eigen::Index to, Resize rule) {
  if (from == to) return identity_taps(from);
  if (rule == Resize::half_pixel || rule == Resize::relative_distances) return half_pixel_taps(from, to);
  const double n = static_cast<double>(from);
  const double m = static_cast<double>(to);
  // Past the last row the last row is repeated, or its step from the one before goes on.
  const Eigen::Index last_low = rule == Resize::continued_interpolation && from > 1 ? from - 2 : from - 1;
  Taps taps;
  for (Eigen::Index i = 0; i < to; ++i) {
    if (rule == Resize::tile) {
      taps.add(i % from, 1.0);
      taps.end_row();
      continue;
    }
    const double t = static_cast<double>(i);
    const double at = rule == Resize::align_corners ? (to == 1 ? 0.0 : t * (n - 1) / (m - 1)) : t * n / m;
    add_between(taps, at, (std::min)(static_cast<Eigen::Index>(at), last_low), from);
  }
  return taps;
}

/// Row i reads row floor(i from / to), found in integers.
inline Taps nearest_taps(Eigen::Index from, Eigen::Index to) {
  Taps taps;
  for (std::int64_t i = 0; i < to; ++i) {
    taps.add(static_cast<Eigen::Index>(i * from / to), 1.0);
    taps.end_row();
  }
  return taps;
}

/// The kernel of linear interpolation, 0 beyond |x| = 1.
inline double triangle_kernel(double x) { return (std::max)(1 - std::abs(x), 0.0); }

/// A kernel of `radius` that is stretched by from / to where the result is smaller, cut at the border and normalized.
/// As PyTorch antialias=True and Pillow.
template <typename Kernel>
Taps antialiased_taps(Eigen::Index from, Eigen::Index to, double radius, Kernel&& kernel) {
  if (from == to) return identity_taps(from);
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double stretch = (std::max)(scale, 1.0);
  Taps taps;
  std::vector<double> weights;
  for (Eigen::Index i = 0; i < to; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * scale;
    const auto begin = (std::max)(static_cast<Eigen::Index>(center - radius * stretch + 0.5), Eigen::Index(0));
    const auto end = (std::min)(static_cast<Eigen::Index>(center + radius * stretch + 0.5), from);
    weights.clear();
    double sum = 0;
    for (Eigen::Index j = begin; j < end; ++j) {
      weights.push_back(kernel((static_cast<double>(j) + 0.5 - center) / stretch));
      sum += weights.back();
    }
    for (Eigen::Index j = begin; j < end; ++j) taps.add(j, weights[static_cast<std::size_t>(j - begin)] / sum);
    taps.end_row();
  }
  return taps;
}

/// The weights of one axis of a grid.
inline Taps filter_taps(Eigen::Index from, Eigen::Index to, GridFilter filter) {
  switch (filter) {
    case GridFilter::bilinear: return half_pixel_taps(from, to);
    case GridFilter::bilinear_antialiased: return antialiased_taps(from, to, 1, triangle_kernel);
    case GridFilter::bicubic: return cubic_taps(from, to);
    case GridFilter::bicubic_antialiased: break;
    case GridFilter::bilinear_align_corners: return linear_taps(from, to, Resize::align_corners);
    case GridFilter::nearest: return nearest_taps(from, to);
  }
  return antialiased_taps(from, to, 2, [](double x) { return cubic_kernel(x, -0.5); });
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_DETAIL_RESIZE_TAPS_HPP
