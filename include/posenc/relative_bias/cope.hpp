// SPDX-License-Identifier: MIT
/// @file
/// CoPE: positions counted by content.
#ifndef POSENC_RELATIVE_BIAS_COPE_HPP
#define POSENC_RELATIVE_BIAS_COPE_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/relative_bias/attention_span.hpp"
#include "posenc/relative_bias/workspace.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

template <typename Query, typename Table>
void require_cope(const char* function, const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Table>& table,
                  const AttentionSpan& span) {
  require(q.rows() == span.query_len(), function, "q.rows()", q.rows(), "span.query_len() ", span.query_len());
  require(table.rows() > 0, function, "table.rows()", table.rows(), "> 0");
  require(table.cols() == q.cols(), function, "table.cols()", table.cols(), "q.cols() ", q.cols());
}

template <typename Scalar>
Scalar sigmoid(Scalar x) {
  return Scalar(1) / (Scalar(1) + std::exp(-x));
}

/// Where a counted position falls between two rows of the table. NaN takes the last row and keeps a NaN weight.
template <typename Scalar>
struct CopePosition {
  Eigen::Index below;
  Eigen::Index above;
  Scalar weight;  // of `above`

  CopePosition(Scalar counted, Eigen::Index rows) {
    if (counted < static_cast<Scalar>(rows - 1)) {
      below = static_cast<Eigen::Index>(std::floor(counted));
      above = static_cast<Eigen::Index>(std::ceil(counted));
      weight = counted - static_cast<Scalar>(below);
    } else {
      below = above = rows - 1;
      weight = counted * Scalar(0);
    }
  }
};

}  // namespace detail

/// Adds contextual positions to the logits of one head, in place, for the keys that a query sees:
///
///     p(i, j) = min(sum over t = j ... query of sigmoid(logits(i, t)), rows - 1)
///     logits(i, j) += q[i] . table[p]        rows of the table interpolated linearly
///
/// With all gates open p = distance + 1: the key itself counts.
/// @param[in,out] logits  L_q x L_k, before softmax; keys after the query are left as they are.
/// @param q               L_q x head_dim. float or double, as the rest.
/// @param table           max positions x head_dim.
/// @throws std::invalid_argument  shapes that do not fit, or an empty table. `logits` is then unchanged.
/// Cost:     a product L_q x head_dim x rows and one sigmoid for each visible logit. Extra memory 32 x rows.
/// Source:   Golovneva et al. 2024, arXiv:2405.18719. Matches: CoPE of x-transformers.
template <typename Logits, typename Query, typename Table, typename Scalar>
void add_cope_logits(Logits&& logits, const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Table>& table,
                     const AttentionSpan& span, Workspace<Scalar>& workspace) {
  const char* const function = "add_cope_logits";
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_shape(function, "logits", x, span.query_len(), span.key_len());
  detail::require_cope(function, q, table, span);
  const auto& q_values = detail::evaluated(q);
  const auto& table_values = detail::evaluated(table);
  auto scratch = workspace.matrix(detail::kQueryBlock, table_values.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += detail::kQueryBlock) {
    const Eigen::Index rows = (std::min)(detail::kQueryBlock, span.query_len() - block);
    auto scores = scratch.topRows(rows);
    scores.setZero();
    detail::add_product(scores, q_values.middleRows(block, rows), table_values.transpose(), Scalar(1));
    for (Eigen::Index i = 0; i < rows; ++i) {
      Scalar counted = 0;
      for (Eigen::Index j = span.visible_keys(block + i) - 1; j >= 0; --j) {
        Scalar& logit = x.coeffRef(block + i, j);
        counted += detail::sigmoid(logit);
        const detail::CopePosition<Scalar> at(counted, table_values.rows());
        logit += scores(i, at.below) + at.weight * (scores(i, at.above) - scores(i, at.below));
      }
    }
  }
}

/// The gradient of add_cope_logits(): adds into grad_q and grad_table, and turns `grad_logits`, dL/d(logits with CoPE),
/// into dL/d(logits without) in place: the gates depend on the logits too.
///
/// @param[in,out] grad_logits  L_q x L_k.
/// @param logits               L_q x L_k, as they were before add_cope_logits().
/// @throws std::invalid_argument  shapes that do not fit; nothing is written then.
template <typename GradLogits, typename GradQuery, typename GradTable, typename Logits, typename Query, typename Table,
          typename Scalar>
void cope_backward(GradLogits&& grad_logits, GradQuery&& grad_q, GradTable&& grad_table,
                   const Eigen::MatrixBase<Logits>& logits, const Eigen::MatrixBase<Query>& q,
                   const Eigen::MatrixBase<Table>& table, const AttentionSpan& span, Workspace<Scalar>& workspace) {
  const char* const function = "cope_backward";
  auto& dx = detail::written(std::forward<GradLogits>(grad_logits));
  auto& dq = detail::written(std::forward<GradQuery>(grad_q));
  auto& dtable = detail::written(std::forward<GradTable>(grad_table));
  detail::require_shape(function, "grad_logits", dx, span.query_len(), span.key_len());
  detail::require_shape(function, "logits", logits, span.query_len(), span.key_len());
  detail::require_cope(function, q, table, span);
  detail::require_shape(function, "grad_q", dq, q.rows(), q.cols());
  detail::require_shape(function, "grad_table", dtable, table.rows(), table.cols());
  const auto& logits_values = detail::evaluated(logits);
  const auto& q_values = detail::evaluated(q);
  const auto& table_values = detail::evaluated(table);
  auto scratch = workspace.matrix(2 * detail::kQueryBlock + 1, (std::max)(table_values.rows(), span.key_len()));
  auto grad_positions = scratch.bottomRows(1);
  for (Eigen::Index block = 0; block < span.query_len(); block += detail::kQueryBlock) {
    const Eigen::Index rows = (std::min)(detail::kQueryBlock, span.query_len() - block);
    auto scores = scratch.topLeftCorner(rows, table_values.rows());
    auto sums = scratch.block(detail::kQueryBlock, 0, rows, table_values.rows());
    scores.setZero();
    sums.setZero();
    detail::add_product(scores, q_values.middleRows(block, rows), table_values.transpose(), Scalar(1));
    for (Eigen::Index i = 0; i < rows; ++i) {
      const Eigen::Index visible = span.visible_keys(block + i);
      Scalar counted = 0;
      for (Eigen::Index j = visible - 1; j >= 0; --j) {
        counted += detail::sigmoid(logits_values.coeff(block + i, j));
        const detail::CopePosition<Scalar> at(counted, table_values.rows());
        const Scalar g = dx.coeff(block + i, j);
        sums(i, at.below) += (Scalar(1) - at.weight) * g;
        sums(i, at.above) += at.weight * g;
        grad_positions(0, j) = g * (scores(i, at.above) - scores(i, at.below));
      }
      // Gate t counts in every position j <= t, so its gradient is the sum of the positions' gradients up to t.
      Scalar sum = 0;
      for (Eigen::Index t = 0; t < visible; ++t) {
        const Scalar gate = detail::sigmoid(logits_values.coeff(block + i, t));
        sum += grad_positions(0, t);
        dx.coeffRef(block + i, t) += gate * (Scalar(1) - gate) * sum;
      }
    }
    detail::add_product(dq.middleRows(block, rows), sums, table_values, Scalar(1));
    detail::add_product(dtable, sums.transpose(), q_values.middleRows(block, rows), Scalar(1));
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_COPE_HPP
