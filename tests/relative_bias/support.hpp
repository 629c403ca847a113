// SPDX-License-Identifier: MIT
/// What the tests of relative biases share: spans, and the two checks of a gradient.
#ifndef POSENC_TESTS_RELATIVE_BIAS_SUPPORT_HPP
#define POSENC_TESTS_RELATIVE_BIAS_SUPPORT_HPP

#include "posenc/relative_bias.hpp"
#include "support/catch2.hpp"
#include "support/matrices.hpp"
#include "support/same_bits.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <Eigen/Core>

namespace posenc_tests {

struct NamedSpan {
  std::string name;
  posenc::AttentionSpan span;
};

/// Every situation: square, decode, chunked prefill, L_q > L_k, dropped keys, far keys, empty, and more than one block
/// of queries. Without negative offsets where a scheme refuses them.
inline std::vector<NamedSpan> all_spans(bool negative_offsets = true) {
  using Span = posenc::AttentionSpan;
  std::vector<NamedSpan> spans = {{"square", Span::square(7)},
                                  {"one", Span::square(1)},
                                  {"decode", Span::cached(1, 9)},
                                  {"prefill", Span::cached(4, 9)},
                                  {"more queries", Span::at(posenc::PositionRange(0, 9), 4)},
                                  {"more queries later", Span::at(posenc::PositionRange(3, 6), 4)},
                                  {"far queries", Span::at(posenc::PositionRange(40, 3), 5)},
                                  {"blocks", Span::cached(40, 47)},
                                  {"no tokens", Span::square(0)},
                                  {"no queries", Span::at(posenc::PositionRange(2, 0), 5)},
                                  {"no keys", Span::at(posenc::PositionRange(1, 4), 0)}};
  if (negative_offsets) {
    spans.push_back({"negative offset", Span::at(posenc::PositionRange(-3, 5), 7)});
    spans.push_back({"all keys ahead", Span::at(posenc::PositionRange(-20, 4), 6)});
  }
  return spans;
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
