// SPDX-License-Identifier: MIT
/// Lookups in a trained table: positions, what lies past the last row, layouts and scalars.
#include "posenc/learnable.hpp"

#include "support/catch2.hpp"
#include "support/matrices.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <vector>

using namespace posenc_tests;
using posenc::each_sequence;
using posenc::LearnedTable;
using posenc::LookupOptions;
using posenc::Overflow;
using posenc::PositionRange;
using posenc::starting_at;

TEMPLATE_TEST_CASE("a row of the table for each position", "[learnable][lookup][portable]", float, double, Eigen::half,
                   Eigen::bfloat16) {
  const RowMatrix<TestType> values = pattern<TestType>(7, 33);
  const LearnedTable<TestType> table(values);
  RowMatrix<TestType> out(4, 33);

  posenc::encode_learned(out, table, starting_at(0));
  REQUIRE(out == values.topRows(4));
  posenc::encode_learned(out, table, starting_at(3));
  REQUIRE(out == values.bottomRows(4));
  posenc::encode_learned(out, table, each_sequence(2, starting_at(5)));
  REQUIRE(out.topRows(2) == values.bottomRows(2));
  REQUIRE(out.bottomRows(2) == values.bottomRows(2));

  const Eigen::Matrix<int, 2, 2> ids = (Eigen::Matrix<int, 2, 2>() << 6, 0, 0, 2).finished();  // column-major storage
  posenc::encode_learned(out, table, ids);
  const std::array<int, 4> along_rows = {6, 0, 0, 2};
  for (Eigen::Index t = 0; t < 4; ++t) REQUIRE(out.row(t) == values.row(along_rows[static_cast<std::size_t>(t)]));

  // Multiples of 1/16 below 8 have at most 7 bits: sums are exact in every scalar.
  RowMatrix<TestType> x = pattern<TestType>(4, 33, 2);
  const RowMatrix<TestType> expected = x + out;
  posenc::add_learned(x, table, ids);
  REQUIRE(x == expected);
}

TEST_CASE("layouts, blocks and strides agree", "[learnable][lookup]") {
  const RowMatrix<float> values = pattern<float>(9, 12);
  const LearnedTable<float> table(values);
  const Ids ids = (Ids(6) << 8, 1, 1, 0, 5, 3).finished();
  RowMatrix<float> expected = pattern<float>(6, 12, 4);
  posenc::add_learned(expected, table, ids);

  ColumnMatrix<float> col = pattern<float>(6, 12, 4);
  posenc::add_learned(col, table, ids);
  REQUIRE(col == expected);

  RowMatrix<float> wide = RowMatrix<float>::Constant(6, 20, 7.0f);
  wide.middleCols(3, 12) = pattern<float>(6, 12, 4);
  posenc::add_learned(wide.middleCols(3, 12), table, ids);
  REQUIRE(wide.middleCols(3, 12) == expected);
  REQUIRE((wide.leftCols(3).array() == 7.0f).all());
  REQUIRE((wide.rightCols(5).array() == 7.0f).all());

  RowMatrix<float> features = pattern<float>(6, 12, 4).transpose();
  posenc::add_learned(features.transpose(), table, ids);
  REQUIRE(features.transpose() == expected);

  std::vector<float> spread(6 * 24);
  Eigen::Map<RowMatrix<float>, 0, Eigen::Stride<Eigen::Dynamic, 2>> strided(spread.data(), 6, 12, {24, 2});
  strided = pattern<float>(6, 12, 4);
  posenc::add_learned(strided, table, ids);
  REQUIRE(strided == expected);
}

TEST_CASE("one call and chunks give the same bits", "[learnable][lookup]") {
  LearnedTable<float> table(50, 24, {Overflow::hierarchical, 0.4, {}});
  posenc::fill(table.values(), posenc::Normal(1.0), posenc::Seed(1));
  RowMatrix<float> whole(120, 24);
  RowMatrix<float> chunks(120, 24);
  posenc::encode_learned(whole, table, starting_at(10));
  for (Eigen::Index first = 0; first < 120; first += 7) {
    const Eigen::Index count = (std::min)(Eigen::Index(7), 120 - first);
    posenc::encode_learned(chunks.middleRows(first, count), table, starting_at(10 + first));
  }
  REQUIRE(whole == chunks);
}

TEST_CASE("a wrapped table reads the caller's weights in place", "[learnable][lookup]") {
  std::vector<double> memory(5 * 8);
  Eigen::Map<RowMatrix<double>, 0, Eigen::OuterStride<>> weights(memory.data(), 5, 6, Eigen::OuterStride<>(8));
  weights = pattern<double>(5, 6);
  const auto table = posenc::wrap_learned_table(weights);
  const auto same = posenc::wrap_learned_table(memory.data(), 5, 6, 8);
  REQUIRE(table.row_data(0) == memory.data());
  REQUIRE(table.row_stride() == 8);
  REQUIRE(table.values() == weights);
  REQUIRE(same.values() == weights);
  weights(3, 2) = 42;
  RowMatrix<double> out(5, 6);
  posenc::encode_learned(out, table, starting_at(0));
  REQUIRE(out == weights);

  const LearnedTable<double> owned(weights);
  const LearnedTable<double> copy = owned;
  REQUIRE(copy.row_data(0) != owned.row_data(0));
  REQUIRE(copy.values() == weights);
}

TEST_CASE("past the last row: clamp and zero", "[learnable][lookup]") {
  const RowMatrix<float> values = pattern<float>(3, 5);
  const Ids ids = (Ids(4) << 2, 3, 1, std::int64_t(1) << 57).finished();
  RowMatrix<float> out(4, 5);
  posenc::encode_learned(out, LearnedTable<float>(values, {Overflow::clamp, 0.4, {}}), ids);
  REQUIRE(out.row(0) == values.row(2));
  REQUIRE(out.row(1) == values.row(2));
  REQUIRE(out.row(2) == values.row(1));
  REQUIRE(out.row(3) == values.row(2));

  const LearnedTable<float> padded(values, {Overflow::zero, 0.4, {}});
  posenc::encode_learned(out, padded, ids);
  REQUIRE(out.row(0) == values.row(2));
  REQUIRE((out.row(1).array() == 0.0f).all());
  REQUIRE((out.row(3).array() == 0.0f).all());
  RowMatrix<float> x = pattern<float>(4, 5, 1);
  const RowMatrix<float> expected = x + out;
  posenc::add_learned(x, padded, ids);
  REQUIRE(x == expected);
  ColumnMatrix<float> col = pattern<float>(4, 5, 1);
  posenc::add_learned(col, padded, ids);
  REQUIRE(col == expected);
}

TEST_CASE("hierarchical positions: the first n are the table, n^2 follow the formula", "[learnable][lookup]") {
  constexpr Eigen::Index n = 6;
  constexpr double alpha = 0.4;
  LearnedTable<double> table(n, 10, {Overflow::hierarchical, alpha, {}});
  posenc::fill(table.values(), posenc::Normal(1.0), posenc::Seed(3));
  const RowMatrix<double> P = table.values();
  RowMatrix<double> out(n * n, 10);
  posenc::encode_learned(out, table, starting_at(0));
  REQUIRE(out.topRows(n) == P);

  const RowMatrix<double> u = (P.rowwise() - alpha * P.row(0)) / (1 - alpha);
  // |P| < 4 here, so |u| < 10: eight roundings of terms below 16.
  constexpr double kRounding = 8 * 16 * 0x1p-53;
  double smallest_gap = 1e300;
  for (Eigen::Index p = 0; p < n * n; ++p) {
    const Eigen::RowVectorXd expected = alpha * u.row(p / n) + (1 - alpha) * u.row(p % n);
    REQUIRE(distance(out.row(p), expected) <= kRounding);
    for (Eigen::Index q = 0; q < p; ++q) smallest_gap = (std::min)(smallest_gap, (out.row(p) - out.row(q)).norm());
  }
  REQUIRE(smallest_gap > 0.1);  // all n^2 positions differ

  RowMatrix<double> sum = pattern<double>(n * n, 10);
  const RowMatrix<double> expected_sum = sum + out;
  posenc::add_learned(sum, table, starting_at(0));
  REQUIRE(distance(sum, expected_sum) <= kRounding);
  ColumnMatrix<double> col(n * n, 10);
  posenc::encode_learned(col, table, starting_at(0));
  REQUIRE(distance(col, out) <= kRounding);
}

TEST_CASE("float, half and bfloat16 agree with double within their roundings", "[learnable][lookup]") {
  LearnedTable<double> table(5, 40, {Overflow::hierarchical, 0.4, {}});
  posenc::fill(table.values(), posenc::Uniform(-1, 1), posenc::Seed(8));
  RowMatrix<double> exact = pattern<double>(25, 40) / 2;
  const RowMatrix<double> x = exact;
  posenc::add_learned(exact, table, starting_at(0));
  const auto error = [&](auto scalar) {
    using Scalar = decltype(scalar);
    const LearnedTable<Scalar> narrow(table.values(), table.options());
    RowMatrix<Scalar> sum = x.template cast<Scalar>();
    posenc::add_learned(sum, narrow, starting_at(0));
    return distance(sum, exact);
  };
  // |x| <= 1, |P| <= 1, ratio 2/3: each table entry is off by eps/2, weighed 1 + 2/3 + 2/3, and |sum| < 4 rounds by
  // 4 eps/2 = 2 eps. Together below 4 eps, float's own inner roundings included.
  REQUIRE(error(float()) <= 4 * 0x1p-23);
  REQUIRE(error(Eigen::half()) <= 4 * 0x1p-10);
  REQUIRE(error(Eigen::bfloat16()) <= 4 * 0x1p-7);
}

TEST_CASE("half sums are rounded once, from a double table too", "[learnable][lookup]") {
  // 1 + 2^-11 + 2^-30 is above the middle of two halves; by way of float it would be the middle, and round down.
  RowMatrix<Eigen::half> x = RowMatrix<Eigen::half>::Constant(1, 3, Eigen::half(1.0f));
  const RowMatrix<double> values = RowMatrix<double>::Constant(1, 3, 0x1p-11 + 0x1p-30);
  posenc::add_learned(x, LearnedTable<double>(values), starting_at(0));
  for (Eigen::Index i = 0; i < 3; ++i) REQUIRE(static_cast<float>(x(0, i)) == 1.0f + 0x1p-10f);
}

TEST_CASE("zero rows are no error", "[learnable][lookup]") {
  const LearnedTable<float> table(pattern<float>(3, 4));
  RowMatrix<float> none(0, 4);
  posenc::encode_learned(none, table, starting_at(2));
  posenc::add_learned(none, table, PositionRange(1, 0));
  posenc::add_learned(none, table, Ids(0));
  RowMatrix<float> grad = RowMatrix<float>::Zero(3, 4);
  posenc::learned_backward(grad, none, table, PositionRange(1, 0));
  REQUIRE((grad.array() == 0.0f).all());
}
