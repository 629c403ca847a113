// SPDX-License-Identifier: MIT
/// @file
/// Where the trained distances of a window's axis are placed among the distances of another window.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_GEOMETRIC_DISTANCES_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_GEOMETRIC_DISTANCES_HPP

#include "posenc/detail/resample.hpp"
#include "posenc/relative_bias/detail/spline.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Where the 2 from - 1 distances of an axis of `from` tokens lie among the distances of one of `to` tokens: 0, +-1,
/// +-(1 + q), +-(1 + q + q^2), ..., so that the last one comes to to - 1, with 1.01 < q < 1.5.
///
/// q is the last midpoint of BEiT's own bisection, bit for bit, because checkpoints were converted with it.
inline std::vector<double> geometric_distances(Eigen::Index from, Eigen::Index to) {
  const double steps = static_cast<double>(from - 1);
  double left = 1.01;
  double right = 1.5;
  double q = left;
  while (right - left > 1e-6) {
    q = (left + right) / 2;
    if ((1 - std::pow(q, steps)) / (1 - q) > static_cast<double>(to - 1)) {
      right = q;
    } else {
      left = q;
    }
  }
  std::vector<double> at(static_cast<std::size_t>(2 * from - 1), 0.0);
  const std::size_t center = static_cast<std::size_t>(from - 1);
  double distance = 1;
  for (std::size_t i = 1; i <= center; ++i) {
    at[center + i] = distance;
    at[center - i] = -distance;
    distance += std::pow(q, static_cast<double>(i));
  }
  return at;
}

/// The distances -(side - 1), ..., side - 1.
inline std::vector<double> whole_distances(Eigen::Index side) {
  std::vector<double> at;
  for (Eigen::Index d = 1 - side; d < side; ++d) at.push_back(static_cast<double>(d));
  return at;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_GEOMETRIC_DISTANCES_HPP
