// SPDX-License-Identifier: MIT
#include "relative_bias/relative_support.hpp"

using namespace posenc_tests;
using namespace posenc_tests::relative;
using posenc::AttentionSpan;
using posenc::ContentAttention;
using posenc::DistanceRange;
using posenc::TransformerXl;
using posenc::TransformerXlGradients;
using posenc::Workspace;

TEST_CASE("Transformer-XL: all four terms, causal and in both directions, and every gradient",
          "[relative_bias][transformer_xl][accuracy]") {
  Workspace<double> workspace;
  for (const NamedSpan& named : all_spans()) {
    const AttentionSpan& span = named.span;
    for (const bool causal : {true, false}) {
      INFO(named.name << (causal ? ", causal" : ", both directions"));
      const DistanceRange range = causal ? DistanceRange::causal(span.key_len()) : span.distances();
      MatrixD q = random_matrix(span.query_len(), kHeadDim, 160);
      MatrixD k = random_matrix(span.key_len(), kHeadDim, 161);
      MatrixD r = random_matrix(range.size(), kHeadDim, 162);
      MatrixD u = random_matrix(1, kHeadDim, 163);
      MatrixD v = random_matrix(kHeadDim, 1, 164);
      const MatrixD before = kScale * q * k.transpose();
      MatrixD logits = before;
      ColumnMatrix<double> column_major = before;
      const auto scheme = TransformerXl(r, range, u, v);
      const auto attention = ContentAttention(q, k, kScale, span);
      posenc::add_transformer_xl_logits(logits, scheme, attention, workspace);
      posenc::add_transformer_xl_logits(column_major, scheme, attention, workspace);
      REQUIRE(same_bits(column_major, logits));
      for (Index i = 0; i < span.query_len(); ++i) {
        for (Index j = 0; j < span.key_len(); ++j) {
          const Index row = span.distance(i, j) - range.first();
          double sum = 0;
          for (Index c = 0; c < kHeadDim; ++c) {
            sum += (q(i, c) + u(0, c)) * k(j, c);
            if (row >= 0 && row < r.rows()) sum += (q(i, c) + v(c, 0)) * r(row, c);
          }
          REQUIRE(std::abs(logits(i, j) - kScale * sum) <= kLogitBound);
        }
      }

      const MatrixD grad = random_matrix(span.query_len(), span.key_len(), 165);
      MatrixD grad_q = MatrixD::Zero(q.rows(), kHeadDim);
      MatrixD grad_k = MatrixD::Zero(k.rows(), kHeadDim);
      MatrixD grad_r = MatrixD::Zero(r.rows(), kHeadDim);
      MatrixD grad_u = MatrixD::Zero(1, kHeadDim);
      MatrixD grad_v = MatrixD::Zero(kHeadDim, 1);
      posenc::transformer_xl_logits_backward(TransformerXlGradients(grad_q, grad_k, grad_r, grad_u, grad_v), grad,
                                             scheme, attention, workspace);
      const auto bias = [&] {
        MatrixD x = MatrixD::Zero(span.query_len(), span.key_len());
        posenc::add_transformer_xl_logits(x, scheme, attention, workspace);
        return x;
      };
      if (span.query_len() < 20) {
        const auto loss = [&] { return dot(bias(), grad); };
        const double size = absolute_dot(bias(), grad);
        require_gradient(loss, q, grad_q, size);
        require_gradient(loss, k, grad_k, size);
        require_gradient(loss, r, grad_r, size);
        require_gradient(loss, u, grad_u, size);
        require_gradient(loss, v, grad_v, size);
      }
      // Linear in (u, v): the difference of two biases against their gradients.
      const MatrixD with = bias();
      const MatrixD old_u = u;
      const MatrixD old_v = v;
      u = random_matrix(1, kHeadDim, 166);
      v = random_matrix(kHeadDim, 1, 167);
      require_adjoint(dot(MatrixD(bias() - with), grad),
                      dot(MatrixD(u - old_u), grad_u) + dot(MatrixD(v - old_v), grad_v),
                      4 * kHeadDim * grad.cwiseAbs().sum());
      u = old_u;
      v = old_v;

      MatrixD grad_2[5] = {MatrixD::Zero(q.rows(), kHeadDim), MatrixD::Zero(k.rows(), kHeadDim),
                           MatrixD::Zero(r.rows(), kHeadDim), MatrixD::Zero(1, kHeadDim), MatrixD::Zero(kHeadDim, 1)};
      posenc::transformer_xl_logits_backward(
          TransformerXlGradients(grad_2[0], grad_2[1], grad_2[2], grad_2[3], grad_2[4]), ColumnMatrix<double>(grad),
          scheme, attention, workspace);
      if (!causal) {
        MatrixD without = before;
        posenc::add_transformer_xl_logits(without, TransformerXl(r, u, v), attention, workspace);
        REQUIRE(same_bits(without, logits));
      }
      REQUIRE(distance(grad_2[0], grad_q) <= kGradBound);
      REQUIRE(distance(grad_2[1], grad_k) <= kGradBound);
      REQUIRE(distance(grad_2[2], grad_r) <= kGradBound);
      REQUIRE(distance(grad_2[3], grad_u) <= 40 * kGradBound);  // forty times as many terms
      REQUIRE(distance(grad_2[4], grad_v) <= 40 * kGradBound);
    }
  }
}

TEST_CASE("Transformer-XL: chunks agree with the whole, float with double",
          "[relative_bias][transformer_xl][accuracy]") {
  Workspace<double> workspace;
  Workspace<float> short_workspace;
  const MatrixD q = random_matrix(50, kHeadDim, 170);
  const MatrixD k = random_matrix(50, kHeadDim, 171);
  const MatrixD r = random_matrix(99, kHeadDim, 172);
  const MatrixD u = random_matrix(1, kHeadDim, 173);
  const MatrixD v = random_matrix(1, kHeadDim, 174);
  const auto scheme = TransformerXl(r, DistanceRange(-49, 49), u, v);
  MatrixD at_once = MatrixD::Zero(50, 50);
  posenc::add_transformer_xl_logits(at_once, scheme, ContentAttention(q, k, kScale, AttentionSpan::square(50)),
                                    workspace);
  MatrixD in_chunks = MatrixD::Zero(50, 50);
  Index first = 0;
  for (const Index count : {1, 40, 9}) {
    posenc::add_transformer_xl_logits(in_chunks.middleRows(first, count), scheme,
                                      ContentAttention(q.middleRows(first, count), k, kScale,
                                                       AttentionSpan::at(posenc::PositionRange(first, count), 50)),
                                      workspace);
    first += count;
  }
  REQUIRE(first == 50);
  REQUIRE(distance(in_chunks, at_once) <= kLogitBound);  // Eigen sums a product in an order that depends on its shape
  RowMatrix<float> short_logits = RowMatrix<float>::Zero(50, 50);
  posenc::add_transformer_xl_logits(
      short_logits, TransformerXl(r.cast<float>(), DistanceRange(-49, 49), u.cast<float>(), v.cast<float>()),
      ContentAttention(q.cast<float>(), k.cast<float>(), kScale, AttentionSpan::square(50)), short_workspace);
  REQUIRE(distance(short_logits, at_once) <= kLogitBound * 0x1p29);
}
