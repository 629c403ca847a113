// SPDX-License-Identifier: MIT
/// @file
/// DeBERTa: disentangled attention, content against position and position against content.
#ifndef POSENC_RELATIVE_BIAS_DEBERTA_HPP
#define POSENC_RELATIVE_BIAS_DEBERTA_HPP

#include "posenc/relative_bias/deberta_terms.hpp"
#include "posenc/relative_bias/detail/deberta_scores.hpp"
#include "posenc/relative_bias/detail/written_argument.hpp"

#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// The rows of DeBERTa's table that each head has; none where the scheme lacks the term.
template <typename Table, typename Query, typename Key>
HeadRows require_deberta(const char* function, const char* parameter, const Table& table, const DebertaBuckets& buckets,
                         const ContentAttention<Query, Key>& attention) {
  if constexpr (std::is_same_v<Table, NoTable>) {
    return HeadRows(function, parameter, 0, 0, 0, "");
  } else {
    const HeadRows rows(function, parameter, table.rows(), buckets.rows(), attention.num_heads(), " (buckets.rows())");
    require_shape(function, parameter, table, table.rows(), attention.head_dim());
    return rows;
  }
}

}  // namespace detail

/// Adds DeBERTa's content-to-position and position-to-content scores to the logits of one head or of all heads stacked,
/// in place. For every head, and each term that the scheme has,
///
///     logits(i, j) += scale q[i] . content_to_position[row(query_offset + i - j)]
///                   + scale k[j] . position_to_content[row(query_offset + i - j)]
///
/// @param[in,out] logits  (num_heads L_q) x L_k, head by head. float or double, as the rest.
/// @param scheme          Deberta(buckets, ContentToPosition(table), PositionToContent(table)), or with one of the
///                        terms.
/// @param attention       ContentAttention(q, k, scale, span), scale = 1 / sqrt(head_dim (1 + number of terms)).
/// @param workspace       Scratch memory that the caller keeps.
/// @throws std::invalid_argument  shapes that do not fit; memory of logits that overlaps itself or what is read.
///                                `logits` is then unchanged.
/// Cost:     for a head and a term one product tokens x head_dim x buckets.rows(), then one lookup in a row for each
///           logit, of floats a vector at a time: in all 1.3 times as long as the products alone by Eigen with
///           -march=native. Extra memory 32 x (buckets.rows() + 16) + L_q + L_k numbers, rounded up to whole rows of
///           buckets.rows() + 16 (bench_content_bias: DeBERTa).
/// Accuracy: (head_dim + 2)^2 ulp of 1 for entries below 1 [accuracy][relative_bias].
///           A query alone has the logits that it has among others to 2 (head_dim + 2) ulp of the sum of their terms'
///           sizes, not to the bit: products are of blocks of queries [relative_bias][one_row].
/// Source:   He et al. 2021, arXiv:2006.03654, equation 4.
/// Matches:  "c2p|p2c" of disentangled_attention.py in Microsoft's DeBERTa, DisentangledSelfAttention of transformers.
template <typename Logits, typename C2p, typename P2c, typename Query, typename Key, typename Scalar,
          detail::IfScalar<Scalar, Logits, C2p, P2c, Query, Key> = 0>
void add_deberta_logits(Logits&& logits, const Deberta<C2p, P2c>& scheme, const ContentAttention<Query, Key>& attention,
                        Workspace<Scalar>& workspace) {
  const char* const function = "add_deberta_logits";
  constexpr bool has_c2p = Deberta<C2p, P2c>::has_content_to_position;
  constexpr bool has_p2c = Deberta<C2p, P2c>::has_position_to_content;
  auto& x = detail::written(std::forward<Logits>(logits));
  const DebertaBuckets& buckets = scheme.buckets();
  detail::require_logits(function, "logits", x, attention);
  const auto c2p_rows =
      detail::require_deberta(function, "content_to_position", scheme.content_to_position(), buckets, attention);
  const auto p2c_rows =
      detail::require_deberta(function, "position_to_content", scheme.position_to_content(), buckets, attention);
  detail::require_target(function, "logits", x, attention.q(), attention.k());
  if constexpr (has_c2p) {
    detail::require_target(function, "logits", x, scheme.content_to_position());
  }
  if constexpr (has_p2c) {
    detail::require_target(function, "logits", x, scheme.position_to_content());
  }
  detail::require_outside(function, workspace, x, attention.q(), attention.k(), scheme.content_to_position(),
                          scheme.position_to_content());
  if constexpr (has_c2p) {
    detail::add_deberta_term<detail::DebertaTerm::content_to_position>(x, attention.q(), scheme.content_to_position(),
                                                                       c2p_rows, buckets, attention, workspace);
  }
  if constexpr (has_p2c) {
    detail::add_deberta_term<detail::DebertaTerm::position_to_content>(x, attention.k(), scheme.position_to_content(),
                                                                       p2c_rows, buckets, attention, workspace);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_deberta_logits(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write add_deberta_logits(logits, Deberta(buckets, ContentToPosition(table), "
                "PositionToContent(table)), ContentAttention(q, k, scale, span), workspace): logits is a matrix, "
                "workspace a Workspace<Scalar> with a name; all hold the same Scalar");
}

/// The gradient of add_deberta_logits(): adds into the gradients of what each term reads.
/// @param[in,out] gradients             DebertaGradients(ContentToPositionGradients(grad_q, grad_table),
///                                      PositionToContentGradients(grad_k, grad_table)), or with the one term of the
///                                      scheme.
/// @param grad_logits                   (num_heads L_q) x L_k.
/// @param scheme, attention, workspace  As in the forward call.
/// @throws std::invalid_argument  shapes that do not fit; memory that overlaps. Nothing is written then.
/// Cost:     as add_deberta_logits(), with two products for a term (bench_content_bias: DeBERTa).
/// Accuracy: adjoint to the forward call to 1e-12 of the sum of the terms' sizes in double, 4 eps in float
///           [relative_bias][properties].
template <typename C2pGradients, typename P2cGradients, typename Grad, typename C2p, typename P2c, typename Query,
          typename Key, typename Scalar, detail::IfScalar<Scalar, Grad, C2p, P2c, Query, Key> = 0>
void deberta_logits_backward(DebertaGradients<C2pGradients, P2cGradients> gradients, const Grad& grad_logits,
                             const Deberta<C2p, P2c>& scheme, const ContentAttention<Query, Key>& attention,
                             Workspace<Scalar>& workspace) {
  const char* const function = "deberta_logits_backward";
  constexpr bool has_c2p = Deberta<C2p, P2c>::has_content_to_position;
  constexpr bool has_p2c = Deberta<C2p, P2c>::has_position_to_content;
  static_assert(has_c2p == !std::is_same_v<C2pGradients, detail::NoTable> &&
                    has_p2c == !std::is_same_v<P2cGradients, detail::NoTable>,
                "posenc: DebertaGradients must have the terms of Deberta: ContentToPositionGradients for "
                "ContentToPosition, PositionToContentGradients for PositionToContent");
  const DebertaBuckets& buckets = scheme.buckets();
  detail::require_logits(function, "grad_logits", grad_logits, attention);
  const auto c2p_rows =
      detail::require_deberta(function, "content_to_position", scheme.content_to_position(), buckets, attention);
  const auto p2c_rows =
      detail::require_deberta(function, "position_to_content", scheme.position_to_content(), buckets, attention);
  const auto check = [&](const char* content_name, const auto& content, const char* name, const auto& table,
                         auto& of_term) {
    static_assert(detail::holds_scalar<Scalar, decltype(of_term.grad_content())> &&
                      detail::holds_scalar<Scalar, decltype(of_term.grad_table())>,
                  "posenc: gradients hold the scalar of the workspace");
    detail::require_gradients(function, of_term, content_name, content, name, table, grad_logits, attention.q(),
                              attention.k());
    detail::require_outside(function, workspace, of_term.grad_content(), of_term.grad_table(), grad_logits,
                            attention.q(), attention.k(), table);
  };
  if constexpr (has_c2p) {
    check("grad_q", attention.q(), "grad_content_to_position", scheme.content_to_position(),
          gradients.content_to_position());
  }
  if constexpr (has_p2c) {
    check("grad_k", attention.k(), "grad_position_to_content", scheme.position_to_content(),
          gradients.position_to_content());
  }
  if constexpr (has_c2p && has_p2c) {
    auto& c2p = gradients.content_to_position();
    auto& p2c = gradients.position_to_content();
    detail::require_target(function, "grad_q", c2p.grad_content(), p2c.grad_content(), p2c.grad_table(),
                           scheme.position_to_content());
    detail::require_target(function, "grad_content_to_position", c2p.grad_table(), p2c.grad_content(), p2c.grad_table(),
                           scheme.position_to_content());
    detail::require_target(function, "grad_k", p2c.grad_content(), scheme.content_to_position());
    detail::require_target(function, "grad_position_to_content", p2c.grad_table(), scheme.content_to_position());
  }
  const auto& grad = detail::evaluated(grad_logits);
  if constexpr (has_c2p) {
    detail::add_deberta_term_gradients<detail::DebertaTerm::content_to_position>(
        gradients.content_to_position(), grad, attention.q(), scheme.content_to_position(), c2p_rows, buckets,
        attention, workspace);
  }
  if constexpr (has_p2c) {
    detail::add_deberta_term_gradients<detail::DebertaTerm::position_to_content>(
        gradients.position_to_content(), grad, attention.k(), scheme.position_to_content(), p2c_rows, buckets,
        attention, workspace);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto deberta_logits_backward(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write deberta_logits_backward(DebertaGradients(ContentToPositionGradients(grad_q, grad_table), "
      "PositionToContentGradients(grad_k, grad_table)), grad_logits, Deberta(buckets, ContentToPosition(table), "
      "PositionToContent(table)), ContentAttention(q, k, scale, span), workspace)");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DEBERTA_HPP
