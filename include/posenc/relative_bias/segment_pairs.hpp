// SPDX-License-Identifier: MIT
/// @file
/// SegmentPairs: which weights queries and keys of different chains, documents or segments take.
#ifndef POSENC_RELATIVE_BIAS_SEGMENT_PAIRS_HPP
#define POSENC_RELATIVE_BIAS_SEGMENT_PAIRS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/positions/position_list.hpp"
#include "posenc/relative_bias/detail/held.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// Says which row of a table of weights each pair of a query and a key takes: pairs within a segment take the row of
/// their distance, and pairs across two segments one of the rows that follow those of all distances.
///
///     SegmentPairs(queries, keys)                one more row, for all pairs of two segments: the other chains of
///                                                AlphaFold-Multimer
///     SegmentPairs(queries, keys, num_segments)  num_segments^2 more rows, of which such a pair takes row
///                                                num_segments (query's segment) + (key's segment): CPM-Ant
///
/// It holds a copy of the segments, one number for each token.
class SegmentPairs {
 public:
  /// @param query_segments  One for each query: a list of integers, of which only equality counts.
  /// @param key_segments    One for each key.
  /// @throws std::out_of_range  an unsigned segment beyond 2^63 - 1.
  template <typename QuerySegments, typename KeySegments,
            std::enable_if_t<detail::is_list<QuerySegments> && detail::is_list<KeySegments>, int> = 0>
  explicit SegmentPairs(const QuerySegments& query_segments, const KeySegments& key_segments)
      : queries_(copied("query_segments", query_segments, std::nullopt)),
        keys_(copied("key_segments", key_segments, std::nullopt)) {}

  /// @overload
  /// @param num_segments  > 0 and at most 8192; the segments lie in [0, num_segments).
  /// @throws std::invalid_argument  num_segments outside of that.
  /// @throws std::out_of_range      a segment outside of that.
  template <typename QuerySegments, typename KeySegments,
            std::enable_if_t<detail::is_list<QuerySegments> && detail::is_list<KeySegments>, int> = 0>
  explicit SegmentPairs(const QuerySegments& query_segments, const KeySegments& key_segments, detail::Size num_segments)
      : queries_(copied("query_segments", query_segments, checked(num_segments))),
        keys_(copied("key_segments", key_segments, num_segments)),
        num_segments_(num_segments) {}

  /// @overload
  /// Says what is missing or out of order.
  template <typename Queries, typename Keys, typename... Others,
            std::enable_if_t<!(detail::is_list<Queries> && detail::is_list<Keys>) || (sizeof...(Others) > 1) ||
                                 !(std::is_convertible_v<const Others&, detail::Size> && ...),
                             int> = 0>
  explicit SegmentPairs(const Queries&, const Keys&, const Others&...) {
    static_assert(detail::kMisuse<Queries>,
                  "posenc: write SegmentPairs(query_segments, key_segments), two lists of integers, or "
                  "SegmentPairs(query_segments, key_segments, num_segments) for a row for each pair of segments");
  }

  /// Number of queries.
  Eigen::Index num_queries() const { return static_cast<Eigen::Index>(queries_.size()); }
  /// Number of keys.
  Eigen::Index num_keys() const { return static_cast<Eigen::Index>(keys_.size()); }
  /// Rows of weights that follow those of the distances: 1, or num_segments^2.
  Eigen::Index rows() const { return num_segments_ == 0 ? 1 : num_segments_ * num_segments_; }
  /// Whether a query and a key lie in the same segment, so that they take the row of their distance.
  bool is_one(Eigen::Index query, Eigen::Index key) const { return segment(queries_, query) == segment(keys_, key); }
  /// Which of rows() two tokens of different segments take.
  Eigen::Index row(Eigen::Index query, Eigen::Index key) const {
    if (num_segments_ == 0) return 0;
    return num_segments_ * static_cast<Eigen::Index>(segment(queries_, query)) +
           static_cast<Eigen::Index>(segment(keys_, key));
  }

 private:
  static std::int64_t segment(const std::vector<std::int64_t>& all, Eigen::Index i) {
    return all[static_cast<std::size_t>(i)];
  }

  static Eigen::Index checked(Eigen::Index num_segments) {
    constexpr Eigen::Index limit = 8192;  // its square fits in 32 bits
    detail::require(num_segments > 0 && num_segments <= limit, "SegmentPairs", "num_segments", num_segments,
                    "> 0 and at most ", limit);
    return num_segments;
  }

  template <typename List>
  static std::vector<std::int64_t> copied(const char* parameter, const List& list,
                                          std::optional<Eigen::Index> num_segments) {
    using Scalar = detail::ListScalar<List>;
    std::vector<std::int64_t> segments;
    if constexpr (!std::is_integral_v<Scalar> || std::is_same_v<Scalar, bool>) {
      static_assert(detail::kMisuse<List>, "posenc: segments must be lists of integers");
    } else {
      const auto& eigen = detail::as_list(list);  // of a std::vector: a Map, which lives as long as this name
      const auto& all = detail::evaluated(eigen);
      segments.reserve(static_cast<std::size_t>(all.size()));
      for (Eigen::Index i = 0; i < all.size(); ++i) {
        const Scalar given = detail::list_entry(all, i);
        const bool fits = detail::fits_into<std::int64_t>(given);
        const std::int64_t segment = fits ? static_cast<std::int64_t>(given) : -1;
        if (!fits) {
          detail::refuse<std::out_of_range>("SegmentPairs", detail::element(parameter, i), given, "at most 2^63 - 1");
        }
        if (num_segments && (segment < 0 || segment >= *num_segments)) {
          detail::refuse<std::out_of_range>("SegmentPairs", detail::element(parameter, i), segment, "in [0, ",
                                            *num_segments, ")");
        }
        segments.push_back(segment);
      }
    }
    return segments;
  }

  std::vector<std::int64_t> queries_;
  std::vector<std::int64_t> keys_;
  Eigen::Index num_segments_ = 0;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_SEGMENT_PAIRS_HPP
