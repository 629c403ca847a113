// SPDX-License-Identifier: MIT
/// CoPE and forgetting attention: biases that depend on what the tokens hold.
#include "relative_bias/support.hpp"

using namespace posenc_tests;
using posenc::AttentionSpan;
using posenc::Workspace;

namespace {

constexpr Index kHeadDim = 5;
// Fewer than 50 gates of at most 1 in a position, which the slope of the table (below 2 kHeadDim) multiplies.
constexpr double kCopeBound = 2 * kHeadDim * 50 * 50 * kEpsilon;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

MatrixD naive_cope(const MatrixD& logits, const MatrixD& q, const MatrixD& table, const AttentionSpan& span) {
  MatrixD result = logits;
  for (Index i = 0; i < span.query_len(); ++i) {
    for (Index j = 0; j < span.key_len(); ++j) {
      if (span.relative(i, j) > 0) continue;
      double position = 0;
      for (Index t = j; t < span.key_len() && span.relative(i, t) <= 0; ++t) position += sigmoid(logits(i, t));
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

TEST_CASE("CoPE against its formula, where positions saturate and where they do not") {
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
      posenc::add_cope_logits(logits, q, table, span, workspace);
      posenc::add_cope_logits(column_major, q, table, span, workspace);
      REQUIRE(distance(logits, naive_cope(before, q, table, span)) <= kCopeBound);
      REQUIRE(same_bits(column_major, logits));
    }
  }
}

TEST_CASE("CoPE with open gates counts the key itself: distance + 1") {
  Workspace<double> workspace;
  const AttentionSpan span = AttentionSpan::cached(3, 6);
  const MatrixD q = random_matrix(3, kHeadDim, 203);
  const MatrixD table = random_matrix(10, kHeadDim, 204);
  MatrixD logits = MatrixD::Constant(3, 6, 1000);
  posenc::add_cope_logits(logits, q, table, span, workspace);
  for (Index i = 0; i < 3; ++i) {
    for (Index j = 0; j < 6; ++j) {
      const Index far = -span.relative(i, j);
      const double bias = far < 0 ? 0 : q.row(i).dot(table.row(far + 1));
      REQUIRE(std::abs(logits(i, j) - 1000 - bias) <= 1000 * 2 * kEpsilon);
    }
  }
}

TEST_CASE("CoPE: masked logits count nothing, and NaN stays in its row") {
  Workspace<double> workspace;
  const AttentionSpan span = AttentionSpan::square(4);
  const MatrixD q = random_matrix(4, kHeadDim, 205);
  const MatrixD table = random_matrix(3, kHeadDim, 206);
  MatrixD logits = random_matrix(4, 4, 207);
  logits(2, 1) = -HUGE_VAL;
  logits(3, 2) = std::nan("");
  const MatrixD before = logits;
  posenc::add_cope_logits(logits, q, table, span, workspace);
  REQUIRE(logits(2, 1) == -HUGE_VAL);
  REQUIRE(std::isfinite(logits(2, 0)));
  REQUIRE(std::isfinite(logits(3, 3)));
  for (Index j = 0; j < 3; ++j) REQUIRE(std::isnan(logits(3, j)));

  MatrixD grad = MatrixD::Ones(4, 4);
  MatrixD grad_q = MatrixD::Zero(4, kHeadDim);
  MatrixD grad_table = MatrixD::Zero(3, kHeadDim);
  posenc::cope_backward(grad, grad_q, grad_table, before, q, table, span, workspace);
  REQUIRE(grad.topRows(3).allFinite());
  REQUIRE(grad_q.topRows(3).allFinite());
}

TEST_CASE("CoPE: gradients of logits, queries and table") {
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
      posenc::cope_backward(grad_logits, grad_q, grad_table, logits, q, table, span, workspace);
      const auto result = [&] {
        MatrixD x = logits;
        posenc::add_cope_logits(x, q, table, span, workspace);
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
      posenc::add_cope_logits(by_other, q, other_table, span, workspace);
      require_adjoint(dot(MatrixD(by_other - logits), grad), dot(other_table, grad_table),
                      kHeadDim * grad.cwiseAbs().sum() + absolute_dot(logits, grad));

      ColumnMatrix<double> by_columns = grad;
      MatrixD grad_q_2 = MatrixD::Zero(q.rows(), kHeadDim);
      MatrixD grad_table_2 = MatrixD::Zero(positions, kHeadDim);
      posenc::cope_backward(by_columns, grad_q_2, grad_table_2, ColumnMatrix<double>(logits), q, table, span,
                            workspace);
      REQUIRE(same_bits(by_columns, grad_logits));
      REQUIRE(same_bits(grad_q_2, grad_q));
      REQUIRE(same_bits(grad_table_2, grad_table));
    }
  }
}

TEST_CASE("CoPE: chunks agree with the whole, float with double") {
  Workspace<double> workspace;
  Workspace<float> short_workspace;
  const MatrixD q = random_matrix(45, kHeadDim, 220);
  const MatrixD table = random_matrix(16, kHeadDim, 221);
  const MatrixD before = random_matrix(45, 45, 222);
  MatrixD at_once = before;
  posenc::add_cope_logits(at_once, q, table, AttentionSpan::square(45), workspace);
  MatrixD in_chunks = before;
  Index first = 0;
  for (const Index count : {1, 35, 9}) {
    posenc::add_cope_logits(in_chunks.middleRows(first, count), q.middleRows(first, count), table,
                            AttentionSpan::at(count, 45, first), workspace);
    first += count;
  }
  REQUIRE(first == 45);
  REQUIRE(distance(in_chunks, at_once) <= kCopeBound);
  RowMatrix<float> short_logits = before.cast<float>();
  posenc::add_cope_logits(short_logits, q.cast<float>(), table.cast<float>(), AttentionSpan::square(45),
                          short_workspace);
  REQUIRE(distance(short_logits, at_once) <= kCopeBound * 0x1p29);
}

TEST_CASE("forgetting sums and bias against their formulas") {
  const MatrixD gates = 4 * random_matrix(1, 60, 230);
  const Eigen::ArrayXd sums = posenc::forgetting_sums(gates);
  double sum = 0;
  constexpr double kSumBound = 60 * 300 * kEpsilon;  // 60 terms, sums below 300
  for (Index t = 0; t < 60; ++t) {
    sum += std::log(sigmoid(gates(0, t)));
    REQUIRE(std::abs(sums[t] - sum) <= kSumBound);
  }
  const Eigen::ArrayXd first = posenc::forgetting_sums(gates.leftCols(25));
  const Eigen::ArrayXd rest = posenc::forgetting_sums(gates.rightCols(35), first[24]);
  REQUIRE(same_bits(first, sums.head(25)));
  REQUIRE(same_bits(rest, sums.tail(35)));
  const Eigen::Array2d far = posenc::forgetting_sums(Eigen::Array2d(-1000.0, 1000.0));
  REQUIRE(far[0] == -1000.0);
  REQUIRE(far[1] == -1000.0);

  for (const NamedSpan& named : all_spans(false)) {
    INFO(named.name);
    const AttentionSpan& span = named.span;
    const MatrixD before = random_matrix(span.query_len(), span.key_len(), 231);
    MatrixD expected = before;
    for (Index i = 0; i < span.query_len(); ++i) {
      for (Index j = 0; j < span.key_len(); ++j) {
        if (span.relative(i, j) <= 0) expected(i, j) += sums[span.query_offset() + i] - sums[j];
      }
    }
    MatrixD logits = before;
    ColumnMatrix<double> column_major = before;
    posenc::add_forgetting_bias(logits, sums, span);
    posenc::add_forgetting_bias(column_major, sums, span);
    REQUIRE(same_bits(logits, expected));
    REQUIRE(same_bits(column_major, logits));
    RowMatrix<Eigen::half> half_logits = before.cast<Eigen::half>();
    const Eigen::ArrayXf short_sums = sums.cast<float>();
    RowMatrix<Eigen::half> half_expected = half_logits;
    for (Index i = 0; i < span.query_len(); ++i) {
      for (Index j = 0; j < span.visible_keys(i); ++j) {
        half_expected(i, j) =
            Eigen::half(static_cast<float>(half_logits(i, j)) + (short_sums[span.query_offset() + i] - short_sums[j]));
      }
    }
    posenc::add_forgetting_bias(half_logits, short_sums, span);
    REQUIRE(same_bits(half_logits, half_expected));
  }
}

TEST_CASE("forgetting keeps the digits of small differences of large sums") {
  // Sums near -2^20 leave float an ulp of 2^-3, but their difference is exact: the logit must not pay.
  const Eigen::Array2f sums(-1048576.0f, -1048576.5f);
  Eigen::Matrix2f logits;
  logits << 0.0f, 0.0f, 0.3f, 0.3f;
  posenc::add_forgetting_bias(logits, sums, AttentionSpan::square(2));
  REQUIRE(logits(1, 0) == 0.3f - 0.5f);
  REQUIRE(logits(1, 1) == 0.3f);
}

TEST_CASE("forgetting: gradients of sums and gates, in any layout and in chunks") {
  for (const NamedSpan& named : all_spans(false)) {
    INFO(named.name);
    const AttentionSpan& span = named.span;
    const Index tokens = std::max(span.key_len(), span.query_offset() + span.query_len());
    MatrixD gates = 2 * random_matrix(1, tokens, 240);
    const MatrixD grad = random_matrix(span.query_len(), span.key_len(), 241);
    Eigen::VectorXd grad_sums = Eigen::VectorXd::Zero(tokens);
    posenc::forgetting_bias_backward(grad_sums, grad, span);
    const auto bias_of = [&](const Eigen::ArrayXd& sums) {
      MatrixD bias = MatrixD::Zero(span.query_len(), span.key_len());
      posenc::add_forgetting_bias(bias, sums, span);
      return bias;
    };
    const MatrixD other = random_matrix(tokens, 1, 242);
    require_adjoint(dot(bias_of(other.array()), grad), dot(other, grad_sums), 2 * grad.cwiseAbs().sum());
    RowMatrix<double> as_row = MatrixD::Zero(1, tokens);
    posenc::forgetting_bias_backward(as_row, ColumnMatrix<double>(grad), span);
    REQUIRE(same_bits(as_row.transpose(), grad_sums));

    MatrixD grad_gates = MatrixD::Zero(1, tokens);
    posenc::forgetting_sums_backward(grad_gates, grad_sums, gates);
    if (tokens > 0 && span.query_len() < 20) {
      const double size = absolute_dot(bias_of(posenc::forgetting_sums(gates)), grad);
      require_gradient([&] { return dot(bias_of(posenc::forgetting_sums(gates)), grad); }, gates, grad_gates, size);
    }
    // Two chunks of tokens: the first also gets what the second says about its `before`.
    if (tokens >= 4) {
      MatrixD in_chunks = MatrixD::Zero(1, tokens);
      posenc::forgetting_sums_backward(in_chunks.rightCols(tokens - 3), grad_sums.tail(tokens - 3),
                                       gates.rightCols(tokens - 3));
      Eigen::VectorXd first = grad_sums.head(3);
      first[2] += grad_sums.tail(tokens - 3).sum();
      posenc::forgetting_sums_backward(in_chunks.leftCols(3), first, gates.leftCols(3));
      constexpr double kOrderBound = 50 * 2000 * kEpsilon;  // 50 sums of at most 2000 logits' gradients
      REQUIRE(distance(in_chunks, grad_gates) <= kOrderBound);
    }
  }
}
