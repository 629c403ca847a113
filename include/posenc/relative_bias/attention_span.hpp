// SPDX-License-Identifier: MIT
/// @file
/// AttentionSpan: which queries meet which keys, and at which distances.
#ifndef POSENC_RELATIVE_BIAS_ATTENTION_SPAN_HPP
#define POSENC_RELATIVE_BIAS_ATTENTION_SPAN_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/positions/position_range.hpp"
#include "posenc/relative_bias/detail/held.hpp"
#include "posenc/relative_bias/distance_range.hpp"

#include <algorithm>
#include <cstdint>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

/// Which queries meet which keys: key j lies at position j, query i at position query_offset + i.
///
///     keys          0  1  2  3  4
///     query 0       x  x  x  x            AttentionSpan::cached(2, 5): query_offset 3,
///     query 1       x  x  x  x  x         x marks what the queries see in causal attention
///
/// The distance of a pair is always key - query: distance(i, j) = j - (query_offset + i). The offset of cached keys is
/// often forgotten, so it has no default: each of the functions below names a situation.
class AttentionSpan {
 public:
  /// `seq_len` queries and the same keys: training, or a prompt without cache.
  /// @param seq_len  [tokens]
  /// @throws std::invalid_argument  seq_len negative or beyond 2^40.
  static AttentionSpan square(detail::Size seq_len) {
    return AttentionSpan("AttentionSpan::square", seq_len, seq_len, 0);
  }

  /// The queries are the last of the keys: decode (query_len 1) and chunked prefill with a key/value cache.
  /// @param query_len, key_len  [tokens] key_len counts the cached keys and the new ones.
  /// @throws std::out_of_range      query_len > key_len.
  /// @throws std::invalid_argument  a length negative or beyond 2^40.
  static AttentionSpan cached(detail::Size query_len, detail::Size key_len) {
    const char* const function = "AttentionSpan::cached";
    detail::require(key_len >= 0 && key_len <= detail::kMaxSeqLen, function, "key_len", key_len, ">= 0 and at most ",
                    detail::kMaxSeqLen);
    detail::require_in_range(query_len <= key_len, function, "query_len", query_len, "at most key_len ", key_len);
    return AttentionSpan(function, query_len, key_len, key_len - (std::max)(Eigen::Index{query_len}, Eigen::Index(0)));
  }

  /// Any situation: cross attention, keys whose first ones were dropped, more queries than keys.
  /// @param queries  Positions of the queries, where key 0 is at 0: PositionRange(first, count). They may be negative.
  /// @param key_len  [tokens]
  /// @throws std::invalid_argument  a length negative or beyond 2^40 (2^28 where Eigen::Index has 32 bits).
  /// @throws std::out_of_range      a first position beyond that either way.
  template <typename Length, std::enable_if_t<detail::is_integer<Length>, int> = 0>
  static AttentionSpan at(const PositionRange& queries, Length key_len) {
    const char* const function = "AttentionSpan::at";
    constexpr std::int64_t limit = detail::kMaxSeqLen;
    detail::require_in_range(queries.first() >= -limit && queries.first() <= limit, function, "queries.first()",
                             queries.first(), "in [-", limit, ", ", limit, "]");
    detail::require(detail::fits_into<Eigen::Index>(key_len), function, "key_len", key_len, ">= 0 and at most ", limit);
    return AttentionSpan(function, queries.count(), static_cast<Eigen::Index>(key_len),
                         static_cast<Eigen::Index>(queries.first()));
  }

  /// @overload
  /// Says what is missing or out of order.
  template <typename... Arguments>
  static auto at(const Arguments&...) {
    static_assert(
        detail::kMisuse<Arguments...>,
        "posenc: write AttentionSpan::at(PositionRange(first, query_len), key_len), where key 0 is at position "
        "0");
    return square(0);
  }

  Eigen::Index query_len() const { return query_len_; }
  Eigen::Index key_len() const { return key_len_; }
  Eigen::Index query_offset() const { return query_offset_; }

  /// key - query.
  Eigen::Index distance(Eigen::Index query, Eigen::Index key) const { return key - query_offset_ - query; }
  /// Distance from query i to key 0, from which the row's other keys count upwards.
  Eigen::Index first_distance(detail::Size query) const { return -query_offset_ - query; }
  /// Number of keys, from key 0 on, that query i sees in causal attention: those at its position or before.
  Eigen::Index visible_keys(detail::Size query) const {
    return (std::min)((std::max)(query_offset_ + query + 1, Eigen::Index(0)), key_len_);
  }
  /// All distances that occur: query_len + key_len - 1 of them, or none where a length is 0.
  /// @throws nothing: the lengths were checked when the span was made.
  DistanceRange distances() const {
    if (query_len_ == 0 || key_len_ == 0) return DistanceRange(0, -1);
    return DistanceRange(first_distance(query_len_ - 1), first_distance(0) + key_len_ - 1);
  }

 private:
  AttentionSpan(const char* function, Eigen::Index query_len, Eigen::Index key_len, Eigen::Index query_offset)
      : query_len_(query_len), key_len_(key_len), query_offset_(query_offset) {
    constexpr Eigen::Index limit = detail::kMaxSeqLen;
    detail::require(query_len >= 0 && query_len <= limit, function, "query_len", query_len, ">= 0 and at most ", limit);
    detail::require(key_len >= 0 && key_len <= limit, function, "key_len", key_len, ">= 0 and at most ", limit);
  }

  Eigen::Index query_len_;
  Eigen::Index key_len_;
  Eigen::Index query_offset_;
};

namespace detail {

/// The logits of one head, or of num_heads heads stacked: (num_heads L_q) x L_k.
template <typename Logits>
void require_stacked_logits(const char* function, const char* parameter, const Logits& logits, Eigen::Index num_heads,
                            const AttentionSpan& span) {
  require_shape(function, parameter, logits, std::int64_t(num_heads) * span.query_len(), span.key_len());
}

}  // namespace detail

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_ATTENTION_SPAN_HPP
