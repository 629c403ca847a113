// SPDX-License-Identifier: MIT
/// Forgetting attention: biases that depend on what the tokens hold.
#include "relative_bias/support.hpp"

using namespace posenc_tests;
using posenc::AttentionSpan;

namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

TEST_CASE("forgetting sums and bias against their formulas", "[relative_bias][forgetting][accuracy]") {
  const MatrixD gates = 4 * random_matrix(60, 1, 230);
  const Eigen::ArrayXd sums = posenc::forgetting_sums(gates);
  double sum = 0;
  constexpr double kSumBound = 60 * 300 * kEpsilon;  // 60 terms, sums below 300
  for (Index t = 0; t < 60; ++t) {
    sum += std::log(sigmoid(gates(t, 0)));
    REQUIRE(std::abs(sums[t] - sum) <= kSumBound);
  }
  const Eigen::ArrayXd first = posenc::forgetting_sums(gates.topRows(25));
  const Eigen::ArrayXd rest = posenc::forgetting_sums(gates.bottomRows(35), first.tail(1));
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
        if (span.distance(i, j) <= 0) expected(i, j) += sums[span.query_offset() + i] - sums[j];
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

TEST_CASE("forgetting keeps the digits of small differences of large sums", "[relative_bias][forgetting][accuracy]") {
  // Sums near -2^20 leave float an ulp of 2^-3, but their difference is exact: the logit must not pay.
  const Eigen::Array2f sums(-1048576.0f, -1048576.5f);
  Eigen::Matrix2f logits;
  logits << 0.0f, 0.0f, 0.3f, 0.3f;
  posenc::add_forgetting_bias(logits, sums, AttentionSpan::square(2));
  REQUIRE(logits(1, 0) == 0.3f - 0.5f);
  REQUIRE(logits(1, 1) == 0.3f);
}

TEST_CASE("forgetting: gradients of sums and gates, in any layout and in chunks",
          "[relative_bias][forgetting][accuracy]") {
  for (const NamedSpan& named : all_spans(false)) {
    INFO(named.name);
    const AttentionSpan& span = named.span;
    const Index tokens = std::max(span.key_len(), span.query_offset() + span.query_len());
    MatrixD gates = 2 * random_matrix(tokens, 1, 240);
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
    posenc::forgetting_bias_backward(as_row.transpose(), ColumnMatrix<double>(grad), span);
    REQUIRE(same_bits(as_row.transpose(), grad_sums));

    MatrixD grad_gates = MatrixD::Zero(tokens, 1);
    posenc::forgetting_sums_backward(grad_gates, grad_sums, gates);
    if (tokens > 0 && span.query_len() < 20) {
      const double size = absolute_dot(bias_of(posenc::forgetting_sums(gates)), grad);
      require_gradient([&] { return dot(bias_of(posenc::forgetting_sums(gates)), grad); }, gates, grad_gates, size);
    }
    // Two chunks of tokens: the first also gets what the second says about its `before`.
    if (tokens >= 4) {
      MatrixD in_chunks = MatrixD::Zero(tokens, 1);
      posenc::forgetting_sums_backward(in_chunks.bottomRows(tokens - 3), grad_sums.tail(tokens - 3),
                                       gates.bottomRows(tokens - 3));
      Eigen::VectorXd first = grad_sums.head(3);
      first[2] += grad_sums.tail(tokens - 3).sum();
      posenc::forgetting_sums_backward(in_chunks.topRows(3), first, gates.topRows(3));
      constexpr double kOrderBound = 50 * 2000 * kEpsilon;  // 50 sums of at most 2000 logits' gradients
      REQUIRE(distance(in_chunks, grad_gates) <= kOrderBound);
    }
  }
}

TEST_CASE("forgetting: all heads stacked are the heads one by one", "[relative_bias][forgetting][accuracy]") {
  const AttentionSpan span = AttentionSpan::cached(3, 7);
  const MatrixD gates = random_matrix(7, 2, 243);
  const auto sums = posenc::forgetting_sums(gates);
  MatrixD stacked = random_matrix(6, 7, 244);
  MatrixD in_turn = stacked;
  const MatrixD grad = random_matrix(6, 7, 245);
  posenc::add_forgetting_bias(stacked, sums, span);
  MatrixD grad_sums = MatrixD::Zero(7, 2);
  posenc::forgetting_bias_backward(grad_sums, grad, span);
  MatrixD grad_gates = MatrixD::Zero(7, 2);
  posenc::forgetting_sums_backward(grad_gates, grad_sums, gates);
  for (Index head = 0; head < 2; ++head) {
    REQUIRE(same_bits(posenc::forgetting_sums(gates.col(head)), sums.col(head)));
    posenc::add_forgetting_bias(in_turn.middleRows(3 * head, 3), sums.col(head), span);
    Eigen::VectorXd one_sums = Eigen::VectorXd::Zero(7);
    posenc::forgetting_bias_backward(one_sums, grad.middleRows(3 * head, 3), span);
    REQUIRE(same_bits(one_sums, grad_sums.col(head)));
    Eigen::VectorXd one_gates = Eigen::VectorXd::Zero(7);
    posenc::forgetting_sums_backward(one_gates, one_sums, gates.col(head));
    REQUIRE(same_bits(one_gates, grad_gates.col(head)));
  }
  REQUIRE(same_bits(stacked, in_turn));
  // Cached tokens: the sums go on from their last row.
  const auto first = posenc::forgetting_sums(gates.topRows(4));
  REQUIRE(same_bits(posenc::forgetting_sums(gates.bottomRows(3), first.row(3)), sums.bottomRows(3)));
}
