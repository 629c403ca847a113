// SPDX-License-Identifier: MIT
/// @file
/// The largest of each kind of thing that is counted: far beyond any model, and small enough that sums and products of
/// sizes cannot overflow.
#ifndef POSENC_DETAIL_LIMITS_HPP
#define POSENC_DETAIL_LIMITS_HPP

#include "posenc/detail/abi.hpp"

#include <cstdint>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// A position, either way from 0: up to here double holds every multiple of 16, into which angles split positions.
inline constexpr std::int64_t kMaxPosition = std::int64_t(1) << 57;

/// Tokens of a sequence: 2^40, or 2^28 where Eigen::Index has 32 bits.
inline constexpr Eigen::Index kMaxSeqLen = Eigen::Index(1) << (sizeof(Eigen::Index) > 4 ? 40 : 28);

/// Tokens on a side of a grid, frames of a video, seconds and positions in one: three of them multiply within 64 bits.
inline constexpr Eigen::Index kMaxGridSide = Eigen::Index(1) << 20;

/// Heads of a model.
inline constexpr Eigen::Index kMaxHeads = Eigen::Index(1) << 20;

/// Pairs of a head, and axes that drive them.
inline constexpr Eigen::Index kMaxPairs = Eigen::Index(1) << 23;

/// Channels of a head or of a row.
inline constexpr Eigen::Index kMaxChannels = 2 * kMaxPairs;

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_LIMITS_HPP
