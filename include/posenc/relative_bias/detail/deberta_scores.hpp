// SPDX-License-Identifier: MIT
/// @file
/// The scores of one term of DeBERTa for one head, and their gradients, in blocks of tokens.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_DEBERTA_SCORES_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_DEBERTA_SCORES_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/relative_bias/attention_span.hpp"
#include "posenc/relative_bias/content_attention.hpp"
#include "posenc/relative_bias/deberta_buckets.hpp"
#include "posenc/relative_bias/detail/head_rows.hpp"
#include "posenc/relative_bias/detail/product.hpp"
#include "posenc/relative_bias/kernels/bucket_kernels.hpp"
#include "posenc/relative_bias/workspace.hpp"

#include <algorithm>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

enum class DebertaTerm { content_to_position, position_to_content };

/// Calls visit(token - block, query, key) for all pairs of the content tokens [block, block + rows), which are queries
/// in one term and keys in the other.
template <DebertaTerm Term, typename Visit>
void for_each_deberta_pair(const AttentionSpan& span, Eigen::Index block, Eigen::Index rows, Visit&& visit) {
  if constexpr (Term == DebertaTerm::content_to_position) {
    for (Eigen::Index i = 0; i < rows; ++i) {
      for (Eigen::Index j = 0; j < span.key_len(); ++j) visit(i, block + i, j);
    }
  } else {
    for (Eigen::Index i = 0; i < span.query_len(); ++i) {
      for (Eigen::Index j = 0; j < rows; ++j) visit(j, i, block + j);
    }
  }
}

/// Writes the row of each distance key - query of a nonempty span, from the lowest on. Returns whether from distance to
/// distance the row stays or falls by one.
template <typename Scalar>
bool write_bucket_rows(Scalar* row_of, const DebertaBuckets& buckets, const AttentionSpan& span) {
  const DistanceRange distances = span.distances();
  bool steady = true;
  for (Eigen::Index m = 0; m < distances.size(); ++m) {
    row_of[m] = static_cast<Scalar>(buckets(-(distances.first() + m)));
    const Scalar fall = m == 0 ? Scalar(0) : row_of[m - 1] - row_of[m];
    steady = steady && fall >= Scalar(0) && fall <= Scalar(1);
  }
  return steady;
}

/// x(i, j) += scale content[i or j] . table[row of the pair].
template <DebertaTerm Term, typename X, typename Content, typename Table, typename Scalar>
void add_deberta_scores(X&& x, const Content& content, const Table& table, const DebertaBuckets& buckets,
                        const AttentionSpan& span, Scalar scale, Workspace<Scalar>& workspace) {
  if (span.query_len() == 0 || span.key_len() == 0) return;
  const Eigen::Index width = buckets.rows() + kBucketPadding;
  auto scratch = workspace.matrix(kQueryBlock + (span.distances().size() + width - 1) / width, width);
  Scalar* const row_of = scratch.data() + kQueryBlock * width;
  [[maybe_unused]] const bool steady = write_bucket_rows(row_of, buckets, span);
  for (Eigen::Index block = 0; block < content.rows(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, content.rows() - block);
    auto scores = scratch.topLeftCorner(rows, buckets.rows());
    multiply_rows(scores, content.middleRows(block, rows), table, scale);
#if POSENC_HAS_LEVELS
    if constexpr (has_rows_in_memory<std::decay_t<X>> && std::is_same_v<Scalar, float>) {
      if (has_contiguous_rows(x)) {
        const auto kernels = bucket_kernels<BucketLines>(level_of_machine());
        const Eigen::Index last = span.query_len() - 1;
        if constexpr (Term == DebertaTerm::content_to_position) {
          kernels.queries({x.data() + block * x.outerStride(), x.outerStride(), scratch.data(), width,
                           row_of + last - block, rows, span.key_len(), steady});
        } else {
          kernels.keys({x.data() + last * x.outerStride() + block, x.outerStride(), scratch.data(), width,
                        row_of + block, rows, span.query_len(), steady});
        }
        continue;
      }
    }
#endif
    const Eigen::Index lowest = span.distances().first();
    for_each_deberta_pair<Term>(span, block, rows, [&](Eigen::Index token, Eigen::Index i, Eigen::Index j) {
      x.coeffRef(i, j) += scores(token, static_cast<Eigen::Index>(row_of[span.distance(i, j) - lowest]));
    });
  }
}

/// The gradients of add_deberta_scores().
template <DebertaTerm Term, typename GradContent, typename GradTable, typename Grad, typename Content, typename Table,
          typename Scalar>
void add_deberta_gradients(GradContent&& grad_content, GradTable&& grad_table, const Grad& grad, const Content& content,
                           const Table& table, const DebertaBuckets& buckets, const AttentionSpan& span, Scalar scale,
                           Workspace<Scalar>& workspace) {
  auto scratch = workspace.matrix(kQueryBlock, buckets.rows());
  for (Eigen::Index block = 0; block < content.rows(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, content.rows() - block);
    auto sums = scratch.topRows(rows);
    sums.setZero();
    for_each_deberta_pair<Term>(span, block, rows, [&](Eigen::Index token, Eigen::Index i, Eigen::Index j) {
      sums(token, buckets(-span.distance(i, j))) += grad.coeff(i, j);
    });
    add_product(grad_content.middleRows(block, rows), sums, table, scale);
    add_product(grad_table, sums.transpose(), content.middleRows(block, rows), scale);
  }
}

/// The number of tokens whose content a term multiplies: queries, or keys.
template <DebertaTerm Term>
Eigen::Index content_tokens(const AttentionSpan& span) {
  return Term == DebertaTerm::content_to_position ? span.query_len() : span.key_len();
}

/// add_deberta_scores() for all heads, of which the table has `table_rows`.
template <DebertaTerm Term, typename X, typename Content, typename Table, typename Query, typename Key, typename Scalar>
void add_deberta_term(X& x, const Content& content, const Table& table, const HeadRows& table_rows,
                      const DebertaBuckets& buckets, const ContentAttention<Query, Key>& attention,
                      Workspace<Scalar>& workspace) {
  const AttentionSpan& span = attention.span();
  const auto& content_values = evaluated(content);
  const auto& table_values = evaluated(table);
  for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
    add_deberta_scores<Term>(
        head_rows(x, head, span.query_len()), head_rows(content_values, head, content_tokens<Term>(span)),
        table_rows.of(table_values, head), buckets, span, static_cast<Scalar>(attention.scale()), workspace);
  }
}

/// add_deberta_gradients() for all heads.
template <DebertaTerm Term, typename Gradients, typename Grad, typename Content, typename Table, typename Query,
          typename Key, typename Scalar>
void add_deberta_term_gradients(Gradients& gradients, const Grad& grad, const Content& content, const Table& table,
                                const HeadRows& table_rows, const DebertaBuckets& buckets,
                                const ContentAttention<Query, Key>& attention, Workspace<Scalar>& workspace) {
  const AttentionSpan& span = attention.span();
  const Eigen::Index tokens = content_tokens<Term>(span);
  const auto& content_values = evaluated(content);
  const auto& table_values = evaluated(table);
  for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
    add_deberta_gradients<Term>(head_rows(gradients.grad_content(), head, tokens),
                                table_rows.of(gradients.grad_table(), head), head_rows(grad, head, span.query_len()),
                                head_rows(content_values, head, tokens), table_rows.of(table_values, head), buckets,
                                span, static_cast<Scalar>(attention.scale()), workspace);
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_DEBERTA_SCORES_HPP
