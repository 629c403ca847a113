// SPDX-License-Identifier: MIT
/// @file
/// A trained vector for every distance, multiplied with every query: the Music Transformer.
#ifndef POSENC_RELATIVE_BIAS_RELATIVE_LOGITS_HPP
#define POSENC_RELATIVE_BIAS_RELATIVE_LOGITS_HPP

#include "posenc/relative_bias/content_attention.hpp"
#include "posenc/relative_bias/detail/relative_product.hpp"
#include "posenc/relative_bias/detail/written_argument.hpp"
#include "posenc/relative_bias/relative_gradients.hpp"

#include <optional>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// The parameters of the Music Transformer: RelativeKeys(table, distances), or RelativeKeys(table) where the rows are
/// exactly span.distances().
/// It holds a matrix by reference, a Map or Block by value; a temporary matrix does not compile.
template <typename Table>
class RelativeKeys : public detail::HeldTable<Table> {
 public:
  /// @param table      distances.size() x head_dim, by ascending key - query, once for all heads or once for each,
  ///                   stacked.
  /// @param distances  Those of the rows. For L_k causal positions DistanceRange::causal(L_k). Pairs at other distances
  ///                   get nothing added.
  template <typename T>
  RelativeKeys(T&& table, const DistanceRange& distances)
      : detail::HeldTable<Table>(std::forward<T>(table)), distances_(distances) {}
  /// @overload
  /// The rows are exactly span.distances().
  // clang-tidy: copies go by the deduction guide, which takes matrices alone.
  template <typename T>  // NOLINTNEXTLINE(bugprone-forwarding-reference-overload)
  explicit RelativeKeys(T&& table) : detail::HeldTable<Table>(std::forward<T>(table)) {}

  std::optional<DistanceRange> distances() const { return distances_; }

 private:
  std::optional<DistanceRange> distances_;
};

template <typename T, detail::IfMatrix<T> = 0>
RelativeKeys(T&&) -> RelativeKeys<detail::HeldToRead<T>>;
template <typename T, detail::IfMatrix<T> = 0>
RelativeKeys(T&&, const DistanceRange&) -> RelativeKeys<detail::HeldToRead<T>>;

/// Says what is missing or out of order.
template <typename... Arguments>
class RelativeKeys<detail::Misfit<Arguments...>> {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write RelativeKeys(table, distances): table is a matrix with a row for each distance, distances "
      "a DistanceRange; without it the rows are those of span.distances()");

 public:
  RelativeKeys(const Arguments&...) {}
};
template <typename... Arguments>
RelativeKeys(const Arguments&...) -> RelativeKeys<detail::Misfit<Arguments...>>;

namespace detail {

/// The rows of the table that each head has. `logits` are those that are added to, or their gradient.
template <typename Logits, typename Table, typename Query, typename Key>
HeadRows require_relative(const char* function, const char* parameter, const Logits& logits,
                          const RelativeKeys<Table>& scheme, const ContentAttention<Query, Key>& attention) {
  require_logits(function, parameter, logits, attention);
  const auto rows = require_distance_rows(function, "table", scheme.table().rows(), scheme.distances(),
                                          attention.span(), attention.num_heads());
  require_shape(function, "table", scheme.table(), scheme.table().rows(), attention.head_dim());
  return rows;
}

}  // namespace detail

/// Adds the products of every query and a trained or fixed vector of the distance to the logits of one head or of all
/// heads stacked, in place. For every head
///
///     logits(i, j) += scale q[i] . table[j - (query_offset + i) - distances.first()]
///
/// Pairs at distances that the table has no row for get nothing added (tensor2tensor pads with zeros; add_shaw_logits()
/// clips).
///
/// Chunked local attention (USM, the audio towers of Gemma 3n and Gemma 4) is this call, once for each chunk of queries:
/// with `before` keys before a chunk and `after` keys behind it, the span is at(PositionRange(before, chunk), before +
/// chunk + after), and the table has the rows of DistanceRange(-before, after), make_relative_sinusoids() times each
/// head's weights.
/// @param[in,out] logits  (num_heads L_q) x L_k, head by head. float or double, as q and table.
/// @param scheme          RelativeKeys(table, distances).
/// @param attention       ContentAttention(q, k, scale, span); k is not read.
/// @param workspace       Scratch memory that the caller keeps.
/// @throws std::invalid_argument  shapes that do not fit; memory of logits that overlaps itself or what is read.
///                                `logits` is then unchanged.
/// Cost:     a product over the distances that occur, in blocks of 32 queries; extra memory 64 x max(L_k + 31,
///           head_dim) numbers at most (bench_content_bias: Music Transformer).
/// Accuracy: (2 head_dim + 3)^2 ulp of 4 for entries below 1 [accuracy][relative_bias].
///           A query alone has the logits that it has among others to 2 (head_dim + 2) ulp of the sum of their terms'
///           sizes, not to the bit: products are of blocks of queries [relative_bias][one_row].
/// Source:   Huang et al. 2018, arXiv:1809.04281 (Music Transformer).
/// Matches:  tensor2tensor dot_product_self_attention_relative_v2; flashlight's relative position embedding;
///           Gemma3nAudioRelativePositionEmbedding of transformers, chunk by chunk.
template <typename Logits, typename Table, typename Query, typename Key, typename Scalar,
          detail::IfScalar<Scalar, Logits, Table, Query, Key> = 0>
void add_relative_logits(Logits&& logits, const RelativeKeys<Table>& scheme,
                         const ContentAttention<Query, Key>& attention, Workspace<Scalar>& workspace) {
  const char* const function = "add_relative_logits";
  auto& x = detail::written(std::forward<Logits>(logits));
  const AttentionSpan& span = attention.span();
  const auto rows = detail::require_relative(function, "logits", x, scheme, attention);
  detail::require_target(function, "logits", x, attention.q(), scheme.table());
  detail::require_outside(function, workspace, x, attention.q(), scheme.table());
  const Eigen::Index lowest = detail::distances_of_rows(scheme.distances(), span).first();
  const auto& q = detail::evaluated(attention.q());
  const auto& table = detail::evaluated(scheme.table());
  for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
    detail::add_relative(detail::head_rows(x, head, span.query_len()), detail::head_rows(q, head, span.query_len()),
                         detail::NoQueryBias(), detail::NoKeyBias(), rows.of(table, head), lowest, span,
                         static_cast<Scalar>(attention.scale()), workspace);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_relative_logits(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write add_relative_logits(logits, RelativeKeys(table, distances), ContentAttention(q, k, scale, "
      "span), workspace): logits is a matrix, workspace a Workspace<Scalar> with a name; all hold the same Scalar");
}

/// The gradient of add_relative_logits(): adds into grad_q and grad_table.
/// @param[in,out] gradients             RelativeGradients(grad_q, grad_table).
/// @param grad_logits                   (num_heads L_q) x L_k.
/// @param scheme, attention, workspace  As in the forward call.
/// @throws std::invalid_argument  shapes that do not fit; memory that overlaps. Nothing is written then.
/// Cost:     as add_relative_logits(), with two products
///           (bench_content_bias: Gradients of tables by distance).
/// Accuracy: adjoint to the forward call to 1e-12 of the sum of the terms' sizes in double, 4 eps in float
///           [relative_bias][properties].
template <typename GradQuery, typename GradTable, typename Grad, typename Table, typename Query, typename Key,
          typename Scalar, detail::IfScalar<Scalar, GradQuery, GradTable, Grad, Table, Query, Key> = 0>
void relative_logits_backward(RelativeGradients<GradQuery, GradTable> gradients, const Grad& grad_logits,
                              const RelativeKeys<Table>& scheme, const ContentAttention<Query, Key>& attention,
                              Workspace<Scalar>& workspace) {
  const char* const function = "relative_logits_backward";
  const AttentionSpan& span = attention.span();
  const auto rows = detail::require_relative(function, "grad_logits", grad_logits, scheme, attention);
  detail::require_gradients(function, gradients, "grad_q", attention.q(), "grad_table", scheme.table(), grad_logits);
  detail::require_outside(function, workspace, gradients.grad_content(), gradients.grad_table(), grad_logits,
                          attention.q(), scheme.table());
  const Eigen::Index lowest = detail::distances_of_rows(scheme.distances(), span).first();
  const auto& grad = detail::evaluated(grad_logits);
  const auto& q = detail::evaluated(attention.q());
  const auto& table = detail::evaluated(scheme.table());
  for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
    detail::add_relative_gradients(
        detail::head_rows(gradients.grad_content(), head, span.query_len()), detail::NoQueryBias(),
        rows.of(gradients.grad_table(), head), detail::head_rows(grad, head, span.query_len()),
        detail::head_rows(q, head, span.query_len()), detail::NoQueryBias(), rows.of(table, head), lowest, span,
        static_cast<Scalar>(attention.scale()), workspace);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto relative_logits_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write relative_logits_backward(RelativeGradients(grad_q, grad_table), grad_logits, "
                "RelativeKeys(table, distances), ContentAttention(q, k, scale, span), workspace)");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_RELATIVE_LOGITS_HPP
