// SPDX-License-Identifier: MIT
/// @file
/// ContentAttention: what every scheme that reads queries or keys is given of the attention around it.
#ifndef POSENC_RELATIVE_BIAS_CONTENT_ATTENTION_HPP
#define POSENC_RELATIVE_BIAS_CONTENT_ATTENTION_HPP

#include "posenc/relative_bias/attention_span.hpp"
#include "posenc/relative_bias/detail/held.hpp"

#include <cstdint>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

/// The attention that a scheme adds its logits to: ContentAttention(q, k, scale, span), of one head or of all heads
/// stacked. Every scheme is given all four, whether it reads them or not.
///
///     q       head 0: L_q rows          logits   head 0: L_q rows x L_k
///             head 1: L_q rows                   head 1: L_q rows x L_k
///             ...                                ...
///
/// It holds matrices by reference, and Maps, Blocks and other expressions by value; a temporary matrix does not
/// compile. No numbers are copied.
template <typename Query, typename Key>
class ContentAttention {
 public:
  /// @param q      (num_heads L_q) x head_dim, head by head; L_q x head_dim for one head. float or double.
  /// @param k      (num_heads L_k) x head_dim, likewise.
  /// @param scale  The factor of q k^T in the logits, usually 1 / sqrt(head_dim): floating-point, finite and > 0.
  /// @param span   Which queries meet which keys.
  /// @throws std::invalid_argument  shapes that do not fit together, or a scale that is not finite and > 0.
  template <typename Q, typename K, typename Scale>
  ContentAttention(Q&& q, K&& k, Scale scale, const AttentionSpan& span)
      : q_(q), k_(k), scale_(static_cast<double>(scale)), span_(span) {
    detail::check_held<Q>();
    detail::check_held<K>();
    const char* const function = "ContentAttention";
    detail::require(detail::is_finite(scale_) && scale_ > 0, function, "scale", scale_, "finite and > 0");
    num_heads_ = span.query_len() > 0 ? q.rows() / span.query_len()
                 : span.key_len() > 0 ? k.rows() / span.key_len()
                                      : 0;
    const bool whole = span.query_len() == 0 ? q.rows() == 0 : q.rows() > 0 && q.rows() % span.query_len() == 0;
    detail::require(whole, function, "q.rows()", q.rows(), "span.query_len() ", span.query_len(), " for each head");
    // The product has 64 bits, because it may exceed 32.
    detail::require(k.rows() == std::int64_t(num_heads_) * span.key_len(), function, "k.rows()", k.rows(),
                    "span.key_len() ", span.key_len(), " for each of the ", num_heads_, " heads of q");
    detail::require(k.cols() == q.cols(), function, "k.cols()", k.cols(), "q.cols() ", q.cols());
    detail::require_data(function, "q", q);
    detail::require_data(function, "k", k);
  }

  const Query& q() const& { return q_; }
  detail::Held<Query> q() const&& { return q_; }
  const Key& k() const& { return k_; }
  detail::Held<Key> k() const&& { return k_; }
  double scale() const { return scale_; }
  AttentionSpan span() const { return span_; }
  /// Heads that are stacked; 0 where there are neither queries nor keys to count them by.
  Eigen::Index num_heads() const { return num_heads_; }
  Eigen::Index head_dim() const { return q_.cols(); }

 private:
  detail::Held<Query> q_;
  detail::Held<Key> k_;
  double scale_;
  AttentionSpan span_;
  Eigen::Index num_heads_ = 0;
};

template <typename Q, typename K, typename Scale, detail::IfMatrix<Q, K> = 0,
          std::enable_if_t<std::is_floating_point_v<Scale>, int> = 0>
ContentAttention(Q&&, K&&, Scale, const AttentionSpan&)
    -> ContentAttention<detail::HeldToRead<Q>, detail::HeldToRead<K>>;

/// Says what is missing or out of order.
template <typename... Arguments>
class ContentAttention<detail::Misfit<Arguments...>, void> {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write ContentAttention(q, k, scale, span): q and k are matrices, scale is a floating-point "
      "number such as 1 / std::sqrt(head_dim), span is AttentionSpan::square(seq_len), cached(query_len, key_len) "
      "or at(queries, key_len)");

 public:
  ContentAttention(const Arguments&...) {}
};
template <typename... Arguments>
ContentAttention(const Arguments&...) -> ContentAttention<detail::Misfit<Arguments...>, void>;

namespace detail {

/// The shape of logits that `attention` has.
template <typename Logits, typename Query, typename Key>
void require_logits(const char* function, const char* parameter, const Logits& logits,
                    const ContentAttention<Query, Key>& attention) {
  require_stacked_logits(function, parameter, logits, attention.num_heads(), attention.span());
}

/// The rows of head `head` in a matrix of `rows` rows for each head.
template <typename X>
auto head_rows(X& x, Eigen::Index head, Eigen::Index rows) {
  return x.middleRows(head * rows, rows);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_CONTENT_ATTENTION_HPP
