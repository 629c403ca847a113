// SPDX-License-Identifier: MIT
/// The formula of a vector for each distance, and the bounds of its tests.
#ifndef POSENC_TESTS_RELATIVE_BIAS_RELATIVE_SUPPORT_HPP
#define POSENC_TESTS_RELATIVE_BIAS_RELATIVE_SUPPORT_HPP

#include "relative_bias/support.hpp"

namespace posenc_tests {
namespace relative {

constexpr Index kHeadDim = 6;
constexpr double kScale = 0.4;
// At most 2 (kHeadDim + 1) products below 4 in a logit; gradients sum 47 logits.
constexpr double kLogitBound = 4 * 15 * 15 * kEpsilon;
constexpr double kGradBound = 4 * 60 * 60 * kEpsilon;

inline double naive_logit(const MatrixD& q, const MatrixD& r, Index first, const posenc::AttentionSpan& span, Index i,
                          Index j) {
  const Index row = j - (span.query_offset() + i) - first;
  double sum = 0;
  for (Index c = 0; row >= 0 && row < r.rows() && c < q.cols(); ++c) sum += kScale * q(i, c) * r(row, c);
  return sum;
}

}  // namespace relative
}  // namespace posenc_tests

#endif  // POSENC_TESTS_RELATIVE_BIAS_RELATIVE_SUPPORT_HPP
