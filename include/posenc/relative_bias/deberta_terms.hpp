// SPDX-License-Identifier: MIT
/// @file
/// Deberta: the buckets and tables of DeBERTa's disentangled attention, and its gradients, as one argument each.
#ifndef POSENC_RELATIVE_BIAS_DEBERTA_TERMS_HPP
#define POSENC_RELATIVE_BIAS_DEBERTA_TERMS_HPP

#include "posenc/relative_bias/content_attention.hpp"
#include "posenc/relative_bias/deberta_buckets.hpp"
#include "posenc/relative_bias/detail/head_rows.hpp"
#include "posenc/relative_bias/relative_gradients.hpp"

#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Stands for the table, or the gradients, of a term that the scheme does not have.
struct NoTable {};
template <typename Scalar>
inline constexpr bool holds_scalar<Scalar, NoTable, void> = true;

/// Stands for the type of a scheme that was given temporary buckets, which would be gone before they are used.
template <typename... Terms>
struct TemporaryBuckets {};

}  // namespace detail

/// The table that queries are multiplied with ("c2p"): ContentToPosition(table).
/// It holds a matrix by reference, a Map or Block by value; a temporary matrix does not compile.
template <typename Table>
class ContentToPosition : public detail::HeldTable<Table> {
 public:
  /// @param table  buckets.rows() x head_dim, position embeddings through the key projection; once for all heads or
  ///               once for each, stacked.
  template <typename T, detail::IfMatrix<T> = 0>
  explicit ContentToPosition(T&& table) : detail::HeldTable<Table>(std::forward<T>(table)) {}
};
template <typename T, detail::IfMatrix<T> = 0>
ContentToPosition(T&&) -> ContentToPosition<detail::HeldToRead<T>>;

/// The table that keys are multiplied with ("p2c"): PositionToContent(table).
/// It holds a matrix by reference, a Map or Block by value; a temporary matrix does not compile.
template <typename Table>
class PositionToContent : public detail::HeldTable<Table> {
 public:
  /// @param table  buckets.rows() x head_dim, position embeddings through the query projection; once for all heads or
  ///               once for each, stacked.
  template <typename T, detail::IfMatrix<T> = 0>
  explicit PositionToContent(T&& table) : detail::HeldTable<Table>(std::forward<T>(table)) {}
};
template <typename T, detail::IfMatrix<T> = 0>
PositionToContent(T&&) -> PositionToContent<detail::HeldToRead<T>>;

/// The parameters of DeBERTa: Deberta(buckets, ContentToPosition(table), PositionToContent(table)), or with one of the
/// two terms alone. It holds the buckets by reference; a temporary does not compile.
template <typename C2p, typename P2c>
class Deberta {
 public:
  static constexpr bool has_content_to_position = !std::is_same_v<C2p, detail::NoTable>;
  static constexpr bool has_position_to_content = !std::is_same_v<P2c, detail::NoTable>;

  /// @param buckets              Which row each distance has; it must outlive this.
  /// @param content_to_position  The table of the queries.
  /// @param position_to_content  The table of the keys.
  Deberta(const DebertaBuckets& buckets, const ContentToPosition<C2p>& content_to_position,
          const PositionToContent<P2c>& position_to_content)
      : buckets_(&buckets),
        content_to_position_(content_to_position.table()),
        position_to_content_(position_to_content.table()) {}
  /// @overload
  /// The content-to-position term alone.
  Deberta(const DebertaBuckets& buckets, const ContentToPosition<C2p>& content_to_position)
      : buckets_(&buckets), content_to_position_(content_to_position.table()), position_to_content_() {}
  /// @overload
  /// The position-to-content term alone.
  Deberta(const DebertaBuckets& buckets, const PositionToContent<P2c>& position_to_content)
      : buckets_(&buckets), content_to_position_(), position_to_content_(position_to_content.table()) {}

  const DebertaBuckets& buckets() const { return *buckets_; }
  const C2p& content_to_position() const& { return content_to_position_; }
  detail::Held<C2p> content_to_position() const&& { return content_to_position_; }
  const P2c& position_to_content() const& { return position_to_content_; }
  detail::Held<P2c> position_to_content() const&& { return position_to_content_; }

 private:
  const DebertaBuckets* buckets_;
  detail::Held<C2p> content_to_position_;
  detail::Held<P2c> position_to_content_;
};

template <typename C2p, typename P2c>
Deberta(const DebertaBuckets&, const ContentToPosition<C2p>&, const PositionToContent<P2c>&) -> Deberta<C2p, P2c>;
template <typename C2p>
Deberta(const DebertaBuckets&, const ContentToPosition<C2p>&) -> Deberta<C2p, detail::NoTable>;
template <typename P2c>
Deberta(const DebertaBuckets&, const PositionToContent<P2c>&) -> Deberta<detail::NoTable, P2c>;

/// Says that the buckets would be gone before they are used.
template <typename... Terms>
class Deberta<detail::TemporaryBuckets<Terms...>, void> {
  static_assert(detail::kMisuse<Terms...>,
                "posenc: the buckets are a temporary, which would be gone before they are used: give them a name");

 public:
  Deberta(const DebertaBuckets&, const Terms&...) {}
};
template <typename... Terms>
Deberta(const DebertaBuckets&&, const Terms&...) -> Deberta<detail::TemporaryBuckets<Terms...>, void>;

/// Says what is missing or out of order.
template <typename... Arguments>
class Deberta<detail::Misfit<Arguments...>, void> {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write Deberta(buckets, ContentToPosition(table), PositionToContent(table)), or with one of the "
      "two: buckets is a DebertaBuckets, the tables are matrices with buckets.rows() rows");

 public:
  Deberta(const Arguments&...) {}
};
template <typename... Arguments>
Deberta(const Arguments&...) -> Deberta<detail::Misfit<Arguments...>, void>;

/// What the backward pass of the content-to-position term adds into: ContentToPositionGradients(grad_q, grad_table),
/// each of the shape of its parameter.
template <typename GradQuery, typename GradTable>
class ContentToPositionGradients : public RelativeGradients<GradQuery, GradTable> {
 public:
  /// @param grad_q      (num_heads L_q) x head_dim.
  /// @param grad_table  Has the shape of the table.
  template <typename Q, typename T>
  ContentToPositionGradients(Q&& grad_q, T&& grad_table)
      : RelativeGradients<GradQuery, GradTable>(std::forward<Q>(grad_q), std::forward<T>(grad_table)) {}
};
template <typename Q, typename T, detail::IfMatrix<Q, T> = 0>
ContentToPositionGradients(Q&&, T&&) -> ContentToPositionGradients<detail::HeldToWrite<Q>, detail::HeldToWrite<T>>;

/// Says what is missing or out of order.
template <typename... Arguments>
class ContentToPositionGradients<detail::Misfit<Arguments...>, void> {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write ContentToPositionGradients(grad_q, grad_table): each a matrix of the shape of its parameter");

 public:
  ContentToPositionGradients(const Arguments&...) {}
};
template <typename... Arguments>
ContentToPositionGradients(const Arguments&...) -> ContentToPositionGradients<detail::Misfit<Arguments...>, void>;

/// What the backward pass of the position-to-content term adds into: PositionToContentGradients(grad_k, grad_table),
/// each of the shape of its parameter.
template <typename GradKey, typename GradTable>
class PositionToContentGradients : public RelativeGradients<GradKey, GradTable> {
 public:
  /// @param grad_k      (num_heads L_k) x head_dim.
  /// @param grad_table  Has the shape of the table.
  template <typename K, typename T>
  PositionToContentGradients(K&& grad_k, T&& grad_table)
      : RelativeGradients<GradKey, GradTable>(std::forward<K>(grad_k), std::forward<T>(grad_table)) {}
};
template <typename K, typename T, detail::IfMatrix<K, T> = 0>
PositionToContentGradients(K&&, T&&) -> PositionToContentGradients<detail::HeldToWrite<K>, detail::HeldToWrite<T>>;

/// Says what is missing or out of order.
template <typename... Arguments>
class PositionToContentGradients<detail::Misfit<Arguments...>, void> {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write PositionToContentGradients(grad_k, grad_table): each a matrix of the shape of its parameter");

 public:
  PositionToContentGradients(const Arguments&...) {}
};
template <typename... Arguments>
PositionToContentGradients(const Arguments&...) -> PositionToContentGradients<detail::Misfit<Arguments...>, void>;

namespace detail {

template <typename C2p, typename P2c>
inline constexpr bool are_deberta_gradients = false;
template <typename Q, typename T, typename K, typename U>
inline constexpr bool are_deberta_gradients<ContentToPositionGradients<Q, T>, PositionToContentGradients<K, U>> = true;
template <typename Q, typename T>
inline constexpr bool are_deberta_gradients<ContentToPositionGradients<Q, T>, NoTable> = true;
template <typename K, typename U>
inline constexpr bool are_deberta_gradients<NoTable, PositionToContentGradients<K, U>> = true;

}  // namespace detail

/// What deberta_logits_backward() adds into: DebertaGradients(ContentToPositionGradients(grad_q, grad_table),
/// PositionToContentGradients(grad_k, grad_table)), or one of the two, as the scheme has them.
template <typename C2pGradients, typename P2cGradients>
class DebertaGradients {
  static_assert(detail::are_deberta_gradients<C2pGradients, P2cGradients>,
                "posenc: write DebertaGradients(ContentToPositionGradients(grad_q, grad_table), "
                "PositionToContentGradients(grad_k, grad_table)), or with one of the two");

 public:
  /// @param content_to_position  Gradients of the queries and of their table.
  /// @param position_to_content  Gradients of the keys and of their table.
  DebertaGradients(const C2pGradients& content_to_position, const P2cGradients& position_to_content)
      : content_to_position_(content_to_position), position_to_content_(position_to_content) {}
  /// @overload
  /// Of a scheme with the content-to-position term alone.
  explicit DebertaGradients(const C2pGradients& content_to_position) : content_to_position_(content_to_position) {}
  /// @overload
  /// Of a scheme with the position-to-content term alone.
  explicit DebertaGradients(const P2cGradients& position_to_content) : position_to_content_(position_to_content) {}

  C2pGradients& content_to_position() & { return content_to_position_; }
  C2pGradients content_to_position() && { return content_to_position_; }
  P2cGradients& position_to_content() & { return position_to_content_; }
  P2cGradients position_to_content() && { return position_to_content_; }

 private:
  C2pGradients content_to_position_;
  P2cGradients position_to_content_;
};

template <typename Q, typename T, typename K, typename U>
DebertaGradients(const ContentToPositionGradients<Q, T>&, const PositionToContentGradients<K, U>&)
    -> DebertaGradients<ContentToPositionGradients<Q, T>, PositionToContentGradients<K, U>>;
template <typename Q, typename T>
DebertaGradients(const ContentToPositionGradients<Q, T>&)
    -> DebertaGradients<ContentToPositionGradients<Q, T>, detail::NoTable>;
template <typename K, typename U>
DebertaGradients(const PositionToContentGradients<K, U>&)
    -> DebertaGradients<detail::NoTable, PositionToContentGradients<K, U>>;

/// Says what is missing or out of order.
template <typename... Arguments>
class DebertaGradients<detail::Misfit<Arguments...>, void> {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write DebertaGradients(ContentToPositionGradients(grad_q, grad_table), "
                "PositionToContentGradients(grad_k, grad_table)), or with one of the two");

 public:
  DebertaGradients(const Arguments&...) {}
};
template <typename... Arguments>
DebertaGradients(const Arguments&...) -> DebertaGradients<detail::Misfit<Arguments...>, void>;

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DEBERTA_TERMS_HPP
