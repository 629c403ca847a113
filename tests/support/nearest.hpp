// SPDX-License-Identifier: MIT
/// Whether a half or bfloat16 is the one nearest to a number, told by its neighbors and not by a rounding routine.
#ifndef POSENC_TESTS_NEAREST_HPP
#define POSENC_TESTS_NEAREST_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include <Eigen/Core>

namespace posenc_tests {

/// The storage value whose bits, as an integer, are `step` away: the neighbor in size, whatever the sign.
template <typename Half>
double neighbor(Half value, int step) {
  std::uint16_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  bits = static_cast<std::uint16_t>(bits + step);
  std::memcpy(static_cast<void*>(&value), &bits, sizeof bits);
  return static_cast<double>(value);
}

template <typename Half>
bool has_even_bits(Half value) {
  std::uint16_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits % 2 == 0;
}

/// Whether no neighbor is nearer to `exact`, and at the same distance the value is the even one. Differences of
/// doubles this close to each other are exact.
template <typename Half>
bool is_nearest(Half value, double exact) {
  const double stored = static_cast<double>(value);
  const double distance = std::abs(stored - exact);
  double nearest_other = std::abs(neighbor(value, 1) - exact);
  if (stored == 0) {
    nearest_other = std::abs(std::copysign(neighbor(Half(0), 1), exact) - exact);
  } else {
    nearest_other = (std::min)(nearest_other, std::abs(neighbor(value, -1) - exact));
  }
  return distance < nearest_other || (distance == nearest_other && has_even_bits(value));
}

}  // namespace posenc_tests

#endif  // POSENC_TESTS_NEAREST_HPP
