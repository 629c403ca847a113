// SPDX-License-Identifier: MIT
/// Causal attention of one sequence and its gradient, with the encoding of positions plugged in.
#ifndef POSENC_EXAMPLES_ATTEND_HPP
#define POSENC_EXAMPLES_ATTEND_HPP

#include "support/encodings.hpp"

#include <cmath>

namespace tiny_transformer {

/// What attention works on, the heads stacked, and what it keeps for its gradient.
template <typename Scalar>
struct Sequence {
  posenc::AttentionSpan span;
  Matrix<Scalar> q;  // (num_heads * query_len) x head_dim, rotated by attend()
  Matrix<Scalar> k;  // (num_heads * key_len) x head_dim, rotated by attend()
  Matrix<Scalar> v;
  Matrix<Scalar> weights;  // (num_heads * query_len) x key_len, 0 where the query does not look

  Index num_heads() const { return q.rows() / span.query_len(); }
  Attention<Scalar> attention() const { return {q, k, 1 / std::sqrt(static_cast<double>(q.cols())), span}; }
};

/// Causal attention: what each query and head takes from the values, stacked like the queries.
template <typename Scalar>
Matrix<Scalar> attend(Sequence<Scalar>& s, Encoding<Scalar>& encoding) {
  encoding.rotate(s.q, s.k, s.span);
  s.weights = scaled_logits(s.attention());
  encoding.add_to_logits(s.weights, s.attention());
  Matrix<Scalar> out(s.q.rows(), s.q.cols());
  const Index query_len = s.span.query_len();
  const Index key_len = s.span.key_len();
  for (Index h = 0; h < s.num_heads(); ++h) {
    for (Index i = 0; i < query_len; ++i) {
      auto row = s.weights.row(h * query_len + i);
      auto visible = row.head(s.span.visible_keys(i));
      visible = (visible.array() - visible.maxCoeff()).exp();
      visible /= visible.sum();
      row.tail(key_len - visible.size()).setZero();
    }
    out.middleRows(h * query_len, query_len).noalias() =
        s.weights.middleRows(h * query_len, query_len) * s.v.middleRows(h * key_len, key_len);
  }
  return out;
}

/// The gradients of queries, keys and values, as they were before attend(). Those of the encoding are added to its own.
template <typename Scalar>
struct SequenceGradients {
  Matrix<Scalar> q, k, v;
};
template <typename Scalar>
SequenceGradients<Scalar> attend_backward(const Sequence<Scalar>& s, Encoding<Scalar>& encoding,
                                          const Matrix<Scalar>& grad_out) {
  const Index query_len = s.span.query_len();
  const Index key_len = s.span.key_len();
  SequenceGradients<Scalar> grad{Matrix<Scalar>::Zero(s.q.rows(), s.q.cols()),
                                 Matrix<Scalar>::Zero(s.k.rows(), s.k.cols()),
                                 Matrix<Scalar>::Zero(s.v.rows(), s.v.cols())};
  Matrix<Scalar> grad_logits(s.weights.rows(), key_len);
  for (Index h = 0; h < s.num_heads(); ++h) {
    const auto weights = s.weights.middleRows(h * query_len, query_len);
    const auto grad_head = grad_out.middleRows(h * query_len, query_len);
    auto grad_weights = grad_logits.middleRows(h * query_len, query_len);
    grad.v.middleRows(h * key_len, key_len).noalias() = weights.transpose() * grad_head;
    grad_weights.noalias() = grad_head * s.v.middleRows(h * key_len, key_len).transpose();
    for (Index i = 0; i < query_len; ++i) {  // through softmax
      const Scalar along = grad_weights.row(i).dot(weights.row(i));
      grad_weights.row(i) = (grad_weights.row(i).array() - along) * weights.row(i).array();
    }
  }
  encoding.logits_backward(grad_logits, grad.q, grad.k, s.attention());
  const Scalar scale = static_cast<Scalar>(s.attention().scale());
  for (Index h = 0; h < s.num_heads(); ++h) {
    const auto grad_head = grad_logits.middleRows(h * query_len, query_len);
    grad.q.middleRows(h * query_len, query_len).noalias() += scale * grad_head * s.k.middleRows(h * key_len, key_len);
    grad.k.middleRows(h * key_len, key_len).noalias() +=
        scale * grad_head.transpose() * s.q.middleRows(h * query_len, query_len);
  }
  encoding.rotate_backward(grad.q, grad.k, s.span);
  return grad;
}

/// Heads side by side (seq_len x width) as heads stacked (num_heads * seq_len x head_dim), and back.
template <typename X>
Matrix<typename X::Scalar> stack_heads(const X& x, Index num_heads) {
  const Index head_dim = x.cols() / num_heads;
  Matrix<typename X::Scalar> stacked(num_heads * x.rows(), head_dim);
  for (Index h = 0; h < num_heads; ++h)
    stacked.middleRows(h * x.rows(), x.rows()) = x.middleCols(h * head_dim, head_dim);
  return stacked;
}
template <typename Scalar>
Matrix<Scalar> unstack_heads(const Matrix<Scalar>& stacked, Index num_heads) {
  const Index seq_len = stacked.rows() / num_heads;
  Matrix<Scalar> x(seq_len, num_heads * stacked.cols());
  for (Index h = 0; h < num_heads; ++h) {
    x.middleCols(h * stacked.cols(), stacked.cols()) = stacked.middleRows(h * seq_len, seq_len);
  }
  return x;
}

}  // namespace tiny_transformer

#endif  // POSENC_EXAMPLES_ATTEND_HPP
