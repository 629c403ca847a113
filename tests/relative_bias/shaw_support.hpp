// SPDX-License-Identifier: MIT
/// The clips that tests of Shaw's encoding go through, and its table row by the definition.
#ifndef POSENC_TESTS_RELATIVE_BIAS_SHAW_SUPPORT_HPP
#define POSENC_TESTS_RELATIVE_BIAS_SHAW_SUPPORT_HPP

#include "relative_bias/support.hpp"

namespace posenc_tests {
namespace shaw {

constexpr Index kHeadDim = 6;

inline const std::vector<posenc::DistanceClip> kClips = {posenc::DistanceClip(3, 3), posenc::DistanceClip(4, 1),
                                                         posenc::DistanceClip(0, 2), posenc::DistanceClip(0, 0),
                                                         posenc::DistanceClip(60, 50)};

inline Index clipped(const posenc::AttentionSpan& span, const posenc::DistanceClip& clip, Index i, Index j) {
  const Index relative = j - (span.query_offset() + i);
  return std::min(std::max(relative, -clip.left()), clip.right()) + clip.left();
}

// Sums of at most kHeadDim products below 1, or of 47 for values: n terms below 1 in any order.
constexpr double kLogitBound = (kHeadDim + 2) * (kHeadDim + 2) * kEpsilon;
constexpr double kValueBound = 60 * 60 * kEpsilon;

}  // namespace shaw
}  // namespace posenc_tests

#endif  // POSENC_TESTS_RELATIVE_BIAS_SHAW_SUPPORT_HPP
