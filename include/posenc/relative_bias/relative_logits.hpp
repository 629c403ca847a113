// SPDX-License-Identifier: MIT
/// @file
/// A trained vector for every distance, which every query is multiplied with: the Music Transformer.
#ifndef POSENC_RELATIVE_BIAS_RELATIVE_LOGITS_HPP
#define POSENC_RELATIVE_BIAS_RELATIVE_LOGITS_HPP

#include "posenc/relative_bias/content_attention.hpp"
#include "posenc/relative_bias/detail/relative_product.hpp"
#include "posenc/relative_bias/detail/written_argument.hpp"

#include <optional>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// The parameters of the Music Transformer: RelativeKeys(table, distances), or RelativeKeys(table) where the rows are
/// exactly span.distances().
/// It holds a matrix by reference, a Map or Block by value; a temporary matrix does not compile.
template <typename Table>
class RelativeKeys {
 public:
  /// @param table      distances.size() x head_dim, by ascending key - query, once for all heads or once for each,
  ///                   stacked.
  /// @param distances  Those of the rows. For L_k causal positions DistanceRange::causal(L_k). Pairs at other distances
  ///                   get nothing added.
  template <typename T>
  RelativeKeys(T&& table, const DistanceRange& distances) : table_(table), distances_(distances) {
    detail::check_held<T>();
  }
  // clang-tidy: copies go by the deduction guide, which takes matrices alone.
  template <typename T>  // NOLINTNEXTLINE(bugprone-forwarding-reference-overload)
  explicit RelativeKeys(T&& table) : table_(table) {
    detail::check_held<T>();
  }

  const Table& table() const { return table_; }
  std::optional<DistanceRange> distances() const { return distances_; }

 private:
  detail::Held<Table> table_;
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

/// What relative_logits_backward() adds into: RelativeGradients(grad_q, grad_table), each of the shape of its parameter.
template <typename GradQuery, typename GradTable>
class RelativeGradients {
 public:
  template <typename Q, typename T>
  RelativeGradients(Q&& grad_q, T&& grad_table)
      : grad_q_(detail::written(std::forward<Q>(grad_q))), grad_table_(detail::written(std::forward<T>(grad_table))) {}

  GradQuery& grad_q() { return grad_q_; }
  GradTable& grad_table() { return grad_table_; }

 private:
  detail::Held<GradQuery> grad_q_;
  detail::Held<GradTable> grad_table_;
};

template <typename Q, typename T, detail::IfMatrix<Q, T> = 0>
RelativeGradients(Q&&, T&&) -> RelativeGradients<detail::HeldToWrite<Q>, detail::HeldToWrite<T>>;

/// Says what is missing or out of order.
template <typename... Arguments>
class RelativeGradients<detail::Misfit<Arguments...>, void> {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write RelativeGradients(grad_q, grad_table): each a matrix of the shape of its parameter");

 public:
  RelativeGradients(const Arguments&...) {}
};
template <typename... Arguments>
RelativeGradients(const Arguments&...) -> RelativeGradients<detail::Misfit<Arguments...>, void>;

/// Adds a trained or fixed vector for every distance to the logits of one head or of all heads stacked, in place. For
/// every head
///
///     logits(i, j) += scale q[i] . table[j - (query_offset + i) - distances.first()]
///
/// Pairs at distances that the table has no row for get nothing added (tensor2tensor pads with zeros; add_shaw_logits()
/// clips).
/// @param[in,out] logits  (num_heads L_q) x L_k, head by head. float or double, as q and table.
/// @param scheme          RelativeKeys(table, distances).
/// @param attention       ContentAttention(q, k, scale, span); k is not read.
/// @param workspace       Scratch memory that the caller keeps.
/// @throws std::invalid_argument  shapes that do not fit; memory of logits that overlaps itself or what is read.
///                                `logits` is then unchanged.
/// Cost:     a product over the distances that occur, in blocks of 32 queries; extra memory 64 x (L_k + 31): what
///           add_transformer_xl_logits() does without u and v (bench_content_bias: Music Transformer).
/// Accuracy: (2 head_dim + 3)^2 ulp of 4 for entries below 1 [accuracy][relative_bias].
/// Source:   Huang et al. 2018, arXiv:1809.04281 (Music Transformer).
/// Matches:  tensor2tensor dot_product_self_attention_relative_v2; flashlight's relative position embedding.
template <typename Logits, typename Table, typename Query, typename Key, typename Scalar,
          detail::IfScalar<Scalar, Logits, Table, Query, Key> = 0>
void add_relative_logits(Logits&& logits, const RelativeKeys<Table>& scheme,
                         const ContentAttention<Query, Key>& attention, Workspace<Scalar>& workspace) {
  const char* const function = "add_relative_logits";
  auto& x = detail::written(std::forward<Logits>(logits));
  const AttentionSpan& span = attention.span();
  detail::require_logits(function, "logits", x, attention);
  const auto rows = detail::require_distance_rows(function, "table", scheme.table().rows(), scheme.distances(), span,
                                                  attention.num_heads());
  detail::require_shape(function, "table", scheme.table(), scheme.table().rows(), attention.head_dim());
  detail::require_target(function, "logits", x, attention.q(), scheme.table());
  const Eigen::Index lowest = detail::distances_of_rows(scheme.distances(), span).first();
  const auto& q = detail::evaluated(attention.q());
  const auto& table = detail::evaluated(scheme.table());
  for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
    detail::add_relative(detail::head_rows(x, head, span.query_len()), detail::head_rows(q, head, span.query_len()),
                         detail::NoQueryBias(), rows.of(table, head), lowest, span,
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
/// @param[in,out] gradients           RelativeGradients(grad_q, grad_table).
/// @param grad_logits                 (num_heads L_q) x L_k.
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
  auto& grad_q = gradients.grad_q();
  auto& grad_table = gradients.grad_table();
  detail::require_logits(function, "grad_logits", grad_logits, attention);
  const auto rows = detail::require_distance_rows(function, "table", scheme.table().rows(), scheme.distances(), span,
                                                  attention.num_heads());
  detail::require_shape(function, "table", scheme.table(), scheme.table().rows(), attention.head_dim());
  detail::require_shape(function, "grad_q", grad_q, attention.q().rows(), attention.head_dim());
  detail::require_shape(function, "grad_table", grad_table, scheme.table().rows(), attention.head_dim());
  detail::require_target(function, "grad_q", grad_q, grad_table, grad_logits, attention.q(), scheme.table());
  detail::require_target(function, "grad_table", grad_table, grad_logits, attention.q(), scheme.table());
  const Eigen::Index lowest = detail::distances_of_rows(scheme.distances(), span).first();
  const auto& grad = detail::evaluated(grad_logits);
  const auto& q = detail::evaluated(attention.q());
  const auto& table = detail::evaluated(scheme.table());
  for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
    detail::add_relative_gradients(
        detail::head_rows(grad_q, head, span.query_len()), detail::NoQueryBias(), rows.of(grad_table, head),
        detail::head_rows(grad, head, span.query_len()), detail::head_rows(q, head, span.query_len()),
        detail::NoQueryBias(), rows.of(table, head), lowest, span, static_cast<Scalar>(attention.scale()), workspace);
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
