// SPDX-License-Identifier: MIT
/// @file
/// Shaw's encoding of values: a trained vector for each clipped distance, summed with the attention weights.
#ifndef POSENC_RELATIVE_BIAS_SHAW_VALUES_HPP
#define POSENC_RELATIVE_BIAS_SHAW_VALUES_HPP

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

/// The parameters of Shaw's encoding of values: ShawValues(table, clip). ShawKeys is another type, so that the tables
/// of keys and of values cannot change places. It holds a matrix by reference, a Map or Block by value; a temporary
/// matrix does not compile.
template <typename Table>
class ShawValues : public detail::HeldTable<Table> {
 public:
  /// @param table  clip.rows() x head_dim, once for all heads (as published) or once for each, stacked.
  /// @param clip   Distances that share the outermost rows.
  template <typename T>
  ShawValues(T&& table, const DistanceClip& clip) : detail::HeldTable<Table>(std::forward<T>(table)), clip_(clip) {}

  DistanceClip clip() const { return clip_; }

 private:
  DistanceClip clip_;
};

template <typename T, detail::IfMatrix<T> = 0>
ShawValues(T&&, const DistanceClip&) -> ShawValues<detail::HeldToRead<T>>;

/// Says what is missing or out of order.
template <typename... Arguments>
class ShawValues<detail::Misfit<Arguments...>> {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write ShawValues(table, clip): table is a clip.rows() x head_dim matrix, clip is "
                "DistanceClip::symmetric(max_relative_position) or DistanceClip(left, right)");

 public:
  ShawValues(const Arguments&...) {}
};
template <typename... Arguments>
ShawValues(const Arguments&...) -> ShawValues<detail::Misfit<Arguments...>>;

namespace detail {

/// Adds the sums of table rows by attention weight and clipped distance to the outputs of one head.
template <typename Out, typename Weights, typename Table, typename Scalar>
void add_shaw_values_head(Out&& y, const Weights& weights, const Table& table, const DistanceClip& clip,
                          const AttentionSpan& span, Workspace<Scalar>& workspace) {
  auto sums = workspace.matrix(kQueryBlock, clip.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, span.query_len() - block);
    sum_by_clipped_distance(sums, weights.middleRows(block, rows), block, clip, span);
    add_product(y.middleRows(block, rows), sums.topRows(rows), table, Scalar(1));
  }
}

/// The gradients of add_shaw_values_head().
template <typename GradWeights, typename GradTable, typename Grad, typename Weights, typename Table, typename Scalar>
void add_shaw_values_gradients(GradWeights&& grad_weights, GradTable&& grad_table, const Grad& grad,
                               const Weights& weights, const Table& table, const DistanceClip& clip,
                               const AttentionSpan& span, Workspace<Scalar>& workspace) {
  auto sums = workspace.matrix(kQueryBlock, clip.rows());
  for (Eigen::Index block = 0; block < span.query_len(); block += kQueryBlock) {
    const Eigen::Index rows = (std::min)(kQueryBlock, span.query_len() - block);
    sum_by_clipped_distance(sums, weights.middleRows(block, rows), block, clip, span);
    add_product(grad_table, sums.topRows(rows).transpose(), grad.middleRows(block, rows), Scalar(1));
    multiply_rows(sums.topRows(rows), grad.middleRows(block, rows), table, Scalar(1));
    add_by_clipped_distance(grad_weights.middleRows(block, rows), sums, block, clip, span);
  }
}

/// The checked sizes of a call. `out` is what the encoding is added to, or its gradient.
struct ShawValuesSizes {
  Eigen::Index num_heads;
  HeadRows rows;

  template <typename Table, typename Weights, typename Out>
  ShawValuesSizes(const char* function, const ShawValues<Table>& scheme, const Weights& weights,
                  const AttentionSpan& span, const char* out_name, const Out& out)
      : num_heads(span.query_len() == 0 ? 0 : weights.rows() / span.query_len()),
        rows(function, "table", scheme.table().rows(), scheme.clip().rows(), num_heads, " (clip.rows())") {
    const bool whole =
        span.query_len() == 0 ? weights.rows() == 0 : weights.rows() > 0 && weights.rows() % span.query_len() == 0;
    require(whole, function, "weights.rows()", weights.rows(), "span.query_len() ", span.query_len(), " for each head");
    require_shape(function, "weights", weights, weights.rows(), span.key_len());
    require_shape(function, out_name, out, weights.rows(), out.cols());
    require_shape(function, "table", scheme.table(), scheme.table().rows(), out.cols());
  }
};

}  // namespace detail

/// Adds the value part of Shaw's encoding to the outputs of one head or of all heads stacked, in place. For every head
///
///     out[i] += sum over j of weights(i, j) table[clamp(j - (query_offset + i), -left, right) + left]
///
/// @param[in,out] out  (num_heads L_q) x head_dim, head by head. float or double, as the rest.
/// @param scheme       ShawValues(table, clip), the table of the values.
/// @param weights      (num_heads L_q) x L_k, the attention weights after mask and softmax: 0 where a query does not
///                     see a key.
/// @param span         Which queries meet which keys.
/// @param workspace    Scratch memory that the caller keeps.
/// @throws std::invalid_argument  shapes that do not fit; memory of out that overlaps itself or what is read. `out` is
///                                then unchanged.
/// Cost:     as add_shaw_logits() (bench_content_bias: Shaw).
/// Accuracy: 3,600 ulp of 1 for 47 keys and entries below 1 [accuracy][relative_bias].
///           A query alone has the output that it has among others to 2 (clip.rows() + 2) ulp of the sum of its terms'
///           sizes, not to the bit: products are of blocks of queries [relative_bias][one_row].
/// Source:   Shaw et al. 2018, arXiv:1803.02155, equation 3.
/// Matches:  tensor2tensor dot_product_attention_relative, CTranslate2 relative_position_values.
template <typename Out, typename Table, typename Weights, typename Scalar,
          detail::IfScalar<Scalar, Out, Table, Weights> = 0>
void add_shaw_values(Out&& out, const ShawValues<Table>& scheme, const Weights& weights, const AttentionSpan& span,
                     Workspace<Scalar>& workspace) {
  const char* const function = "add_shaw_values";
  auto& y = detail::written(std::forward<Out>(out));
  const detail::ShawValuesSizes sizes(function, scheme, weights, span, "out", y);
  detail::require_target(function, "out", y, weights, scheme.table());
  detail::require_outside(function, workspace, y, weights, scheme.table());
  const auto& weights_values = detail::evaluated(weights);
  const auto& table = detail::evaluated(scheme.table());
  for (Eigen::Index head = 0; head < sizes.num_heads; ++head) {
    detail::add_shaw_values_head(detail::head_rows(y, head, span.query_len()),
                                 detail::head_rows(weights_values, head, span.query_len()), sizes.rows.of(table, head),
                                 scheme.clip(), span, workspace);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_shaw_values(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write add_shaw_values(out, ShawValues(table, clip), weights, span, workspace): weights are the "
      "logits after softmax, span is AttentionSpan::square(seq_len), cached(query_len, key_len) or at(queries, "
      "key_len); all hold the same scalar");
}

/// The gradient of add_shaw_values(): adds into grad_weights and grad_table.
/// @param[in,out] gradients                 RelativeGradients(grad_weights, grad_table).
/// @param grad_out                          (num_heads L_q) x head_dim.
/// @param scheme, weights, span, workspace  As in the forward call.
/// @throws std::invalid_argument  shapes that do not fit; memory that overlaps. Nothing is written then.
/// Cost:     as add_shaw_values(), with two products
///           (bench_content_bias: Gradients of tables by distance).
/// Accuracy: adjoint to the forward call to 1e-12 of the sum of the terms' sizes [accuracy][relative_bias].
template <typename GradWeights, typename GradTable, typename Grad, typename Table, typename Weights, typename Scalar,
          detail::IfScalar<Scalar, GradWeights, GradTable, Grad, Table, Weights> = 0>
void shaw_values_backward(RelativeGradients<GradWeights, GradTable> gradients, const Grad& grad_out,
                          const ShawValues<Table>& scheme, const Weights& weights, const AttentionSpan& span,
                          Workspace<Scalar>& workspace) {
  const char* const function = "shaw_values_backward";
  const detail::ShawValuesSizes sizes(function, scheme, weights, span, "grad_out", grad_out);
  detail::require_gradients(function, gradients, "grad_weights", weights, "grad_table", scheme.table(), grad_out);
  detail::require_outside(function, workspace, gradients.grad_content(), gradients.grad_table(), grad_out, weights,
                          scheme.table());
  const auto& grad = detail::evaluated(grad_out);
  const auto& weights_values = detail::evaluated(weights);
  const auto& table = detail::evaluated(scheme.table());
  for (Eigen::Index head = 0; head < sizes.num_heads; ++head) {
    detail::add_shaw_values_gradients(detail::head_rows(gradients.grad_content(), head, span.query_len()),
                                      sizes.rows.of(gradients.grad_table(), head),
                                      detail::head_rows(grad, head, span.query_len()),
                                      detail::head_rows(weights_values, head, span.query_len()),
                                      sizes.rows.of(table, head), scheme.clip(), span, workspace);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto shaw_values_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write shaw_values_backward(RelativeGradients(grad_weights, grad_table), grad_out, "
                "ShawValues(table, clip), weights, span, workspace)");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_SHAW_VALUES_HPP
