// SPDX-License-Identifier: MIT
/// @file
/// CoPE: positions counted by content.
#ifndef POSENC_RELATIVE_BIAS_COPE_HPP
#define POSENC_RELATIVE_BIAS_COPE_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/relative_bias/content_attention.hpp"
#include "posenc/relative_bias/detail/cope_positions.hpp"
#include "posenc/relative_bias/detail/head_rows.hpp"
#include "posenc/relative_bias/detail/written_argument.hpp"

#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// The parameters of CoPE: Cope(table, num_positions).
/// It holds a matrix by reference, a Map or Block by value; a temporary matrix does not compile.
template <typename Table>
class Cope : public detail::HeldTable<Table> {
 public:
  /// @param table          num_positions x head_dim, once for all heads (as published) or once for each, stacked.
  /// @param num_positions  `npos_max`, > 0: counts beyond the last row take the last row.
  /// @throws std::invalid_argument  num_positions is not > 0.
  template <typename T>
  Cope(T&& table, detail::Size num_positions)
      : detail::HeldTable<Table>(std::forward<T>(table)), num_positions_(num_positions) {
    detail::require(num_positions > 0, "Cope", "num_positions", num_positions, "> 0");
  }

  Eigen::Index num_positions() const { return num_positions_; }

 private:
  Eigen::Index num_positions_;
};

template <typename T, typename Count, detail::IfMatrix<T> = 0, std::enable_if_t<std::is_integral_v<Count>, int> = 0>
Cope(T&&, Count) -> Cope<detail::HeldToRead<T>>;

/// Says what is missing or out of order.
template <typename... Arguments>
class Cope<detail::Misfit<Arguments...>> {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write Cope(table, num_positions): table is a num_positions x head_dim matrix");

 public:
  Cope(const Arguments&...) {}
};
template <typename... Arguments>
Cope(const Arguments&...) -> Cope<detail::Misfit<Arguments...>>;

/// What cope_logits_backward() works on: CopeGradients(grad_logits, grad_q, grad_table), each of the shape of its
/// parameter. It adds into grad_q and grad_table, and overwrites grad_logits.
template <typename GradLogits, typename GradQuery, typename GradTable>
class CopeGradients {
 public:
  /// @param grad_logits         Read, and overwritten: (num_heads L_q) x L_k.
  /// @param grad_q, grad_table  Added into: each of the shape of its parameter.
  template <typename X, typename Q, typename T>
  CopeGradients(X&& grad_logits, Q&& grad_q, T&& grad_table)
      : grad_logits_(detail::written(std::forward<X>(grad_logits))),
        grad_q_(detail::written(std::forward<Q>(grad_q))),
        grad_table_(detail::written(std::forward<T>(grad_table))) {}

  GradLogits& grad_logits() & { return grad_logits_; }
  detail::Held<GradLogits> grad_logits() && { return grad_logits_; }
  GradQuery& grad_q() & { return grad_q_; }
  detail::Held<GradQuery> grad_q() && { return grad_q_; }
  GradTable& grad_table() & { return grad_table_; }
  detail::Held<GradTable> grad_table() && { return grad_table_; }

 private:
  detail::Held<GradLogits> grad_logits_;
  detail::Held<GradQuery> grad_q_;
  detail::Held<GradTable> grad_table_;
};

template <typename X, typename Q, typename T, detail::IfMatrix<X, Q, T> = 0>
CopeGradients(X&&, Q&&, T&&) -> CopeGradients<detail::HeldToWrite<X>, detail::HeldToWrite<Q>, detail::HeldToWrite<T>>;

/// Says what is missing or out of order.
template <typename... Arguments>
class CopeGradients<detail::Misfit<Arguments...>, void, void> {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write CopeGradients(grad_logits, grad_q, grad_table): each a matrix of the shape of its parameter");

 public:
  CopeGradients(const Arguments&...) {}
};
template <typename... Arguments>
CopeGradients(const Arguments&...) -> CopeGradients<detail::Misfit<Arguments...>, void, void>;

namespace detail {

/// The rows of CoPE's table that each head has.
template <typename Table, typename Query, typename Key>
HeadRows require_cope(const char* function, const Cope<Table>& scheme, const ContentAttention<Query, Key>& attention) {
  const HeadRows rows(function, "table", scheme.table().rows(), scheme.num_positions(), attention.num_heads(),
                      " (num_positions)");
  require_shape(function, "table", scheme.table(), scheme.table().rows(), attention.head_dim());
  return rows;
}

}  // namespace detail

/// Adds contextual positions to the logits of one head or of all heads stacked, in place, for the keys that a query
/// sees in causal attention. For every head
///
///     p(i, j) = min(sum over t = j ... query of sigmoid(logits(i, t)), num_positions - 1)
///     logits(i, j) += q[i] . table[p]        rows of the table interpolated linearly
///
/// With all gates at 1, p is query - key + 1, because the key itself is counted. As published, this term is not
/// multiplied by the scale.
/// @param[in,out] logits  (num_heads L_q) x L_k, head by head, before softmax; keys after the query are left as they
///                        are. float or double, as the rest.
/// @param scheme          Cope(table, num_positions).
/// @param attention       ContentAttention(q, k, scale, span); k and scale are not read.
/// @param workspace       Scratch memory that the caller keeps.
/// @throws std::invalid_argument  shapes that do not fit; memory of logits that overlaps itself or what is read.
///                                `logits` is then unchanged.
/// Cost:     for a head a product L_q x head_dim x num_positions, one sigmoid for each visible logit until the gates
///           behind it sum to num_positions - 1, and an addition for the others; a row whose logits are not all finite
///           takes every sigmoid. Extra memory 32 x num_positions numbers (bench_content_bias: CoPE).
/// Accuracy: 2 head_dim L_k^2 ulp of 1, for entries below 1 [accuracy][relative_bias].
///           A query alone has the logits that it has among others to 2 (head_dim + 2) ulp of the sum of their terms'
///           sizes, not to the bit: products are of blocks of queries [relative_bias][one_row].
/// Source:   Golovneva et al. 2024, arXiv:2405.18719.
/// Matches:  CoPE of x-transformers.
template <typename Logits, typename Table, typename Query, typename Key, typename Scalar,
          detail::IfScalar<Scalar, Logits, Table, Query, Key> = 0>
void add_cope_logits(Logits&& logits, const Cope<Table>& scheme, const ContentAttention<Query, Key>& attention,
                     Workspace<Scalar>& workspace) {
  const char* const function = "add_cope_logits";
  auto& x = detail::written(std::forward<Logits>(logits));
  const AttentionSpan& span = attention.span();
  detail::require_logits(function, "logits", x, attention);
  const auto rows = detail::require_cope(function, scheme, attention);
  detail::require_target(function, "logits", x, attention.q(), scheme.table());
  detail::require_outside(function, workspace, x, attention.q(), scheme.table());
  const auto& q = detail::evaluated(attention.q());
  const auto& table = detail::evaluated(scheme.table());
  for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
    detail::add_cope_head(detail::head_rows(x, head, span.query_len()), detail::head_rows(q, head, span.query_len()),
                          rows.of(table, head), span, workspace);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_cope_logits(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write add_cope_logits(logits, Cope(table, num_positions), ContentAttention(q, k, scale, span), "
      "workspace): logits is a matrix, workspace a Workspace<Scalar> with a name; all hold the same Scalar");
}

/// The gradient of add_cope_logits(): adds into grad_q and grad_table, and changes grad_logits from dL/d(logits with
/// CoPE) to dL/d(logits without) in place, because the gates depend on the logits too.
///
/// @param[in,out] gradients             CopeGradients(grad_logits, grad_q, grad_table); grad_logits is read as well.
/// @param logits                        (num_heads L_q) x L_k, as they were before add_cope_logits().
/// @param scheme, attention, workspace  As in the forward call.
/// @throws std::invalid_argument  shapes that do not fit; memory that overlaps. Nothing is written then.
/// Cost:     as add_cope_logits(), with three products and two sigmoids (bench_content_bias: CoPE).
/// Accuracy: within the error of central differences in the logits; adjoint in q and table to 1e-12 of the sum of the
///           terms' sizes in double, 4 eps in float [relative_bias][properties].
template <typename GradLogits, typename GradQuery, typename GradTable, typename Logits, typename Table, typename Query,
          typename Key, typename Scalar,
          detail::IfScalar<Scalar, GradLogits, GradQuery, GradTable, Logits, Table, Query, Key> = 0>
void cope_logits_backward(CopeGradients<GradLogits, GradQuery, GradTable> gradients, const Logits& logits,
                          const Cope<Table>& scheme, const ContentAttention<Query, Key>& attention,
                          Workspace<Scalar>& workspace) {
  const char* const function = "cope_logits_backward";
  const AttentionSpan& span = attention.span();
  auto& grad_logits = gradients.grad_logits();
  auto& grad_q = gradients.grad_q();
  auto& grad_table = gradients.grad_table();
  detail::require_logits(function, "grad_logits", grad_logits, attention);
  detail::require_logits(function, "logits", logits, attention);
  const auto rows = detail::require_cope(function, scheme, attention);
  detail::require_shape(function, "grad_q", grad_q, attention.q().rows(), attention.head_dim());
  detail::require_shape(function, "grad_table", grad_table, scheme.table().rows(), attention.head_dim());
  detail::require_target(function, "grad_logits", grad_logits, grad_q, grad_table, logits, attention.q(),
                         scheme.table());
  detail::require_target(function, "grad_q", grad_q, grad_table, logits, attention.q(), scheme.table());
  detail::require_target(function, "grad_table", grad_table, logits, attention.q(), scheme.table());
  detail::require_outside(function, workspace, grad_logits, grad_q, grad_table, logits, attention.q(), scheme.table());
  const auto& logits_values = detail::evaluated(logits);
  const auto& q = detail::evaluated(attention.q());
  const auto& table = detail::evaluated(scheme.table());
  for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
    detail::add_cope_gradients(detail::head_rows(grad_logits, head, span.query_len()),
                               detail::head_rows(grad_q, head, span.query_len()), rows.of(grad_table, head),
                               detail::head_rows(logits_values, head, span.query_len()),
                               detail::head_rows(q, head, span.query_len()), rows.of(table, head), span, workspace);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto cope_logits_backward(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write cope_logits_backward(CopeGradients(grad_logits, grad_q, grad_table), logits, Cope(table, "
      "num_positions), ContentAttention(q, k, scale, span), workspace): logits as before the forward call");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_COPE_HPP
