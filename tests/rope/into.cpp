// SPDX-License-Identifier: MIT
/// apply_rope() into another matrix: other scalars, aliasing, and what does not rotate.
#include "support/rotations.hpp"

#include <stdexcept>

using namespace posenc_tests;
using posenc::apply_rope;
using posenc::RopeLayout;
using posenc::starting_at;

namespace {

constexpr Index kTokens = 6;
constexpr Index kHeadDim = 20;

posenc::FrequencyTable<float> table_of(Index width) {
  return posenc::make_table<float>(posenc::geometric_frequencies(width, 1e4), posenc::PositionRange(321, kTokens));
}
std::vector<RopeLayout> layouts(Index offset, Index width = 12) {
  return {RopeLayout::half_split(kHeadDim).window(offset, width),
          RopeLayout::interleaved(kHeadDim).window(offset, width)};
}

/// One rounding from double, by Eigen's float conversions: no kernel of posenc.
template <typename Out>
void check_copied_channels() {
  const auto table = table_of(12);
  for (const RopeLayout& layout : layouts(5)) {
    const RowMatrix<float> x = Noise(31).matrix<float>(kTokens, 3 * kHeadDim);
    RowMatrix<Out> out = RowMatrix<Out>::Constant(kTokens, x.cols(), Out(9));
    apply_rope(out, x, table, layout);
    for (Index i = 0; i < x.rows(); ++i) {
      for (Index j = 0; j < x.cols(); ++j) {
        const Index channel = j % kHeadDim;
        if (channel >= 5 && channel < 17) continue;
        INFO("channel " << channel);
        REQUIRE(out(i, j) == static_cast<Out>(x(i, j)));
      }
    }
  }
}

}  // namespace

TEST_CASE("channels that do not turn are copied, rounded once", "[rope][into]") {
  check_copied_channels<float>();
  check_copied_channels<double>();
  check_copied_channels<Eigen::half>();
  check_copied_channels<Eigen::bfloat16>();
}

TEST_CASE("a double result of float queries is not rounded to float", "[rope][into]") {
  const auto table = table_of(kHeadDim);
  const RowMatrix<float> x = Noise(32).matrix<float>(kTokens, 3 * kHeadDim);
  for (const RopeLayout& layout : layouts(0, kHeadDim)) {
    RowMatrix<double> into_double(x.rows(), x.cols());
    apply_rope(into_double, x, table, layout);
    const Turned expected = turned(x, table.cos(), table.sin(), run(kTokens), layout);
    CHECK((error_over_bound<float, float>(into_double, expected) <= 1));
    RowMatrix<double> in_place = x.cast<double>();
    apply_rope(in_place, table, layout);
    CHECK(same_bits(into_double, in_place));
  }
}

TEST_CASE("into itself is in place, bit for bit", "[rope][into]") {
  const auto table = table_of(12);
  for (const RopeLayout& layout : layouts(3)) {
    RowMatrix<float> in_place = Noise(33).matrix<float>(kTokens, 3 * kHeadDim);
    RowMatrix<float> itself = in_place;
    Eigen::MatrixXf column_major = in_place;
    RowMatrix<float> apart(in_place.rows(), in_place.cols());
    apply_rope(apart, in_place, table, layout);
    apply_rope(in_place, table, layout);
    apply_rope(itself, itself, table, layout);
    CHECK(same_bits(itself, in_place));
    CHECK(same_bits(apart, in_place));
    // Through another name for the same memory.
    Eigen::MatrixXf by_map = column_major;
    Eigen::Map<Eigen::MatrixXf> map(by_map.data(), by_map.rows(), by_map.cols());
    apply_rope(column_major, table, layout);
    apply_rope(map, by_map, table, layout);
    CHECK(same_bits(by_map, column_major));
  }
}

TEST_CASE("q and k of one packed projection are disjoint", "[rope][into]") {
  const Index columns = 2 * kHeadDim;
  const auto table = table_of(12);
  for (const RopeLayout& layout : layouts(0)) {
    RowMatrix<float> qkv = Noise(34).matrix<float>(kTokens, 3 * columns);
    const RowMatrix<float> before = qkv;
    RowMatrix<float> expected = before.leftCols(columns);
    apply_rope(expected, table, layout);
    for (const Index first : {columns, 2 * columns}) {  // q over k, then q over v
      qkv = before;
      apply_rope(qkv.middleCols(first, columns), qkv.leftCols(columns), table, layout);
      CHECK(same_bits(qkv.middleCols(first, columns), expected));
      CHECK(same_bits(qkv.leftCols(first), before.leftCols(first)));
    }
    // The same to the left, and rows apart.
    qkv = before;
    apply_rope(qkv.leftCols(columns), qkv.rightCols(columns), table, layout);
    CHECK(same_bits(qkv.rightCols(2 * columns), before.rightCols(2 * columns)));
    qkv = before;
    apply_rope(qkv.topRows(3), qkv.bottomRows(3), table, layout, starting_at(321));
    CHECK(same_bits(qkv.bottomRows(3), before.bottomRows(3)));
    Eigen::MatrixXf by_columns = before;
    apply_rope(by_columns.middleCols(columns, columns), by_columns.leftCols(columns), table, layout);
    CHECK(same_bits(by_columns.leftCols(columns), before.leftCols(columns)));
    Eigen::MatrixXf tokens_apart = before;
    apply_rope(tokens_apart.topRows(3), tokens_apart.bottomRows(3), table, layout, starting_at(321));
    CHECK(same_bits(tokens_apart.bottomRows(3), before.bottomRows(3)));
  }
}

TEST_CASE("memory that overlaps partially is refused", "[rope][into]") {
  const auto table = table_of(12);
  for (const RopeLayout& layout : layouts(0)) {
    RowMatrix<float> x = Noise(35).matrix<float>(kTokens, 3 * kHeadDim);
    const RowMatrix<float> before = x;
    using Map = Eigen::Map<RowMatrix<float>>;
    CHECK_THROWS_AS(apply_rope(x.leftCols(2 * kHeadDim), x.rightCols(2 * kHeadDim), table, layout),
                    std::invalid_argument);
    CHECK_THROWS_AS(apply_rope(x.topRows(4), x.bottomRows(4), table, layout), std::invalid_argument);
    CHECK_THROWS_AS(apply_rope(Map(x.data(), 2, kHeadDim), Map(x.data() + 1, 2, kHeadDim), table, layout),
                    std::invalid_argument);
    // The same first element with another stride, or as another scalar.
    CHECK_THROWS_AS(apply_rope(Map(x.data(), 2, kHeadDim), x.topLeftCorner(2, kHeadDim), table, layout),
                    std::invalid_argument);
    Eigen::Map<RowMatrix<Eigen::half>> halves(reinterpret_cast<Eigen::half*>(x.data()), 2, kHeadDim);
    CHECK_THROWS_AS(apply_rope(halves, x.topLeftCorner(2, kHeadDim), table, layout), std::invalid_argument);
    // Rows of one as columns of the other.
    RowMatrix<float> square = Noise(36).matrix<float>(kHeadDim, kHeadDim);
    const auto wide_table =
        posenc::make_table<float>(posenc::geometric_frequencies(12, 1e4), posenc::PositionRange(0, kHeadDim));
    CHECK_THROWS_AS(apply_rope(square.transpose(), square, wide_table, layout), std::invalid_argument);
    CHECK(same_bits(x, before));
    CHECK(same_bits(square, Noise(36).matrix<float>(kHeadDim, kHeadDim)));
  }
}

TEST_CASE("views that overlap partially are refused", "[rope][into]") {
  const auto table = table_of(12);
  const Index heads = 2, token = heads * kHeadDim;
  for (const RopeLayout& layout : layouts(0)) {
    RowMatrix<float> x = Noise(37).matrix<float>(kTokens, 3 * token);
    const RowMatrix<float> before = x;
    const auto shape_of = [&](Index tokens) {
      return posenc::HeadsShape().batch(1).seq_len(tokens).num_heads(heads).head_dim(kHeadDim);
    };
    const auto slice = [&](float* data, Index tokens) {
      return posenc::HeadsView<float>(data, shape_of(tokens), posenc::HeadsStrides().token(3 * token).head(kHeadDim));
    };
    CHECK_THROWS_AS(apply_rope(slice(x.data() + 1, 2), slice(x.data(), 2), table, layout), std::invalid_argument);
    CHECK_THROWS_AS(apply_rope(slice(x.data() + kHeadDim, 2), slice(x.data(), 2), table, layout),
                    std::invalid_argument);
    CHECK_THROWS_AS(apply_rope(slice(x.row(1).data(), 4), slice(x.data(), 4), table, layout), std::invalid_argument);
    // The same first element, other strides or another scalar.
    CHECK_THROWS_AS(
        apply_rope(posenc::view_bhld(x.data(), shape_of(4)), posenc::view_blhd(x.data(), shape_of(4)), table, layout),
        std::invalid_argument);
    CHECK_THROWS_AS(apply_rope(posenc::view_blhd(reinterpret_cast<Eigen::half*>(x.data()), shape_of(4)),
                               posenc::view_blhd(x.data(), shape_of(4)), table, layout),
                    std::invalid_argument);
    CHECK(same_bits(x, before));

    // Itself, side by side, and one after the other are fine.
    RowMatrix<float> expected = before.leftCols(token);
    apply_rope(expected, table, layout);
    apply_rope(slice(x.data() + token, kTokens), slice(x.data(), kTokens), table, layout);
    CHECK(same_bits(x.middleCols(token, token), expected));
    CHECK(same_bits(x.leftCols(token), before.leftCols(token)));
    CHECK(same_bits(x.rightCols(token), before.rightCols(token)));
    x = before;
    apply_rope(slice(x.data(), kTokens), slice(x.data(), kTokens), table, layout);
    CHECK(same_bits(x.leftCols(token), expected));
    x = before;
    apply_rope(slice(x.row(3).data(), 3), slice(x.data(), 3), table, layout, starting_at(321));
    CHECK(same_bits(x.block(3, 0, 3, token), expected.topRows(3)));
  }
}
