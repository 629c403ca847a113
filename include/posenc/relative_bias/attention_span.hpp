// SPDX-License-Identifier: MIT
/// @file
/// AttentionSpan: which queries meet which keys, and at which distances.
#ifndef POSENC_RELATIVE_BIAS_ATTENTION_SPAN_HPP
#define POSENC_RELATIVE_BIAS_ATTENTION_SPAN_HPP

#include "posenc/detail/check.hpp"

#include <algorithm>

namespace posenc {
inline namespace POSENC_ABI {

/// Relative positions min, ..., max (key - query, both ends included).
struct DistanceRange {
  Eigen::Index min = 0;
  Eigen::Index max = 0;

  Eigen::Index size() const { return max - min + 1; }

  /// -(len - 1), ..., 0: what causal attention over `len` tokens sees.
  static DistanceRange causal(Eigen::Index len) { return {1 - len, 0}; }
  /// -(len - 1), ..., len - 1: what attention over `len` tokens sees without a mask. Nothing for len = 0.
  static DistanceRange symmetric(Eigen::Index len) {
    return len == 0 ? DistanceRange{0, -1} : DistanceRange{1 - len, len - 1};
  }
};

namespace detail {

/// Lengths and offsets stay below this, so that their sums and differences never overflow.
inline constexpr Eigen::Index kSpanLimit = Eigen::Index(1) << (sizeof(Eigen::Index) >= 8 ? 40 : 28);

inline void require_distance_range(const char* function, const DistanceRange& range) {
  require_in_range(range.min >= -2 * kSpanLimit && range.min <= 2 * kSpanLimit, function, "range.min", range.min,
                   "in [-", 2 * kSpanLimit, ", ", 2 * kSpanLimit, "]");
  require_in_range(range.max >= -2 * kSpanLimit && range.max <= 2 * kSpanLimit, function, "range.max", range.max,
                   "in [-", 2 * kSpanLimit, ", ", 2 * kSpanLimit, "]");
  require(range.max >= range.min - 1, function, "range.max", range.max, "at least range.min - 1 = ", range.min - 1);
}

}  // namespace detail

/// Which queries meet which keys: key j stands at position j, query i at position query_offset + i.
///
/// The relative position of a pair is always key - query: relative(i, j) = j - (query_offset + i). Forgetting the
/// offset of cached keys is the most repeated bug of the field, so there is no default for it: name the situation.
class AttentionSpan {
 public:
  /// len queries and the same keys: training, or a prompt without cache.
  /// @throws std::invalid_argument  a negative length, or one beyond 2^40 (2^28 where Eigen::Index has 32 bits).
  static AttentionSpan square(Eigen::Index len) { return AttentionSpan("AttentionSpan::square", len, len, 0); }
  /// The queries are the last of the keys: decode (query_len 1) and chunked prefill with a key/value cache.
  /// @throws std::out_of_range      query_len > key_len.
  /// @throws std::invalid_argument  a negative length.
  static AttentionSpan cached(Eigen::Index query_len, Eigen::Index key_len) {
    const char* const function = "AttentionSpan::cached";
    detail::require(key_len >= 0 && key_len <= detail::kSpanLimit, function, "key_len", key_len, ">= 0 and at most ",
                    detail::kSpanLimit);
    detail::require_in_range(query_len <= key_len, function, "query_len", query_len, "at most key_len ", key_len);
    return AttentionSpan(function, query_len, key_len, key_len - (std::max)(query_len, Eigen::Index(0)));
  }
  /// Any situation: cross attention, keys whose first ones were dropped, L_q > L_k. The offset may be negative.
  /// @throws std::invalid_argument  a negative length, or one beyond 2^40 (2^28 where Eigen::Index has 32 bits).
  /// @throws std::out_of_range      an offset beyond that limit either way.
  static AttentionSpan at(Eigen::Index query_len, Eigen::Index key_len, Eigen::Index query_offset) {
    return AttentionSpan("AttentionSpan::at", query_len, key_len, query_offset);
  }

  Eigen::Index query_len() const { return query_len_; }
  Eigen::Index key_len() const { return key_len_; }
  Eigen::Index query_offset() const { return query_offset_; }

  /// key - query.
  Eigen::Index relative(Eigen::Index query, Eigen::Index key) const { return key - query_offset_ - query; }
  /// Relative position of query i and key 0, from which the row's other keys count upwards.
  Eigen::Index first_relative(Eigen::Index query) const { return -query_offset_ - query; }
  /// Number of keys, from key 0 on, that query i sees in causal attention: those at its position or before.
  Eigen::Index visible_keys(Eigen::Index query) const {
    return (std::min)((std::max)(query_offset_ + query + 1, Eigen::Index(0)), key_len_);
  }
  /// All relative positions that occur: L_q + L_k - 1 of them. For an empty span {0, -1}.
  DistanceRange distances() const {
    if (query_len_ == 0 || key_len_ == 0) return {0, -1};
    return {first_relative(query_len_ - 1), first_relative(0) + key_len_ - 1};
  }

 private:
  AttentionSpan(const char* function, Eigen::Index query_len, Eigen::Index key_len, Eigen::Index query_offset)
      : query_len_(query_len), key_len_(key_len), query_offset_(query_offset) {
    constexpr Eigen::Index limit = detail::kSpanLimit;
    detail::require(query_len >= 0 && query_len <= limit, function, "query_len", query_len, ">= 0 and at most ", limit);
    detail::require(key_len >= 0 && key_len <= limit, function, "key_len", key_len, ">= 0 and at most ", limit);
    detail::require_in_range(query_offset >= -limit && query_offset <= limit, function, "query_offset", query_offset,
                             "in [-", limit, ", ", limit, "]");
  }

  Eigen::Index query_len_;
  Eigen::Index key_len_;
  Eigen::Index query_offset_;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_ATTENTION_SPAN_HPP
