// SPDX-License-Identifier: MIT
/// @file
/// Which row of the weights of add_bucket_bias() each pair of a query and a key takes.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_BUCKET_ROWS_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_BUCKET_ROWS_HPP

#include "posenc/positions/position_list.hpp"
#include "posenc/positions/position_range.hpp"
#include "posenc/relative_bias/distance_clip.hpp"
#include "posenc/relative_bias/segment_pairs.hpp"
#include "posenc/relative_bias/t5.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline Eigen::Index count_buckets(const T5Buckets& buckets) { return buckets.num_buckets(); }
inline Eigen::Index count_buckets(const DistanceClip& clip) { return clip.rows(); }

/// Whether T is a rule from distances to buckets.
template <typename T>
inline constexpr bool is_bucket_rule = std::is_same_v<T, T5Buckets> || std::is_same_v<T, DistanceClip>;

/// The integer positions of queries or keys, as they were given.
template <typename Given>
class BucketPositions {
 public:
  BucketPositions(const char* function, const char* parameter, const Given& given) : given_(as_list(given)) {
    for (Eigen::Index i = 0; i < count(); ++i) {
      const auto position = list_entry(given_, i);
      if (!is_position(position)) require_position(function, element(parameter, i), position);
    }
  }
  Eigen::Index count() const { return given_.size(); }
  std::int64_t operator[](Eigen::Index i) const { return static_cast<std::int64_t>(list_entry(given_, i)); }

 private:
  HeldList<Given> given_;
};
template <>
class BucketPositions<PositionRange> {
 public:
  BucketPositions(const char*, const char*, const PositionRange& given) : given_(given) {}
  Eigen::Index count() const { return given_.count(); }
  std::int64_t operator[](Eigen::Index i) const { return given_.first() + i; }

 private:
  PositionRange given_;
};

/// Whether T is a kind of positions that buckets can be found of; the compiler stops with the reason where it is not.
template <typename T>
constexpr bool may_have_buckets() {
  if constexpr (std::is_same_v<T, PositionRange>) {
    return true;
  } else if constexpr (is_list<T>) {
    using Scalar = ListScalar<T>;
    constexpr bool whole = std::is_integral_v<Scalar> && !std::is_same_v<Scalar, bool>;
    static_assert(whole, "posenc: buckets count whole distances: give positions or box coordinates as integers");
    return whole;
  } else {
    static_assert(is_list<T>,
                  "posenc: positions of queries and keys must be PositionRange(first, count) or lists of integers with "
                  "one for each token");
    return false;
  }
}

/// The row of each pair.
template <typename Buckets, typename Queries, typename Keys>
class BucketRows {
 public:
  BucketRows(const Buckets& buckets, const Queries& queries, const Keys& keys, const SegmentPairs* segments)
      : buckets_(buckets), queries_(queries), keys_(keys), segments_(segments) {}

  /// Where there are fewer distances than pairs, finds the bucket of each distance once and keeps it. After every check,
  /// because it allocates.
  void keep_buckets() {
    if (queries_.count() == 0 || keys_.count() == 0) return;
    const auto [first_query, last_query] = ends(queries_);
    const auto [first_key, last_key] = ends(keys_);
    lowest_ = first_key - last_query;
    const std::int64_t span = last_key - first_query - lowest_;
    if (span / keys_.count() >= queries_.count()) return;
    kept_.reserve(static_cast<std::size_t>(span) + 1);
    for (std::int64_t d = 0; d <= span; ++d) kept_.push_back(buckets_(lowest_ + d));
  }

  Eigen::Index queries() const { return queries_.count(); }
  Eigen::Index keys() const { return keys_.count(); }

  Eigen::Index operator()(Eigen::Index query, Eigen::Index key) const {
    if (segments_ != nullptr && !segments_->is_one(query, key)) {
      return count_buckets(buckets_) + segments_->row(query, key);
    }
    const std::int64_t distance = keys_[key] - queries_[query];
    return kept_.empty() ? buckets_(distance) : kept_[static_cast<std::size_t>(distance - lowest_)];
  }

 private:
  struct Ends {
    std::int64_t first;
    std::int64_t last;
  };
  template <typename Positions>
  static Ends ends(const Positions& positions) {
    Ends ends = {positions[0], positions[0]};
    for (Eigen::Index i = 1; i < positions.count(); ++i) {
      ends.first = (std::min)(ends.first, positions[i]);
      ends.last = (std::max)(ends.last, positions[i]);
    }
    return ends;
  }

  const Buckets& buckets_;
  const Queries& queries_;
  const Keys& keys_;
  const SegmentPairs* segments_;
  std::int64_t lowest_ = 0;
  std::vector<Eigen::Index> kept_;
};

/// Calls work(line, rows) for each row (RowMajor) or column of one head's logits: rows[k] is the row of the weights
/// that element k of the line takes.
template <bool RowMajor, typename Rows, typename Work>
void for_each_bucket_line(const Rows& row_of, const Work& work) {
  const Eigen::Index lines = RowMajor ? row_of.queries() : row_of.keys();
  const Eigen::Index length = RowMajor ? row_of.keys() : row_of.queries();
  std::vector<Eigen::Index> rows(static_cast<std::size_t>(length));
  for (Eigen::Index line = 0; line < lines; ++line) {
    for (Eigen::Index k = 0; k < length; ++k) {
      rows[static_cast<std::size_t>(k)] = RowMajor ? row_of(line, k) : row_of(k, line);
    }
    work(line, rows.data());
  }
}

/// Refuses shapes of logits and weights (or of their gradients), and lengths of segments, that do not fit.
template <typename Rows, typename Logits, typename Weights>
void require_bucket_bias(const char* function, const char* logits_name, const Logits& logits, const char* weights_name,
                         const Weights& weights, Eigen::Index num_buckets, const Rows& row_of,
                         const SegmentPairs* segments) {
  if (segments != nullptr) {
    require(segments->num_queries() == row_of.queries(), function, "query_segments.size()", segments->num_queries(),
            "one for each query, ", row_of.queries());
    require(segments->num_keys() == row_of.keys(), function, "key_segments.size()", segments->num_keys(),
            "one for each key, ", row_of.keys());
  }
  const Eigen::Index extra = segments == nullptr ? 0 : segments->rows();
  if (weights.rows() != num_buckets + extra) {
    refuse<std::invalid_argument>(function, joined(weights_name, ".rows()"), weights.rows(), num_buckets, " buckets + ",
                                  extra, " for pairs of segments, with a column for each head");
  }
  require_data(function, weights_name, weights);
  require_shape(function, logits_name, logits, std::int64_t(weights.cols()) * row_of.queries(), row_of.keys());
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_BUCKET_ROWS_HPP
