// SPDX-License-Identifier: MIT
#include "relative_bias/relative_support.hpp"

using namespace posenc_tests;
using namespace posenc_tests::relative;
using posenc::AttentionSpan;
using posenc::ContentAttention;
using posenc::DistanceRange;
using posenc::RelativeGradients;
using posenc::RelativeKeys;
using posenc::Workspace;

namespace {

/// Tables that have all distances of the span and more, only some of them, and none.
std::vector<DistanceRange> tables_for(const AttentionSpan& span) {
  const DistanceRange all = span.distances();
  return {DistanceRange(all.first() - 2, all.last() + 2),
          all,
          DistanceRange(all.first() + 2, std::max(all.last() - 1, all.first() + 2)),
          DistanceRange::causal(span.key_len()),
          DistanceRange(all.last() + 4, all.last() + 6),
          DistanceRange(all.first(), all.first() - 1)};
}

}  // namespace

TEST_CASE("a vector for each distance, with rows missing, and the adjoint in queries and table",
          "[relative_bias][relative_logits][accuracy]") {
  Workspace<double> workspace;
  for (const NamedSpan& named : all_spans()) {
    const AttentionSpan& span = named.span;
    for (const DistanceRange& distances : tables_for(span)) {
      INFO(named.name << ", rows from " << distances.first() << ", " << distances.size());
      const MatrixD q = random_matrix(span.query_len(), kHeadDim, 140);
      const MatrixD k = MatrixD::Zero(span.key_len(), kHeadDim);  // not read
      const MatrixD r = random_matrix(distances.size(), kHeadDim, 141);
      const auto attention = ContentAttention(q, k, kScale, span);
      const MatrixD before = random_matrix(span.query_len(), span.key_len(), 142);
      MatrixD expected = before;
      for (Index i = 0; i < span.query_len(); ++i) {
        for (Index j = 0; j < span.key_len(); ++j) expected(i, j) += naive_logit(q, r, distances.first(), span, i, j);
      }
      MatrixD logits = before;
      ColumnMatrix<double> column_major = before;
      posenc::add_relative_logits(logits, RelativeKeys(r, distances), attention, workspace);
      posenc::add_relative_logits(column_major, RelativeKeys(r, distances), attention, workspace);
      REQUIRE(distance(logits, expected) <= kLogitBound);
      REQUIRE(same_bits(column_major, logits));

      const MatrixD grad = random_matrix(span.query_len(), span.key_len(), 143);
      MatrixD grad_q = MatrixD::Zero(q.rows(), kHeadDim);
      MatrixD grad_r = MatrixD::Zero(r.rows(), kHeadDim);
      posenc::relative_logits_backward(RelativeGradients(grad_q, grad_r), grad, RelativeKeys(r, distances), attention,
                                       workspace);
      const MatrixD other_q = random_matrix(q.rows(), kHeadDim, 144);
      const MatrixD other_r = random_matrix(r.rows(), kHeadDim, 145);
      MatrixD by_q = MatrixD::Zero(span.query_len(), span.key_len());
      MatrixD by_r = by_q;
      posenc::add_relative_logits(by_q, RelativeKeys(r, distances), ContentAttention(other_q, k, kScale, span),
                                  workspace);
      posenc::add_relative_logits(by_r, RelativeKeys(other_r, distances), attention, workspace);
      const double size = kHeadDim * grad.cwiseAbs().sum();
      require_adjoint(dot(by_q, grad), dot(other_q, grad_q), size);
      require_adjoint(dot(by_r, grad), dot(other_r, grad_r), size);
      MatrixD grad_q_2 = MatrixD::Zero(q.rows(), kHeadDim);
      MatrixD grad_r_2 = MatrixD::Zero(r.rows(), kHeadDim);
      posenc::relative_logits_backward(RelativeGradients(grad_q_2, grad_r_2), ColumnMatrix<double>(grad),
                                       RelativeKeys(r, distances), attention, workspace);
      if (distances.size() == span.distances().size() && distances.first() == span.distances().first()) {
        MatrixD without = before;
        posenc::add_relative_logits(without, RelativeKeys(r), attention, workspace);
        REQUIRE(same_bits(without, logits));
      }
      REQUIRE(same_bits(grad_q_2, grad_q));
      REQUIRE(same_bits(grad_r_2, grad_r));
    }
  }
}
