// SPDX-License-Identifier: MIT
/// @file
/// The counted positions of CoPE for one head, their logits and gradients, in blocks of queries.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_COPE_POSITIONS_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_COPE_POSITIONS_HPP

#include "posenc/relative_bias/attention_span.hpp"
#include "posenc/relative_bias/detail/product.hpp"
#include "posenc/relative_bias/workspace.hpp"

#include <algorithm>
#include <cmath>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename Scalar>
Scalar sigmoid(Scalar x) {
  return Scalar(1) / (Scalar(1) + std::exp(-x));
}

/// Where a counted position lies between two rows of the table. NaN takes the last row, with a weight of NaN.
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

/// Adds the score of the last row to the first logits of a row: what keys take once those behind them count as many as
/// the table has. False where a logit is not finite: a NaN is in the counts of all keys before it.
template <typename Logits, typename Scalar>
bool add_last_position(Logits&& logits, Scalar score) {
  if (!((logits.array() * Scalar(0)).sum() == Scalar(0))) return false;
  logits.array() += score + Scalar(0) * std::abs(score);  // NaN where the score is infinite, as between two rows
  return true;
}

template <typename X, typename Query, typename Table, typename Scalar>
void add_cope_head(X&& x, const Query& q, const Table& table, const AttentionSpan& span, Workspace<Scalar>& workspace) {
  auto scratch = workspace.matrix(kQueryBlock, table.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, span.query_len() - block);
    auto scores = scratch.topRows(rows);
    multiply_rows(scores, q.middleRows(block, rows), table, Scalar(1));
    for (Eigen::Index i = 0; i < rows; ++i) {
      Scalar counted = 0;
      bool may_end = true;
      for (Eigen::Index j = span.visible_keys(block + i) - 1; j >= 0; --j) {
        if (may_end && counted >= static_cast<Scalar>(table.rows() - 1)) {
          if (add_last_position(x.row(block + i).head(j + 1), scores(i, table.rows() - 1))) break;
          may_end = false;
        }
        Scalar& logit = x.coeffRef(block + i, j);
        counted += sigmoid(logit);
        const CopePosition<Scalar> at(counted, table.rows());
        logit += scores(i, at.below) + at.weight * (scores(i, at.above) - scores(i, at.below));
      }
    }
  }
}

/// Adds into grad_q and grad_table, and changes grad_logits to the gradient of the logits before the forward call.
template <typename GradLogits, typename GradQuery, typename GradTable, typename Logits, typename Query, typename Table,
          typename Scalar>
void add_cope_gradients(GradLogits&& grad_logits, GradQuery&& grad_q, GradTable&& grad_table, const Logits& logits,
                        const Query& q, const Table& table, const AttentionSpan& span, Workspace<Scalar>& workspace) {
  auto scratch = workspace.matrix(2 * kQueryBlock + 1, (std::max)(table.rows(), span.key_len()));
  auto grad_positions = scratch.bottomRows(1);
  for (Eigen::Index block = 0; block < span.query_len(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, span.query_len() - block);
    auto scores = scratch.topLeftCorner(rows, table.rows());
    auto sums = scratch.block(kQueryBlock, 0, rows, table.rows());
    sums.setZero();
    multiply_rows(scores, q.middleRows(block, rows), table, Scalar(1));
    for (Eigen::Index i = 0; i < rows; ++i) {
      const Eigen::Index visible = span.visible_keys(block + i);
      Scalar counted = 0;
      for (Eigen::Index j = visible - 1; j >= 0; --j) {
        counted += sigmoid(logits.coeff(block + i, j));
        const CopePosition<Scalar> at(counted, table.rows());
        const Scalar g = grad_logits.coeff(block + i, j);
        sums(i, at.below) += (Scalar(1) - at.weight) * g;
        sums(i, at.above) += at.weight * g;
        grad_positions(0, j) = g * (scores(i, at.above) - scores(i, at.below));
      }
      // Gate t counts in every position j <= t, so its gradient is the sum of the positions' gradients up to t.
      Scalar sum = 0;
      for (Eigen::Index t = 0; t < visible; ++t) {
        const Scalar gate = sigmoid(logits.coeff(block + i, t));
        sum += grad_positions(0, t);
        grad_logits.coeffRef(block + i, t) += gate * (Scalar(1) - gate) * sum;
      }
    }
    add_product(grad_q.middleRows(block, rows), sums, table, Scalar(1));
    add_product(grad_table, sums.transpose(), q.middleRows(block, rows), Scalar(1));
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_COPE_POSITIONS_HPP
