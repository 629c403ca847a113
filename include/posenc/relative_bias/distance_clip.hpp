// SPDX-License-Identifier: MIT
/// @file
/// DistanceClip: a table row for each distance up to a clip, and one for all distances beyond it on either side.
#ifndef POSENC_RELATIVE_BIAS_DISTANCE_CLIP_HPP
#define POSENC_RELATIVE_BIAS_DISTANCE_CLIP_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/relative_bias/attention_span.hpp"
#include "posenc/relative_bias/detail/ordered_sum.hpp"
#include "posenc/relative_bias/kernels/clipped_kernels.hpp"

#include <algorithm>
#include <cstdint>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

/// The rows of Shaw's tables, and of other tables by clipped distance. There are left + right + 1 of them: distance
/// d = key - query takes row clamp(d, -left, right) + left, and distances beyond the clip share the outermost rows.
///
///     key - query     -3 -2 -1  0  1  2         DistanceClip(2, 1)
///     row              0  0  1  2  3  3
class DistanceClip {
 public:
  /// @param left   [tokens] For keys before the query, >= 0.
  /// @param right  [tokens] For keys after it, >= 0.
  /// @throws std::invalid_argument  one of them negative or beyond 2^40.
  explicit DistanceClip(detail::Size left, detail::Size right) : left_(left), right_(right) {
    constexpr Eigen::Index limit = detail::kMaxSeqLen;
    detail::require(left >= 0 && left <= limit, "DistanceClip", "left", left, ">= 0 and at most ", limit);
    detail::require(right >= 0 && right <= limit, "DistanceClip", "right", right, ">= 0 and at most ", limit);
  }
  /// The same on both sides: `max_relative_position`, the k of the paper.
  /// @throws std::invalid_argument  it is negative or beyond 2^40.
  static DistanceClip symmetric(detail::Size max_relative_position) {
    return DistanceClip(max_relative_position, max_relative_position);
  }

  Eigen::Index left() const { return left_; }
  Eigen::Index right() const { return right_; }
  /// Rows of the tables.
  Eigen::Index rows() const { return left_ + right_ + 1; }

  /// The row of a distance, key - query, in [0, rows()).
  Eigen::Index operator()(std::int64_t distance) const {
    const std::int64_t left = left_;
    const std::int64_t right = right_;
    return static_cast<Eigen::Index>((std::min)((std::max)(distance, -left), right) + left);
  }

 private:
  Eigen::Index left_;
  Eigen::Index right_;
};

namespace detail {

/// The keys of one query by table row: [0, first) take row 0, [last, L_k) the last row, and between them key j takes
/// row j + shift.
struct ShawRow {
  Eigen::Index first;
  Eigen::Index last;
  Eigen::Index shift;

  ShawRow(const AttentionSpan& span, Eigen::Index query, const DistanceClip& clip) {
    const Eigen::Index distance = span.first_distance(query);
    first = (std::min)((std::max)(-clip.left() - distance, Eigen::Index(0)), span.key_len());
    last = (std::max)((std::min)(clip.right() + 1 - distance, span.key_len()), first);
    shift = distance + clip.left();
  }
};

/// row[j] += values[table row of key j], for the keys of one query.
template <typename Row, typename Values>
void add_by_clipped_distance(Row&& row, const Values& values, const ShawRow& keys) {
  const Eigen::Index middle = keys.last - keys.first;
  row.head(keys.first).array() += values(0);
  if (middle > 0) row.segment(keys.first, middle) += values.segment(keys.first + keys.shift, middle);
  row.tail(row.size() - keys.last).array() += values(values.size() - 1);
}

/// sums = the total of `row` for each table row, for one query.
template <typename Sums, typename Row>
void sum_by_clipped_distance(Sums&& sums, const Row& row, const ShawRow& keys) {
  const Eigen::Index middle = keys.last - keys.first;
  sums.setZero();
  if (middle > 0) sums.segment(keys.first + keys.shift, middle) = row.segment(keys.first, middle);
  sums(0) += ordered_sum(row.head(keys.first));
  sums(sums.size() - 1) += ordered_sum(row.tail(row.size() - keys.last));
}

#if POSENC_HAS_LEVELS
/// Whether a kernel of the machine's level adds or sums these rows, if they are contiguous; `values` are in the scratch
/// memory, where they are.
template <typename X, typename Values>
inline constexpr bool has_clipped_kernel =
    has_rows_in_memory<std::decay_t<X>>&& std::is_same_v<typename std::decay_t<X>::Scalar, float>&&
        std::is_same_v<typename std::decay_t<Values>::Scalar, float>;

inline ClippedRow clipped_row(const ShawRow& keys, const DistanceClip& clip, const AttentionSpan& span) {
  return {keys.first, keys.last, keys.shift, span.key_len(), clip.rows()};
}
#endif

/// add_by_clipped_distance() for queries block, block + 1, ..., a row of `values` for each of them.
template <typename X, typename Values>
void add_by_clipped_distance(X&& x, const Values& values, Eigen::Index block, const DistanceClip& clip,
                             const AttentionSpan& span) {
#if POSENC_HAS_LEVELS
  if constexpr (has_clipped_kernel<X, Values>) {
    if (has_contiguous_rows(x) && x.cols() > 0) {
      const auto kernels = clipped_kernels<ClippedRow>(level_of_machine());
      for (Eigen::Index i = 0; i < x.rows(); ++i) {
        kernels.add(x.data() + i * x.outerStride(), values.data() + i * values.outerStride(),
                    clipped_row(ShawRow(span, block + i, clip), clip, span));
      }
      return;
    }
  }
#endif
  for (Eigen::Index i = 0; i < x.rows(); ++i) {
    add_by_clipped_distance(x.row(i), values.row(i), ShawRow(span, block + i, clip));
  }
}

template <typename Sums, typename X>
void sum_by_clipped_distance(Sums&& sums, const X& x, Eigen::Index block, const DistanceClip& clip,
                             const AttentionSpan& span) {
#if POSENC_HAS_LEVELS
  if constexpr (has_clipped_kernel<X, Sums>) {
    if (has_contiguous_rows(x) && x.cols() > 0) {
      const auto kernels = clipped_kernels<ClippedRow>(level_of_machine());
      for (Eigen::Index i = 0; i < x.rows(); ++i) {
        kernels.sum(sums.data() + i * sums.outerStride(), x.data() + i * x.outerStride(),
                    clipped_row(ShawRow(span, block + i, clip), clip, span));
      }
      return;
    }
  }
#endif
  for (Eigen::Index i = 0; i < x.rows(); ++i) {
    sum_by_clipped_distance(sums.row(i), x.row(i), ShawRow(span, block + i, clip));
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DISTANCE_CLIP_HPP
