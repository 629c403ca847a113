// SPDX-License-Identifier: MIT
/// What trains: parameters with their gradients, AdamW, gradient clipping and a schedule of rates.
#ifndef POSENC_EXAMPLES_ADAMW_HPP
#define POSENC_EXAMPLES_ADAMW_HPP

#include "posenc/learnable.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace tiny_transformer {

using Eigen::Index;

template <typename Scalar>
using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A trained matrix, its gradient, and AdamW's running means of the gradient and of its square.
template <typename Scalar>
struct Parameter {
  Matrix<Scalar> value;
  Matrix<Scalar> gradient;
  Matrix<Scalar> mean;
  Matrix<Scalar> mean_square;
  bool decays;  // matrices of products do; norms, biases and slopes do not

  /// Drawn from a normal distribution.
  Parameter(Index rows, Index columns, double stddev, std::uint64_t seed, bool weight_decay)
      : Parameter(Matrix<Scalar>::Zero(rows, columns), weight_decay) {
    posenc::fill(value, posenc::Normal(stddev), posenc::Seed(seed));
  }
  Parameter(const Matrix<Scalar>& start, bool weight_decay)
      : value(start),
        gradient(Matrix<Scalar>::Zero(start.rows(), start.cols())),
        mean(gradient),
        mean_square(gradient),
        decays(weight_decay) {}
};

/// Loshchilov and Hutter 2019, arXiv:1711.05101.
struct AdamW {
  double beta = 0.9;
  double beta_square = 0.95;
  double decay = 0.1;
  int step = 0;

  /// One step of all parameters; their gradients are then zero.
  template <typename Scalar>
  void update(const std::vector<Parameter<Scalar>*>& parameters, double rate) {
    ++step;
    const Scalar b = static_cast<Scalar>(beta);
    const Scalar b_square = static_cast<Scalar>(beta_square);
    const Scalar unbiased = static_cast<Scalar>(rate / (1 - std::pow(beta, step)));
    const Scalar unbiased_square = static_cast<Scalar>(1 / (1 - std::pow(beta_square, step)));
    for (Parameter<Scalar>* p : parameters) {
      p->mean = b * p->mean + (1 - b) * p->gradient;
      p->mean_square = b_square * p->mean_square + (1 - b_square) * p->gradient.cwiseAbs2();
      if (p->decays) p->value *= static_cast<Scalar>(1 - rate * decay);
      p->value.array() -=
          unbiased * p->mean.array() / ((unbiased_square * p->mean_square.array()).sqrt() + Scalar(1e-8));
      p->gradient.setZero();
    }
  }
};

/// Scales all gradients so that together they are no longer than `most`.
template <typename Scalar>
void clip_gradients(const std::vector<Parameter<Scalar>*>& parameters, double most) {
  double square = 0;
  for (const Parameter<Scalar>* p : parameters) square += static_cast<double>(p->gradient.squaredNorm());
  if (!(square > most * most)) return;
  for (Parameter<Scalar>* p : parameters) p->gradient *= static_cast<Scalar>(most / std::sqrt(square));
}

/// The rate at `step` = 0, 1, ...: up to `peak` in a straight line, then down to a tenth of it along a cosine.
inline double scheduled_rate(int step, int warm_up, int num_steps, double peak) {
  if (step < warm_up) return peak * (step + 1) / warm_up;
  const double done = static_cast<double>(step - warm_up) / std::max(1, num_steps - warm_up);
  return peak * (0.55 + 0.45 * std::cos(std::acos(-1.0) * std::min(1.0, done)));
}

}  // namespace tiny_transformer

#endif  // POSENC_EXAMPLES_ADAMW_HPP
