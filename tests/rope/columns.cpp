// SPDX-License-Identifier: MIT
/// Column-major matrices, which have a kernel of their own: every remainder of its blocks, against the formula.
#include "support/rotations.hpp"

using namespace posenc_tests;
using posenc::CosSinStorage;
using posenc::from_row;
using posenc::RopeLayout;

namespace {

constexpr Index kHeads = 7;  // more than are rotated at a time
constexpr Index kHeadDim = 11;
constexpr Index kWidth = kHeads * kHeadDim;
constexpr Index kTableRows = 332;
constexpr double kMagnitude = 1.25;

template <typename Scalar>
using ColMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

template <typename In, typename Out, typename TableScalar>
void check_columns(Index tokens, const RopeLayout& layout, CosSinStorage table_layout) {
  INFO(tokens << " tokens, half-split " << (layout.pairs() == posenc::RopePairs::half_split));
  const auto table = posenc::make_table<TableScalar>(posenc::geometric_frequencies(8, 1e4).with_magnitude(kMagnitude),
                                                     posenc::PositionRange(1000, kTableRows), {table_layout});
  const RowMatrix<In> given = Noise(7).matrix<In>(tokens, kWidth);
  const ColMatrix<In> in = given;
  const auto check = [&](const auto& got, const std::vector<Index>& rows, Direction direction) {
    const Turned expected = turned(given, table.cos(), table.sin(), rows, layout, direction);
    CHECK((error_over_bound<In, TableScalar>(got, expected) <= 1));
  };
  const auto reversed = Eigen::VectorXi::LinSpaced(tokens, static_cast<int>(tokens) + 1, 2).eval();
  std::vector<Index> listed;
  for (const int row : reversed) listed.push_back(row);

  ColMatrix<Out> out(tokens, kWidth);
  apply_rope(out, in, table, layout, from_row(3));
  check(out, run(tokens, 3), {});
  apply_rope(out, in, table, layout, posenc::rows(reversed));
  check(out, listed, {});
  apply_rope(out, in, table.adjoint(), layout, posenc::rows(reversed));
  check(out, listed, {true, 1});
  apply_rope(out, in, table.inverse(), layout, from_row(0));
  check(out, run(tokens), {true, 1 / static_cast<Wide>(kMagnitude * kMagnitude)});

  // In place, between rows and columns of others.
  ColMatrix<In> around = ColMatrix<In>::Constant(tokens + 5, kWidth + 4, In(7));
  auto x = around.block(2, 3, tokens, kWidth);
  x = in;
  apply_rope(x, table, layout, from_row(3));
  check(x, run(tokens, 3), {});
  x.setConstant(In(7));
  CHECK((around.array() == In(7)).all());
}

/// Every remainder of vectors, and blocks of whole runs of tokens with and without a rest.
template <typename In, typename Out, typename TableScalar>
void check_all_columns() {
  std::vector<Index> numbers = run(37, 1);
  numbers.insert(numbers.end(), {63, 64, 65, 131, 323});
  for (const Index tokens : numbers) {
    check_columns<In, Out, TableScalar>(tokens, RopeLayout::half_split(kHeadDim).window(2, 8), CosSinStorage::cos_sin);
    check_columns<In, Out, TableScalar>(tokens, RopeLayout::interleaved(kHeadDim).window(3, 8), CosSinStorage::paired);
  }
}

}  // namespace

TEST_CASE("column-major matrices of any number of tokens", "[rope][columns]") {
  check_all_columns<float, float, float>();
  check_all_columns<double, double, double>();
  check_all_columns<Eigen::half, Eigen::half, float>();
  check_all_columns<float, Eigen::bfloat16, Eigen::half>();
}

TEST_CASE("column-major matrices that begin at each place of a cache line", "[rope][columns]") {
  constexpr Index head_dim = 8;
  constexpr Index width = 6 * head_dim;
  alignas(64) static float memory[16 + 64 * width + 16];
  for (const Index tokens : {32, 64}) {
    const auto table =
        posenc::make_table<float>(posenc::geometric_frequencies(head_dim, 1e4), posenc::PositionRange(5, tokens));
    const RowMatrix<float> given = Noise(10).matrix<float>(tokens, width);
    for (const RopeLayout& layout : {RopeLayout::half_split(head_dim), RopeLayout::interleaved(head_dim)}) {
      const Turned expected = turned(given, table.cos(), table.sin(), run(tokens), layout);
      for (Index place = 0; place < 16; ++place) {
        INFO(tokens << " tokens, place " << place);
        Eigen::Map<ColMatrix<float>> x(memory + place, tokens, width);
        x = given;
        apply_rope(x, table, layout);
        CHECK((error_over_bound<float, float>(x, expected) <= 1));
      }
    }
  }
}

TEST_CASE("column-major matrices of more pairs than lie on the stack at a time", "[rope][columns]") {
  constexpr Index tokens = 300;
  const auto table =
      posenc::make_table<float>(posenc::geometric_frequencies(200, 1e4), posenc::PositionRange(5, tokens));
  for (const RopeLayout& layout : {RopeLayout::half_split(200), RopeLayout::interleaved(200)}) {
    const RowMatrix<float> given = Noise(9).matrix<float>(tokens, 400);
    ColMatrix<float> columns = given;
    apply_rope(columns, table, layout);
    CHECK((error_over_bound<float, float>(columns, turned(given, table.cos(), table.sin(), run(tokens), layout)) <= 1));
  }
}

TEST_CASE("one token of a column-major matrix, and a source in the other order", "[rope][columns]") {
  const auto table = posenc::make_table<float>(posenc::geometric_frequencies(8, 1e4), posenc::PositionRange(5, 4));
  const RopeLayout layout = RopeLayout::half_split(kHeadDim).window(2, 8);
  for (const Index tokens : {1, 4}) {
    const RowMatrix<float> given = Noise(8).matrix<float>(tokens, kWidth);
    const Turned expected = turned(given, table.cos(), table.sin(), run(tokens), layout);
    ColMatrix<float> columns(tokens, kWidth);
    apply_rope(columns, given, table, layout, from_row(0));
    CHECK((error_over_bound<float, float>(columns, expected) <= 1));
    RowMatrix<float> rows(tokens, kWidth);
    apply_rope(rows, ColMatrix<float>(given), table, layout, from_row(0));
    CHECK((error_over_bound<float, float>(rows, expected) <= 1));
  }
}
