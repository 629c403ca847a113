// SPDX-License-Identifier: MIT
/// @file
/// Shaw's encoding of keys: a trained vector for each clipped distance, multiplied with every query.
#ifndef POSENC_RELATIVE_BIAS_SHAW_HPP
#define POSENC_RELATIVE_BIAS_SHAW_HPP

#include "posenc/relative_bias/content_attention.hpp"
#include "posenc/relative_bias/detail/head_rows.hpp"
#include "posenc/relative_bias/detail/product.hpp"
#include "posenc/relative_bias/detail/written_argument.hpp"
#include "posenc/relative_bias/distance_clip.hpp"
#include "posenc/relative_bias/relative_gradients.hpp"
#include "posenc/relative_bias/workspace.hpp"

#include <algorithm>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// The parameters of Shaw's encoding of keys: ShawKeys(table, clip). Keys and values have tables of the same shape and
/// are two types so that they cannot change places.
/// It holds a matrix by reference, a Map or Block by value; a temporary matrix does not compile.
template <typename Table>
class ShawKeys : public detail::HeldTable<Table> {
 public:
  /// @param table  clip.rows() x head_dim, once for all heads (as published) or once for each, stacked.
  /// @param clip   Distances that share the outermost rows.
  template <typename T>
  ShawKeys(T&& table, const DistanceClip& clip) : detail::HeldTable<Table>(std::forward<T>(table)), clip_(clip) {}

  DistanceClip clip() const { return clip_; }

 private:
  DistanceClip clip_;
};

template <typename T, detail::IfMatrix<T> = 0>
ShawKeys(T&&, const DistanceClip&) -> ShawKeys<detail::HeldToRead<T>>;

/// Says what is missing or out of order.
template <typename... Arguments>
class ShawKeys<detail::Misfit<Arguments...>> {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write ShawKeys(table, clip): table is a clip.rows() x head_dim matrix, clip is "
                "DistanceClip::symmetric(max_relative_position) or DistanceClip(left, right)");

 public:
  ShawKeys(const Arguments&...) {}
};
template <typename... Arguments>
ShawKeys(const Arguments&...) -> ShawKeys<detail::Misfit<Arguments...>>;

namespace detail {

/// Adds the products of queries and table rows by clipped distance to the logits of one head.
template <typename X, typename Query, typename Table, typename Scalar>
void add_shaw_head(X&& x, const Query& q, const Table& table, const DistanceClip& clip, const AttentionSpan& span,
                   Scalar scale, Workspace<Scalar>& workspace) {
  auto scores = workspace.matrix(kQueryBlock, clip.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, span.query_len() - block);
    multiply_rows(scores.topRows(rows), q.middleRows(block, rows), table, scale);
    add_by_clipped_distance(x.middleRows(block, rows), scores, block, clip, span);
  }
}

/// The gradients of add_shaw_head().
template <typename GradQuery, typename GradTable, typename Grad, typename Query, typename Table, typename Scalar>
void add_shaw_gradients(GradQuery&& grad_q, GradTable&& grad_table, const Grad& grad, const Query& q,
                        const Table& table, const DistanceClip& clip, const AttentionSpan& span, Scalar scale,
                        Workspace<Scalar>& workspace) {
  auto sums = workspace.matrix(kQueryBlock, clip.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, span.query_len() - block);
    sum_by_clipped_distance(sums, grad.middleRows(block, rows), block, clip, span);
    add_product(grad_q.middleRows(block, rows), sums.topRows(rows), table, scale);
    add_product(grad_table, sums.topRows(rows).transpose(), q.middleRows(block, rows), scale);
  }
}

/// The rows of Shaw's table that each head has. `logits` are those that are added to, or their gradient.
template <typename Logits, typename Table, typename Query, typename Key>
HeadRows require_shaw(const char* function, const char* parameter, const Logits& logits, const ShawKeys<Table>& scheme,
                      const ContentAttention<Query, Key>& attention) {
  require_logits(function, parameter, logits, attention);
  const HeadRows rows(function, "table", scheme.table().rows(), scheme.clip().rows(), attention.num_heads(),
                      " (clip.rows())");
  require_shape(function, "table", scheme.table(), scheme.table().rows(), attention.head_dim());
  return rows;
}

}  // namespace detail

/// Adds the key part of Shaw's encoding to the logits of one head or of all heads stacked, in place. For every head
///
///     logits(i, j) += scale q[i] . table[clamp(j - (query_offset + i), -left, right) + left]
///
/// @param[in,out] logits  (num_heads L_q) x L_k, head by head. float or double, as q and table.
/// @param scheme          ShawKeys(table, clip).
/// @param attention       ContentAttention(q, k, scale, span); k is not read.
/// @param workspace       Scratch memory that the caller keeps.
/// @throws std::invalid_argument  shapes that do not fit; memory of logits that overlaps itself or what is read.
///                                `logits` is then unchanged.
/// Cost:     one product L_q x head_dim x (left + right + 1) for a head, then three runs of additions for each row.
///           Extra memory is 32 x (left + right + 1) numbers, where gathering table rows takes L_q x L_k x head_dim
///           (bench_content_bias: Shaw).
/// Accuracy: (head_dim + 2)^2 ulp of 1 for entries below 1 [accuracy][relative_bias].
///           A query alone has the logits that it has among others to 2 (head_dim + 2) ulp of the sum of their terms'
///           sizes, not to the bit: products are of blocks of queries [relative_bias][one_row].
/// Source:   Shaw et al. 2018, arXiv:1803.02155, section 3.2.
/// Matches:  tensor2tensor dot_product_attention_relative, CTranslate2 relative_position_keys; wav2vec2-BERT
///           ("relative_key") of transformers with a clip whose left and right differ.
template <typename Logits, typename Table, typename Query, typename Key, typename Scalar,
          detail::IfScalar<Scalar, Logits, Table, Query, Key> = 0>
void add_shaw_logits(Logits&& logits, const ShawKeys<Table>& scheme, const ContentAttention<Query, Key>& attention,
                     Workspace<Scalar>& workspace) {
  const char* const function = "add_shaw_logits";
  auto& x = detail::written(std::forward<Logits>(logits));
  const AttentionSpan& span = attention.span();
  const auto rows = detail::require_shaw(function, "logits", x, scheme, attention);
  detail::require_target(function, "logits", x, attention.q(), scheme.table());
  detail::require_outside(function, workspace, x, attention.q(), scheme.table());
  const auto& q = detail::evaluated(attention.q());
  const auto& table = detail::evaluated(scheme.table());
  for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
    detail::add_shaw_head(detail::head_rows(x, head, span.query_len()), detail::head_rows(q, head, span.query_len()),
                          rows.of(table, head), scheme.clip(), span, static_cast<Scalar>(attention.scale()), workspace);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_shaw_logits(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write add_shaw_logits(logits, ShawKeys(table, clip), ContentAttention(q, k, scale, span), "
                "workspace): logits is a matrix, workspace a Workspace<Scalar> with a name; all hold the same Scalar");
}

/// The gradient of add_shaw_logits(): adds into grad_q and grad_table.
/// @param[in,out] gradients               RelativeGradients(grad_q, grad_table).
/// @param grad_logits                     (num_heads L_q) x L_k.
/// @param scheme, attention, workspace    As in the forward call.
/// @throws std::invalid_argument  shapes that do not fit; memory that overlaps. Nothing is written then.
/// Cost:     as add_shaw_logits(), with two products
///           (bench_content_bias: Gradients of tables by distance).
/// Accuracy: adjoint to the forward call to 1e-12 of the sum of the terms' sizes in double, 4 eps in float
///           [relative_bias][properties].
template <typename GradQuery, typename GradTable, typename Grad, typename Table, typename Query, typename Key,
          typename Scalar, detail::IfScalar<Scalar, GradQuery, GradTable, Grad, Table, Query, Key> = 0>
void shaw_logits_backward(RelativeGradients<GradQuery, GradTable> gradients, const Grad& grad_logits,
                          const ShawKeys<Table>& scheme, const ContentAttention<Query, Key>& attention,
                          Workspace<Scalar>& workspace) {
  const char* const function = "shaw_logits_backward";
  const AttentionSpan& span = attention.span();
  const auto rows = detail::require_shaw(function, "grad_logits", grad_logits, scheme, attention);
  detail::require_gradients(function, gradients, "grad_q", attention.q(), "grad_table", scheme.table(), grad_logits);
  detail::require_outside(function, workspace, gradients.grad_content(), gradients.grad_table(), grad_logits,
                          attention.q(), scheme.table());
  const auto& grad = detail::evaluated(grad_logits);
  const auto& q = detail::evaluated(attention.q());
  const auto& table = detail::evaluated(scheme.table());
  for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
    detail::add_shaw_gradients(detail::head_rows(gradients.grad_content(), head, span.query_len()),
                               rows.of(gradients.grad_table(), head), detail::head_rows(grad, head, span.query_len()),
                               detail::head_rows(q, head, span.query_len()), rows.of(table, head), scheme.clip(), span,
                               static_cast<Scalar>(attention.scale()), workspace);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto shaw_logits_backward(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write shaw_logits_backward(RelativeGradients(grad_q, grad_table), grad_logits, ShawKeys(table, "
      "clip), ContentAttention(q, k, scale, span), workspace)");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_SHAW_HPP
