// SPDX-License-Identifier: MIT
/// A bias for each distance, in every layout, scalar and span.
#include "relative_bias/support.hpp"

using namespace posenc_tests;
using posenc::AlibiForm;
using posenc::AttentionSpan;
using posenc::DistanceRange;
using posenc::DistanceTable;
using posenc::KerpleA;
using posenc::KerpleKernel;
using posenc::KerpleP;

namespace {

DistanceTable<double> random_table(Index num_heads, DistanceRange range, std::uint64_t seed) {
  DistanceTable<double> table(num_heads, range);
  table.values() = random_matrix(num_heads, range.size(), seed).array();
  return table;
}

/// table(head, key - query) by the definition, for every logit.
MatrixD naive_bias(const DistanceTable<double>& table, const AttentionSpan& span, Index head) {
  MatrixD bias(span.query_len(), span.key_len());
  for (Index i = 0; i < span.query_len(); ++i) {
    for (Index j = 0; j < span.key_len(); ++j) bias(i, j) = table(head, j - (span.query_offset() + i));
  }
  return bias;
}

}  // namespace

TEST_CASE("a bias for each distance is added to the right logits, and its gradient is the sum of its diagonal",
          "[relative_bias][add_distance_bias][accuracy]") {
  for (const NamedSpan& named : all_spans()) {
    INFO(named.name);
    const AttentionSpan& span = named.span;
    // Wider than needed on both sides: one table serves every step.
    const auto table = random_table(2, DistanceRange(span.distances().first() - 3, span.distances().last() + 2), 5);
    const MatrixD before = random_matrix(2 * span.query_len(), span.key_len(), 6);
    MatrixD stacked = before;
    posenc::add_distance_bias(stacked, table, span);
    for (Index h = 0; h < 2; ++h) {
      const MatrixD expected = before.middleRows(h * span.query_len(), span.query_len()) + naive_bias(table, span, h);
      REQUIRE(same_bits(stacked.middleRows(h * span.query_len(), span.query_len()), expected));
      MatrixD one = before.middleRows(h * span.query_len(), span.query_len());
      posenc::add_distance_bias(one, table.head(h), span);
      REQUIRE(same_bits(one, expected));
    }

    const MatrixD grad = random_matrix(2 * span.query_len(), span.key_len(), 7);
    DistanceTable<double> gradient(2, table.distances());
    posenc::distance_bias_backward(gradient, grad, span);
    require_adjoint(dot(MatrixD(stacked - before), grad), dot(table.values(), gradient.values()),
                    absolute_dot(table.values(), gradient.values()));
    DistanceTable<double> by_head(2, table.distances());
    DistanceTable<double> by_columns(2, table.distances());
    const ColumnMatrix<double> column_major = grad;
    for (Index h = 0; h < 2; ++h) {
      posenc::distance_bias_backward(by_head.head(h), grad.middleRows(h * span.query_len(), span.query_len()), span);
    }
    posenc::distance_bias_backward(by_columns, column_major, span);
    REQUIRE(same_bits(by_head.values(), gradient.values()));
    constexpr double kOrderBound = 100 * 100 * kEpsilon;  // fewer than 100 terms below 1, added in another order
    REQUIRE(distance(by_columns.values(), gradient.values()) <= kOrderBound);
    for (Index h = 0; h < 2; ++h) {
      for (Index d = table.distances().first(); d <= table.distances().last(); ++d) {
        double sum = 0;
        for (Index i = 0; i < span.query_len(); ++i) {
          const Index j = d + span.query_offset() + i;
          if (j >= 0 && j < span.key_len()) sum += grad(h * span.query_len() + i, j);
        }
        REQUIRE(std::abs(gradient(h, d) - sum) <= kOrderBound);
      }
    }
  }
}

TEST_CASE("chunks of a cached prompt get the bits of the whole", "[relative_bias][add_distance_bias][accuracy]") {
  const AttentionSpan whole = AttentionSpan::square(50);
  const auto table = random_table(1, DistanceRange::symmetric(50), 8);
  const MatrixD logits = random_matrix(50, 50, 9);
  MatrixD at_once = logits;
  posenc::add_distance_bias(at_once, table.head(0), whole);
  DistanceTable<double> gradient_at_once(1, table.distances());
  posenc::distance_bias_backward(gradient_at_once.head(0), logits, whole);
  MatrixD in_chunks = logits;
  DistanceTable<double> gradient_in_chunks(1, table.distances());
  Index first = 0;
  for (const Index count : {7, 1, 30, 12}) {
    const AttentionSpan chunk = AttentionSpan::at(posenc::PositionRange(first, count), 50);
    posenc::add_distance_bias(in_chunks.middleRows(first, count), table.head(0), chunk);
    posenc::distance_bias_backward(gradient_in_chunks.head(0), logits.middleRows(first, count), chunk);
    first += count;
  }
  REQUIRE(first == 50);
  REQUIRE(same_bits(in_chunks, at_once));
  REQUIRE(same_bits(gradient_in_chunks.values(), gradient_at_once.values()));

  // Decode: the last row alone, with the keys so far.
  for (const Index length : {1, 2, 31, 50}) {
    MatrixD row = logits.row(length - 1).leftCols(length);
    posenc::add_distance_bias(row, table.head(0), AttentionSpan::cached(1, length));
    REQUIRE(same_bits(row, at_once.row(length - 1).leftCols(length)));
  }
}

TEST_CASE("every layout of logits gets the same bits, and nothing around them is touched",
          "[relative_bias][add_distance_bias][accuracy]") {
  const AttentionSpan span = AttentionSpan::cached(5, 8);
  const auto table = random_table(2, span.distances(), 10);
  const MatrixD logits = random_matrix(10, 8, 11);
  MatrixD expected = logits;
  posenc::add_distance_bias(expected, table, span);

  ColumnMatrix<double> column_major = logits;
  posenc::add_distance_bias(column_major, table, span);
  REQUIRE(same_bits(column_major, expected));

  MatrixD around = random_matrix(14, 13, 12);
  const MatrixD around_before = around;
  around.block(2, 3, 10, 8) = logits;
  posenc::add_distance_bias(around.block(2, 3, 10, 8), table, span);
  REQUIRE(same_bits(around.block(2, 3, 10, 8), expected));
  around.block(2, 3, 10, 8) = around_before.block(2, 3, 10, 8);
  REQUIRE(same_bits(around, around_before));

  std::vector<double> memory(400, -7.0);
  Eigen::Map<MatrixD, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>> strided(memory.data(), 10, 8, {37, 3});
  strided = logits;
  posenc::add_distance_bias(strided, table, span);
  REQUIRE(same_bits(strided, expected));
  REQUIRE(std::count(memory.begin(), memory.end(), -7.0) == 400 - 80);

  MatrixD transposed = logits.transpose();
  posenc::add_distance_bias(transposed.transpose(), table, span);
  REQUIRE(same_bits(MatrixD(transposed.transpose()), expected));

  Eigen::Array<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> array = logits.array();
  posenc::add_distance_bias(array, table, span);
  REQUIRE(same_bits(array, expected));
}

TEMPLATE_TEST_CASE("logits of shorter types are rounded once", "[relative_bias][add_distance_bias][accuracy]",
                   Eigen::half, Eigen::bfloat16, float) {
  const AttentionSpan span = AttentionSpan::cached(40, 60);
  const auto table = random_table(1, span.distances(), 13);
  RowMatrix<TestType> logits = random_matrix(40, 60, 14).cast<TestType>();
  RowMatrix<TestType> expected(40, 60);
  for (Index i = 0; i < 40; ++i) {
    for (Index j = 0; j < 60; ++j) {
      expected(i, j) =
          posenc::detail::round_to<TestType>(static_cast<double>(logits(i, j)) + table(0, span.distance(i, j)));
    }
  }
  ColumnMatrix<TestType> column_major = logits;
  posenc::add_distance_bias(logits, table.head(0), span);
  posenc::add_distance_bias(column_major, table.head(0), span);
  REQUIRE(same_bits(logits, expected));
  REQUIRE(same_bits(column_major, expected));
}

TEST_CASE("a sum that lies between two halves is rounded once, not by way of float",
          "[relative_bias][add_distance_bias][accuracy]") {
  // 1 + 2^-11 is the middle of two halves; what is added on top vanishes in float, and then the tie goes to even.
  DistanceTable<double> table(1, DistanceRange(0, 0));
  table(0, 0) = 0x1p-11 + 0x1p-30;
  Eigen::Matrix<Eigen::half, 1, 1> logits(Eigen::half(1.0f));
  posenc::add_distance_bias(logits, table.head(0), AttentionSpan::square(1));
  REQUIRE(static_cast<float>(logits(0, 0)) == 1.0f + 0x1p-10f);
}

TEMPLATE_TEST_CASE("half tables are stored in half and added in float", "[relative_bias][add_distance_bias][accuracy]",
                   Eigen::half, Eigen::bfloat16) {
  const AttentionSpan span = AttentionSpan::square(9);
  DistanceTable<TestType> table(1, span.distances());
  table.values() = random_matrix(1, 17, 15).array().cast<TestType>();
  RowMatrix<float> logits = random_matrix<float>(9, 9, 16);
  RowMatrix<TestType> short_logits = logits.cast<TestType>();
  RowMatrix<float> expected = logits;
  RowMatrix<TestType> short_expected = short_logits;
  for (Index i = 0; i < 9; ++i) {
    for (Index j = 0; j < 9; ++j) {
      expected(i, j) += static_cast<float>(table(0, j - i));
      short_expected(i, j) = TestType(static_cast<float>(short_logits(i, j)) + static_cast<float>(table(0, j - i)));
    }
  }
  posenc::add_distance_bias(logits, table.head(0), span);
  posenc::add_distance_bias(short_logits, table.head(0), span);
  REQUIRE(same_bits(logits, expected));
  REQUIRE(same_bits(short_logits, short_expected));
}

TEST_CASE("float tables are double tables rounded once, and float gradients agree",
          "[relative_bias][add_distance_bias][accuracy]") {
  const DistanceRange range{-300, 40};
  const Eigen::ArrayXd slopes = posenc::alibi_slopes(12);
  const Eigen::ArrayXd a = Eigen::ArrayXd::LinSpaced(12, 0.1, 1.2);
  const auto same = [](const DistanceTable<float>& short_table, const DistanceTable<double>& table) {
    return same_bits(short_table.values(), table.values().cast<float>());
  };
  REQUIRE(same(posenc::make_alibi_table<float>(slopes, range, AlibiForm::symmetric),
               posenc::make_alibi_table<double>(slopes, range, AlibiForm::symmetric)));
  REQUIRE(same(posenc::make_kerple_table<float>(KerpleA(a), KerpleP(a), range, KerpleKernel::power),
               posenc::make_kerple_table<double>(KerpleA(a), KerpleP(a), range, KerpleKernel::power)));
  REQUIRE(same(posenc::make_sandwich_table<float>(12, 64, range, 10000.0),
               posenc::make_sandwich_table<double>(12, 64, range, 10000.0)));

  DistanceTable<float> grad(12, range);
  grad.values() = random_matrix<float>(12, range.size(), 50).array();
  DistanceTable<double> grad_in_double(12, range);
  grad_in_double.values() = grad.values().cast<double>();
  Eigen::ArrayXf grad_a = Eigen::ArrayXf::Zero(12);
  Eigen::ArrayXf grad_p = Eigen::ArrayXf::Zero(12);
  Eigen::ArrayXd double_a = Eigen::ArrayXd::Zero(12);
  Eigen::ArrayXd double_p = Eigen::ArrayXd::Zero(12);
  posenc::kerple_table_backward(KerpleA(grad_a), KerpleP(grad_p), grad, KerpleA(a), KerpleP(a),
                                KerpleKernel::logarithmic);
  posenc::kerple_table_backward(KerpleA(double_a), KerpleP(double_p), grad_in_double, KerpleA(a), KerpleP(a),
                                KerpleKernel::logarithmic);
  REQUIRE(same_bits(grad_a, double_a.cast<float>()));  // summed in double, rounded once
  REQUIRE(same_bits(grad_p, double_p.cast<float>()));
}
