// SPDX-License-Identifier: MIT
/// The table itself: a learned bias for each distance, in every layout, scalar and span.
#include "relative_bias/support.hpp"

using namespace posenc_tests;
using posenc::AttentionSpan;
using posenc::DistanceRange;
using posenc::DistanceTable;

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

TEST_CASE("spans: positions, distances and what a causal query sees") {
  const AttentionSpan prefill = AttentionSpan::cached(3, 10);
  REQUIRE(prefill.query_offset() == 7);
  REQUIRE(prefill.relative(0, 0) == -7);
  REQUIRE(prefill.relative(2, 9) == 0);
  REQUIRE(prefill.visible_keys(0) == 8);
  REQUIRE(prefill.visible_keys(2) == 10);
  REQUIRE(prefill.distances().min == -9);
  REQUIRE(prefill.distances().max == 2);
  const AttentionSpan ahead = AttentionSpan::at(4, 6, -2);
  REQUIRE(ahead.visible_keys(0) == 0);
  REQUIRE(ahead.visible_keys(3) == 2);
  REQUIRE(AttentionSpan::square(0).distances().size() == 0);
  REQUIRE(DistanceRange::causal(4).min == -3);
  REQUIRE(DistanceRange::causal(4).max == 0);
  REQUIRE(DistanceRange::causal(0).size() == 0);
  REQUIRE(DistanceRange::symmetric(4).size() == 7);
  REQUIRE(DistanceRange::symmetric(0).size() == 0);
}

TEST_CASE("a bias for each distance is added to the right logits, and its gradient is the sum of its diagonal") {
  for (const NamedSpan& named : all_spans()) {
    INFO(named.name);
    const AttentionSpan& span = named.span;
    // Wider than needed on both sides: one table serves every step.
    const auto table = random_table(2, {span.distances().min - 3, span.distances().max + 2}, 5);
    const MatrixD before = random_matrix(2 * span.query_len(), span.key_len(), 6);
    MatrixD stacked = before;
    posenc::add_distance_bias(stacked, table, span);
    for (Index h = 0; h < 2; ++h) {
      const MatrixD expected = before.middleRows(h * span.query_len(), span.query_len()) + naive_bias(table, span, h);
      REQUIRE(same_bits(stacked.middleRows(h * span.query_len(), span.query_len()), expected));
      MatrixD one = before.middleRows(h * span.query_len(), span.query_len());
      posenc::add_distance_bias(one, table, span, h);
      REQUIRE(same_bits(one, expected));
      REQUIRE(same_bits(posenc::make_distance_bias(table, span, h), naive_bias(table, span, h)));
    }

    const MatrixD grad = random_matrix(2 * span.query_len(), span.key_len(), 7);
    DistanceTable<double> gradient(2, table.range());
    posenc::distance_bias_backward(gradient, grad, span);
    require_adjoint(dot(MatrixD(stacked - before), grad), dot(table.values(), gradient.values()),
                    absolute_dot(table.values(), gradient.values()));
    DistanceTable<double> by_head(2, table.range());
    DistanceTable<double> by_columns(2, table.range());
    const ColumnMatrix<double> column_major = grad;
    for (Index h = 0; h < 2; ++h) {
      posenc::distance_bias_backward(by_head, grad.middleRows(h * span.query_len(), span.query_len()), span, h);
    }
    posenc::distance_bias_backward(by_columns, column_major, span);
    REQUIRE(same_bits(by_head.values(), gradient.values()));
    constexpr double kOrderBound = 100 * 100 * kEpsilon;  // fewer than 100 terms below 1, added in another order
    REQUIRE(distance(by_columns.values(), gradient.values()) <= kOrderBound);
    for (Index h = 0; h < 2; ++h) {
      for (Index d = table.range().min; d <= table.range().max; ++d) {
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

TEST_CASE("chunks of a cached prompt get the bits of the whole") {
  const AttentionSpan whole = AttentionSpan::square(50);
  const auto table = random_table(1, DistanceRange::symmetric(50), 8);
  const MatrixD logits = random_matrix(50, 50, 9);
  MatrixD at_once = logits;
  posenc::add_distance_bias(at_once, table, whole, 0);
  DistanceTable<double> gradient_at_once(1, table.range());
  posenc::distance_bias_backward(gradient_at_once, logits, whole, 0);
  MatrixD in_chunks = logits;
  DistanceTable<double> gradient_in_chunks(1, table.range());
  Index first = 0;
  for (const Index count : {7, 1, 30, 12}) {
    const AttentionSpan chunk = AttentionSpan::at(count, 50, first);
    posenc::add_distance_bias(in_chunks.middleRows(first, count), table, chunk, 0);
    posenc::distance_bias_backward(gradient_in_chunks, logits.middleRows(first, count), chunk, 0);
    first += count;
  }
  REQUIRE(first == 50);
  REQUIRE(same_bits(in_chunks, at_once));
  REQUIRE(same_bits(gradient_in_chunks.values(), gradient_at_once.values()));

  // Decode: the last row alone, with the keys so far.
  for (const Index length : {1, 2, 31, 50}) {
    MatrixD row = logits.row(length - 1).leftCols(length);
    posenc::add_distance_bias(row, table, AttentionSpan::cached(1, length), 0);
    REQUIRE(same_bits(row, at_once.row(length - 1).leftCols(length)));
  }
}

TEST_CASE("every layout of logits gets the same bits, and nothing around them is touched") {
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

TEMPLATE_TEST_CASE("logits of shorter types are rounded once", "", Eigen::half, Eigen::bfloat16, float) {
  const AttentionSpan span = AttentionSpan::cached(40, 60);
  const auto table = random_table(1, span.distances(), 13);
  RowMatrix<TestType> logits = random_matrix(40, 60, 14).cast<TestType>();
  RowMatrix<TestType> expected(40, 60);
  for (Index i = 0; i < 40; ++i) {
    for (Index j = 0; j < 60; ++j) {
      expected(i, j) =
          posenc::detail::round_to<TestType>(static_cast<double>(logits(i, j)) + table(0, span.relative(i, j)));
    }
  }
  ColumnMatrix<TestType> column_major = logits;
  posenc::add_distance_bias(logits, table, span, 0);
  posenc::add_distance_bias(column_major, table, span, 0);
  REQUIRE(same_bits(logits, expected));
  REQUIRE(same_bits(column_major, expected));
}

TEST_CASE("a sum that lies between two halves is rounded once, not by way of float") {
  // 1 + 2^-11 is the middle of two halves; what is added on top vanishes in float, and then the tie goes to even.
  DistanceTable<double> table(1, {0, 0});
  table(0, 0) = 0x1p-11 + 0x1p-30;
  Eigen::Matrix<Eigen::half, 1, 1> logits(Eigen::half(1.0f));
  posenc::add_distance_bias(logits, table, AttentionSpan::square(1), 0);
  REQUIRE(static_cast<float>(logits(0, 0)) == 1.0f + 0x1p-10f);
}

TEMPLATE_TEST_CASE("half tables are stored in half and added in float", "", Eigen::half, Eigen::bfloat16) {
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
  posenc::add_distance_bias(logits, table, span, 0);
  posenc::add_distance_bias(short_logits, table, span, 0);
  REQUIRE(same_bits(logits, expected));
  REQUIRE(same_bits(short_logits, short_expected));
}
