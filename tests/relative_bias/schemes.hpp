// SPDX-License-Identifier: MIT
/// Every bias that is linear in each of its parameters, under one interface, so that one suite goes through them all.
#ifndef POSENC_TESTS_RELATIVE_BIAS_SCHEMES_HPP
#define POSENC_TESTS_RELATIVE_BIAS_SCHEMES_HPP

#include "relative_bias/support.hpp"

#include <type_traits>
#include <vector>

namespace posenc_tests {
namespace schemes {

using posenc::AttentionSpan;
using posenc::ContentAttention;
using posenc::DistanceRange;
using posenc::DistanceTable;
using posenc::Workspace;

constexpr Index kHeadDim = 5;

/// The shape of a parameter: its rows for one head, and whether they are queries or keys, which chunks and heads cut, or
/// of a table that all heads always share.
enum class Rows { query, key, table, common };
struct Shape {
  Index rows;
  Index columns;
  Rows kind;
};

template <typename Scalar>
using Parameters = std::vector<RowMatrix<Scalar>>;

inline Shape queries(const AttentionSpan& span) { return {span.query_len(), kHeadDim, Rows::query}; }
inline Shape keys(const AttentionSpan& span) { return {span.key_len(), kHeadDim, Rows::key}; }
inline Shape table(Index rows, Index columns = kHeadDim) { return {rows, columns, Rows::table}; }

/// Distances that every span of the suite is within.
inline DistanceRange all_distances() { return DistanceRange(-60, 60); }

// A scheme has
//   shapes(span)                                        its parameters; queries first, then keys, where it reads any
//   add(x, span, parameters, workspace)                 x += the bias, for all heads stacked
//   backward(gradients, grad, span, parameters, workspace)
//   by_head                                             whether tables have rows for each head, not a column

struct Shaw {
  static constexpr const char* name = "Shaw keys";
  static constexpr bool by_head = true;
  static posenc::DistanceClip clip() { return posenc::DistanceClip(4, 2); }
  static std::vector<Shape> shapes(const AttentionSpan& span) {
    return {queries(span), keys(span), table(clip().rows())};
  }
  template <typename X, typename Scalar>
  static void add(X&& x, const AttentionSpan& span, const Parameters<Scalar>& p, Workspace<Scalar>& workspace) {
    posenc::add_shaw_logits(x, posenc::ShawKeys(p[2], clip()), ContentAttention(p[0], p[1], 0.5, span), workspace);
  }
  template <typename Grad, typename Scalar>
  static void backward(Parameters<Scalar>& d, const Grad& grad, const AttentionSpan& span, const Parameters<Scalar>& p,
                       Workspace<Scalar>& workspace) {
    posenc::shaw_logits_backward(posenc::RelativeGradients(d[0], d[2]), grad, posenc::ShawKeys(p[2], clip()),
                                 ContentAttention(p[0], p[1], 0.5, span), workspace);
  }
};

struct Relative {
  static constexpr const char* name = "relative keys";
  static constexpr bool by_head = true;
  static DistanceRange distances() { return DistanceRange(-30, 4); }
  static std::vector<Shape> shapes(const AttentionSpan& span) {
    return {queries(span), keys(span), table(distances().size())};
  }
  template <typename X, typename Scalar>
  static void add(X&& x, const AttentionSpan& span, const Parameters<Scalar>& p, Workspace<Scalar>& workspace) {
    posenc::add_relative_logits(x, posenc::RelativeKeys(p[2], distances()), ContentAttention(p[0], p[1], 0.5, span),
                                workspace);
  }
  template <typename Grad, typename Scalar>
  static void backward(Parameters<Scalar>& d, const Grad& grad, const AttentionSpan& span, const Parameters<Scalar>& p,
                       Workspace<Scalar>& workspace) {
    posenc::relative_logits_backward(posenc::RelativeGradients(d[0], d[2]), grad,
                                     posenc::RelativeKeys(p[2], distances()), ContentAttention(p[0], p[1], 0.5, span),
                                     workspace);
  }
};

struct TransformerXl {
  static constexpr const char* name = "Transformer-XL";
  static constexpr bool by_head = true;
  static std::vector<Shape> shapes(const AttentionSpan& span) {
    return {queries(span), keys(span), table(all_distances().size()), table(1), table(1)};
  }
  template <typename X, typename Scalar>
  static void add(X&& x, const AttentionSpan& span, const Parameters<Scalar>& p, Workspace<Scalar>& workspace) {
    posenc::add_transformer_xl_logits(x, posenc::TransformerXl(p[2], all_distances(), p[3], p[4]),
                                      ContentAttention(p[0], p[1], 0.5, span), workspace);
  }
  template <typename Grad, typename Scalar>
  static void backward(Parameters<Scalar>& d, const Grad& grad, const AttentionSpan& span, const Parameters<Scalar>& p,
                       Workspace<Scalar>& workspace) {
    posenc::transformer_xl_logits_backward(posenc::TransformerXlGradients(d[0], d[1], d[2], d[3], d[4]), grad,
                                           posenc::TransformerXl(p[2], all_distances(), p[3], p[4]),
                                           ContentAttention(p[0], p[1], 0.5, span), workspace);
  }
};

struct Deberta {
  static constexpr const char* name = "DeBERTa";
  static constexpr bool by_head = true;
  static const posenc::DebertaBuckets& buckets() {
    static const posenc::DebertaBuckets value(40, 8);
    return value;
  }
  static std::vector<Shape> shapes(const AttentionSpan& span) {
    return {queries(span), keys(span), table(buckets().rows()), table(buckets().rows())};
  }
  template <typename X, typename Scalar>
  static void add(X&& x, const AttentionSpan& span, const Parameters<Scalar>& p, Workspace<Scalar>& workspace) {
    posenc::add_deberta_logits(
        x, posenc::Deberta(buckets(), posenc::ContentToPosition(p[2]), posenc::PositionToContent(p[3])),
        ContentAttention(p[0], p[1], 0.5, span), workspace);
  }
  template <typename Grad, typename Scalar>
  static void backward(Parameters<Scalar>& d, const Grad& grad, const AttentionSpan& span, const Parameters<Scalar>& p,
                       Workspace<Scalar>& workspace) {
    posenc::deberta_logits_backward(
        posenc::DebertaGradients(posenc::ContentToPositionGradients(d[0], d[2]),
                                 posenc::PositionToContentGradients(d[1], d[3])),
        grad, posenc::Deberta(buckets(), posenc::ContentToPosition(p[2]), posenc::PositionToContent(p[3])),
        ContentAttention(p[0], p[1], 0.5, span), workspace);
  }
};

/// Of logits that are 0: in them CoPE is not linear.
struct Cope {
  static constexpr const char* name = "CoPE";
  static constexpr bool by_head = true;
  static std::vector<Shape> shapes(const AttentionSpan& span) { return {queries(span), keys(span), table(9)}; }
  template <typename X, typename Scalar>
  static void add(X&& x, const AttentionSpan& span, const Parameters<Scalar>& p, Workspace<Scalar>& workspace) {
    posenc::add_cope_logits(x, posenc::Cope(p[2], 9), ContentAttention(p[0], p[1], 0.5, span), workspace);
  }
  template <typename Grad, typename Scalar>
  static void backward(Parameters<Scalar>& d, const Grad& grad, const AttentionSpan& span, const Parameters<Scalar>& p,
                       Workspace<Scalar>& workspace) {
    RowMatrix<Scalar> changed = grad;
    const RowMatrix<Scalar> logits = RowMatrix<Scalar>::Zero(grad.rows(), grad.cols());
    posenc::cope_logits_backward(posenc::CopeGradients(changed, d[0], d[2]), logits, posenc::Cope(p[2], 9),
                                 ContentAttention(p[0], p[1], 0.5, span), workspace);
  }
};

/// A table of distances with a column for each head, made into a bias by way of a DistanceTable.
template <typename Derived>
struct OfDistances {
  static constexpr bool by_head = false;
  template <typename X, typename Scalar>
  static void add(X&& x, const AttentionSpan& span, const Parameters<Scalar>& p, Workspace<Scalar>&) {
    posenc::add_distance_bias(x, Derived::make(p[0]), span);
  }
  template <typename Grad, typename Scalar>
  static void backward(Parameters<Scalar>& d, const Grad& grad, const AttentionSpan& span, const Parameters<Scalar>& p,
                       Workspace<Scalar>&) {
    DistanceTable<Scalar> grad_table(p[0].cols(), all_distances());
    posenc::distance_bias_backward(grad_table, grad, span);
    Derived::table_backward(d[0], grad_table);
  }
};

struct Learned : OfDistances<Learned> {
  static constexpr const char* name = "learned for each distance";
  static std::vector<Shape> shapes(const AttentionSpan&) { return {table(all_distances().size(), 1)}; }
  template <typename Scalar>
  static DistanceTable<Scalar> make(const RowMatrix<Scalar>& weights) {
    DistanceTable<Scalar> result(weights.cols(), all_distances());
    result.values() = weights.transpose().array();
    return result;
  }
  template <typename Scalar>
  static void table_backward(RowMatrix<Scalar>& grad, const DistanceTable<Scalar>& grad_table) {
    grad += grad_table.values().matrix().transpose();
  }
};

struct T5 : OfDistances<T5> {
  static constexpr const char* name = "T5";
  static posenc::T5Buckets buckets() { return posenc::T5Buckets(8, 20, true); }
  static std::vector<Shape> shapes(const AttentionSpan&) { return {table(8, 1)}; }
  template <typename Scalar>
  static DistanceTable<Scalar> make(const RowMatrix<Scalar>& weights) {
    return posenc::make_t5_table(weights, buckets(), all_distances());
  }
  template <typename Scalar>
  static void table_backward(RowMatrix<Scalar>& grad, const DistanceTable<Scalar>& grad_table) {
    posenc::t5_table_backward(grad, grad_table, buckets());
  }
};

struct Alibi : OfDistances<Alibi> {
  static constexpr const char* name = "ALiBi";
  static std::vector<Shape> shapes(const AttentionSpan&) { return {table(1, 1)}; }
  template <typename Scalar>
  static DistanceTable<Scalar> make(const RowMatrix<Scalar>& slopes) {
    return posenc::make_alibi_table<Scalar>(slopes, all_distances(), posenc::AlibiForm::symmetric);
  }
  template <typename Scalar>
  static void table_backward(RowMatrix<Scalar>& grad, const DistanceTable<Scalar>& grad_table) {
    posenc::alibi_table_backward(grad, grad_table, posenc::AlibiForm::symmetric);
  }
};

/// KERPLE by p, in which its logarithmic kernel is linear.
struct Kerple : OfDistances<Kerple> {
  static constexpr const char* name = "KERPLE";
  static constexpr bool positive = true;
  static std::vector<Shape> shapes(const AttentionSpan&) { return {table(1, 1)}; }
  template <typename Scalar>
  static RowMatrix<Scalar> rates(const RowMatrix<Scalar>& p) {
    return RowMatrix<Scalar>::Constant(1, p.cols(), Scalar(0.75));
  }
  template <typename Scalar>
  static DistanceTable<Scalar> make(const RowMatrix<Scalar>& p) {
    const RowMatrix<Scalar> a = rates(p);
    return posenc::make_kerple_table<Scalar>(posenc::KerpleA(a), posenc::KerpleP(p), all_distances(),
                                             posenc::KerpleKernel::logarithmic);
  }
  template <typename Scalar>
  static void table_backward(RowMatrix<Scalar>& grad, const DistanceTable<Scalar>& grad_table) {
    const RowMatrix<Scalar> a = rates(grad);
    const RowMatrix<Scalar> p = RowMatrix<Scalar>::Ones(1, grad.cols());  // the gradient by p does not depend on it
    RowMatrix<Scalar> grad_a = RowMatrix<Scalar>::Zero(1, grad.cols());
    posenc::kerple_table_backward(posenc::KerpleA(grad_a), posenc::KerpleP(grad), grad_table, posenc::KerpleA(a),
                                  posenc::KerpleP(p), posenc::KerpleKernel::logarithmic);
  }
};

/// Biases by distance with a gate for each query (WavLM).
struct Gated {
  static constexpr const char* name = "gated biases by distance";
  static constexpr bool by_head = true;
  static std::vector<Shape> shapes(const AttentionSpan& span) {
    return {{span.query_len(), 1, Rows::query}, table(all_distances().size(), 1)};
  }
  /// The table of all heads that have gates, which share one or have one each.
  template <typename Scalar>
  static DistanceTable<Scalar> make(const AttentionSpan& span, const Parameters<Scalar>& p) {
    const Index size = all_distances().size();
    const Index tables = p[1].rows() / size;
    const Index num_heads = span.query_len() > 0 ? p[0].rows() / span.query_len() : tables;
    DistanceTable<Scalar> result(num_heads, all_distances());
    for (Index h = 0; h < num_heads; ++h) {
      result.values().row(h) = p[1].middleRows(tables == 1 ? 0 : h * size, size).transpose().array();
    }
    return result;
  }
  template <typename X, typename Scalar>
  static void add(X&& x, const AttentionSpan& span, const Parameters<Scalar>& p, Workspace<Scalar>&) {
    posenc::add_distance_bias(x, make(span, p), span, p[0]);
  }
  template <typename Grad, typename Scalar>
  static void backward(Parameters<Scalar>& d, const Grad& grad, const AttentionSpan& span, const Parameters<Scalar>& p,
                       Workspace<Scalar>&) {
    const DistanceTable<Scalar> of_heads = make(span, p);
    DistanceTable<Scalar> grad_table(of_heads.num_heads(), all_distances());
    posenc::distance_bias_backward(grad_table, d[0], grad, of_heads, span, p[0]);
    const Index size = all_distances().size();
    const Index tables = d[1].rows() / size;
    for (Index h = 0; h < of_heads.num_heads(); ++h) {
      d[1].middleRows(tables == 1 ? 0 : h * size, size) += grad_table.values().row(h).matrix().transpose();
    }
  }
};

struct Banded {
  static constexpr const char* name = "banded logits";
  static constexpr bool by_head = true;
  static std::vector<Shape> shapes(const AttentionSpan& span) {
    return {{span.query_len(), 3, Rows::query}, {3, 12, Rows::common}};
  }
  template <typename X, typename Scalar>
  static void add(X&& x, const AttentionSpan& span, const Parameters<Scalar>& p, Workspace<Scalar>& workspace) {
    posenc::add_banded_logits(x, p[0], p[1], span, workspace);
  }
  template <typename Grad, typename Scalar>
  static void backward(Parameters<Scalar>& d, const Grad& grad, const AttentionSpan& span, const Parameters<Scalar>& p,
                       Workspace<Scalar>& workspace) {
    posenc::banded_logits_backward(posenc::RelativeGradients(d[0], d[1]), grad, p[0], p[1], span, workspace);
  }
};

/// Biases by bucket, of positions that have gaps and repeat.
struct Buckets {
  static constexpr const char* name = "biases by bucket";
  static constexpr bool by_head = false;
  static posenc::T5Buckets buckets() { return posenc::T5Buckets(8, 20, true); }
  static std::vector<Shape> shapes(const AttentionSpan&) { return {table(8, 1)}; }
  /// Of token `first` and those after it.
  static std::vector<int> positions(Index first, Index count) {
    std::vector<int> at;
    for (Index i = first; i < first + count; ++i) at.push_back(static_cast<int>(3 * i - i % 4));
    return at;
  }
  template <typename X, typename Scalar>
  static void add(X&& x, const AttentionSpan& span, const Parameters<Scalar>& p, Workspace<Scalar>&) {
    posenc::add_bucket_bias(x, p[0], buckets(), positions(span.query_offset(), span.query_len()),
                            positions(0, span.key_len()));
  }
  template <typename Grad, typename Scalar>
  static void backward(Parameters<Scalar>& d, const Grad& grad, const AttentionSpan& span, const Parameters<Scalar>&,
                       Workspace<Scalar>&) {
    posenc::bucket_bias_backward(d[0], grad, buckets(), positions(span.query_offset(), span.query_len()),
                                 positions(0, span.key_len()));
  }
};

/// check.template operator()<Scheme>() for each. Sandwich has no parameters, and its tables go through
/// add_distance_bias() as these do; FIRE and the networks of windows are not linear in theirs, windows and grids have no
/// span, and differences of forgetting sums have no sizes to add up: their adjoints are in their own files.
template <typename Check>
void for_each_scheme(const Check& check) {
  check(Shaw());
  check(Relative());
  check(TransformerXl());
  check(Deberta());
  check(Cope());
  check(Learned());
  check(T5());
  check(Alibi());
  check(Kerple());
  check(Gated());
  check(Banded());
  check(Buckets());
}

template <typename Scheme, typename = void>
inline constexpr bool is_positive = false;
template <typename Scheme>
inline constexpr bool is_positive<Scheme, std::void_t<decltype(Scheme::positive)>> = Scheme::positive;

/// Parameters for `num_heads` heads: tables shared by all of them, or with rows of their own.
template <typename Scheme, typename Scalar>
Parameters<Scalar> random_parameters(const Scheme&, const AttentionSpan& span, Index num_heads, bool shared,
                                     std::uint64_t seed) {
  Parameters<Scalar> parameters;
  for (const Shape& shape : Scheme::shapes(span)) {
    const bool once = shape.kind == Rows::common || (shape.kind == Rows::table && (shared || !Scheme::by_head));
    const Index columns = Scheme::by_head ? shape.columns : shape.columns * num_heads;
    parameters.push_back(random_matrix<Scalar>(shape.rows * (once ? 1 : num_heads), columns, seed++));
    if (is_positive<Scheme>) parameters.back() = parameters.back().cwiseAbs().array() + Scalar(0.125);
  }
  return parameters;
}

/// Zeros of the same shapes.
template <typename Scalar>
Parameters<Scalar> zeros_like(const Parameters<Scalar>& parameters) {
  Parameters<Scalar> zeros;
  for (const auto& x : parameters) zeros.push_back(RowMatrix<Scalar>::Zero(x.rows(), x.cols()));
  return zeros;
}

/// The parameters of one head, and those of the queries first ... first + count - 1 of all heads.
template <typename Scheme, typename Scalar>
Parameters<Scalar> of_head(const Scheme&, const Parameters<Scalar>& parameters, const AttentionSpan& span, Index head) {
  Parameters<Scalar> one;
  const auto shapes = Scheme::shapes(span);
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const auto& x = parameters[i];
    if (!Scheme::by_head) {
      one.push_back(x.middleCols(head * shapes[i].columns, shapes[i].columns));
    } else {
      one.push_back(x.rows() == shapes[i].rows ? x : x.middleRows(head * shapes[i].rows, shapes[i].rows));
    }
  }
  return one;
}

/// The bias alone.
template <typename Scheme, typename Scalar>
RowMatrix<Scalar> bias_of(const Scheme&, const AttentionSpan& span, Index num_heads,
                          const Parameters<Scalar>& parameters) {
  Workspace<Scalar> workspace;
  RowMatrix<Scalar> x = RowMatrix<Scalar>::Zero(num_heads * span.query_len(), span.key_len());
  Scheme::add(x, span, parameters, workspace);
  return x;
}

/// The absolute values: in place of the parameters they make the sizes of all terms of a bias or a gradient add up.
template <typename Scalar>
Parameters<Scalar> sizes_of(const Parameters<Scalar>& parameters) {
  Parameters<Scalar> sizes;
  for (const auto& x : parameters) sizes.push_back(x.cwiseAbs());
  return sizes;
}

}  // namespace schemes
}  // namespace posenc_tests

#endif  // POSENC_TESTS_RELATIVE_BIAS_SCHEMES_HPP
