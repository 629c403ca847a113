// SPDX-License-Identifier: MIT
/// @file
/// Transformer-XL: vectors of distances, with trained biases for content and for position.
#ifndef POSENC_RELATIVE_BIAS_TRANSFORMER_XL_HPP
#define POSENC_RELATIVE_BIAS_TRANSFORMER_XL_HPP

#include "posenc/relative_bias/content_attention.hpp"
#include "posenc/relative_bias/detail/head_vector.hpp"
#include "posenc/relative_bias/detail/relative_product.hpp"
#include "posenc/relative_bias/detail/written_argument.hpp"

#include <optional>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// The parameters of Transformer-XL: TransformerXl(r, distances, u, v), or TransformerXl(r, u, v) where the rows of r
/// are exactly span.distances(). It holds matrices by reference, and Maps and Blocks by value; a temporary matrix does
/// not compile.
template <typename Table, typename U, typename V>
class TransformerXl {
 public:
  /// @param r          make_relative_sinusoids() times the model's weights W_r: distances.size() x head_dim, by
  ///                   ascending key - query, once for all heads or once for each, stacked.
  /// @param distances  Those of the rows: DistanceRange::causal(L_k) for causal attention. Pairs at other distances get
  ///                   nothing from r.
  /// @param u, v       `r_w_bias` and `r_r_bias`: head_dim numbers for all heads, or num_heads x head_dim.
  template <typename T, typename A, typename B>
  TransformerXl(T&& r, const DistanceRange& distances, A&& u, B&& v) : r_(r), u_(u), v_(v), distances_(distances) {
    detail::check_held<T>();
    detail::check_held<A>();
    detail::check_held<B>();
  }
  /// @overload
  /// The rows of r are exactly span.distances().
  template <typename T, typename A, typename B>
  TransformerXl(T&& r, A&& u, B&& v) : r_(r), u_(u), v_(v) {
    detail::check_held<T>();
    detail::check_held<A>();
    detail::check_held<B>();
  }

  const Table& r() const& { return r_; }
  detail::Held<Table> r() const&& { return r_; }
  const U& u() const& { return u_; }
  detail::Held<U> u() const&& { return u_; }
  const V& v() const& { return v_; }
  detail::Held<V> v() const&& { return v_; }
  std::optional<DistanceRange> distances() const { return distances_; }

 private:
  detail::Held<Table> r_;
  detail::Held<U> u_;
  detail::Held<V> v_;
  std::optional<DistanceRange> distances_;
};

template <typename T, typename A, typename B, detail::IfMatrix<T, A, B> = 0>
TransformerXl(T&&, const DistanceRange&, A&&, B&&)
    -> TransformerXl<detail::HeldToRead<T>, detail::HeldToRead<A>, detail::HeldToRead<B>>;
template <typename T, typename A, typename B, detail::IfMatrix<T, A, B> = 0>
TransformerXl(T&&, A&&, B&&) -> TransformerXl<detail::HeldToRead<T>, detail::HeldToRead<A>, detail::HeldToRead<B>>;

/// Says what is missing or out of order.
template <typename... Arguments>
class TransformerXl<detail::Misfit<Arguments...>, void, void> {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write TransformerXl(r, distances, u, v): r is a matrix with a row for each of distances, a "
                "DistanceRange, u and v vectors of head_dim numbers or num_heads x head_dim matrices");

 public:
  TransformerXl(const Arguments&...) {}
};
template <typename... Arguments>
TransformerXl(const Arguments&...) -> TransformerXl<detail::Misfit<Arguments...>, void, void>;

/// What transformer_xl_logits_backward() adds into: TransformerXlGradients(grad_q, grad_k, grad_r, grad_u, grad_v),
/// each of the shape of its parameter.
template <typename GradQuery, typename GradKey, typename GradTable, typename GradU, typename GradV>
class TransformerXlGradients {
 public:
  /// @param grad_q, grad_k          Of the shape of the queries and of the keys.
  /// @param grad_r, grad_u, grad_v  Each of the shape of its parameter in TransformerXl.
  template <typename Q, typename K, typename T, typename A, typename B>
  TransformerXlGradients(Q&& grad_q, K&& grad_k, T&& grad_r, A&& grad_u, B&& grad_v)
      : grad_q_(detail::written(std::forward<Q>(grad_q))),
        grad_k_(detail::written(std::forward<K>(grad_k))),
        grad_r_(detail::written(std::forward<T>(grad_r))),
        grad_u_(detail::written(std::forward<A>(grad_u))),
        grad_v_(detail::written(std::forward<B>(grad_v))) {}

  GradQuery& grad_q() & { return grad_q_; }
  detail::Held<GradQuery> grad_q() && { return grad_q_; }
  GradKey& grad_k() & { return grad_k_; }
  detail::Held<GradKey> grad_k() && { return grad_k_; }
  GradTable& grad_r() & { return grad_r_; }
  detail::Held<GradTable> grad_r() && { return grad_r_; }
  GradU& grad_u() & { return grad_u_; }
  detail::Held<GradU> grad_u() && { return grad_u_; }
  GradV& grad_v() & { return grad_v_; }
  detail::Held<GradV> grad_v() && { return grad_v_; }

 private:
  detail::Held<GradQuery> grad_q_;
  detail::Held<GradKey> grad_k_;
  detail::Held<GradTable> grad_r_;
  detail::Held<GradU> grad_u_;
  detail::Held<GradV> grad_v_;
};

template <typename Q, typename K, typename T, typename A, typename B, detail::IfMatrix<Q, K, T, A, B> = 0>
TransformerXlGradients(Q&&, K&&, T&&, A&&, B&&)
    -> TransformerXlGradients<detail::HeldToWrite<Q>, detail::HeldToWrite<K>, detail::HeldToWrite<T>,
                              detail::HeldToWrite<A>, detail::HeldToWrite<B>>;

/// Says what is missing or out of order.
template <typename... Arguments>
class TransformerXlGradients<detail::Misfit<Arguments...>, void, void, void, void> {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write TransformerXlGradients(grad_q, grad_k, grad_r, grad_u, grad_v): each a matrix of the "
                "shape of its parameter");

 public:
  TransformerXlGradients(const Arguments&...) {}
};
template <typename... Arguments>
TransformerXlGradients(const Arguments&...)
    -> TransformerXlGradients<detail::Misfit<Arguments...>, void, void, void, void>;

namespace detail {

/// The checked sizes of a call.
struct TransformerXlSizes {
  HeadRows rows;
  HeadVector u;
  HeadVector v;

  template <typename T, typename A, typename B, typename Query, typename Key>
  TransformerXlSizes(const char* function, const TransformerXl<T, A, B>& scheme,
                     const ContentAttention<Query, Key>& attention)
      : rows(require_distance_rows(function, "r", scheme.r().rows(), scheme.distances(), attention.span(),
                                   attention.num_heads())),
        u(function, "u", scheme.u(), attention.num_heads(), attention.head_dim()),
        v(function, "v", scheme.v(), attention.num_heads(), attention.head_dim()) {
    require_shape(function, "r", scheme.r(), scheme.r().rows(), attention.head_dim());
  }
};

}  // namespace detail

/// Adds to the logits of one head or of all heads stacked, which hold scale q k^T, the other three terms of
/// Transformer-XL. For every head
///
///     logits(i, j) += scale (u . k[j] + (q[i] + v) . r[j - (query_offset + i) - distances.first()])
///
/// @param[in,out] logits  (num_heads L_q) x L_k, head by head. float or double, as all the rest.
/// @param scheme          TransformerXl(r, distances, u, v).
/// @param attention       ContentAttention(q, k, scale, span).
/// @param workspace       Scratch memory that the caller keeps.
/// @throws std::invalid_argument  shapes that do not fit; memory of logits that overlaps itself or what is read.
///                                `logits` is then unchanged.
/// Cost:     one product over the distances that occur and one matrix-vector product; extra memory 65 x max(L_k + 31,
///           head_dim) numbers at most. No shifted copy: row i is read from a contiguous piece (bench_content_bias:
///           Transformer-XL).
/// Accuracy: (2 head_dim + 3)^2 ulp of 4 for entries below 1 [accuracy][relative_bias].
///           A query alone has the logits that it has among others to 2 (head_dim + 2) ulp of the sum of their terms'
///           sizes, not to the bit: products are of blocks of queries [relative_bias][one_row].
/// Source:   Dai et al. 2019, arXiv:1901.02860, section 3.3.
/// Matches:  RelPartialLearnableMultiHeadAttn of Transformer-XL, RelPositionMultiHeadedAttention of
///           ESPnet and wav2vec2-BERT ("relative") of transformers, whose sinusoids interleave sines and cosines.
template <typename Logits, typename Table, typename U, typename V, typename Query, typename Key, typename Scalar,
          detail::IfScalar<Scalar, Logits, Table, U, V, Query, Key> = 0>
void add_transformer_xl_logits(Logits&& logits, const TransformerXl<Table, U, V>& scheme,
                               const ContentAttention<Query, Key>& attention, Workspace<Scalar>& workspace) {
  const char* const function = "add_transformer_xl_logits";
  auto& x = detail::written(std::forward<Logits>(logits));
  const AttentionSpan& span = attention.span();
  const Scalar scale = static_cast<Scalar>(attention.scale());
  detail::require_logits(function, "logits", x, attention);
  const detail::TransformerXlSizes sizes(function, scheme, attention);
  detail::require_target(function, "logits", x, attention.q(), attention.k(), scheme.r(), scheme.u(), scheme.v());
  detail::require_outside(function, workspace, x, attention.q(), attention.k(), scheme.r(), scheme.u(), scheme.v());
  const Eigen::Index lowest = detail::distances_of_rows(scheme.distances(), span).first();
  const auto& q = detail::evaluated(attention.q());
  const auto& k = detail::evaluated(attention.k());
  const auto& r = detail::evaluated(scheme.r());
  const auto& u = detail::evaluated(scheme.u());
  const auto& v = detail::evaluated(scheme.v());
  for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
    const auto k_head = detail::head_rows(k, head, span.key_len());
    const auto add_v = [&](auto& queries) { queries.rowwise() += sizes.v.of(v, head); };
    const auto write_content = [&](auto& content) {
      for (Eigen::Index j = 0; j < span.key_len(); ++j) content(j) = scale * k_head.row(j).dot(sizes.u.of(u, head));
    };
    detail::add_relative(detail::head_rows(x, head, span.query_len()), detail::head_rows(q, head, span.query_len()),
                         add_v, write_content, sizes.rows.of(r, head), lowest, span, scale, workspace);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_transformer_xl_logits(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write add_transformer_xl_logits(logits, TransformerXl(r, distances, u, v), ContentAttention(q, "
      "k, scale, span), workspace): logits is a matrix, workspace a Workspace<Scalar> with a name; all hold the same "
      "Scalar");
}

/// The gradient of add_transformer_xl_logits(): adds into grad_q, grad_k, grad_r, grad_u and grad_v. Those of q k^T
/// itself are the caller's.
/// @param[in,out] gradients             TransformerXlGradients(grad_q, grad_k, grad_r, grad_u, grad_v).
/// @param grad_logits                   (num_heads L_q) x L_k.
/// @param scheme, attention, workspace  As in the forward call.
/// @throws std::invalid_argument  shapes that do not fit; memory that overlaps. Nothing is written then.
/// Cost:     as add_transformer_xl_logits(), with two products
///           (bench_content_bias: Gradients of tables by distance).
/// Accuracy: adjoint to the forward call to 1e-12 of the sum of the terms' sizes in double, 4 eps in float
///           [relative_bias][properties].
template <typename GradQuery, typename GradKey, typename GradTable, typename GradU, typename GradV, typename Grad,
          typename Table, typename U, typename V, typename Query, typename Key, typename Scalar,
          detail::IfScalar<Scalar, GradQuery, GradKey, GradTable, GradU, GradV, Grad, Table, U, V, Query, Key> = 0>
void transformer_xl_logits_backward(TransformerXlGradients<GradQuery, GradKey, GradTable, GradU, GradV> gradients,
                                    const Grad& grad_logits, const TransformerXl<Table, U, V>& scheme,
                                    const ContentAttention<Query, Key>& attention, Workspace<Scalar>& workspace) {
  const char* const function = "transformer_xl_logits_backward";
  const AttentionSpan& span = attention.span();
  const Scalar scale = static_cast<Scalar>(attention.scale());
  auto& grad_q = gradients.grad_q();
  auto& grad_k = gradients.grad_k();
  auto& grad_r = gradients.grad_r();
  auto& grad_u = gradients.grad_u();
  auto& grad_v = gradients.grad_v();
  detail::require_logits(function, "grad_logits", grad_logits, attention);
  const detail::TransformerXlSizes sizes(function, scheme, attention);
  detail::require_shape(function, "grad_q", grad_q, attention.q().rows(), attention.head_dim());
  detail::require_shape(function, "grad_k", grad_k, attention.k().rows(), attention.head_dim());
  detail::require_shape(function, "grad_r", grad_r, scheme.r().rows(), attention.head_dim());
  detail::require_shape(function, "grad_u", grad_u, scheme.u().rows(), scheme.u().cols());
  detail::require_shape(function, "grad_v", grad_v, scheme.v().rows(), scheme.v().cols());
  const auto require_target = [&](const char* name, const auto& target, const auto&... other_targets) {
    detail::require_target(function, name, target, other_targets..., grad_logits, attention.q(), attention.k(),
                           scheme.r(), scheme.u(), scheme.v());
  };
  require_target("grad_q", grad_q, grad_k, grad_r, grad_u, grad_v);
  require_target("grad_k", grad_k, grad_r, grad_u, grad_v);
  require_target("grad_r", grad_r, grad_u, grad_v);
  require_target("grad_u", grad_u, grad_v);
  require_target("grad_v", grad_v);
  detail::require_outside(function, workspace, grad_q, grad_k, grad_r, grad_u, grad_v, grad_logits, attention.q(),
                          attention.k(), scheme.r(), scheme.u(), scheme.v());
  const Eigen::Index lowest = detail::distances_of_rows(scheme.distances(), span).first();
  const auto& grad = detail::evaluated(grad_logits);
  const auto& q = detail::evaluated(attention.q());
  const auto& k = detail::evaluated(attention.k());
  const auto& r = detail::evaluated(scheme.r());
  const auto& u = detail::evaluated(scheme.u());
  const auto& v = detail::evaluated(scheme.v());
  for (Eigen::Index head = 0; head < attention.num_heads(); ++head) {
    const auto grad_head = detail::head_rows(grad, head, span.query_len());
    const auto k_head = detail::head_rows(k, head, span.key_len());
    auto grad_k_head = detail::head_rows(grad_k, head, span.key_len());
    auto grad_u_head = sizes.u.of(grad_u, head);
    auto grad_v_head = sizes.v.of(grad_v, head);
    const auto add_v = [&](auto& queries) { queries.rowwise() += sizes.v.of(v, head); };
    const auto sum_v = [&](const auto& grad_queries) {
      for (Eigen::Index i = 0; i < grad_queries.rows(); ++i) grad_v_head += grad_queries.row(i);
    };
    detail::add_relative_gradients(detail::head_rows(grad_q, head, span.query_len()), sum_v,
                                   sizes.rows.of(grad_r, head), grad_head, detail::head_rows(q, head, span.query_len()),
                                   add_v, sizes.rows.of(r, head), lowest, span, scale, workspace);
    auto columns = workspace.matrix(1, span.key_len());
    columns = scale * grad_head.colwise().sum();
    for (Eigen::Index j = 0; j < span.key_len(); ++j) {
      grad_k_head.row(j) += columns(0, j) * sizes.u.of(u, head);
      grad_u_head += columns(0, j) * k_head.row(j);
    }
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto transformer_xl_logits_backward(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write transformer_xl_logits_backward(TransformerXlGradients(grad_q, grad_k, grad_r, grad_u, "
      "grad_v), grad_logits, TransformerXl(r, distances, u, v), ContentAttention(q, k, scale, span), workspace)");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_TRANSFORMER_XL_HPP
