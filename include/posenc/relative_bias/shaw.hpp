// SPDX-License-Identifier: MIT
/// @file
/// Shaw: a trained vector for each clipped distance, added to keys and to values.
#ifndef POSENC_RELATIVE_BIAS_SHAW_HPP
#define POSENC_RELATIVE_BIAS_SHAW_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/relative_bias/attention_span.hpp"
#include "posenc/relative_bias/workspace.hpp"

#include <algorithm>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// Distances beyond these share the outermost vectors. The table has left + right + 1 rows; key - query = d takes row
/// clamp(d, -left, right) + left.
struct ShawClip {
  Eigen::Index left = 0;   ///< For keys before the query, >= 0.
  Eigen::Index right = 0;  ///< For keys after it, >= 0.

  static ShawClip symmetric(Eigen::Index max_relative_position) {
    return {max_relative_position, max_relative_position};
  }
  Eigen::Index rows() const { return left + right + 1; }
};

namespace detail {

template <typename Table>
void require_shaw(const char* function, const Eigen::MatrixBase<Table>& table, const ShawClip& clip,
                  Eigen::Index head_dim) {
  require(clip.left >= 0 && clip.left <= kSpanLimit, function, "clip.left", clip.left, ">= 0 and at most ", kSpanLimit);
  require(clip.right >= 0 && clip.right <= kSpanLimit, function, "clip.right", clip.right, ">= 0 and at most ",
          kSpanLimit);
  require_shape(function, "table", table, clip.rows(), head_dim);
}

/// The keys of one query by table row: [0, first) take row 0, [last, L_k) the last row, and between them key j takes
/// row j + shift.
struct ShawRow {
  Eigen::Index first;
  Eigen::Index last;
  Eigen::Index shift;

  ShawRow(const AttentionSpan& span, Eigen::Index query, const ShawClip& clip) {
    const Eigen::Index relative = span.first_relative(query);
    first = (std::min)((std::max)(-clip.left - relative, Eigen::Index(0)), span.key_len());
    last = (std::max)((std::min)(clip.right + 1 - relative, span.key_len()), first);
    shift = relative + clip.left;
  }
};

/// row += by table row, what `values` (one for each table row) says.
template <typename Row, typename Values>
void add_by_clipped_distance(Row&& row, const Values& values, const ShawRow& keys) {
  const Eigen::Index middle = keys.last - keys.first;
  row.head(keys.first).array() += values(0);
  if (middle > 0) row.segment(keys.first, middle) += values.segment(keys.first + keys.shift, middle);
  row.tail(row.size() - keys.last).array() += values(values.size() - 1);
}

/// sums = the total of `row` for each table row.
template <typename Sums, typename Row>
void sum_by_clipped_distance(Sums&& sums, const Row& row, const ShawRow& keys) {
  const Eigen::Index middle = keys.last - keys.first;
  sums.setZero();
  if (middle > 0) sums.segment(keys.first + keys.shift, middle) = row.segment(keys.first, middle);
  sums(0) += row.head(keys.first).sum();
  sums(sums.size() - 1) += row.tail(row.size() - keys.last).sum();
}

}  // namespace detail

/// Adds the key part of Shaw's encoding to the logits of one head, in place:
///
///     logits(i, j) += scale q[i] . table[clamp(j - (query_offset + i), -left, right) + left]
///
/// @param[in,out] logits  L_q x L_k. float or double, as q and table.
/// @param q               L_q x head_dim.
/// @param table           clip.rows() x head_dim; often shared by all heads.
/// @param scale           What q k^T is scaled by, usually 1 / sqrt(head_dim).
/// @throws std::invalid_argument  shapes that do not fit; a negative clip. `logits` is then unchanged.
/// Cost:     one product L_q x head_dim x (left + right + 1), then three runs of additions for each row. Extra memory
///           is O(left + right), where gathering table rows takes L_q x L_k x head_dim.
/// Source:   Shaw et al. 2018, arXiv:1803.02155, section 3.2.
/// Matches:  tensor2tensor dot_product_attention_relative, CTranslate2 relative_position_keys; a clip with
///           left != right wav2vec2-BERT.
template <typename Logits, typename Query, typename Table, typename Scalar>
void add_shaw_logits(Logits&& logits, const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Table>& table,
                     const ShawClip& clip, const AttentionSpan& span, Scalar scale, Workspace<Scalar>& workspace) {
  const char* const function = "add_shaw_logits";
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_shape(function, "logits", x, span.query_len(), span.key_len());
  detail::require(q.rows() == span.query_len(), function, "q.rows()", q.rows(), "span.query_len() ", span.query_len());
  detail::require_shaw(function, table, clip, q.cols());
  const auto& q_values = detail::evaluated(q);
  const auto& table_values = detail::evaluated(table);
  auto scores = workspace.matrix(detail::kQueryBlock, clip.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += detail::kQueryBlock) {
    const Eigen::Index rows = (std::min)(detail::kQueryBlock, span.query_len() - block);
    scores.topRows(rows).setZero();
    detail::add_product(scores.topRows(rows), q_values.middleRows(block, rows), table_values.transpose(), scale);
    for (Eigen::Index i = 0; i < rows; ++i) {
      detail::add_by_clipped_distance(x.row(block + i), scores.row(i), detail::ShawRow(span, block + i, clip));
    }
  }
}

/// The gradient of add_shaw_logits(): adds into grad_q (L_q x head_dim) and grad_table (clip.rows() x head_dim).
/// @throws std::invalid_argument  shapes that do not fit; nothing is written then.
template <typename GradQuery, typename GradTable, typename Grad, typename Query, typename Table, typename Scalar>
void shaw_logits_backward(GradQuery&& grad_q, GradTable&& grad_table, const Eigen::MatrixBase<Grad>& grad_logits,
                          const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Table>& table,
                          const ShawClip& clip, const AttentionSpan& span, Scalar scale, Workspace<Scalar>& workspace) {
  const char* const function = "shaw_logits_backward";
  auto& dq = detail::written(std::forward<GradQuery>(grad_q));
  auto& dtable = detail::written(std::forward<GradTable>(grad_table));
  detail::require_shape(function, "grad_logits", grad_logits, span.query_len(), span.key_len());
  detail::require(q.rows() == span.query_len(), function, "q.rows()", q.rows(), "span.query_len() ", span.query_len());
  detail::require_shaw(function, table, clip, q.cols());
  detail::require_shape(function, "grad_q", dq, q.rows(), q.cols());
  detail::require_shape(function, "grad_table", dtable, table.rows(), table.cols());
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  const auto& q_values = detail::evaluated(q);
  const auto& table_values = detail::evaluated(table);
  auto sums = workspace.matrix(detail::kQueryBlock, clip.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += detail::kQueryBlock) {
    const Eigen::Index rows = (std::min)(detail::kQueryBlock, span.query_len() - block);
    for (Eigen::Index i = 0; i < rows; ++i) {
      detail::sum_by_clipped_distance(sums.row(i), grad_logits_values.row(block + i),
                                      detail::ShawRow(span, block + i, clip));
    }
    detail::add_product(dq.middleRows(block, rows), sums.topRows(rows), table_values, scale);
    detail::add_product(dtable, sums.topRows(rows).transpose(), q_values.middleRows(block, rows), scale);
  }
}

/// Adds the value part of Shaw's encoding to the outputs of one head, in place:
///
///     out[i] += sum over j of attention(i, j) table[clamp(j - (query_offset + i), -left, right) + left]
///
/// @param[in,out] out  L_q x head_dim.
/// @param attention    L_q x L_k, after softmax (and masked: 0 where a query may not look).
/// @param table        clip.rows() x head_dim, the table of the values.
/// @throws std::invalid_argument  shapes that do not fit. `out` is then unchanged.
/// Cost:     as add_shaw_logits().
/// Source:   Shaw et al. 2018, arXiv:1803.02155, equation 3.
template <typename Out, typename Attention, typename Table, typename Scalar>
void add_shaw_values(Out&& out, const Eigen::MatrixBase<Attention>& attention, const Eigen::MatrixBase<Table>& table,
                     const ShawClip& clip, const AttentionSpan& span, Workspace<Scalar>& workspace) {
  const char* const function = "add_shaw_values";
  auto& y = detail::written(std::forward<Out>(out));
  detail::require_shape(function, "attention", attention, span.query_len(), span.key_len());
  detail::require(y.rows() == span.query_len(), function, "out.rows()", y.rows(), "span.query_len() ",
                  span.query_len());
  detail::require_shaw(function, table, clip, y.cols());
  const auto& attention_values = detail::evaluated(attention);
  const auto& table_values = detail::evaluated(table);
  auto sums = workspace.matrix(detail::kQueryBlock, clip.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += detail::kQueryBlock) {
    const Eigen::Index rows = (std::min)(detail::kQueryBlock, span.query_len() - block);
    for (Eigen::Index i = 0; i < rows; ++i) {
      detail::sum_by_clipped_distance(sums.row(i), attention_values.row(block + i),
                                      detail::ShawRow(span, block + i, clip));
    }
    detail::add_product(y.middleRows(block, rows), sums.topRows(rows), table_values, Scalar(1));
  }
}

/// The gradient of add_shaw_values(): adds into grad_attention (L_q x L_k) and grad_table.
/// @throws std::invalid_argument  shapes that do not fit; nothing is written then.
template <typename GradAttention, typename GradTable, typename Grad, typename Attention, typename Table,
          typename Scalar>
void shaw_values_backward(GradAttention&& grad_attention, GradTable&& grad_table,
                          const Eigen::MatrixBase<Grad>& grad_out, const Eigen::MatrixBase<Attention>& attention,
                          const Eigen::MatrixBase<Table>& table, const ShawClip& clip, const AttentionSpan& span,
                          Workspace<Scalar>& workspace) {
  const char* const function = "shaw_values_backward";
  auto& dattention = detail::written(std::forward<GradAttention>(grad_attention));
  auto& dtable = detail::written(std::forward<GradTable>(grad_table));
  detail::require_shape(function, "attention", attention, span.query_len(), span.key_len());
  detail::require(grad_out.rows() == span.query_len(), function, "grad_out.rows()", grad_out.rows(),
                  "span.query_len() ", span.query_len());
  detail::require_shaw(function, table, clip, grad_out.cols());
  detail::require_shape(function, "grad_attention", dattention, span.query_len(), span.key_len());
  detail::require_shape(function, "grad_table", dtable, table.rows(), table.cols());
  const auto& grad_out_values = detail::evaluated(grad_out);
  const auto& attention_values = detail::evaluated(attention);
  const auto& table_values = detail::evaluated(table);
  auto sums = workspace.matrix(detail::kQueryBlock, clip.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += detail::kQueryBlock) {
    const Eigen::Index rows = (std::min)(detail::kQueryBlock, span.query_len() - block);
    for (Eigen::Index i = 0; i < rows; ++i) {
      detail::sum_by_clipped_distance(sums.row(i), attention_values.row(block + i),
                                      detail::ShawRow(span, block + i, clip));
    }
    detail::add_product(dtable, sums.topRows(rows).transpose(), grad_out_values.middleRows(block, rows), Scalar(1));
    sums.topRows(rows).setZero();
    detail::add_product(sums.topRows(rows), grad_out_values.middleRows(block, rows), table_values.transpose(),
                        Scalar(1));
    for (Eigen::Index i = 0; i < rows; ++i) {
      detail::add_by_clipped_distance(dattention.row(block + i), sums.row(i), detail::ShawRow(span, block + i, clip));
    }
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_SHAW_HPP
