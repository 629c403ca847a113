// SPDX-License-Identifier: MIT
/// @file
/// Transformer-XL: sinusoids of distances, with trained biases for content and for position.
#ifndef POSENC_RELATIVE_BIAS_TRANSFORMER_XL_HPP
#define POSENC_RELATIVE_BIAS_TRANSFORMER_XL_HPP

#include "posenc/detail/angles.hpp"
#include "posenc/frequency/frequencies.hpp"
#include "posenc/positions/position_range.hpp"
#include "posenc/relative_bias/relative_logits.hpp"

#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// Returns the sinusoids R of Transformer-XL for a range of distances, range.size() x width, to be projected by W_r.
///
/// Row m stands at the distance n = query - key = -(range.min + m) and holds [sin(n w) | cos(n w)],
/// w[i] = base^(-2i / width): with DistanceRange::causal(L_k) the rows L_k - 1, ..., 0 of the original.
/// @param width  d_model, even and > 0.
/// @throws std::invalid_argument  odd width, a bad base, or range.max < range.min - 1.
/// Cost:     width / 2 sines and cosines for each distance, from the shared generator.
/// Source:   Dai et al. 2019, arXiv:1901.02860, section 3.3. Keys before the query have positive distance.
template <typename Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> make_relative_sinusoids(DistanceRange range,
                                                                                               Eigen::Index width,
                                                                                               double base = 10000) {
  const char* const function = "make_relative_sinusoids";
  detail::require_distance_range(function, range);
  detail::require_rotary_dim(function, "width", width);
  detail::require_base(function, base);
  const Frequencies frequencies = geometric_frequencies(width, base);
  detail::require_size(function, "range.size()", range.size(), width, sizeof(Scalar));
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> r(range.size(), width);
  const auto sink = [&](Eigen::Index row, Eigen::Index pair, int count, const double* cosine, const double* sine) {
    for (int i = 0; i < count; ++i) r(row, pair + i) = detail::round_to<Scalar>(-sine[i]);
    for (int i = 0; i < count; ++i) r(row, width / 2 + pair + i) = detail::round_to<Scalar>(cosine[i]);
  };
  detail::for_each_angle(frequencies, 1.0, detail::RangePositions(PositionRange(range.min, range.size())), sink);
  return r;
}

/// Adds to the logits of one head, which hold scale q k^T, the other three terms of Transformer-XL:
///
///     logits(i, j) += scale (u . k[j] + (q[i] + v) . r[j - (query_offset + i) - first_relative])
///
/// @param[in,out] logits  L_q x L_k. float or double, as all the rest.
/// @param q, k            L_q x head_dim and L_k x head_dim.
/// @param r               Rows of W_r R for this head, by ascending key - query: make_relative_sinusoids() projected.
///                        Causal: L_k rows with first_relative 1 - L_k. Distances without a row get nothing from r.
/// @param u, v            head_dim each: `r_w_bias` and `r_r_bias`.
/// @throws std::invalid_argument  shapes that do not fit. `logits` is then unchanged.
/// Cost:     one product over the distances that occur and one matrix-vector product; extra memory 64 x (L_k + 31).
///           No shifted copy: row i is read from a contiguous piece.
/// Source:   Dai et al. 2019, arXiv:1901.02860, section 3.3.
/// Matches:  RelPartialLearnableMultiHeadAttn of Transformer-XL, RelPositionMultiHeadedAttention of
///           ESPnet, whose own sinusoids interleave sines and cosines: give it those, not make_relative_sinusoids().
template <typename Logits, typename Query, typename Key, typename Table, typename U, typename V, typename Scalar>
void add_transformer_xl_logits(Logits&& logits, const Eigen::MatrixBase<Query>& q, const Eigen::MatrixBase<Key>& k,
                               const Eigen::MatrixBase<Table>& r, RelativeRows rows, const Eigen::MatrixBase<U>& u,
                               const Eigen::MatrixBase<V>& v, const AttentionSpan& span, Scalar scale,
                               Workspace<Scalar>& workspace) {
  const char* const function = "add_transformer_xl_logits";
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_shape(function, "logits", x, span.query_len(), span.key_len());
  detail::require_relative(function, q, r, rows, span);
  detail::require_shape(function, "k", k, span.key_len(), q.cols());
  detail::require(u.size() == q.cols(), function, "u.size()", u.size(), "head_dim ", q.cols());
  detail::require(v.size() == q.cols(), function, "v.size()", v.size(), "head_dim ", q.cols());
  const auto& q_values = detail::evaluated(q);
  const auto& k_values = detail::evaluated(k);
  const auto& r_values = detail::evaluated(r);
  const auto& u_values = detail::evaluated(u);
  const auto& v_values = detail::evaluated(v);
  const auto add_v = [&](auto& queries) { queries.rowwise() += v_values.reshaped().transpose(); };
  detail::add_relative(x, q_values, add_v, r_values, rows, span, scale, workspace);
  auto content = workspace.matrix(1, span.key_len());
  for (Eigen::Index j = 0; j < span.key_len(); ++j) {
    content(0, j) = scale * k_values.row(j).dot(u_values.reshaped().transpose());
  }
  x.rowwise() += content.row(0);
}

/// The gradients of add_transformer_xl_logits(): adds into grad_q, grad_k, grad_r, grad_u and grad_v, each of the shape
/// of its parameter. Those of q k^T itself are the caller's.
/// @throws std::invalid_argument  shapes that do not fit; nothing is written then.
template <typename GradQuery, typename GradKey, typename GradTable, typename GradU, typename GradV, typename Grad,
          typename Query, typename Key, typename Table, typename U, typename V, typename Scalar>
void transformer_xl_backward(GradQuery&& grad_q, GradKey&& grad_k, GradTable&& grad_r, GradU&& grad_u, GradV&& grad_v,
                             const Eigen::MatrixBase<Grad>& grad_logits, const Eigen::MatrixBase<Query>& q,
                             const Eigen::MatrixBase<Key>& k, const Eigen::MatrixBase<Table>& r, RelativeRows rows,
                             const Eigen::MatrixBase<U>& u, const Eigen::MatrixBase<V>& v, const AttentionSpan& span,
                             Scalar scale, Workspace<Scalar>& workspace) {
  const char* const function = "transformer_xl_backward";
  auto& dq = detail::written(std::forward<GradQuery>(grad_q));
  auto& dk = detail::written(std::forward<GradKey>(grad_k));
  auto& dr = detail::written(std::forward<GradTable>(grad_r));
  auto& du = detail::written(std::forward<GradU>(grad_u));
  auto& dv = detail::written(std::forward<GradV>(grad_v));
  detail::require_shape(function, "grad_logits", grad_logits, span.query_len(), span.key_len());
  detail::require_relative(function, q, r, rows, span);
  detail::require_shape(function, "k", k, span.key_len(), q.cols());
  detail::require(u.size() == q.cols(), function, "u.size()", u.size(), "head_dim ", q.cols());
  detail::require(v.size() == q.cols(), function, "v.size()", v.size(), "head_dim ", q.cols());
  detail::require_shape(function, "grad_q", dq, q.rows(), q.cols());
  detail::require_shape(function, "grad_k", dk, k.rows(), k.cols());
  detail::require_shape(function, "grad_r", dr, r.rows(), r.cols());
  detail::require_shape(function, "grad_u", du, u.rows(), u.cols());
  detail::require_shape(function, "grad_v", dv, v.rows(), v.cols());
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  const auto& q_values = detail::evaluated(q);
  const auto& k_values = detail::evaluated(k);
  const auto& r_values = detail::evaluated(r);
  const auto& u_values = detail::evaluated(u);
  const auto& v_values = detail::evaluated(v);
  const auto add_v = [&](auto& queries) { queries.rowwise() += v_values.reshaped().transpose(); };
  const auto sum_v = [&](const auto& grad_queries) {
    for (Eigen::Index i = 0; i < grad_queries.rows(); ++i) dv.reshaped() += grad_queries.row(i).transpose();
  };
  detail::add_relative_backward(dq, sum_v, dr, grad_logits_values, q_values, add_v, r_values, rows, span, scale,
                                workspace);
  auto columns = workspace.matrix(1, span.key_len());
  columns = scale * grad_logits_values.colwise().sum();
  for (Eigen::Index j = 0; j < span.key_len(); ++j) {
    dk.row(j) += columns(0, j) * u_values.reshaped().transpose();
    du.reshaped() += columns(0, j) * k_values.row(j).transpose();
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_TRANSFORMER_XL_HPP
