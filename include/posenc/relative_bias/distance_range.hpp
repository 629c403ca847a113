// SPDX-License-Identifier: MIT
/// @file
/// DistanceRange: a run of distances from query to key.
#ifndef POSENC_RELATIVE_BIAS_DISTANCE_RANGE_HPP
#define POSENC_RELATIVE_BIAS_DISTANCE_RANGE_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/limits.hpp"

#include <string>

namespace posenc {
inline namespace POSENC_ABI {
/// The distances first, ..., last, both ends included. A distance, the relative position of the literature, is always
/// key - query: negative for keys before the query. On a grid the same is a displacement, in rows and columns.
class DistanceRange {
 public:
  /// @param first, last  [tokens] last = first - 1 is the empty range.
  /// @throws std::invalid_argument  last < first - 1.
  /// @throws std::out_of_range      an end beyond 2^41 either way.
  explicit DistanceRange(detail::Size first, detail::Size last) : first_(first), last_(last) {
    const char* const function = "DistanceRange";
    constexpr Eigen::Index limit = 2 * detail::kMaxSeqLen;
    detail::require_in_range(first >= -limit && first <= limit, function, "first", first, "in [", -limit, ", ", limit,
                             "]");
    detail::require_in_range(last >= -limit && last <= limit, function, "last", last, "in [", -limit, ", ", limit, "]");
    detail::require(last >= first - 1, function, "last", last, "at least first - 1 = ", first - 1);
  }

  /// -(seq_len - 1), ..., 0: the distances that causal attention over `seq_len` tokens sees.
  /// @throws std::invalid_argument  seq_len negative or beyond 2^40.
  static DistanceRange causal(detail::Size seq_len) {
    require_seq_len("DistanceRange::causal", seq_len);
    return DistanceRange(1 - seq_len, 0);
  }
  /// -(seq_len - 1), ..., seq_len - 1: the distances that attention over `seq_len` tokens sees without a mask. None for
  /// seq_len = 0.
  /// @throws std::invalid_argument  seq_len negative or beyond 2^40.
  static DistanceRange symmetric(detail::Size seq_len) {
    require_seq_len("DistanceRange::symmetric", seq_len);
    return seq_len == 0 ? DistanceRange(0, -1) : DistanceRange(1 - seq_len, seq_len - 1);
  }

  Eigen::Index first() const { return first_; }
  Eigen::Index last() const { return last_; }
  /// How many there are.
  Eigen::Index size() const { return last_ - first_ + 1; }
  /// Whether all of `other` are among these. The empty range is in every range.
  bool contains(const DistanceRange& other) const {
    return other.size() == 0 || (first_ <= other.first_ && other.last_ <= last_);
  }

 private:
  static void require_seq_len(const char* function, Eigen::Index seq_len) {
    detail::require(seq_len >= 0 && seq_len <= detail::kMaxSeqLen, function, "seq_len", seq_len, ">= 0 and at most ",
                    detail::kMaxSeqLen);
  }

  Eigen::Index first_;
  Eigen::Index last_;
};

namespace detail {

/// A range as messages print it.
inline std::string text_of(const DistanceRange& range) {
  if (range.size() == 0) return "none";
  return std::to_string(range.first()) + " to " + std::to_string(range.last());
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DISTANCE_RANGE_HPP
