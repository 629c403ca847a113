// SPDX-License-Identifier: MIT
/// Encodings of positions as a model that trains plugs them in: what each does on the way forward, and its gradient.
#ifndef POSENC_EXAMPLES_ENCODINGS_HPP
#define POSENC_EXAMPLES_ENCODINGS_HPP

#include "posenc/posenc.hpp"

#include "support/adamw.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace tiny_transformer {

/// Queries and keys of one sequence, their scale and span.
template <typename Scalar>
using Attention = posenc::ContentAttention<const Matrix<Scalar>, const Matrix<Scalar>>;

/// scale * q * k^T of all heads, stacked.
template <typename Scalar>
Matrix<Scalar> scaled_logits(const Attention<Scalar>& attention) {
  const Index query_len = attention.span().query_len();
  const Index key_len = attention.span().key_len();
  Matrix<Scalar> logits(attention.q().rows(), key_len);
  for (Index h = 0; h < attention.num_heads(); ++h) {
    logits.middleRows(h * query_len, query_len).noalias() = static_cast<Scalar>(attention.scale()) *
                                                            attention.q().middleRows(h * query_len, query_len) *
                                                            attention.k().middleRows(h * key_len, key_len).transpose();
  }
  return logits;
}

/// Where positions can enter a model, and their gradients. An encoding fills in what it needs; by default nothing
/// happens, which is a model without positions. One object serves all layers. Gradients are added to.
///
/// Embeddings are tokens x width, sequences of `seq_len` tokens stacked, the first of each at position `first`. Queries,
/// keys and logits are those of one sequence, its heads stacked: (num_heads * seq_len) x head_dim, and x key_len.
template <typename Scalar>
class Encoding {
 public:
  virtual ~Encoding() = default;
  virtual std::vector<Parameter<Scalar>*> parameters() { return {}; }
  /// Called after each step of training, for parameters that have bounds.
  virtual void keep_in_bounds() {}
  /// Called before each batch of sequences of `length` tokens, for positions that are drawn.
  virtual void begin(Index /*length*/, std::uint64_t /*seed*/) {}

  /// Absolute encodings: added to the embeddings.
  virtual void add_to_embeddings(Matrix<Scalar>& /*x*/, Index /*seq_len*/, Index /*first*/) {}
  virtual void embeddings_backward(const Matrix<Scalar>& /*grad_x*/, Index /*seq_len*/, Index /*first*/) {}

  /// Rotary encodings: rotate queries and keys, and their gradients back, in place.
  virtual void rotate(Matrix<Scalar>& /*q*/, Matrix<Scalar>& /*k*/, const posenc::AttentionSpan&) {}
  virtual void rotate_backward(Matrix<Scalar>& /*grad_q*/, Matrix<Scalar>& /*grad_k*/, const posenc::AttentionSpan&) {}

  /// Relative encodings: added to the logits, which hold scale * q * k^T. Backward may add to grad_q and grad_k, and
  /// change grad_logits where the addition depends on the logits themselves.
  virtual void add_to_logits(Matrix<Scalar>& /*logits*/, const Attention<Scalar>&) {}
  virtual void logits_backward(Matrix<Scalar>& /*grad_logits*/, Matrix<Scalar>& /*grad_q*/, Matrix<Scalar>& /*grad_k*/,
                               const Attention<Scalar>&) {}
};

// ---------------------------------------------------------------------------------------------------------------------
// Absolute

template <typename Scalar>
class Sinusoidal : public Encoding<Scalar> {
 public:
  explicit Sinusoidal(Index width) : encoding_(posenc::presets::paper(width)) {}

  void add_to_embeddings(Matrix<Scalar>& x, Index seq_len, Index first) override {
    posenc::add_sinusoidal(x, encoding_, posenc::each_sequence(seq_len, posenc::starting_at(first)));
  }

 private:
  posenc::SinusoidalEncoding encoding_;
};

template <typename Scalar>
class Learned : public Encoding<Scalar> {
 public:
  /// @param overflow  What a position past the last row takes.
  Learned(Index rows, Index width, std::uint64_t seed, posenc::Overflow overflow = posenc::Overflow::clamp)
      : table_(rows, width, 0.02, seed, false) {
    options_.overflow = overflow;
  }

  std::vector<Parameter<Scalar>*> parameters() override { return {&table_}; }
  void add_to_embeddings(Matrix<Scalar>& x, Index seq_len, Index first) override {
    posenc::add_learned(x, posenc::wrap_learned_table(table_.value, options_),
                        posenc::each_sequence(seq_len, posenc::starting_at(first)));
  }
  void embeddings_backward(const Matrix<Scalar>& grad_x, Index seq_len, Index first) override {
    posenc::learned_backward(table_.gradient, grad_x, options_,
                             posenc::each_sequence(seq_len, posenc::starting_at(first)));
  }

 private:
  Parameter<Scalar> table_;
  posenc::LookupOptions options_;
};

// ---------------------------------------------------------------------------------------------------------------------
// Rotary

/// RoPE on whole heads or a part of them, and xPos: queries by one table, keys by the same or another. Row p of a table
/// is position p.
template <typename Scalar>
class Rotary : public Encoding<Scalar> {
 public:
  Rotary(const posenc::RopeLayout& layout, posenc::FrequencyTable<Scalar> queries, posenc::FrequencyTable<Scalar> keys)
      : layout_(layout), queries_(std::move(queries)), keys_(std::move(keys)) {}
  Rotary(const posenc::RopeLayout& layout, const posenc::FrequencyTable<Scalar>& both) : Rotary(layout, both, both) {}

  /// RoPE with base 10000 for up to max_len positions.
  Rotary(const posenc::RopeLayout& layout, Index max_len)
      : Rotary(layout, posenc::make_table<Scalar>(posenc::geometric_frequencies(layout.rotary_dim(), 10000.0),
                                                  posenc::PositionRange(0, max_len))) {}

  void rotate(Matrix<Scalar>& q, Matrix<Scalar>& k, const posenc::AttentionSpan& span) override {
    posenc::apply_rope(q, queries_, layout_, query_rows(span));
    posenc::apply_rope(k, keys_, layout_, key_rows(span));
  }
  void rotate_backward(Matrix<Scalar>& grad_q, Matrix<Scalar>& grad_k, const posenc::AttentionSpan& span) override {
    posenc::apply_rope(grad_q, queries_.adjoint(), layout_, query_rows(span));
    posenc::apply_rope(grad_k, keys_.adjoint(), layout_, key_rows(span));
  }

 private:
  // Each head is a sequence of its own in the stack.
  static auto query_rows(const posenc::AttentionSpan& span) {
    return posenc::each_sequence(span.query_len(), posenc::from_row(span.query_offset()));
  }
  static auto key_rows(const posenc::AttentionSpan& span) {
    return posenc::each_sequence(span.key_len(), posenc::from_row(0));
  }

  posenc::RopeLayout layout_;
  posenc::FrequencyTable<Scalar> queries_;
  posenc::FrequencyTable<Scalar> keys_;
};

/// xPos with base 10000 for up to max_len positions.
template <typename Scalar>
Rotary<Scalar> make_xpos(const posenc::RopeLayout& layout, Index max_len) {
  auto tables = posenc::make_xpos_tables<Scalar>(posenc::geometric_frequencies(layout.rotary_dim(), 10000.0),
                                                 posenc::PositionRange(0, max_len), 0.0);
  return {layout, std::move(tables.queries), std::move(tables.keys)};
}

// ---------------------------------------------------------------------------------------------------------------------
// Biases by distance

/// What T5, ALiBi and KERPLE share: a table of one number for each head and distance.
template <typename Scalar>
class DistanceBias : public Encoding<Scalar> {
 public:
  void add_to_logits(Matrix<Scalar>& logits, const Attention<Scalar>& attention) override {
    posenc::add_distance_bias(logits, table(attention.span().distances()), attention.span());
  }
  void logits_backward(Matrix<Scalar>& grad_logits, Matrix<Scalar>&, Matrix<Scalar>&,
                       const Attention<Scalar>& attention) override {
    posenc::DistanceTable<Scalar> grad_table(attention.num_heads(), attention.span().distances());
    posenc::distance_bias_backward(grad_table, grad_logits, attention.span());
    table_backward(grad_table);
  }

 private:
  virtual posenc::DistanceTable<Scalar> table(const posenc::DistanceRange& distances) = 0;
  virtual void table_backward(const posenc::DistanceTable<Scalar>& grad_table) = 0;
};

template <typename Scalar>
class Alibi : public DistanceBias<Scalar> {
 public:
  explicit Alibi(Index num_heads) : slopes_(posenc::alibi_slopes(num_heads)) {}

 private:
  posenc::DistanceTable<Scalar> table(const posenc::DistanceRange& distances) override {
    return posenc::make_alibi_table<Scalar>(slopes_, distances, posenc::AlibiForm::causal);
  }
  void table_backward(const posenc::DistanceTable<Scalar>&) override {}  // the slopes are fixed

  Eigen::ArrayXd slopes_;
};

template <typename Scalar>
class T5 : public DistanceBias<Scalar> {
 public:
  T5(const posenc::T5Buckets& buckets, Index num_heads, std::uint64_t seed)
      : buckets_(buckets), bias_(buckets.num_buckets(), num_heads, 0.02, seed, false) {}

  std::vector<Parameter<Scalar>*> parameters() override { return {&bias_}; }

 private:
  posenc::DistanceTable<Scalar> table(const posenc::DistanceRange& distances) override {
    return posenc::make_t5_table(bias_.value, buckets_, distances);
  }
  void table_backward(const posenc::DistanceTable<Scalar>& grad_table) override {
    posenc::t5_table_backward(bias_.gradient, grad_table, buckets_);
  }

  posenc::T5Buckets buckets_;
  Parameter<Scalar> bias_;
};

template <typename Scalar>
class KerpleLog : public DistanceBias<Scalar> {
 public:
  explicit KerpleLog(Index num_heads)
      : a_(Matrix<Scalar>::Ones(1, num_heads), false), p_(Matrix<Scalar>::Ones(1, num_heads), false) {}

  std::vector<Parameter<Scalar>*> parameters() override { return {&a_, &p_}; }
  void keep_in_bounds() override {
    a_.value = a_.value.cwiseMax(Scalar(0.01));
    p_.value = p_.value.cwiseMax(Scalar(0.01));
  }

 private:
  static constexpr auto kKernel = posenc::KerpleKernel::logarithmic;
  posenc::DistanceTable<Scalar> table(const posenc::DistanceRange& distances) override {
    return posenc::make_kerple_table<Scalar>(posenc::KerpleA(a_.value), posenc::KerpleP(p_.value), distances, kKernel);
  }
  void table_backward(const posenc::DistanceTable<Scalar>& grad_table) override {
    posenc::kerple_table_backward(posenc::KerpleA(a_.gradient), posenc::KerpleP(p_.gradient), grad_table,
                                  posenc::KerpleA(a_.value), posenc::KerpleP(p_.value), kKernel);
  }

  Parameter<Scalar> a_;
  Parameter<Scalar> p_;
};

}  // namespace tiny_transformer

#endif  // POSENC_EXAMPLES_ENCODINGS_HPP
