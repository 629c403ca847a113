// SPDX-License-Identifier: MIT
#include "relative_bias/support.hpp"

using namespace posenc_tests;
using posenc::AttentionSpan;
using posenc::ContentAttention;
using posenc::Cope;
using posenc::CopeGradients;
using posenc::Workspace;

namespace {

constexpr Index kHeadDim = 5;
// Fewer than 50 gates of at most 1 in a position, which the slope of the table (below 2 kHeadDim) multiplies.
constexpr double kCopeBound = 2 * kHeadDim * 50 * 50 * kEpsilon;

/// Keys that CoPE does not read.
auto keys_for(const AttentionSpan& span) { return MatrixD::Zero(span.key_len(), kHeadDim); }

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

MatrixD naive_cope(const MatrixD& logits, const MatrixD& q, const MatrixD& table, const AttentionSpan& span) {
  MatrixD result = logits;
  for (Index i = 0; i < span.query_len(); ++i) {
    for (Index j = 0; j < span.key_len(); ++j) {
      if (span.distance(i, j) > 0) continue;
      double position = 0;
      for (Index t = j; t < span.key_len() && span.distance(i, t) <= 0; ++t) position += sigmoid(logits(i, t));
      position = std::min(position, static_cast<double>(table.rows() - 1));
      const double below = std::floor(position);
      const double at_below = q.row(i).dot(table.row(static_cast<Index>(below)));
      const double at_above = q.row(i).dot(table.row(static_cast<Index>(std::ceil(position))));
      result(i, j) += at_below + (position - below) * (at_above - at_below);
    }
  }
  return result;
}

}  // namespace

TEST_CASE("CoPE against its formula, where positions saturate and where they do not",
          "[relative_bias][cope][accuracy]") {
  Workspace<double> workspace;
  for (const Index positions : {1, 2, 4, 64}) {
    const MatrixD table = random_matrix(positions, kHeadDim, 200);
    for (const NamedSpan& named : all_spans()) {
      INFO(named.name << ", " << positions << " positions");
      const AttentionSpan& span = named.span;
      const MatrixD q = random_matrix(span.query_len(), kHeadDim, 201);
      const MatrixD before = 3 * random_matrix(span.query_len(), span.key_len(), 202);
      MatrixD logits = before;
      ColumnMatrix<double> column_major = before;
      posenc::add_cope_logits(logits, Cope(table, table.rows()), ContentAttention(q, keys_for(span), 1.0, span),
                              workspace);
      posenc::add_cope_logits(column_major, Cope(table, table.rows()), ContentAttention(q, keys_for(span), 1.0, span),
                              workspace);
      REQUIRE(distance(logits, naive_cope(before, q, table, span)) <= kCopeBound);
      REQUIRE(same_bits(column_major, logits));
    }
  }
}

TEST_CASE("CoPE with open gates counts the key itself: distance + 1", "[relative_bias][cope][accuracy]") {
  Workspace<double> workspace;
  const AttentionSpan span = AttentionSpan::cached(3, 6);
  const MatrixD q = random_matrix(3, kHeadDim, 203);
  const MatrixD table = random_matrix(10, kHeadDim, 204);
  MatrixD logits = MatrixD::Constant(3, 6, 1000);
  posenc::add_cope_logits(logits, Cope(table, table.rows()), ContentAttention(q, keys_for(span), 1.0, span), workspace);
  for (Index i = 0; i < 3; ++i) {
    for (Index j = 0; j < 6; ++j) {
      const Index far = -span.distance(i, j);
      const double bias = far < 0 ? 0 : q.row(i).dot(table.row(far + 1));
      REQUIRE(std::abs(logits(i, j) - 1000 - bias) <= 1000 * 2 * kEpsilon);
    }
  }
}

TEST_CASE("CoPE: masked logits count nothing, and NaN stays in its row", "[relative_bias][cope][accuracy]") {
  Workspace<double> workspace;
  const AttentionSpan span = AttentionSpan::square(4);
  const MatrixD q = random_matrix(4, kHeadDim, 205);
  const MatrixD table = random_matrix(3, kHeadDim, 206);
  MatrixD logits = random_matrix(4, 4, 207);
  logits(2, 1) = -HUGE_VAL;
  logits(3, 2) = std::nan("");
  const MatrixD before = logits;
  posenc::add_cope_logits(logits, Cope(table, table.rows()), ContentAttention(q, keys_for(span), 1.0, span), workspace);
  REQUIRE(logits(2, 1) == -HUGE_VAL);
  REQUIRE(std::isfinite(logits(2, 0)));
  REQUIRE(std::isfinite(logits(3, 3)));
  for (Index j = 0; j < 3; ++j) REQUIRE(std::isnan(logits(3, j)));

  MatrixD grad = MatrixD::Ones(4, 4);
  MatrixD grad_q = MatrixD::Zero(4, kHeadDim);
  MatrixD grad_table = MatrixD::Zero(3, kHeadDim);
  posenc::cope_logits_backward(CopeGradients(grad, grad_q, grad_table), before, Cope(table, 3),
                               ContentAttention(q, keys_for(span), 1.0, span), workspace);
  REQUIRE(grad.topRows(3).allFinite());
  REQUIRE(grad_q.topRows(3).allFinite());
}

TEST_CASE("CoPE: gradients of logits, queries and table", "[relative_bias][cope][accuracy]") {
  Workspace<double> workspace;
  for (const Index positions : {1, 3, 20}) {
    for (const NamedSpan& named : all_spans()) {
      if (named.span.query_len() > 10) continue;
      INFO(named.name << ", " << positions << " positions");
      const AttentionSpan& span = named.span;
      MatrixD logits = random_matrix(span.query_len(), span.key_len(), 210);
      MatrixD q = random_matrix(span.query_len(), kHeadDim, 211);
      MatrixD table = random_matrix(positions, kHeadDim, 212);
      const MatrixD grad = random_matrix(span.query_len(), span.key_len(), 213);
      MatrixD grad_logits = grad;
      MatrixD grad_q = MatrixD::Zero(q.rows(), kHeadDim);
      MatrixD grad_table = MatrixD::Zero(positions, kHeadDim);
      const auto scheme = Cope(table, positions);
      const auto attention = ContentAttention(q, keys_for(span), 1.0, span);
      posenc::cope_logits_backward(CopeGradients(grad_logits, grad_q, grad_table), logits, scheme, attention,
                                   workspace);
      const auto result = [&] {
        MatrixD x = logits;
        posenc::add_cope_logits(x, scheme, attention, workspace);
        return x;
      };
      const auto loss = [&] { return dot(result(), grad); };
      const double size = 4 * kHeadDim * absolute_dot(result(), grad);  // a gate moves every position before it
      require_gradient(loss, logits, grad_logits, size);
      require_gradient(loss, q, grad_q, size);
      require_gradient(loss, table, grad_table, size);
      const MatrixD other_table = random_matrix(positions, kHeadDim, 214);
      const MatrixD bias = result() - logits;
      require_adjoint(dot(bias, grad), dot(table, grad_table),
                      kHeadDim * grad.cwiseAbs().sum() + absolute_dot(logits, grad));
      MatrixD by_other = logits;
      posenc::add_cope_logits(by_other, Cope(other_table, positions), attention, workspace);
      require_adjoint(dot(MatrixD(by_other - logits), grad), dot(other_table, grad_table),
                      kHeadDim * grad.cwiseAbs().sum() + absolute_dot(logits, grad));

      ColumnMatrix<double> by_columns = grad;
      MatrixD grad_q_2 = MatrixD::Zero(q.rows(), kHeadDim);
      MatrixD grad_table_2 = MatrixD::Zero(positions, kHeadDim);
      posenc::cope_logits_backward(CopeGradients(by_columns, grad_q_2, grad_table_2), ColumnMatrix<double>(logits),
                                   scheme, attention, workspace);
      REQUIRE(same_bits(by_columns, grad_logits));
      REQUIRE(same_bits(grad_q_2, grad_q));
      REQUIRE(same_bits(grad_table_2, grad_table));
    }
  }
}

TEST_CASE("CoPE: chunks agree with the whole, float with double", "[relative_bias][cope][accuracy]") {
  Workspace<double> workspace;
  Workspace<float> short_workspace;
  const MatrixD q = random_matrix(45, kHeadDim, 220);
  const MatrixD table = random_matrix(16, kHeadDim, 221);
  const MatrixD before = random_matrix(45, 45, 222);
  MatrixD at_once = before;
  const auto scheme = Cope(table, 16);
  posenc::add_cope_logits(at_once, scheme, ContentAttention(q, q, 1.0, AttentionSpan::square(45)), workspace);
  MatrixD in_chunks = before;
  Index first = 0;
  for (const Index count : {1, 35, 9}) {
    posenc::add_cope_logits(in_chunks.middleRows(first, count), scheme,
                            ContentAttention(q.middleRows(first, count), q, 1.0,
                                             AttentionSpan::at(posenc::PositionRange(first, count), 45)),
                            workspace);
    first += count;
  }
  REQUIRE(first == 45);
  REQUIRE(distance(in_chunks, at_once) <= kCopeBound);
  RowMatrix<float> short_logits = before.cast<float>();
  posenc::add_cope_logits(short_logits, Cope(table.cast<float>(), 16),
                          ContentAttention(q.cast<float>(), q.cast<float>(), 1.0f, AttentionSpan::square(45)),
                          short_workspace);
  REQUIRE(distance(short_logits, at_once) <= kCopeBound * 0x1p29);
}
