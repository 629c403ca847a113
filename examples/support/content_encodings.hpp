// SPDX-License-Identifier: MIT
/// More encodings of encodings.hpp: FIRE, and those whose logits depend on queries or keys.
#ifndef POSENC_EXAMPLES_CONTENT_ENCODINGS_HPP
#define POSENC_EXAMPLES_CONTENT_ENCODINGS_HPP

#include "support/encodings.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

namespace tiny_transformer {

/// A network of the distance relative to the length seen so far, for all heads.
template <typename Scalar>
class Fire : public Encoding<Scalar> {
 public:
  Fire(Index num_heads, Index hidden, double initial_length, std::uint64_t seed)
      : w1_(hidden, 1, 1.0, seed, false),
        b1_(hidden, 1, 1.0, seed + 1, false),
        w2_(num_heads, hidden, 0.1, seed + 2, false),
        b2_(Matrix<Scalar>::Zero(num_heads, 1), false),
        c_and_length_(Matrix<Scalar>::Ones(1, 2), false),
        initial_length_(initial_length) {
    c_and_length_.value(0, 0) = Scalar(0.1);
  }

  std::vector<Parameter<Scalar>*> parameters() override { return {&w1_, &b1_, &w2_, &b2_, &c_and_length_}; }
  void add_to_logits(Matrix<Scalar>& logits, const Attention<Scalar>& attention) override {
    posenc::add_fire_bias(logits, fire(), attention.span());
  }
  void logits_backward(Matrix<Scalar>& grad_logits, Matrix<Scalar>&, Matrix<Scalar>&,
                       const Attention<Scalar>& attention) override {
    const auto forward = fire();
    auto grad = forward.zeros();
    posenc::fire_bias_backward(grad, grad_logits, forward, attention.span());
    w1_.gradient += grad.mlp.layers[0].weight;
    b1_.gradient += grad.mlp.layers[0].bias;
    w2_.gradient += grad.mlp.layers[1].weight;
    b2_.gradient += grad.mlp.layers[1].bias;
    c_and_length_.gradient(0, 0) += static_cast<Scalar>(grad.c);
    c_and_length_.gradient(0, 1) += static_cast<Scalar>(grad.length_multiplier);
  }

 private:
  posenc::Fire<Scalar> fire() const {
    posenc::Fire<Scalar> result;
    result.mlp.layers = {{w1_.value, b1_.value.col(0)}, {w2_.value, b2_.value.col(0)}};
    result.c = static_cast<double>(c_and_length_.value(0, 0));
    result.length_multiplier = static_cast<double>(c_and_length_.value(0, 1));
    result.initial_length = initial_length_;
    return result;
  }

  Parameter<Scalar> w1_, b1_, w2_, b2_;
  Parameter<Scalar> c_and_length_;  // c, length_multiplier
  double initial_length_;
};

/// A vector for each distance up to a clip, that every query is multiplied with.
template <typename Scalar>
class Shaw : public Encoding<Scalar> {
 public:
  Shaw(const posenc::DistanceClip& clip, Index head_dim, std::uint64_t seed)
      : clip_(clip), table_(clip.rows(), head_dim, 0.02, seed, false) {}

  std::vector<Parameter<Scalar>*> parameters() override { return {&table_}; }
  void add_to_logits(Matrix<Scalar>& logits, const Attention<Scalar>& attention) override {
    posenc::add_shaw_logits(logits, posenc::ShawKeys(table_.value, clip_), attention, workspace_);
  }
  void logits_backward(Matrix<Scalar>& grad_logits, Matrix<Scalar>& grad_q, Matrix<Scalar>&,
                       const Attention<Scalar>& attention) override {
    posenc::shaw_logits_backward(posenc::RelativeGradients(grad_q, table_.gradient), grad_logits,
                                 posenc::ShawKeys(table_.value, clip_), attention, workspace_);
  }

 private:
  posenc::DistanceClip clip_;
  Parameter<Scalar> table_;
  posenc::Workspace<Scalar> workspace_;
};

/// Sinusoids of the distance, projected for each head, and trained biases of content and position.
template <typename Scalar>
class TransformerXl : public Encoding<Scalar> {
 public:
  TransformerXl(Index width, Index num_heads, std::uint64_t seed)
      : frequencies_(posenc::geometric_frequencies(width, 10000.0)),
        w_r_(width, width, 1 / std::sqrt(static_cast<double>(width)), seed, true),
        u_(num_heads, width / num_heads, 0.02, seed + 1, false),
        v_(num_heads, width / num_heads, 0.02, seed + 2, false) {}

  std::vector<Parameter<Scalar>*> parameters() override { return {&w_r_, &u_, &v_}; }
  void add_to_logits(Matrix<Scalar>& logits, const Attention<Scalar>& attention) override {
    const Rows rows = projected(attention);
    posenc::add_transformer_xl_logits(logits, posenc::TransformerXl(rows.r, rows.distances, u_.value, v_.value),
                                      attention, workspace_);
  }
  void logits_backward(Matrix<Scalar>& grad_logits, Matrix<Scalar>& grad_q, Matrix<Scalar>& grad_k,
                       const Attention<Scalar>& attention) override {
    const Rows rows = projected(attention);
    Matrix<Scalar> grad_r = Matrix<Scalar>::Zero(rows.r.rows(), rows.r.cols());
    posenc::transformer_xl_logits_backward(
        posenc::TransformerXlGradients(grad_q, grad_k, grad_r, u_.gradient, v_.gradient), grad_logits,
        posenc::TransformerXl(rows.r, rows.distances, u_.value, v_.value), attention, workspace_);
    const Index head_dim = attention.head_dim();
    for (Index h = 0; h < attention.num_heads(); ++h) {
      w_r_.gradient.middleCols(h * head_dim, head_dim) +=
          rows.sinusoids.transpose() * grad_r.middleRows(h * rows.distances.size(), rows.distances.size());
    }
  }

 private:
  struct Rows {
    posenc::DistanceRange distances;
    Matrix<Scalar> sinusoids;  // distances x width
    Matrix<Scalar> r;          // (num_heads * distances) x head_dim
  };
  Rows projected(const Attention<Scalar>& attention) const {
    const auto distances = posenc::DistanceRange::causal(attention.span().key_len());
    Rows rows{distances,
              posenc::make_relative_sinusoids<Scalar>(distances, frequencies_, posenc::ChannelOrder::sin_cos),
              Matrix<Scalar>(attention.num_heads() * distances.size(), attention.head_dim())};
    for (Index h = 0; h < attention.num_heads(); ++h) {
      rows.r.middleRows(h * distances.size(), distances.size()) =
          rows.sinusoids * w_r_.value.middleCols(h * attention.head_dim(), attention.head_dim());
    }
    return rows;
  }

  posenc::Frequencies frequencies_;
  Parameter<Scalar> w_r_, u_, v_;
  posenc::Workspace<Scalar> workspace_;
};

/// Positions that the logits themselves count.
template <typename Scalar>
class Cope : public Encoding<Scalar> {
 public:
  Cope(Index num_positions, Index head_dim, std::uint64_t seed) : table_(num_positions, head_dim, 0.02, seed, false) {}

  std::vector<Parameter<Scalar>*> parameters() override { return {&table_}; }
  void add_to_logits(Matrix<Scalar>& logits, const Attention<Scalar>& attention) override {
    posenc::add_cope_logits(logits, posenc::Cope(table_.value, table_.value.rows()), attention, workspace_);
  }
  void logits_backward(Matrix<Scalar>& grad_logits, Matrix<Scalar>& grad_q, Matrix<Scalar>&,
                       const Attention<Scalar>& attention) override {
    const Matrix<Scalar> logits = scaled_logits(attention);  // as they were before
    posenc::cope_logits_backward(posenc::CopeGradients(grad_logits, grad_q, table_.gradient), logits,
                                 posenc::Cope(table_.value, table_.value.rows()), attention, workspace_);
  }

 private:
  Parameter<Scalar> table_;
  posenc::Workspace<Scalar> workspace_;
};

}  // namespace tiny_transformer

#endif  // POSENC_EXAMPLES_CONTENT_ENCODINGS_HPP
