// SPDX-License-Identifier: MIT
/// @file
/// Decomposed relative positions of vision backbones (MViTv2, SAM): rows and columns apart, by content.
#ifndef POSENC_RELATIVE_BIAS_DECOMPOSED_HPP
#define POSENC_RELATIVE_BIAS_DECOMPOSED_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/relative_bias/window_bias.hpp"

#include <algorithm>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// The table row for query coordinate q and key coordinate k along one side, tables having 2 max(sides) - 1 rows:
/// int(q max(key/query, 1) - k max(query/key, 1) + (key - 1) max(query/key, 1)), in integers.
inline Eigen::Index decomposed_row(Eigen::Index q, Eigen::Index k, Eigen::Index query_side, Eigen::Index key_side) {
  const Eigen::Index longer = (std::max)(query_side, key_side);
  const Eigen::Index numerator = q * longer * key_side + (key_side - 1 - k) * longer * query_side;
  return numerator / (query_side * key_side);
}

template <typename Query, typename Rows, typename Columns>
void require_decomposed(const char* function, const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Rows>& rel_h,
                        const Eigen::MatrixBase<Columns>& rel_w, const WindowShape& query, const WindowShape& key) {
  require_window_shape(function, "query", query);
  require_window_shape(function, "key", key);
  require(q.rows() == query.tokens(), function, "q.rows()", q.rows(), "query.tokens() ", query.tokens());
  require_shape(function, "rel_h", rel_h, 2 * (std::max)(query.height, key.height) - 1, q.cols());
  require_shape(function, "rel_w", rel_w, 2 * (std::max)(query.width, key.width) - 1, q.cols());
}

}  // namespace detail

/// Adds the decomposed relative positions of one head to its logits, in place. With query token t = (h, w) and key
/// token u = (y, x), both numbered row by row,
///
///     logits(t, u) += q[t] . rel_h[row(h, y)] + q[t] . rel_w[row(w, x)]
///
/// @param[in,out] logits  query.tokens() x key.tokens(). float or double, as the rest.
/// @param q               query.tokens() x head_dim, not scaled: the logits are already.
/// @param rel_h, rel_w    2 max(query side, key side) - 1 rows each, x head_dim. Tables of another length are resized
///                        first (linearly, half-pixel).
/// @param query, key      Grids; they may differ (pooled keys).
/// @throws std::invalid_argument  shapes that do not fit. `logits` is then unchanged.
/// Cost:     tokens (height + width) head_dim multiply-adds and two additions for each logit; no allocation.
/// Source:   Li et al. 2021, arXiv:2112.01526 (MViTv2). Matches: add_decomposed_rel_pos of Segment Anything.
template <typename Logits, typename Query, typename Rows, typename Columns>
void add_decomposed_bias(Logits&& logits, const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Rows>& rel_h,
                         const Eigen::MatrixBase<Columns>& rel_w, const WindowShape& query, const WindowShape& key) {
  const char* const function = "add_decomposed_bias";
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_decomposed(function, q, rel_h, rel_w, query, key);
  detail::require_shape(function, "logits", x, query.tokens(), key.tokens());
  const auto& q_values = detail::evaluated(q);
  const auto& rel_h_values = detail::evaluated(rel_h);
  const auto& rel_w_values = detail::evaluated(rel_w);
  for (Eigen::Index t = 0; t < query.tokens(); ++t) {
    for (Eigen::Index y = 0; y < key.height; ++y) {
      const Eigen::Index row = detail::decomposed_row(t / query.width, y, query.height, key.height);
      x.row(t).segment(y * key.width, key.width).array() += q_values.row(t).dot(rel_h_values.row(row));
    }
    for (Eigen::Index u = 0; u < key.width; ++u) {
      const Eigen::Index row = detail::decomposed_row(t % query.width, u, query.width, key.width);
      const auto score = q_values.row(t).dot(rel_w_values.row(row));
      for (Eigen::Index y = 0; y < key.height; ++y) x.coeffRef(t, y * key.width + u) += score;
    }
  }
}

/// The gradient of add_decomposed_bias(): adds into grad_q, grad_h and grad_w, each of the shape of its parameter.
/// @throws std::invalid_argument  shapes that do not fit; nothing is written then.
template <typename GradQuery, typename GradRows, typename GradColumns, typename Grad, typename Query, typename Rows,
          typename Columns>
void decomposed_backward(GradQuery&& grad_q, GradRows&& grad_h, GradColumns&& grad_w,
                         const Eigen::MatrixBase<Grad>& grad_logits, const Eigen::MatrixBase<Query>& q,
                         const Eigen::MatrixBase<Rows>& rel_h, const Eigen::MatrixBase<Columns>& rel_w,
                         const WindowShape& query, const WindowShape& key) {
  const char* const function = "decomposed_backward";
  auto& dq = detail::written(std::forward<GradQuery>(grad_q));
  auto& dh = detail::written(std::forward<GradRows>(grad_h));
  auto& dw = detail::written(std::forward<GradColumns>(grad_w));
  detail::require_decomposed(function, q, rel_h, rel_w, query, key);
  detail::require_shape(function, "grad_logits", grad_logits, query.tokens(), key.tokens());
  detail::require_shape(function, "grad_q", dq, q.rows(), q.cols());
  detail::require_shape(function, "grad_h", dh, rel_h.rows(), rel_h.cols());
  detail::require_shape(function, "grad_w", dw, rel_w.rows(), rel_w.cols());
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  const auto& q_values = detail::evaluated(q);
  const auto& rel_h_values = detail::evaluated(rel_h);
  const auto& rel_w_values = detail::evaluated(rel_w);
  using Scalar = typename Query::Scalar;
  for (Eigen::Index t = 0; t < query.tokens(); ++t) {
    for (Eigen::Index y = 0; y < key.height; ++y) {
      const Eigen::Index row = detail::decomposed_row(t / query.width, y, query.height, key.height);
      const Scalar sum = grad_logits_values.row(t).segment(y * key.width, key.width).sum();
      dq.row(t) += sum * rel_h_values.row(row);
      dh.row(row) += sum * q_values.row(t);
    }
    for (Eigen::Index u = 0; u < key.width; ++u) {
      const Eigen::Index row = detail::decomposed_row(t % query.width, u, query.width, key.width);
      Scalar sum = 0;
      for (Eigen::Index y = 0; y < key.height; ++y) sum += grad_logits_values.coeff(t, y * key.width + u);
      dq.row(t) += sum * rel_w_values.row(row);
      dw.row(row) += sum * q_values.row(t);
    }
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DECOMPOSED_HPP
