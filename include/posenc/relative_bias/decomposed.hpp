// SPDX-License-Identifier: MIT
/// @file
/// Decomposed relative positions of vision backbones (MViTv2, SAM): rows and columns separately, by content.
#ifndef POSENC_RELATIVE_BIAS_DECOMPOSED_HPP
#define POSENC_RELATIVE_BIAS_DECOMPOSED_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/positions/grid_shape.hpp"
#include "posenc/relative_bias/detail/head_rows.hpp"
#include "posenc/relative_bias/detail/held.hpp"
#include "posenc/relative_bias/detail/ordered_sum.hpp"
#include "posenc/relative_bias/detail/written_argument.hpp"

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// The table of rows, `rel_pos_h`, or its gradient: RelPosH(rel_h). It holds a matrix by reference, a Map or Block by
/// value; a temporary matrix does not compile.
template <typename Table>
class RelPosH : public detail::NamedArgument<Table> {
 public:
  /// @param rel_h  2 max(query height, key height) - 1 rows x head_dim, once for all heads or once for each, stacked.
  template <typename T>  // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): copies go by the guide
  explicit RelPosH(T&& rel_h) : detail::NamedArgument<Table>(std::forward<T>(rel_h)) {}
};
template <typename T>
RelPosH(T&&) -> RelPosH<std::remove_reference_t<T>>;

/// The table of columns, `rel_pos_w`, or its gradient: RelPosW(rel_w). It holds its matrix as RelPosH does.
template <typename Table>
class RelPosW : public detail::NamedArgument<Table> {
 public:
  /// @param rel_w  2 max(query width, key width) - 1 rows x head_dim, once for all heads or once for each, stacked.
  template <typename T>  // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): copies go by the guide
  explicit RelPosW(T&& rel_w) : detail::NamedArgument<Table>(std::forward<T>(rel_w)) {}
};
template <typename T>
RelPosW(T&&) -> RelPosW<std::remove_reference_t<T>>;

/// The parameters of decomposed relative positions: Decomposed(RelPosH(rel_h), RelPosW(rel_w), query, key).
///
/// To give it a name, write `auto scheme = Decomposed(RelPosH(rel_h), RelPosW(rel_w), query, key);`. Of
/// `Decomposed scheme(RelPosH(rel_h), RelPosW(rel_w), ...);` C++ may make the declaration of a function.
template <typename Rows, typename Columns>
class Decomposed {
 public:
  /// @param rel_h, rel_w  The tables. Bring those of another length here by resize() with Resize::relative_distances.
  /// @param query, key    Grids of the queries and of the keys; they may differ (pooled keys).
  Decomposed(const RelPosH<Rows>& rel_h, const RelPosW<Columns>& rel_w, const GridShape& query, const GridShape& key)
      : rel_h_(rel_h.get()), rel_w_(rel_w.get()), query_(query), key_(key) {}

  const Rows& rel_h() const& { return rel_h_; }
  detail::Held<const Rows> rel_h() const&& { return rel_h_; }
  const Columns& rel_w() const& { return rel_w_; }
  detail::Held<const Columns> rel_w() const&& { return rel_w_; }
  GridShape query() const { return query_; }
  GridShape key() const { return key_; }

 private:
  detail::Held<const Rows> rel_h_;
  detail::Held<const Columns> rel_w_;
  GridShape query_;
  GridShape key_;
};

/// Says what is missing or out of order.
template <typename... Arguments>
class Decomposed<detail::Misfit<Arguments...>, void> {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write Decomposed(RelPosH(rel_h), RelPosW(rel_w), query, key): rel_h and rel_w are matrices with "
      "a row for each displacement, query and key GridShape(height, width)");

 public:
  Decomposed(const Arguments&...) {}
};
template <typename... Arguments>
Decomposed(const Arguments&...) -> Decomposed<detail::Misfit<Arguments...>, void>;

/// What decomposed_logits_backward() adds into: DecomposedGradients(grad_q, RelPosH(grad_rel_h), RelPosW(grad_rel_w)).
template <typename GradQuery, typename GradRows, typename GradColumns>
class DecomposedGradients {
 public:
  /// @param grad_q, grad_rel_h, grad_rel_w  Each has the shape of its parameter.
  template <typename Q>
  DecomposedGradients(Q&& grad_q, RelPosH<GradRows> grad_rel_h, RelPosW<GradColumns> grad_rel_w)
      : grad_q_(detail::written(std::forward<Q>(grad_q))),
        grad_rel_h_(detail::written(grad_rel_h.get())),
        grad_rel_w_(detail::written(grad_rel_w.get())) {}

  GradQuery& grad_q() & { return grad_q_; }
  detail::Held<GradQuery> grad_q() && { return grad_q_; }
  GradRows& grad_rel_h() & { return grad_rel_h_; }
  detail::Held<GradRows> grad_rel_h() && { return grad_rel_h_; }
  GradColumns& grad_rel_w() & { return grad_rel_w_; }
  detail::Held<GradColumns> grad_rel_w() && { return grad_rel_w_; }

 private:
  detail::Held<GradQuery> grad_q_;
  detail::Held<GradRows> grad_rel_h_;
  detail::Held<GradColumns> grad_rel_w_;
};

template <typename Q, typename H, typename W, detail::IfMatrix<Q> = 0>
DecomposedGradients(Q&&, const RelPosH<H>&, const RelPosW<W>&) -> DecomposedGradients<detail::HeldToWrite<Q>, H, W>;

/// Says what is missing or out of order.
template <typename... Arguments>
class DecomposedGradients<detail::Misfit<Arguments...>, void, void> {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write DecomposedGradients(grad_q, RelPosH(grad_rel_h), RelPosW(grad_rel_w)): each a matrix of the shape "
      "of its parameter");

 public:
  DecomposedGradients(const Arguments&...) {}
};
template <typename... Arguments>
DecomposedGradients(const Arguments&...) -> DecomposedGradients<detail::Misfit<Arguments...>, void, void>;

namespace detail {

/// The table row for query coordinate q and key coordinate k along one side, tables having 2 max(sides) - 1 rows:
/// int(q max(key/query, 1) - k max(query/key, 1) + (key - 1) max(query/key, 1)), in integers.
inline Eigen::Index decomposed_row(Eigen::Index q, Eigen::Index k, Eigen::Index query_side, Eigen::Index key_side) {
  const std::int64_t longer = (std::max)(query_side, key_side);  // at most 2^20, so that products are below 2^62
  const std::int64_t numerator = longer * q * key_side + longer * (key_side - 1 - k) * query_side;
  return static_cast<Eigen::Index>(numerator / (std::int64_t{query_side} * key_side));
}

/// The checked sizes of a call.
struct DecomposedSizes {
  Eigen::Index num_heads;
  HeadRows rows;
  HeadRows columns;

  template <typename H, typename W, typename Query>
  DecomposedSizes(const char* function, const Decomposed<H, W>& scheme, const Query& q)
      : num_heads(q.rows() / scheme.query().tokens()),
        rows(function, "rel_h", scheme.rel_h().rows(),
             2 * (std::max)(scheme.query().height(), scheme.key().height()) - 1, num_heads,
             " (2 max(query.height(), key.height()) - 1)"),
        columns(function, "rel_w", scheme.rel_w().rows(),
                2 * (std::max)(scheme.query().width(), scheme.key().width()) - 1, num_heads,
                " (2 max(query.width(), key.width()) - 1)") {
    const Eigen::Index tokens = scheme.query().tokens();
    require(q.rows() > 0 && q.rows() % tokens == 0, function, "q.rows()", q.rows(), "query.tokens() ", tokens,
            " for each head");
    require_data(function, "q", q);
    require_shape(function, "rel_h", scheme.rel_h(), scheme.rel_h().rows(), q.cols());
    require_shape(function, "rel_w", scheme.rel_w(), scheme.rel_w().rows(), q.cols());
  }
};

template <typename X, typename Query, typename Rows, typename Columns>
void add_decomposed_head(X&& x, const Query& q, const Rows& rel_h, const Columns& rel_w, const GridShape& query,
                         const GridShape& key) {
  for (Eigen::Index t = 0; t < query.tokens(); ++t) {
    for (Eigen::Index y = 0; y < key.height(); ++y) {
      const Eigen::Index row = decomposed_row(t / query.width(), y, query.height(), key.height());
      x.row(t).segment(y * key.width(), key.width()).array() += q.row(t).dot(rel_h.row(row));
    }
    for (Eigen::Index u = 0; u < key.width(); ++u) {
      const Eigen::Index row = decomposed_row(t % query.width(), u, query.width(), key.width());
      const auto score = q.row(t).dot(rel_w.row(row));
      for (Eigen::Index y = 0; y < key.height(); ++y) x.coeffRef(t, y * key.width() + u) += score;
    }
  }
}

template <typename GradQuery, typename GradRows, typename GradColumns, typename Grad, typename Query, typename Rows,
          typename Columns>
void add_decomposed_gradients(GradQuery&& grad_q, GradRows&& grad_h, GradColumns&& grad_w, const Grad& grad,
                              const Query& q, const Rows& rel_h, const Columns& rel_w, const GridShape& query,
                              const GridShape& key) {
  using Scalar = typename Query::Scalar;
  for (Eigen::Index t = 0; t < query.tokens(); ++t) {
    for (Eigen::Index y = 0; y < key.height(); ++y) {
      const Eigen::Index row = decomposed_row(t / query.width(), y, query.height(), key.height());
      const Scalar sum = ordered_sum(grad.row(t).segment(y * key.width(), key.width()));
      grad_q.row(t) += sum * rel_h.row(row);
      grad_h.row(row) += sum * q.row(t);
    }
    for (Eigen::Index u = 0; u < key.width(); ++u) {
      const Eigen::Index row = decomposed_row(t % query.width(), u, query.width(), key.width());
      Scalar sum = 0;
      for (Eigen::Index y = 0; y < key.height(); ++y) sum += grad.coeff(t, y * key.width() + u);
      grad_q.row(t) += sum * rel_w.row(row);
      grad_w.row(row) += sum * q.row(t);
    }
  }
}

}  // namespace detail

/// Adds decomposed relative positions to the logits of one head or of all heads stacked, in place. With query token
/// t = (h, w) and key token u = (y, x), both numbered row by row, for every head
///
///     logits(t, u) += q[t] . rel_h[row(h, y)] + q[t] . rel_w[row(w, x)]
///     row(a, b) = floor(a max(K / Q, 1) + (K - 1 - b) max(Q / K, 1))    Q, K: the side of the queries' and keys' grid
///
/// @param[in,out] logits  (num_heads query.tokens()) x key.tokens(), head by head. float or double, as the rest.
/// @param scheme          Decomposed(RelPosH(rel_h), RelPosW(rel_w), query, key).
/// @param q               (num_heads query.tokens()) x head_dim, not scaled: the logits are already.
/// @throws std::invalid_argument  shapes that do not fit; memory of logits that overlaps itself or what is read.
///                                `logits` is then unchanged.
/// Cost:     (height + width of the keys' grid) head_dim multiply-adds for each query and two additions for each logit;
///           no allocation (bench_window_bias: Decomposed).
/// Accuracy: (2 head_dim + 1)^2 ulp of 1 for entries below 1 [accuracy][relative_bias].
/// Source:   Li et al. 2021, arXiv:2112.01526 (MViTv2).
/// Matches:  add_decomposed_rel_pos of Segment Anything and its transformers class. PosEmbedRel of timm (HaloNet) where
///           both grids are that of the keys, tables have their rows in reverse, and q holds a block's queries in its
///           first corner and zeros elsewhere.
template <typename Logits, typename Rows, typename Columns, typename Query,
          detail::IfScalar<typename Query::Scalar, Query, Logits, Rows, Columns> = 0>
void add_decomposed_logits(Logits&& logits, const Decomposed<Rows, Columns>& scheme, const Query& q) {
  const char* const function = "add_decomposed_logits";
  auto& x = detail::written(std::forward<Logits>(logits));
  const GridShape& query = scheme.query();
  const GridShape& key = scheme.key();
  const detail::DecomposedSizes sizes(function, scheme, q);
  detail::require_shape(function, "logits", x, q.rows(), key.tokens());
  detail::require_target(function, "logits", x, q, scheme.rel_h(), scheme.rel_w());
  const auto& q_values = detail::evaluated(q);
  const auto& rel_h = detail::evaluated(scheme.rel_h());
  const auto& rel_w = detail::evaluated(scheme.rel_w());
  for (Eigen::Index head = 0; head < sizes.num_heads; ++head) {
    const Eigen::Index first = head * query.tokens();
    detail::add_decomposed_head(x.middleRows(first, query.tokens()), q_values.middleRows(first, query.tokens()),
                                sizes.rows.of(rel_h, head), sizes.columns.of(rel_w, head), query, key);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_decomposed_logits(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write add_decomposed_logits(logits, Decomposed(RelPosH(rel_h), RelPosW(rel_w), query, key), q): "
      "matrices, and the grids of queries and keys as GridShape(height, width)");
}

/// The gradient of add_decomposed_logits(): adds into grad_q, grad_rel_h and grad_rel_w.
/// @param[in,out] gradients  DecomposedGradients(grad_q, RelPosH(grad_rel_h), RelPosW(grad_rel_w)).
/// @param grad_logits        (num_heads query.tokens()) x key.tokens().
/// @param scheme, q          As in the forward call.
/// @throws std::invalid_argument  shapes that do not fit; memory that overlaps. Nothing is written then.
/// Cost:     two times that of add_decomposed_logits(); no allocation (bench_window_bias: Decomposed).
/// Accuracy: adjoint to the forward call to 1e-12 of the sum of the terms' sizes [accuracy][relative_bias].
template <typename GradQuery, typename GradRows, typename GradColumns, typename Grad, typename Rows, typename Columns,
          typename Query,
          detail::IfScalar<typename Query::Scalar, Query, GradQuery, GradRows, GradColumns, Grad, Rows, Columns> = 0>
void decomposed_logits_backward(DecomposedGradients<GradQuery, GradRows, GradColumns> gradients,
                                const Grad& grad_logits, const Decomposed<Rows, Columns>& scheme, const Query& q) {
  const char* const function = "decomposed_logits_backward";
  auto& grad_q = gradients.grad_q();
  auto& grad_h = gradients.grad_rel_h();
  auto& grad_w = gradients.grad_rel_w();
  const GridShape& query = scheme.query();
  const GridShape& key = scheme.key();
  const detail::DecomposedSizes sizes(function, scheme, q);
  detail::require_shape(function, "grad_logits", grad_logits, q.rows(), key.tokens());
  detail::require_shape(function, "grad_q", grad_q, q.rows(), q.cols());
  detail::require_shape(function, "grad_rel_h", grad_h, scheme.rel_h().rows(), q.cols());
  detail::require_shape(function, "grad_rel_w", grad_w, scheme.rel_w().rows(), q.cols());
  detail::require_target(function, "grad_q", grad_q, grad_h, grad_w, grad_logits, q, scheme.rel_h(), scheme.rel_w());
  detail::require_target(function, "grad_rel_h", grad_h, grad_w, grad_logits, q, scheme.rel_h(), scheme.rel_w());
  detail::require_target(function, "grad_rel_w", grad_w, grad_logits, q, scheme.rel_h(), scheme.rel_w());
  const auto& grad_values = detail::evaluated(grad_logits);
  const auto& q_values = detail::evaluated(q);
  const auto& rel_h = detail::evaluated(scheme.rel_h());
  const auto& rel_w = detail::evaluated(scheme.rel_w());
  for (Eigen::Index head = 0; head < sizes.num_heads; ++head) {
    const Eigen::Index first = head * query.tokens();
    detail::add_decomposed_gradients(grad_q.middleRows(first, query.tokens()), sizes.rows.of(grad_h, head),
                                     sizes.columns.of(grad_w, head), grad_values.middleRows(first, query.tokens()),
                                     q_values.middleRows(first, query.tokens()), sizes.rows.of(rel_h, head),
                                     sizes.columns.of(rel_w, head), query, key);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto decomposed_logits_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write decomposed_logits_backward(DecomposedGradients(grad_q, RelPosH(grad_rel_h), "
                "RelPosW(grad_rel_w)), grad_logits, Decomposed(RelPosH(rel_h), RelPosW(rel_w), query, key), q)");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DECOMPOSED_HPP
