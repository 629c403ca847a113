// SPDX-License-Identifier: MIT
/// @file
/// The product of queries with a table of vectors by distance, and its gradients, in blocks of queries.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_RELATIVE_PRODUCT_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_RELATIVE_PRODUCT_HPP

#include "posenc/detail/row.hpp"
#include "posenc/relative_bias/attention_span.hpp"
#include "posenc/relative_bias/detail/head_rows.hpp"
#include "posenc/relative_bias/detail/product.hpp"
#include "posenc/relative_bias/kernels/bias_row_kernels.hpp"
#include "posenc/relative_bias/workspace.hpp"

#include <algorithm>
#include <optional>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The keys of query i that a table of `num_rows` distances from `lowest` on has a row for: keys [first, last), key j
/// at row j + shift.
struct KeysWithRow {
  Eigen::Index first;
  Eigen::Index last;
  Eigen::Index shift;

  KeysWithRow(const AttentionSpan& span, Eigen::Index query, Eigen::Index lowest, Eigen::Index num_rows) {
    shift = span.first_distance(query) - lowest;
    first = (std::min)((std::max)(-shift, Eigen::Index(0)), span.key_len());
    last = (std::max)((std::min)(num_rows - shift, span.key_len()), first);
  }
  Eigen::Index count() const { return last - first; }
};

/// The rows that queries [block, block + rows) read in a table of `num_rows` distances from `lowest` on:
/// [first, first + count).
struct RowsRead {
  Eigen::Index first = 0;
  Eigen::Index count = 0;

  RowsRead(const AttentionSpan& span, Eigen::Index block, Eigen::Index rows, Eigen::Index lowest,
           Eigen::Index num_rows) {
    const Eigen::Index begin = span.first_distance(block + rows - 1) - lowest;
    const Eigen::Index end = span.first_distance(block) + span.key_len() - lowest;
    first = (std::min)((std::max)(begin, Eigen::Index(0)), num_rows);
    count = (std::max)((std::min)(end, num_rows) - first, Eigen::Index(0));
  }
};

/// Adds no bias to queries.
struct NoQueryBias {
  template <typename Queries>
  void operator()(Queries&&) const {}
};

/// row += a + b. Both of these are in the scratch memory.
template <typename Row, typename A, typename B>
void add_two_rows(Row&& row, const A& a, const B& b) {
#if POSENC_HAS_LEVELS
  if constexpr (is_in_memory<std::decay_t<Row>> && std::is_same_v<typename A::Scalar, float>) {
    if (row.innerStride() == 1) {
      return two_row_kernel<float>(level_of_machine())(row.data(), a.data(), b.data(), row.size());
    }
  }
#endif
  row += a + b;
}

/// Keys have no bias.
struct NoKeyBias {
  template <typename Biases>
  void operator()(Biases&&) const {}
};

/// x += scale q' . r by distance for one head, where add_query_bias(q') has changed the copied queries of a block, plus
/// what write_key_bias(row) writes for each key. Row m of r is the distance lowest + m.
template <typename X, typename Query, typename AddQueryBias, typename WriteKeyBias, typename Table, typename Scalar>
void add_relative(X&& x, const Query& q, AddQueryBias&& add_query_bias, WriteKeyBias&& write_key_bias, const Table& r,
                  Eigen::Index lowest, const AttentionSpan& span, Scalar scale, Workspace<Scalar>& workspace) {
  constexpr bool has_key_bias = !std::is_same_v<std::decay_t<WriteKeyBias>, NoKeyBias>;
  const Eigen::Index widest = (std::min)(r.rows(), span.key_len() + kQueryBlock - 1);
  auto scratch = workspace.matrix(2 * kQueryBlock + has_key_bias,
                                  (std::max)((std::max)(widest, q.cols()), has_key_bias ? span.key_len() : 0));
  auto key_bias = scratch.row(scratch.rows() - 1).head(has_key_bias ? span.key_len() : 0);
  write_key_bias(key_bias);
  for (Eigen::Index block = 0; block < span.query_len(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, span.query_len() - block);
    const RowsRead window(span, block, rows, lowest, r.rows());
    auto scores = scratch.topLeftCorner(rows, window.count);
    auto queries = scratch.block(kQueryBlock, 0, rows, q.cols());
    queries = q.middleRows(block, rows);
    add_query_bias(queries);
    multiply_rows(scores, queries, r.middleRows(window.first, window.count), scale);
    for (Eigen::Index i = 0; i < rows; ++i) {
      const KeysWithRow keys(span, block + i, lowest, r.rows());
      auto row = x.row(block + i);
      if constexpr (has_key_bias) {
        add_rounded_once(row.head(keys.first), key_bias.head(keys.first));
        add_rounded_once(row.tail(span.key_len() - keys.last), key_bias.tail(span.key_len() - keys.last));
      }
      if (keys.count() == 0) continue;
      auto by_distance = scores.row(i).segment(keys.first + keys.shift - window.first, keys.count());
      auto met = row.segment(keys.first, keys.count());
      if constexpr (has_key_bias) {
        add_two_rows(met, by_distance, key_bias.segment(keys.first, keys.count()));
      } else {
        add_rounded_once(met, by_distance);
      }
    }
  }
}

/// The gradients of add_relative(): it adds into grad_r and grad_q, and calls sum_query_gradient(rows of dL/dq') for
/// the bias of the queries.
template <typename GradQuery, typename SumQueryGradient, typename GradTable, typename Grad, typename Query,
          typename AddQueryBias, typename Table, typename Scalar>
void add_relative_gradients(GradQuery&& grad_q, SumQueryGradient&& sum_query_gradient, GradTable&& grad_r,
                            const Grad& grad, const Query& q, AddQueryBias&& add_query_bias, const Table& r,
                            Eigen::Index lowest, const AttentionSpan& span, Scalar scale,
                            Workspace<Scalar>& workspace) {
  const Eigen::Index widest = (std::min)(r.rows(), span.key_len() + kQueryBlock - 1);
  auto scratch = workspace.matrix(2 * kQueryBlock, (std::max)(widest, q.cols()));
  for (Eigen::Index block = 0; block < span.query_len(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, span.query_len() - block);
    const RowsRead window(span, block, rows, lowest, r.rows());
    auto by_distance = scratch.topLeftCorner(rows, window.count);
    auto queries = scratch.bottomLeftCorner(kQueryBlock, q.cols()).topRows(rows);
    by_distance.setZero();
    for (Eigen::Index i = 0; i < rows; ++i) {
      const KeysWithRow keys(span, block + i, lowest, r.rows());
      if (keys.count() == 0) continue;
      by_distance.row(i).segment(keys.first + keys.shift - window.first, keys.count()) =
          grad.row(block + i).segment(keys.first, keys.count());
    }
    queries = q.middleRows(block, rows);
    add_query_bias(queries);
    add_product(grad_r.middleRows(window.first, window.count), by_distance.transpose(), queries, scale);
    queries.setZero();
    add_product(queries, by_distance, r.middleRows(window.first, window.count), scale);
    grad_q.middleRows(block, rows) += queries;
    sum_query_gradient(queries);
  }
}

/// The distances of a table's rows: those that the caller gave, else exactly those of the span.
inline DistanceRange distances_of_rows(const std::optional<DistanceRange>& given, const AttentionSpan& span) {
  return given ? *given : span.distances();
}

/// The rows of a table by distance that each head has.
inline HeadRows require_distance_rows(const char* function, const char* parameter, Eigen::Index rows,
                                      const std::optional<DistanceRange>& given, const AttentionSpan& span,
                                      Eigen::Index num_heads) {
  return HeadRows(function, parameter, rows, distances_of_rows(given, span).size(), num_heads,
                  given ? " (distances.size())" : " (span.distances().size(), as no distances are given)");
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_RELATIVE_PRODUCT_HPP
