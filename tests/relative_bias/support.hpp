// SPDX-License-Identifier: MIT
/// What the tests of relative biases share: random matrices, spans, and the two checks of a gradient.
#ifndef POSENC_TESTS_RELATIVE_BIAS_SUPPORT_HPP
#define POSENC_TESTS_RELATIVE_BIAS_SUPPORT_HPP

#include "posenc/relative_bias.hpp"
#include "support/catch2.hpp"
#include "support/same_bits.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <Eigen/Core>

namespace posenc_tests {

using Eigen::Index;
template <typename Scalar>
using RowMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <typename Scalar>
using ColumnMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;
using MatrixD = RowMatrix<double>;

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

/// Numbers in [-1, 1) without any symmetry, the same on every platform.
template <typename Scalar = double>
RowMatrix<Scalar> random_matrix(Index rows, Index columns, std::uint64_t seed) {
  std::uint64_t state = seed * 0x9e3779b97f4a7c15u + 0x123456789abcdefu;
  RowMatrix<Scalar> x(rows, columns);
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      x(i, j) = static_cast<Scalar>(static_cast<double>(state >> 11) * 0x1p-52 - 1.0);
    }
  }
  return x;
}

struct NamedSpan {
  std::string name;
  posenc::AttentionSpan span;
};

/// Every situation: square, decode, chunked prefill, L_q > L_k, dropped keys, far keys, empty, and more than one block
/// of queries. Without negative offsets where a scheme refuses them.
inline std::vector<NamedSpan> all_spans(bool negative_offsets = true) {
  using Span = posenc::AttentionSpan;
  std::vector<NamedSpan> spans = {{"square", Span::square(7)},         {"one", Span::square(1)},
                                  {"decode", Span::cached(1, 9)},      {"prefill", Span::cached(4, 9)},
                                  {"more queries", Span::at(9, 4, 0)}, {"more queries later", Span::at(6, 4, 3)},
                                  {"far queries", Span::at(3, 5, 40)}, {"blocks", Span::cached(40, 47)},
                                  {"no tokens", Span::square(0)},      {"no queries", Span::at(0, 5, 2)},
                                  {"no keys", Span::at(4, 0, 1)}};
  if (negative_offsets) {
    spans.push_back({"negative offset", Span::at(5, 7, -3)});
    spans.push_back({"all keys ahead", Span::at(4, 6, -20)});
  }
  return spans;
}

template <typename A, typename B>
double dot(const A& a, const B& b) {
  double sum = 0;
  for (Index i = 0; i < a.rows(); ++i) {
    for (Index j = 0; j < a.cols(); ++j) sum += static_cast<double>(a(i, j)) * static_cast<double>(b(i, j));
  }
  return sum;
}

template <typename A, typename B>
double absolute_dot(const A& a, const B& b) {
  double sum = 0;
  for (Index i = 0; i < a.rows(); ++i) {
    for (Index j = 0; j < a.cols(); ++j) sum += std::abs(static_cast<double>(a(i, j)) * static_cast<double>(b(i, j)));
  }
  return sum;
}

/// Largest difference of two matrices, 0 for empty ones. NaN counts as infinitely far.
template <typename A, typename B>
double distance(const A& a, const B& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (Index i = 0; i < a.rows(); ++i) {
    for (Index j = 0; j < a.cols(); ++j) {
      const double difference = std::abs(static_cast<double>(a(i, j)) - static_cast<double>(b(i, j)));
      largest = difference <= largest ? largest : difference > largest ? difference : HUGE_VAL;
    }
  }
  return largest;
}

/// The adjoint identity <A x, y> = <x, A' y> of sums of fewer than 2^12 terms: demanded to 1e-12 of the terms' size.
constexpr double kAdjointBound = 1e-12;

inline void require_adjoint(double forward, double backward, double size) {
  REQUIRE(std::abs(forward - backward) <= kAdjointBound * (size + 1e-300));
}

/// Central differences: with the step h = eps^(1/3) the truncation h^2 / 6 f''' and the rounding eps f / h are both of
/// order eps^(2/3) times the size of f and its derivatives; 64 covers the sums over a few hundred logits.
const double kDifferenceStep = std::cbrt(kEpsilon);
const double kDifferenceBound = 64 * std::pow(kEpsilon, 2.0 / 3.0);

/// Compares `gradient` with central differences of loss() in every coefficient of x. loss reads x by reference.
template <typename Loss, typename X, typename Gradient>
void require_gradient(Loss&& loss, X& x, const Gradient& gradient, double size) {
  REQUIRE(x.rows() == gradient.rows());
  REQUIRE(x.cols() == gradient.cols());
  double worst = 0;
  for (Index i = 0; i < x.rows(); ++i) {
    for (Index j = 0; j < x.cols(); ++j) {
      const double value = x(i, j);
      x(i, j) = value + kDifferenceStep;
      const double above = loss();
      x(i, j) = value - kDifferenceStep;
      const double below = loss();
      x(i, j) = value;
      const double difference = std::abs((above - below) / (2 * kDifferenceStep) - gradient(i, j));
      worst = difference <= worst ? worst : difference > worst ? difference : HUGE_VAL;
    }
  }
  REQUIRE(worst <= kDifferenceBound * (1 + size));
}

/// The same for one number.
template <typename Loss>
void require_gradient(Loss&& loss, double& x, double gradient, double size) {
  Eigen::Map<Eigen::Matrix<double, 1, 1>> as_matrix(&x);
  require_gradient(loss, as_matrix, Eigen::Matrix<double, 1, 1>(gradient), size);
}

}  // namespace posenc_tests

#endif  // POSENC_TESTS_RELATIVE_BIAS_SUPPORT_HPP
