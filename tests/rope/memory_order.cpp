// SPDX-License-Identifier: MIT
/// Calls that caches do not hold. Numbers of double go head by head there, in smaller calls all heads a tile of pairs at a
/// time; heads with rotations of their own go token by token, else some tokens of a head at a time.
#include "support/rotations.hpp"

#include <limits>

using namespace posenc_tests;
using posenc::apply_rope;
using posenc::RopeLayout;
using posenc::RopePairs;

namespace {

constexpr Index kHeads = 3;
constexpr Index kLarge = 9 * 1024 * 1024 / 8;  ///< Numbers of double in 9 MiB; more than 8 MiB go head by head.

/// In place and into other memory, forward and back: each beside the formula, and beside calls of few tokens.
template <typename TableScalar>
void check_large(const RopeLayout& layout) {
  const Index width = kHeads * layout.head_dim();
  const Index tokens = kLarge / width * layout.head_dim() / layout.rotary_dim() + 1;
  const auto table = posenc::make_table<TableScalar>(posenc::geometric_frequencies(layout.rotary_dim(), 1e4),
                                                     posenc::PositionRange(77, tokens));
  const RowMatrix<double> x = Noise(5).matrix<double>(tokens, width);
  RowMatrix<double> out(tokens, width);
  apply_rope(out, x, table, layout);
  INFO("head_dim " << layout.head_dim() << ", rotary_dim " << layout.rotary_dim() << ", "
                   << (layout.pairs() == RopePairs::half_split ? "half-split" : "interleaved"));
  const Turned expected = turned(x, table.cos(), table.sin(), run(tokens), layout);
  CHECK((error_over_bound<double, TableScalar>(out, expected) <= 1));

  RowMatrix<double> in_place = x;
  apply_rope(in_place, table, layout);
  CHECK((in_place.array() == out.array()).all());

  RowMatrix<double> few = x;
  for (Index token = 0; token < tokens; token += 100) {
    auto some = few.middleRows(token, (std::min)(Index(100), tokens - token));
    apply_rope(some, table, layout, posenc::from_row(token));
  }
  CHECK((few.array() == out.array()).all());

  apply_rope(in_place, table.adjoint(), layout);
  const Turned back = turned(out, table.cos(), table.sin(), run(tokens), layout, {true});
  CHECK((error_over_bound<double, TableScalar>(in_place, back) <= 1));
}

}  // namespace

TEST_CASE("large calls of double rotate as small ones do", "[rope][memory_order]") {
  for (const RopePairs pairs : {RopePairs::half_split, RopePairs::interleaved}) {
    for (const Index head_dim : {128, 100, 300}) {  // whole tiles; a rest; more pairs than are prepared at a time
      check_large<double>(RopeLayout(pairs, head_dim));
      check_large<float>(RopeLayout(pairs, head_dim));
    }
    check_large<double>(RopeLayout(pairs, 140).window(6, 134));
  }
}

TEMPLATE_TEST_CASE("heads with rotations of their own rotate alike in large calls and in small ones",
                   "[rope][memory_order]", float, double) {
  constexpr Index kHeadDim = 128;
  constexpr Index kTokens = 2 * kLarge / (kHeads * kHeadDim);
  const RowMatrix<double> frequencies = Noise(7).matrix<double>(2, kHeads * kHeadDim / 2);
  const RowMatrix<double> positions = Noise(8).matrix<double>(kTokens, 2);
  posenc::TableOptions options;
  options.num_heads = kHeads;
  const auto table = posenc::make_mixed_table<TestType>(frequencies, positions, options);
  const RowMatrix<TestType> x = Noise(9).matrix<TestType>(kTokens, kHeads * kHeadDim);
  const auto shape = posenc::HeadsShape().batch(1).seq_len(kTokens).num_heads(kHeads).head_dim(kHeadDim);
  for (const RopePairs pairs : {RopePairs::half_split, RopePairs::interleaved}) {
    const RopeLayout layout(pairs, kHeadDim);
    RowMatrix<TestType> large = x;
    apply_rope(large, table, layout);
    RowMatrix<TestType> few = x;
    for (Index token = 0; token < kTokens; token += 100) {
      auto some = few.middleRows(token, (std::min)(Index(100), kTokens - token));
      apply_rope(some, table, layout, posenc::from_row(token));
    }
    CHECK((large.array() == few.array()).all());
    for (Index head = 0; head < kHeads; ++head) {
      const RowMatrix<TestType> of_head = x.middleCols(head * kHeadDim, kHeadDim);
      const auto rotation = table.head(head);
      const Turned expected = turned(of_head, rotation.cos(), rotation.sin(), run(kTokens), layout);
      CHECK((error_over_bound<TestType, TestType>(large.middleCols(head * kHeadDim, kHeadDim), expected) <= 1));
    }
    RowMatrix<TestType> by_heads(kTokens, kHeads * kHeadDim);
    apply_rope(posenc::view_bhld(by_heads.data(), shape), posenc::view_blhd(x.data(), shape), table, layout);
    const auto back = posenc::view_blhd(few.data(), shape);
    apply_rope(back, posenc::view_bhld(by_heads.data(), shape), table.adjoint(), layout);
    CHECK((few - x).array().abs().maxCoeff() <= 16 * std::numeric_limits<TestType>::epsilon());
  }
}

TEST_CASE("sequences of a large batch rotate as each does alone", "[rope][memory_order]") {
  constexpr Index kLength = 40;
  constexpr Index kHeadDim = 130;
  constexpr Index kBatch = kLarge / (kLength * kHeads * kHeadDim) + 1;
  const auto table =
      posenc::make_table<double>(posenc::geometric_frequencies(kHeadDim, 1e4), posenc::PositionRange(0, kLength));
  const auto shape = posenc::HeadsShape().seq_len(kLength).num_heads(kHeads).head_dim(kHeadDim);
  for (const RopePairs pairs : {RopePairs::half_split, RopePairs::interleaved}) {
    const RopeLayout layout(pairs, kHeadDim);
    const RowMatrix<double> x = Noise(6).matrix<double>(kBatch * kLength, kHeads * kHeadDim);
    RowMatrix<double> together = x;
    RowMatrix<double> alone = x;
    apply_rope(posenc::view_blhd(together.data(), posenc::HeadsShape(shape).batch(kBatch)), table, layout);
    for (Index b = 0; b < kBatch; ++b) {
      auto sequence = alone.middleRows(b * kLength, kLength);
      apply_rope(sequence, table, layout);
    }
    CHECK((together.array() == alone.array()).all());
    CHECK((together.array() != x.array()).any());
  }
}
