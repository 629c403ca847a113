// SPDX-License-Identifier: MIT
/// Tables whose sequences have frequencies of their own: dynamic NTK in a ragged batch.
#include "support/allocations.hpp"
#include "support/rotations.hpp"

using namespace posenc_tests;
using posenc::apply_rope;
using posenc::each_sequence;
using posenc::Frequencies;
using posenc::FrequencyTable;
using posenc::PositionRange;
using posenc::RopeLayout;

namespace {

constexpr Index kPairs = 20;
constexpr Index kHeadDim = 2 * kPairs;
constexpr Index kBatch = 3;

/// Sequences of these lengths under dynamic NTK, trained to 64.
const std::vector<int> kLengths = {10, 200, 1000};

std::vector<Frequencies> frequencies() {
  const Frequencies plain = posenc::geometric_frequencies(kHeadDim, 1e4);
  std::vector<Frequencies> all;
  for (const int length : kLengths) all.push_back(posenc::scale_dynamic_ntk(plain, {2, length}, 64));
  return all;
}

}  // namespace

TEMPLATE_TEST_CASE("each sequence of a batch has the numbers of a table of its own", "[frequency][sequences]", float,
                   double, Eigen::bfloat16) {
  const auto sets = frequencies();
  for (const auto storage :
       {posenc::CosSinStorage::cos_sin, posenc::CosSinStorage::paired, posenc::CosSinStorage::repeated}) {
    for (const auto angles : {posenc::AngleMode::exact, posenc::AngleMode::float32}) {
      const auto table = posenc::make_table<TestType>(sets, each_sequence(5, kLengths), {storage, angles});
      const auto together =
          posenc::make_table<TestType>(sets, each_sequence(5, posenc::starting_at(7)), {storage, angles});
      auto filled = FrequencyTable<TestType>(kBatch * 5, kPairs, {storage, angles});
      const std::size_t made = count_allocations([&] { fill_table(filled, sets, each_sequence(5, kLengths)); });
      CHECK(made == 0);
      CHECK(table.num_sequences() == kBatch);
      CHECK(filled.num_sequences() == kBatch);
      CHECK(!table.first_position());
      CHECK(table.magnitude() == 1);
      CHECK(table.rows() == kBatch * 5);
      for (Index b = 0; b < kBatch; ++b) {
        const auto& set = sets[static_cast<std::size_t>(b)];
        const int start = kLengths[static_cast<std::size_t>(b)];
        const auto own = posenc::make_table<TestType>(set, PositionRange(start, 5), {storage, angles});
        const auto from_seven = posenc::make_table<TestType>(set, PositionRange(7, 5), {storage, angles});
        CHECK((table.cos().middleRows(b * 5, 5) == own.cos()).all());
        CHECK((table.sin().middleRows(b * 5, 5) == own.sin()).all());
        CHECK((filled.sin().middleRows(b * 5, 5) == own.sin()).all());
        CHECK((together.cos().middleRows(b * 5, 5) == from_seven.cos()).all());
        CHECK(table.id() != own.id());
      }
      fill_table(filled, sets[0], PositionRange(0, kBatch * 5));
      CHECK(filled.num_sequences() == 1);  // one set for all again
    }
  }
}

TEST_CASE("sequences and heads may both have frequencies of their own", "[frequency][sequences][heads]") {
  posenc::TableOptions each;
  each.num_heads = 4;
  const auto sets = frequencies();
  const auto table = posenc::make_table<float>(sets, each_sequence(3, std::vector<double>{0.5, 7, -2}), each);
  const auto one = posenc::make_table<float>(sets[1], std::vector<double>{7, 8, 9}, each);
  CHECK(table.num_pairs() == kPairs / 4);
  for (Index h = 0; h < 4; ++h) CHECK((table.head(h).sin().middleRows(3, 3) == one.head(h).sin()).all());
}

TEST_CASE("a batch rotates by the frequencies of each sequence", "[rope][sequences]") {
  const auto sets = frequencies();
  for (const Index seq_len : {1, 4}) {
    const auto table = posenc::make_table<float>(sets, each_sequence(seq_len, kLengths));
    for (const RopeLayout& layout : {RopeLayout::half_split(kHeadDim), RopeLayout::interleaved(kHeadDim)}) {
      const RowMatrix<float> given = Noise(4).matrix<float>(kBatch * seq_len, 2 * kHeadDim);
      RowMatrix<float> x = given;
      apply_rope(x, table, layout);
      // From the formula, with cosines in long double.
      RowMatrix<Wide> cos(given.rows(), kPairs), sin = cos;
      for (Index i = 0; i < given.rows(); ++i) {
        const auto b = static_cast<std::size_t>(i / seq_len);
        for (Index j = 0; j < kPairs; ++j) {
          const Wide angle = static_cast<Wide>(kLengths[b] + i % seq_len) * static_cast<Wide>(sets[b].inv_freq()[j]);
          cos(i, j) = static_cast<float>(std::cos(angle));  // rounded as the table is
          sin(i, j) = static_cast<float>(std::sin(angle));
        }
      }
      const Turned expected = turned(given, cos, sin, run(given.rows()), layout);
      // The table may round the other way, one more unit of float for each of the two products.
      CHECK((error_over_bound<float, float>(x, expected) <= 2));
      const auto shape = posenc::HeadsShape().batch(kBatch).seq_len(seq_len).num_heads(2).head_dim(kHeadDim);
      RowMatrix<float> viewed = given;
      apply_rope(posenc::view_blhd(viewed.data(), shape), table, layout);
      CHECK(same_bits(viewed, x));
      RowMatrix<float> stacked = given;
      apply_rope(stacked, table, layout, each_sequence(seq_len));
      CHECK(same_bits(stacked, x));
      RowMatrix<float> reversed = given;
      const std::vector<Index> last_first = {2 * seq_len, seq_len, 0};
      apply_rope(reversed, table, layout, each_sequence(seq_len, posenc::rows(last_first)));
      apply_rope(stacked = given.middleRows(2 * seq_len, seq_len), table, layout, posenc::from_row(0));
      CHECK(same_bits(stacked, RowMatrix<float>(reversed.bottomRows(seq_len))));
      RowMatrix<float> out(given.rows(), given.cols());
      apply_rope(out, posenc::view_blhd(given.data(), shape), table, layout);
      CHECK((error_over_bound<float, float>(out, expected) <= 2));
      apply_rope(posenc::view_blhd(viewed.data(), shape), table.inverse(), layout);
      // Two rotations of some 3 units each, of values below 2 sqrt(2) 2.
      CHECK((viewed - given).cwiseAbs().maxCoeff() <= 6 * 6 * 0x1p-24);
    }
  }
}

TEST_CASE("sequences of other magnitudes have no one magnitude", "[frequency][sequences]") {
  auto sets = frequencies();
  sets[2] = sets[2].with_magnitude(1.25);
  CHECK(posenc::make_table<float>(sets, each_sequence(1, kLengths)).magnitude() == 0);
}
