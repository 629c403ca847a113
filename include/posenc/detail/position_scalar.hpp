// SPDX-License-Identifier: MIT
/// @file
/// The numbers that positions may be, and how one is split for the angle generator.
#ifndef POSENC_DETAIL_POSITION_SCALAR_HPP
#define POSENC_DETAIL_POSITION_SCALAR_HPP

#include "posenc/detail/check.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/detail/limits.hpp"
#include "posenc/detail/scalar.hpp"

#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// position = anchor + offset, both exact, with anchor the nearest multiple of kAnchorStep; of two, that farther from 0.
/// The two of -position are those of position with the other sign.
struct SplitPosition {
  double anchor;
  double offset;
};

inline constexpr int kAnchorStep = 32;
inline constexpr int kMostOffset = kAnchorStep / 2;

/// @param position  In [-kMaxPosition, kMaxPosition].
inline SplitPosition split_position(std::int64_t position) {
  const std::int64_t size = position < 0 ? -position : position;
  const std::int64_t nearest = (size + kMostOffset) & -std::int64_t(kAnchorStep);
  const std::int64_t anchor = position < 0 ? -nearest : nearest;
  return {static_cast<double>(anchor), static_cast<double>(position - anchor)};
}

inline SplitPosition split_position(double position) {
  const double size = std::abs(position);
  double anchor = kAnchorStep * std::floor(size / kAnchorStep);
  if (size - anchor >= kMostOffset) anchor += kAnchorStep;
  anchor = std::copysign(anchor, position);
  return {anchor, position - anchor};
}

/// Integers are held as std::int64_t, real numbers as double.
template <typename Scalar>
using PositionOf = std::conditional_t<Eigen::NumTraits<Scalar>::IsInteger, std::int64_t, double>;

/// Whether numbers of this type are positions; the compiler stops with the reason where they are not.
template <typename Scalar>
constexpr bool may_be_positions() {
  static_assert(!std::is_same_v<Scalar, bool>, "posenc: positions must be integers or real numbers, not bool");
  static_assert(!Eigen::NumTraits<Scalar>::IsComplex, "posenc: positions must be integers or real numbers");
  static_assert(!is_half<Scalar>, "posenc: half types hold whole positions only up to 2048 (half) or 256 (bfloat16)");
  return !std::is_same_v<Scalar, bool> && !Eigen::NumTraits<Scalar>::IsComplex && !is_half<Scalar>;
}

/// Whether an integer is in [-kMaxPosition, kMaxPosition], or a real number finite.
template <typename Scalar>
bool is_position(const Scalar& value) {
  if constexpr (!Eigen::NumTraits<Scalar>::IsInteger) {
    return is_finite(static_cast<double>(value));
  } else if constexpr (sizeof(Scalar) < 8) {
    return true;
  } else if constexpr (std::is_unsigned_v<Scalar>) {
    return value <= static_cast<std::uint64_t>(kMaxPosition);
  } else {
    return value >= -kMaxPosition && value <= kMaxPosition;
  }
}

/// Refuses `value` where it is no position, naming `parameter`.
template <typename Scalar>
void require_position(const char* function, const std::string& parameter, const Scalar& value) {
  if constexpr (Eigen::NumTraits<Scalar>::IsInteger) {
    if (!is_position(value)) {
      refuse<std::out_of_range>(function, parameter, value, "in [-2^57, 2^57] (where double holds angles)");
    }
  } else {
    if (!is_position(value)) refuse<std::invalid_argument>(function, parameter, static_cast<double>(value), "finite");
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_POSITION_SCALAR_HPP
