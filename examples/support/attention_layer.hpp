// SPDX-License-Identifier: MIT
/// One attention layer with its gradients and Adam, small enough to train in a second. Positions enter it through the
/// hooks of Encoding and nowhere else.
#ifndef POSENC_EXAMPLES_ATTENTION_LAYER_HPP
#define POSENC_EXAMPLES_ATTENTION_LAYER_HPP

#include "posenc/learnable.hpp"
#include "posenc/relative_bias.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace attention_layer {

using Eigen::Index;
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Queries and keys of one sequence, their scale and span.
using Attention = posenc::ContentAttention<const Matrix, const Matrix>;

/// A trained matrix, its gradient, and Adam's running means of the gradient and of its square.
struct Parameter {
  Matrix value;
  Matrix gradient;
  Matrix mean;
  Matrix mean_square;

  Parameter(Index rows, Index columns, std::uint64_t seed, double stddev)
      : value(rows, columns),
        gradient(Matrix::Zero(rows, columns)),
        mean(Matrix::Zero(rows, columns)),
        mean_square(Matrix::Zero(rows, columns)) {
    posenc::fill(value, posenc::Normal(stddev), posenc::Seed(seed));
  }

  /// Kingma and Ba 2014, arXiv:1412.6980; `step` counts from 1.
  void update(int step, float rate) {
    mean = 0.9F * mean + 0.1F * gradient;
    mean_square = 0.999F * mean_square + 0.001F * gradient.cwiseAbs2();
    const float unbiased = 1 - std::pow(0.9F, static_cast<float>(step));
    const float unbiased_square = 1 - std::pow(0.999F, static_cast<float>(step));
    value.array() -= rate / unbiased * mean.array() / ((mean_square.array() / unbiased_square).sqrt() + 1e-8F);
    gradient.setZero();
  }
};

/// Where positions can enter an attention layer, and their gradients. Each encoding fills in what it needs; by default
/// nothing happens. A matrix holds one sequence: [len, width], logits [len, len].
class Encoding {
 public:
  virtual ~Encoding() = default;
  virtual std::vector<Parameter*> parameters() { return {}; }

  /// Absolute encodings: added to the embeddings.
  virtual void add_to_embeddings(Matrix&) const {}
  virtual void embeddings_backward(const Matrix& /*grad_x*/) {}

  /// Rotary encodings: rotate queries and keys. Backward rotates their gradients, in place.
  virtual void rotate(Matrix& /*q*/, Matrix& /*k*/) {}
  virtual void turn_backward(Matrix& /*grad_q*/, Matrix& /*grad_k*/) {}

  /// Relative encodings: added to the logits, which hold scale * q * k^T. Backward adds to grad_q.
  virtual void add_to_logits(Matrix& /*logits*/, const Attention&) {}
  virtual void logits_backward(Matrix& /*grad_q*/, const Matrix& /*grad_logits*/, const Attention&) {}
};

/// logits = causal attention over embedded tokens, one head, then a classifier. No residual, no norm.
class Layer {
 public:
  Layer(Encoding& encoding, Index num_tokens, Index width, std::uint64_t seed)
      : encoding_(encoding),
        scale_(1 / std::sqrt(static_cast<float>(width))),
        embedding_(num_tokens, width, seed, 1.0),
        wq_(width, width, seed + 1, scale_),
        wk_(width, width, seed + 2, scale_),
        wv_(width, width, seed + 3, scale_),
        bq_(1, width, seed + 4, scale_),
        bk_(1, width, seed + 5, scale_),
        classifier_(width, num_tokens, seed + 6, scale_) {}

  std::vector<Parameter*> parameters() {
    std::vector<Parameter*> all = {&embedding_, &wq_, &wk_, &wv_, &bq_, &bk_, &classifier_};
    for (Parameter* parameter : encoding_.parameters()) all.push_back(parameter);
    return all;
  }

  /// Scores of the next output at each position: [len, num_tokens].
  Matrix forward(const Eigen::VectorXi& tokens) {
    const Index len = tokens.size();
    x_.resize(len, embedding_.value.cols());
    for (Index i = 0; i < len; ++i) x_.row(i) = embedding_.value.row(tokens[i]);
    encoding_.add_to_embeddings(x_);
    q_ = (x_ * wq_.value).rowwise() + bq_.value.row(0);
    k_ = (x_ * wk_.value).rowwise() + bk_.value.row(0);
    v_ = x_ * wv_.value;
    encoding_.rotate(q_, k_);
    Matrix logits = scale_ * q_ * k_.transpose();
    encoding_.add_to_logits(logits, attention());
    weights_ = logits;
    for (Index i = 0; i < len; ++i) {
      weights_.row(i).tail(len - 1 - i).setConstant(-std::numeric_limits<float>::infinity());
      softmax(weights_.row(i));
    }
    mixed_ = weights_ * v_;
    return mixed_ * classifier_.value;
  }

  /// Adds the gradients of all parameters, given that of the scores forward() has just returned.
  void backward(const Eigen::VectorXi& tokens, const Matrix& grad_scores) {
    classifier_.gradient += mixed_.transpose() * grad_scores;
    const Matrix grad_mixed = grad_scores * classifier_.value.transpose();
    const Matrix grad_v = weights_.transpose() * grad_mixed;
    Matrix grad_logits = grad_mixed * v_.transpose();  // of the weights, then through softmax
    const Eigen::VectorXf along = grad_logits.cwiseProduct(weights_).rowwise().sum();
    grad_logits = (grad_logits.colwise() - along).cwiseProduct(weights_);
    Matrix grad_q = scale_ * grad_logits * k_;
    Matrix grad_k = scale_ * grad_logits.transpose() * q_;
    encoding_.logits_backward(grad_q, grad_logits, attention());
    encoding_.turn_backward(grad_q, grad_k);
    wq_.gradient += x_.transpose() * grad_q;
    wk_.gradient += x_.transpose() * grad_k;
    wv_.gradient += x_.transpose() * grad_v;
    bq_.gradient += grad_q.colwise().sum();
    bk_.gradient += grad_k.colwise().sum();
    const Matrix grad_x =
        grad_q * wq_.value.transpose() + grad_k * wk_.value.transpose() + grad_v * wv_.value.transpose();
    encoding_.embeddings_backward(grad_x);
    for (Index i = 0; i < tokens.size(); ++i) embedding_.gradient.row(tokens[i]) += grad_x.row(i);
  }

  template <typename Row>
  static void softmax(Row&& row) {
    row = (row.array() - row.maxCoeff()).exp();
    row /= row.sum();
  }

 private:
  Attention attention() const { return {q_, k_, scale_, posenc::AttentionSpan::square(q_.rows())}; }

  Encoding& encoding_;
  float scale_;
  Parameter embedding_, wq_, wk_, wv_, bq_, bk_, classifier_;
  Matrix x_, q_, k_, v_, weights_, mixed_;  // of the last forward()
};

}  // namespace attention_layer

#endif  // POSENC_EXAMPLES_ATTENTION_LAYER_HPP
