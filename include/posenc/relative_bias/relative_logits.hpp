// SPDX-License-Identifier: MIT
/// @file
/// A vector for every distance, by content: the Music Transformer form and the relative shift without a copy.
#ifndef POSENC_RELATIVE_BIAS_RELATIVE_LOGITS_HPP
#define POSENC_RELATIVE_BIAS_RELATIVE_LOGITS_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/relative_bias/attention_span.hpp"
#include "posenc/relative_bias/workspace.hpp"

#include <algorithm>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// The relative shift ("skew") as a view: no padding, no reshape, no copy.
///
/// Let column m of x (L_q x P, P = L_q + L_k - 1) belong to the distance m + span.distances().min. The view is
/// L_q x L_k with element (i, j) = x(i, j - i + L_q - 1), the column of that pair's distance. In a row-major matrix
/// these elements are P - 1 apart from row to row, so the view is a Map. Writing to it (+=) is the adjoint.
///
/// A causal x needs only the L_k columns of distances <= 0 (query_offset = L_k - L_q): elements with key after query
/// then belong to the next row, and the mask must hide them.
/// @param x  L_q x (L_q + L_k - 1), or L_q x L_k in the causal case: a plain row-major matrix.
/// @throws std::invalid_argument  another shape.
/// Matches:  _rel_shift of Transformer-XL, skewing of the Music Transformer and tensor2tensor.
template <typename Scalar>
auto relative_shift(Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>& x,
                    const AttentionSpan& span) {
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const char* const function = "relative_shift";
  const bool causal = x.cols() == span.key_len() && span.query_offset() == span.key_len() - span.query_len();
  const Eigen::Index columns = causal ? span.key_len() : span.query_len() + span.key_len() - 1;
  detail::require_shape(function, "x", x, span.query_len(), columns);
  const Eigen::Index shift = (std::max)(span.query_len() - 1, Eigen::Index(0));
  return Eigen::Map<Matrix, Eigen::Unaligned, Eigen::OuterStride<>>(
      x.data() + shift, span.query_len(), span.key_len(),
      Eigen::OuterStride<>((std::max)(columns - 1, Eigen::Index(0))));  // 0: one causal key, each row the last entry
}

/// The rows of a relative table: row m is the relative position (key - query) first_relative + m.
struct RelativeRows {
  Eigen::Index first_relative = 0;
};

namespace detail {

/// What the keys of query i have in a table of `num_rows` rows from first_relative on: keys [first, last), key j at row
/// j + shift.
struct RelativeKeys {
  Eigen::Index first;
  Eigen::Index last;
  Eigen::Index shift;

  RelativeKeys(const AttentionSpan& span, Eigen::Index query, RelativeRows rows, Eigen::Index num_rows) {
    shift = span.first_relative(query) - rows.first_relative;
    first = (std::min)((std::max)(-shift, Eigen::Index(0)), span.key_len());
    last = (std::max)((std::min)(num_rows - shift, span.key_len()), first);
  }
  Eigen::Index count() const { return last - first; }
};

/// Table rows that queries [block, block + rows) need: [first, first + count).
struct RelativeWindow {
  Eigen::Index first = 0;
  Eigen::Index count = 0;

  RelativeWindow(const AttentionSpan& span, Eigen::Index block, Eigen::Index rows, RelativeRows table,
                 Eigen::Index num_rows) {
    const Eigen::Index lowest = span.first_relative(block + rows - 1) - table.first_relative;
    const Eigen::Index highest = span.first_relative(block) + span.key_len() - table.first_relative;
    first = (std::min)((std::max)(lowest, Eigen::Index(0)), num_rows);
    count = (std::max)((std::min)(highest, num_rows) - first, Eigen::Index(0));
  }
};

template <typename Query, typename Table>
void require_relative(const char* function, const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Table>& r,
                      RelativeRows rows, const AttentionSpan& span) {
  require_in_range(rows.first_relative >= -2 * kSpanLimit && rows.first_relative <= 2 * kSpanLimit, function,
                   "rows.first_relative", rows.first_relative, "in [-", 2 * kSpanLimit, ", ", 2 * kSpanLimit, "]");
  require(q.rows() == span.query_len(), function, "q.rows()", q.rows(), "span.query_len() ", span.query_len());
  require(r.cols() == q.cols(), function, "r.cols()", r.cols(), "q.cols() ", q.cols());
}

/// For queries that are used as they are.
struct NoQueryBias {
  template <typename Queries>
  void operator()(Queries&&) const {}
};

/// x += scale q' . r by distance, where add_query_bias(q') has changed the copied queries of a block.
template <typename X, typename Query, typename AddQueryBias, typename Table, typename Scalar>
void add_relative(X& x, const Query& q, AddQueryBias&& add_query_bias, const Table& r, RelativeRows table_rows,
                  const AttentionSpan& span, Scalar scale, Workspace<Scalar>& workspace) {
  const Eigen::Index widest = (std::min)(r.rows(), span.key_len() + kQueryBlock - 1);
  auto scratch = workspace.matrix(2 * kQueryBlock, (std::max)(widest, q.cols()));
  for (Eigen::Index block = 0; block < span.query_len(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, span.query_len() - block);
    const RelativeWindow window(span, block, rows, table_rows, r.rows());
    auto scores = scratch.topLeftCorner(rows, window.count);
    auto queries = scratch.bottomLeftCorner(kQueryBlock, q.cols()).topRows(rows);
    queries = q.middleRows(block, rows);
    add_query_bias(queries);
    scores.setZero();
    add_product(scores, queries, r.middleRows(window.first, window.count).transpose(), scale);
    for (Eigen::Index i = 0; i < rows; ++i) {
      const RelativeKeys keys(span, block + i, table_rows, r.rows());
      if (keys.count() == 0) continue;
      x.row(block + i).segment(keys.first, keys.count()) +=
          scores.row(i).segment(keys.first + keys.shift - window.first, keys.count());
    }
  }
}

/// The gradients of add_relative(): grad_r, grad_q, and sum_query_gradient(rows of dL/dq') for the bias of the queries.
template <typename GradQuery, typename SumQueryGradient, typename GradTable, typename Grad, typename Query,
          typename AddQueryBias, typename Table, typename Scalar>
void add_relative_backward(GradQuery& grad_q, SumQueryGradient&& sum_query_gradient, GradTable& grad_r,
                           const Grad& grad, const Query& q, AddQueryBias&& add_query_bias, const Table& r,
                           RelativeRows table_rows, const AttentionSpan& span, Scalar scale,
                           Workspace<Scalar>& workspace) {
  const Eigen::Index widest = (std::min)(r.rows(), span.key_len() + kQueryBlock - 1);
  auto scratch = workspace.matrix(2 * kQueryBlock, (std::max)(widest, q.cols()));
  for (Eigen::Index block = 0; block < span.query_len(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, span.query_len() - block);
    const RelativeWindow window(span, block, rows, table_rows, r.rows());
    auto by_distance = scratch.topLeftCorner(rows, window.count);
    auto queries = scratch.bottomLeftCorner(kQueryBlock, q.cols()).topRows(rows);
    by_distance.setZero();
    for (Eigen::Index i = 0; i < rows; ++i) {
      const RelativeKeys keys(span, block + i, table_rows, r.rows());
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

}  // namespace detail

/// Adds a trained or fixed vector for every distance to the logits of one head, in place:
///
///     logits(i, j) += scale q[i] . r[j - (query_offset + i) - first_relative]
///
/// Distances that r has no row for get nothing added (tensor2tensor pads with zeros; add_shaw_logits() clips).
/// @param[in,out] logits  L_q x L_k. float or double, as q and r.
/// @param q               L_q x head_dim.
/// @param r               Any number of rows x head_dim, by ascending key - query. For L_k causal positions: L_k rows
///                        and first_relative 1 - L_k.
/// @param scale           What q k^T is scaled by.
/// @throws std::invalid_argument  shapes that do not fit. `logits` is then unchanged.
/// Cost:     a product over the distances that occur, in blocks of 32 queries; extra memory 64 x (L_k + 31).
/// Source:   Huang et al. 2018, arXiv:1809.04281 (Music Transformer).
/// Matches:  tensor2tensor dot_product_self_attention_relative_v2; flashlight's relative position embedding.
template <typename Logits, typename Query, typename Table, typename Scalar>
void add_relative_logits(Logits&& logits, const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Table>& r,
                         RelativeRows rows, const AttentionSpan& span, Scalar scale, Workspace<Scalar>& workspace) {
  const char* const function = "add_relative_logits";
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_shape(function, "logits", x, span.query_len(), span.key_len());
  detail::require_relative(function, q, r, rows, span);
  const auto& q_values = detail::evaluated(q);
  const auto& r_values = detail::evaluated(r);
  detail::add_relative(x, q_values, detail::NoQueryBias(), r_values, rows, span, scale, workspace);
}

/// The gradient of add_relative_logits(): adds into grad_q (L_q x head_dim) and grad_r (the shape of r).
/// @throws std::invalid_argument  shapes that do not fit; nothing is written then.
template <typename GradQuery, typename GradTable, typename Grad, typename Query, typename Table, typename Scalar>
void relative_logits_backward(GradQuery&& grad_q, GradTable&& grad_r, const Eigen::MatrixBase<Grad>& grad_logits,
                              const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Table>& r, RelativeRows rows,
                              const AttentionSpan& span, Scalar scale, Workspace<Scalar>& workspace) {
  const char* const function = "relative_logits_backward";
  auto& dq = detail::written(std::forward<GradQuery>(grad_q));
  auto& dr = detail::written(std::forward<GradTable>(grad_r));
  detail::require_shape(function, "grad_logits", grad_logits, span.query_len(), span.key_len());
  detail::require_relative(function, q, r, rows, span);
  detail::require_shape(function, "grad_q", dq, q.rows(), q.cols());
  detail::require_shape(function, "grad_r", dr, r.rows(), r.cols());
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  const auto& q_values = detail::evaluated(q);
  const auto& r_values = detail::evaluated(r);
  detail::add_relative_backward(dq, detail::NoQueryBias(), dr, grad_logits_values, q_values, detail::NoQueryBias(),
                                r_values, rows, span, scale, workspace);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_RELATIVE_LOGITS_HPP
