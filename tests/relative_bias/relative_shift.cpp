// SPDX-License-Identifier: MIT
#include "relative_bias/relative_support.hpp"

using namespace posenc_tests;
using namespace posenc_tests::relative;
using posenc::AttentionSpan;
using posenc::DistanceRange;

TEST_CASE("the relative shift is a view of the product with all distances",
          "[relative_bias][relative_shift][accuracy]") {
  for (const NamedSpan& named : all_spans()) {
    const AttentionSpan& span = named.span;
    if (span.query_len() == 0 || span.key_len() == 0) continue;
    INFO(named.name);
    const DistanceRange all = span.distances();
    const MatrixD q = random_matrix(span.query_len(), kHeadDim, 150);
    const MatrixD r = random_matrix(all.size(), kHeadDim, 151);
    MatrixD x = kScale * q * r.transpose();
    const MatrixD x_before = x;
    auto shifted = posenc::view_relative_shift(x, span);
    REQUIRE(shifted.rows() == span.query_len());
    REQUIRE(shifted.cols() == span.key_len());
    for (Index i = 0; i < span.query_len(); ++i) {
      for (Index j = 0; j < span.key_len(); ++j) {
        REQUIRE(std::abs(shifted(i, j) - naive_logit(q, r, all.first(), span, i, j)) <= kLogitBound);
      }
    }
    // The adjoint writes through the view.
    const MatrixD grad = random_matrix(span.query_len(), span.key_len(), 152);
    MatrixD grad_x = MatrixD::Zero(x.rows(), x.cols());
    posenc::view_relative_shift(grad_x, span) += grad;
    require_adjoint(dot(shifted, grad), dot(x_before, grad_x), absolute_dot(shifted, grad));
  }
}

TEST_CASE("the causal shift equals padding, reshaping and dropping a row, where a query may look",
          "[relative_bias][relative_shift][accuracy]") {
  for (const AttentionSpan& span :
       {AttentionSpan::square(5), AttentionSpan::cached(1, 6), AttentionSpan::cached(3, 7), AttentionSpan::square(1),
        AttentionSpan::at(posenc::PositionRange(-2, 4), 2), AttentionSpan::at(posenc::PositionRange(-2, 3), 1)}) {
    const Index queries = span.query_len();
    const Index keys = span.key_len();
    MatrixD x = random_matrix(queries, keys, 153);
    // Pad a zero column on the left, read as (keys + 1) x queries, drop the first row.
    std::vector<double> padded;
    for (Index i = 0; i < queries; ++i) {
      padded.push_back(0);
      for (Index m = 0; m < keys; ++m) padded.push_back(x(i, m));
    }
    padded.erase(padded.begin(), padded.begin() + queries);
    const auto shifted = posenc::view_relative_shift(x, span);
    REQUIRE(&shifted(queries - 1, keys - 1) == &x(queries - 1, keys - 1));  // the last one, so all lie within x
    for (Index i = 0; i < queries; ++i) {
      for (Index j = 0; j < keys; ++j) {
        if (span.distance(i, j) > 0) continue;  // the mask hides these
        REQUIRE(shifted(i, j) == padded[static_cast<std::size_t>(i * keys + j)]);
      }
    }
  }
}
