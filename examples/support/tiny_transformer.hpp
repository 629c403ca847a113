// SPDX-License-Identifier: MIT
/// A Transformer in plain Eigen that trains: embedding, pre-norm RMSNorm, causal attention with any encoding of
/// positions, gated feed-forward, and the gradient of all of it. In float to train, in double to check the gradient.
///
/// A row is a token; a batch is sequences of `seq_len` tokens, one after the other.
#ifndef POSENC_EXAMPLES_TINY_TRANSFORMER_HPP
#define POSENC_EXAMPLES_TINY_TRANSFORMER_HPP

#include "support/attend.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tiny_transformer {

struct Config {
  Index vocabulary = 0;
  Index width = 0;
  Index num_heads = 0;
  Index hidden = 0;  // of the feed-forward
  Index num_layers = 0;

  Index head_dim() const { return width / num_heads; }
};

// ---------------------------------------------------------------------------------------------------------------------
// Layers. Each keeps what its backward() reads, which adds to the gradients of the parameters and returns that of x.

template <typename Scalar>
struct Linear {
  Parameter<Scalar> weight;  // in x out
  Matrix<Scalar> x;

  Linear(Index in, Index out, double stddev, std::uint64_t seed) : weight(in, out, stddev, seed, true) {}

  Matrix<Scalar> forward(const Matrix<Scalar>& input) {
    x = input;
    return x * weight.value;
  }
  Matrix<Scalar> backward(const Matrix<Scalar>& grad) {
    weight.gradient.noalias() += x.transpose() * grad;
    return grad * weight.value.transpose();
  }
};

template <typename Scalar>
struct RmsNorm {
  Parameter<Scalar> weight;
  Matrix<Scalar> normalized;
  Eigen::Matrix<Scalar, Eigen::Dynamic, 1> scale;  // of each row

  explicit RmsNorm(Index width) : weight(Matrix<Scalar>::Ones(1, width), false) {}

  Matrix<Scalar> forward(const Matrix<Scalar>& x) {
    scale = (x.rowwise().squaredNorm() / static_cast<Scalar>(x.cols())).array() + Scalar(1e-5);
    scale = scale.array().rsqrt();
    normalized = x.array().colwise() * scale.array();
    return normalized.array().rowwise() * weight.value.row(0).array();
  }
  Matrix<Scalar> backward(const Matrix<Scalar>& grad) {
    weight.gradient += grad.cwiseProduct(normalized).colwise().sum();
    Matrix<Scalar> grad_x = grad.array().rowwise() * weight.value.row(0).array();
    const Eigen::Matrix<Scalar, Eigen::Dynamic, 1> along =
        grad_x.cwiseProduct(normalized).rowwise().sum() / static_cast<Scalar>(grad.cols());
    grad_x.array() -= normalized.array().colwise() * along.array();
    grad_x.array().colwise() *= scale.array();
    return grad_x;
  }
};

/// Keys, not rotated, and values of the tokens so far, for each layer: they are rotated anew in every step, so that any
/// rule may change the angles meanwhile.
template <typename Scalar>
struct Cache {
  struct Layer {
    Matrix<Scalar> k, v;  // seq_len x width
  };
  std::vector<Layer> layers;
  Index seq_len = 0;
};

template <typename Scalar>
struct Layer {
  Index num_heads;
  RmsNorm<Scalar> attention_norm;
  Linear<Scalar> qkv;  // queries, keys and values side by side
  Linear<Scalar> out;
  RmsNorm<Scalar> feed_forward_norm;
  Linear<Scalar> gate_and_up;
  Linear<Scalar> down;
  std::vector<Sequence<Scalar>> sequences;
  Matrix<Scalar> gated;

  Layer(const Config& c, std::uint64_t seed)
      : num_heads(c.num_heads),
        attention_norm(c.width),
        qkv(c.width, 3 * c.width, 1 / root(c.width), seed),
        out(c.width, c.width, 1 / root(2 * c.num_layers * c.width), seed + 1),
        feed_forward_norm(c.width),
        gate_and_up(c.width, 2 * c.hidden, 1 / root(c.width), seed + 2),
        down(c.hidden, c.width, 1 / root(2 * c.num_layers * c.hidden), seed + 3) {}

  std::vector<Parameter<Scalar>*> parameters() {
    return {&attention_norm.weight,    &qkv.weight,         &out.weight,
            &feed_forward_norm.weight, &gate_and_up.weight, &down.weight};
  }

  void forward(Matrix<Scalar>& x, Encoding<Scalar>& encoding, Index seq_len, typename Cache<Scalar>::Layer* cache) {
    const Index width = x.cols();
    const Matrix<Scalar> projected = qkv.forward(attention_norm.forward(x));
    Matrix<Scalar> mixed(x.rows(), width);
    sequences.clear();
    for (Index first = 0; first < x.rows(); first += seq_len) {
      const auto part = [&](Index i) { return projected.block(first, i * width, seq_len, width); };
      if (cache) {
        append(cache->k, part(1));
        append(cache->v, part(2));
        sequences.push_back({posenc::AttentionSpan::cached(seq_len, cache->k.rows()),
                             stack_heads(part(0), num_heads),
                             stack_heads(cache->k, num_heads),
                             stack_heads(cache->v, num_heads),
                             {}});
      } else {
        sequences.push_back({posenc::AttentionSpan::square(seq_len),
                             stack_heads(part(0), num_heads),
                             stack_heads(part(1), num_heads),
                             stack_heads(part(2), num_heads),
                             {}});
      }
      mixed.middleRows(first, seq_len) = unstack_heads(attend(sequences.back(), encoding), num_heads);
    }
    x += out.forward(mixed);

    gated = gate_and_up.forward(feed_forward_norm.forward(x));
    const auto gate = gated.leftCols(gated.cols() / 2).array();
    const auto up = gated.rightCols(gated.cols() / 2).array();
    x += down.forward((gate / (Scalar(1) + (-gate).exp()) * up).matrix());
  }

  /// Without a cache. grad_x becomes the gradient of what entered the layer.
  void backward(Matrix<Scalar>& grad_x, Encoding<Scalar>& encoding) {
    const Index hidden = gated.cols() / 2;
    const Matrix<Scalar> grad_hidden = down.backward(grad_x);
    const auto gate = gated.leftCols(hidden).array();
    const auto up = gated.rightCols(hidden).array();
    const Matrix<Scalar> sigmoid = Scalar(1) / (Scalar(1) + (-gate).exp());
    Matrix<Scalar> grad_gated(gated.rows(), gated.cols());
    grad_gated.leftCols(hidden) =
        grad_hidden.array() * up * sigmoid.array() * (Scalar(1) + gate * (Scalar(1) - sigmoid.array()));
    grad_gated.rightCols(hidden) = grad_hidden.array() * gate * sigmoid.array();
    grad_x += feed_forward_norm.backward(gate_and_up.backward(grad_gated));

    const Matrix<Scalar> grad_mixed = out.backward(grad_x);
    const Index width = grad_x.cols();
    Matrix<Scalar> grad_qkv(grad_x.rows(), 3 * width);
    Index first = 0;
    for (const Sequence<Scalar>& s : sequences) {
      const Index seq_len = s.span.query_len();
      const auto grad = attend_backward(s, encoding, stack_heads(grad_mixed.middleRows(first, seq_len), num_heads));
      grad_qkv.block(first, 0, seq_len, width) = unstack_heads(grad.q, num_heads);
      grad_qkv.block(first, width, seq_len, width) = unstack_heads(grad.k, num_heads);
      grad_qkv.block(first, 2 * width, seq_len, width) = unstack_heads(grad.v, num_heads);
      first += seq_len;
    }
    grad_x += attention_norm.backward(qkv.backward(grad_qkv));
  }

 private:
  static double root(Index x) { return std::sqrt(static_cast<double>(x)); }
  template <typename Part>
  static void append(Matrix<Scalar>& rows, const Part& part) {
    rows.conservativeResize(rows.rows() + part.rows(), part.cols());
    rows.bottomRows(part.rows()) = part;
  }
};

// ---------------------------------------------------------------------------------------------------------------------
// The model

template <typename Scalar>
class Transformer {
 public:
  Transformer(const Config& config, std::uint64_t seed)
      : config_(config), embedding_(config.vocabulary, config.width, 0.02, seed, false), norm_(config.width) {
    for (Index i = 0; i < config.num_layers; ++i) {
      layers_.emplace_back(config, seed + 10 * static_cast<std::uint64_t>(i + 1));
    }
  }

  const Config& config() const { return config_; }

  /// Without those of the encoding.
  std::vector<Parameter<Scalar>*> parameters() {
    std::vector<Parameter<Scalar>*> all = {&embedding_, &norm_.weight};
    for (Layer<Scalar>& layer : layers_) {
      for (Parameter<Scalar>* parameter : layer.parameters()) all.push_back(parameter);
    }
    return all;
  }

  /// The logits of the token that follows each: (batch * seq_len) x vocabulary. With a cache, tokens are one sequence that
  /// goes on where the cache ends.
  Matrix<Scalar> forward(const std::vector<int>& tokens, Index seq_len, Encoding<Scalar>& encoding,
                         Cache<Scalar>* cache = nullptr) {
    Matrix<Scalar> x(static_cast<Index>(tokens.size()), config_.width);
    for (Index i = 0; i < x.rows(); ++i) x.row(i) = embedding_.value.row(tokens[static_cast<std::size_t>(i)]);
    x *= embedding_scale();
    encoding.add_to_embeddings(x, seq_len, cache ? cache->seq_len : 0);
    if (cache) cache->layers.resize(layers_.size());
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      layers_[l].forward(x, encoding, seq_len, cache ? &cache->layers[l] : nullptr);
    }
    if (cache) cache->seq_len += seq_len;
    normalized_ = norm_.forward(x);
    return normalized_ * embedding_.value.transpose();
  }

  /// Adds the gradients of all parameters, given that of what the last forward(), without a cache, returned.
  void backward(const std::vector<int>& tokens, Index seq_len, Encoding<Scalar>& encoding,
                const Matrix<Scalar>& grad_logits) {
    embedding_.gradient.noalias() += grad_logits.transpose() * normalized_;
    Matrix<Scalar> grad_x = norm_.backward(grad_logits * embedding_.value);
    for (std::size_t l = layers_.size(); l-- > 0;) layers_[l].backward(grad_x, encoding);
    encoding.embeddings_backward(grad_x, seq_len, 0);
    for (Index i = 0; i < grad_x.rows(); ++i) {
      embedding_.gradient.row(tokens[static_cast<std::size_t>(i)]) += embedding_scale() * grad_x.row(i);
    }
  }

 private:
  // Vaswani et al. 2017, section 3.4: larger where tokens enter than in the classifier, which shares them.
  Scalar embedding_scale() const { return std::sqrt(static_cast<Scalar>(config_.width)); }

  Config config_;
  Parameter<Scalar> embedding_;
  RmsNorm<Scalar> norm_;
  std::vector<Layer<Scalar>> layers_;
  Matrix<Scalar> normalized_;
};

/// -ln p of each target. `logits` become the gradient of their mean.
template <typename Scalar>
Eigen::ArrayXd cross_entropy(Matrix<Scalar>& logits, const std::vector<int>& targets) {
  Eigen::ArrayXd losses(logits.rows());
  for (Index i = 0; i < logits.rows(); ++i) {
    const int target = targets[static_cast<std::size_t>(i)];
    auto row = logits.row(i);
    row.array() -= row.maxCoeff();
    const Scalar wanted = row[target];
    row = row.array().exp();
    const Scalar sum = row.sum();
    losses[i] = static_cast<double>(std::log(sum) - wanted);
    row /= sum;
    row[target] -= 1;
  }
  logits /= static_cast<Scalar>(logits.rows());
  return losses;
}

}  // namespace tiny_transformer

#endif  // POSENC_EXAMPLES_TINY_TRANSFORMER_HPP
