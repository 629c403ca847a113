// SPDX-License-Identifier: MIT
/// Relative logits in a band: the numbers of transformers, the formula, the adjoint, chunks, and stacked heads.
#include "relative_bias/support.hpp"
#include "support/golden.hpp"

using namespace posenc_tests;
using posenc::AttentionSpan;
using posenc::RelativeGradients;
using posenc::Workspace;

namespace {

constexpr Index kRelativeDim = 5;
// A logit sums kRelativeDim products below 4 and what was there: (2 d + 3)^2 ulp of 4, as of add_relative_logits().
constexpr double kBandBound = 4 * (2 * kRelativeDim + 3) * (2 * kRelativeDim + 3) * kEpsilon;

MatrixD banded(const MatrixD& r, const MatrixD& projection, const AttentionSpan& span) {
  Workspace<double> workspace;
  MatrixD logits = MatrixD::Zero(r.rows(), span.key_len());
  posenc::add_banded_logits(logits, r, projection, span, workspace);
  return logits;
}

}  // namespace

TEST_CASE("banded logits equal those of transformers", "[relative_bias][banded][accuracy]") {
  const Golden file = golden("relative/banded.csv");
  for (const char* const n : {"0", "1", "2"}) {
    const auto block = [&](const std::string& name) { return MatrixD(file.block(name + "-" + n).matrix()); };
    const MatrixD sizes = block("span");
    const auto size = [&](Index i) { return static_cast<Index>(sizes(0, i)); };
    const AttentionSpan span = AttentionSpan::at(posenc::PositionRange(size(1), size(2)), size(3));
    // Eighths, whose products and sums double holds exactly.
    REQUIRE(banded(block("r"), block("projection"), span) == block("bias"));
  }
}

TEST_CASE("banded logits by the formula, for every span, and their adjoint", "[relative_bias][banded][accuracy]") {
  Workspace<double> workspace;
  for (const NamedSpan& named : all_spans()) {
    const AttentionSpan& span = named.span;
    for (const Index extent : {Index(1), Index(3), Index(40), Index(200)}) {
      INFO(named.name << ", extent " << extent);
      const MatrixD r = random_matrix(span.query_len(), kRelativeDim, 150);
      const MatrixD projection = random_matrix(kRelativeDim, extent, 151);
      const MatrixD before = random_matrix(span.query_len(), span.key_len(), 152);
      MatrixD expected = before;
      for (Index i = 0; i < span.query_len(); ++i) {
        for (Index j = 0; j < span.key_len(); ++j) {
          const Index n = span.query_offset() + i - j;
          if (n >= 0 && n < extent) expected(i, j) += r.row(i).dot(projection.col(n));
        }
      }
      MatrixD logits = before;
      ColumnMatrix<double> column_major = before;
      posenc::add_banded_logits(logits, r, projection, span, workspace);
      posenc::add_banded_logits(column_major, r, projection, span, workspace);
      REQUIRE(distance(logits, expected) <= kBandBound);
      REQUIRE(same_bits(column_major, logits));

      const MatrixD grad = random_matrix(span.query_len(), span.key_len(), 153);
      MatrixD grad_r = MatrixD::Zero(r.rows(), r.cols());
      MatrixD grad_projection = MatrixD::Zero(kRelativeDim, extent);
      posenc::banded_logits_backward(RelativeGradients(grad_r, grad_projection), grad, r, projection, span, workspace);
      const MatrixD other_r = random_matrix(r.rows(), r.cols(), 154);
      const MatrixD other_projection = random_matrix(kRelativeDim, extent, 155);
      const double terms = kRelativeDim * grad.cwiseAbs().sum();
      require_adjoint(dot(banded(other_r, projection, span), grad), dot(other_r, grad_r), terms);
      require_adjoint(dot(banded(r, other_projection, span), grad), dot(other_projection, grad_projection), terms);
    }
  }
}

TEST_CASE("banded logits of chunks and decode steps are the whole's, and of stacked heads those of each",
          "[relative_bias][banded]") {
  const Index length = 45, heads = 3, extent = 17;
  const MatrixD projection = random_matrix(kRelativeDim, extent, 160);
  const MatrixD r = random_matrix(heads * length, kRelativeDim, 161);
  const MatrixD whole = banded(r, projection, AttentionSpan::square(length));
  for (Index head = 0; head < heads; ++head) {
    const MatrixD of_head = r.middleRows(head * length, length);
    REQUIRE(distance(banded(of_head, projection, AttentionSpan::square(length)),
                     MatrixD(whole.middleRows(head * length, length))) <= kBandBound);
    for (Index first = 0; first < length; first += 7) {  // 7 queries, and 3 at the end
      const Index count = std::min<Index>(7, length - first);
      const auto span = AttentionSpan::at(posenc::PositionRange(first, count), length);
      REQUIRE(distance(banded(of_head.middleRows(first, count), projection, span),
                       MatrixD(whole.middleRows(head * length + first, count))) <= kBandBound);
    }
    REQUIRE(distance(banded(of_head.bottomRows(1), projection, AttentionSpan::cached(1, length)),
                     MatrixD(whole.row(head * length + length - 1))) <= kBandBound);
  }
}
