// SPDX-License-Identifier: MIT
/// Biases by distance with a gate for each query: the numbers of transformers, the formula, and the adjoint.
#include "relative_bias/support.hpp"
#include "support/golden.hpp"

using namespace posenc_tests;
using posenc::AttentionSpan;
using posenc::DistanceTable;

TEST_CASE("gated biases equal those of WavLM in transformers", "[relative_bias][accuracy]") {
  const Golden file = golden("relative/gated.csv");
  const posenc::T5Buckets buckets(32, 40, true);
  for (const char* const n : {"0", "1", "2"}) {
    const auto block = [&](const std::string& name) { return MatrixD(file.block(name + "-" + n).matrix()); };
    const MatrixD expected = block("bias");
    const AttentionSpan span = AttentionSpan::square(expected.cols());
    MatrixD logits = MatrixD::Zero(expected.rows(), expected.cols());
    posenc::add_distance_bias(logits, posenc::make_t5_table(block("weights"), buckets, span.distances()), span,
                              block("gates"));
    // The gates were formed once more for the file, from sums of 4 terms in another order; values below 8.
    REQUIRE(distance(logits, expected) <= 8 * 8 * kEpsilon);
  }
}

TEST_CASE("gated biases by the formula, for every span, and their adjoint", "[relative_bias][properties][accuracy]") {
  const Index heads = 3;
  for (const NamedSpan& named : all_spans()) {
    INFO(named.name);
    const AttentionSpan& span = named.span;
    const Index rows = heads * span.query_len();
    DistanceTable<double> table(heads, span.distances());
    table.values() = random_matrix(heads, span.distances().size(), 1).array();
    const MatrixD gates = random_matrix(rows, 1, 2);
    const MatrixD before = random_matrix(rows, span.key_len(), 3);
    MatrixD plain = MatrixD::Zero(rows, span.key_len());
    posenc::add_distance_bias(plain, table, span);
    const MatrixD expected = before + gates.asDiagonal() * plain;
    MatrixD logits = before;
    ColumnMatrix<double> columns = before;
    posenc::add_distance_bias(logits, table, span, gates);
    posenc::add_distance_bias(columns, table, span, gates.transpose());
    REQUIRE(distance(logits, expected) <= 2 * kEpsilon);  // a fused product rounds once less, of values below 4
    REQUIRE(same_bits(columns, logits));
    MatrixD one = before.topRows(span.query_len());
    posenc::add_distance_bias(one, table.head(0), span, gates.topRows(span.query_len()));
    REQUIRE(same_bits(one, logits.topRows(span.query_len())));

    const MatrixD grad = random_matrix(rows, span.key_len(), 4);
    DistanceTable<double> grad_table(heads, span.distances());
    MatrixD grad_gates = MatrixD::Zero(1, rows);
    posenc::distance_bias_backward(grad_table, grad_gates, grad, table, span, gates);
    const double forward = dot(MatrixD(gates.asDiagonal() * plain), grad);
    const double size = grad.cwiseAbs().sum();
    require_adjoint(forward, (grad_table.values() * table.values()).sum(), size);
    require_adjoint(forward, dot(MatrixD(grad_gates.transpose()), gates), size);
  }
}

TEST_CASE("gated biases of floats are each rounded twice, in rows and in columns", "[relative_bias][accuracy]") {
  const Index heads = 2;
  for (const Index keys : {32, 45, 96}) {
    const AttentionSpan span = AttentionSpan::cached(3, keys);
    DistanceTable<float> table(heads, span.distances());
    table.values() = random_matrix(heads, span.distances().size(), 1).cast<float>().array();
    const RowMatrix<float> gates = random_matrix(heads * 3, 2, 2).cast<float>();
    const RowMatrix<float> before = random_matrix(heads * 3, keys, 3).cast<float>();
    RowMatrix<float> expected = before;
    for (Index row = 0; row < heads * 3; ++row) {
      for (Index j = 0; j < keys; ++j) {
        const volatile float product = gates(row, 1) * table(row / 3, span.distance(row % 3, j));
        expected(row, j) += product;
      }
    }
    RowMatrix<float> logits = before;
    posenc::add_distance_bias(logits, table, span, gates.col(1));  // not contiguous
    REQUIRE(same_bits(logits, expected));
    const Eigen::RowVectorXf row_of_gates = gates.col(1).transpose();
    logits = before;
    posenc::add_distance_bias(logits, table, span, row_of_gates);
    REQUIRE(same_bits(logits, expected));
  }
}
