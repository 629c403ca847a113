// SPDX-License-Identifier: MIT
/// @file
/// Interpolation between values at uneven places, as lists of weights: straight lines, and a cubic spline.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_SPLINE_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_SPLINE_HPP

#include "posenc/detail/resample.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// A place between two knots: (1 - share) of knot `low`, share of knot low + 1.
struct KnotInterval {
  std::size_t low;
  double share;
};

/// Where `place` lies among ascending knots (two or more); outside it is moved to the nearest.
inline KnotInterval find_interval(const std::vector<double>& knots, double place) {
  place = (std::min)((std::max)(place, knots.front()), knots.back());
  const auto above = std::upper_bound(knots.begin() + 1, knots.end() - 1, place);
  const std::size_t low = static_cast<std::size_t>(above - knots.begin()) - 1;
  return {low, (place - knots[low]) / (knots[low + 1] - knots[low])};
}

/// Straight lines through the values at `knots`, read at `places`.
inline Taps lerp_taps(const std::vector<double>& knots, const std::vector<double>& places) {
  Taps taps;
  for (const double place : places) {
    if (knots.size() == 1) {
      taps.add(0, 1.0);
    } else {
      const KnotInterval at = find_interval(knots, place);
      taps.add(static_cast<Eigen::Index>(at.low), 1 - at.share);
      taps.add(static_cast<Eigen::Index>(at.low + 1), at.share);
    }
    taps.end_row();
  }
  return taps;
}

/// The second derivatives of the cubic spline through `values` at `knots` (four or more), whose third derivative does
/// not jump at the second and the last but one ("not-a-knot"). Between knots they are straight lines.
inline std::vector<double> spline_curvatures(const std::vector<double>& knots, const std::vector<double>& values) {
  const std::size_t last = knots.size() - 1;
  const auto width = [&](std::size_t i) { return knots[i + 1] - knots[i]; };
  const auto slope = [&](std::size_t i) { return (values[i + 1] - values[i]) / width(i); };
  // Row i: below m[i - 1] + diagonal m[i] + above m[i + 1] = right; the ends are eliminated from rows 1 and last - 1.
  std::vector<double> diagonal(last), above(last), right(last), m(last + 1);
  const double first_ratio = width(0) / width(1);
  const double last_ratio = width(last - 1) / width(last - 2);
  for (std::size_t i = 1; i < last; ++i) {
    double below = width(i - 1);
    diagonal[i] = 2 * (width(i - 1) + width(i));
    above[i] = width(i);
    right[i] = 6 * (slope(i) - slope(i - 1));
    if (i == 1) {  // m[0] = (1 + ratio) m[1] - ratio m[2]
      diagonal[i] += below * (1 + first_ratio);
      above[i] -= below * first_ratio;
    }
    if (i == last - 1) {  // m[last] = (1 + ratio) m[last - 1] - ratio m[last - 2]
      diagonal[i] += above[i] * (1 + last_ratio);
      below -= above[i] * last_ratio;
    }
    if (i > 1) {
      const double factor = below / diagonal[i - 1];
      diagonal[i] -= factor * above[i - 1];
      right[i] -= factor * right[i - 1];
    }
  }
  m[last - 1] = right[last - 1] / diagonal[last - 1];
  for (std::size_t i = last - 1; i-- > 1;) m[i] = (right[i] - above[i] * m[i + 1]) / diagonal[i];
  m[0] = (1 + first_ratio) * m[1] - first_ratio * m[2];
  m[last] = (1 + last_ratio) * m[last - 1] - last_ratio * m[last - 2];
  return m;
}

/// The weights of that spline at `places`. The weight of a value is the spline through 1 at its knot and 0 at the
/// others.
inline Taps spline_taps(const std::vector<double>& knots, const std::vector<double>& places) {
  std::vector<std::vector<double>> curvatures;
  for (std::size_t i = 0; i < knots.size(); ++i) {
    std::vector<double> one(knots.size(), 0.0);
    one[i] = 1;
    curvatures.push_back(spline_curvatures(knots, one));
  }
  Taps taps;
  for (const double place : places) {
    const auto [low, share] = find_interval(knots, place);
    const double width = knots[low + 1] - knots[low];
    const double left = 1 - share;
    for (std::size_t i = 0; i < knots.size(); ++i) {
      const double line = (i == low ? left : 0.0) + (i == low + 1 ? share : 0.0);
      const double bend =
          (left * left * left - left) * curvatures[i][low] + (share * share * share - share) * curvatures[i][low + 1];
      taps.add(static_cast<Eigen::Index>(i), line + bend * width * width / 6);
    }
    taps.end_row();
  }
  return taps;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_SPLINE_HPP
