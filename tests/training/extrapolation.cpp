// SPDX-License-Identifier: MIT
// What example 15 does to RoPE after training, and its file of results.
#include "support/catch2.hpp"

#include "../../examples/support/extrapolation_encodings.hpp"
#include "../../examples/support/extrapolation_results.hpp"

#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

namespace {

using namespace tiny_transformer;
using MatrixD = Matrix<double>;
using posenc::RopeLayout;

constexpr Index kHeads = 2;
constexpr Index kHeadDim = 8;
constexpr Index kRows = 40;

MatrixD random(Index rows, Index columns, std::uint64_t seed) {
  MatrixD x(rows, columns);
  posenc::fill(x, posenc::Normal(1.0), posenc::Seed(seed));
  return x;
}

/// The logits of an encoding, where the first four tokens of 20 are cached.
struct Logits {
  posenc::AttentionSpan span = posenc::AttentionSpan::cached(16, 20);
  MatrixD q = random(kHeads * 16, kHeadDim, 1);
  MatrixD k = random(kHeads * 20, kHeadDim, 2);

  MatrixD of(Encoding<double>& encoding) const {
    MatrixD rotated_q = q, rotated_k = k;
    encoding.rotate(rotated_q, rotated_k, span);
    const Attention<double> attention(rotated_q, rotated_k, 0.5, span);
    MatrixD logits = scaled_logits(attention);
    encoding.add_to_logits(logits, attention);
    return logits;
  }

  /// That of query and key `distance` apart under RoPE, whatever their places are.
  double at_distance(Index row, Index key, Index distance) const {
    MatrixD one = q.row(row);
    const auto table =
        posenc::make_table<double>(posenc::geometric_frequencies(kHeadDim, 10000.0), posenc::PositionRange(0, kRows));
    posenc::apply_rope(one, table, RopeLayout::half_split(kHeadDim), posenc::from_row(distance));
    return 0.5 * one.row(0).dot(k.row(row / 16 * 20 + key));
  }

  /// Each visible logit is RoPE's at the distance that `distance` says.
  template <typename Distance>
  void require(Encoding<double>& encoding, const Distance& distance) const {
    const MatrixD logits = of(encoding);
    for (Index row = 0; row < logits.rows(); ++row) {
      const Index i = 4 + row % 16;
      for (Index j = 0; j <= i; ++j) {
        CAPTURE(row, i, j);
        // Two sums of 8 products near 1, rotated twice.
        REQUIRE(std::abs(logits(row, j) - at_distance(row, j, distance(i, j))) < 1e-13);
      }
    }
  }
};

const RopeLayout kLayout = RopeLayout::half_split(kHeadDim);

}  // namespace

TEST_CASE("several passes put queries and keys at the distances of their papers", "[extrapolation]") {
  const Logits logits;
  SeveralPasses<double> clipped(kLayout, kRows, rerope(6));
  logits.require(clipped, [](Index i, Index j) { return std::min<Index>(i - j, 6); });

  // Jin et al. 2024: floor(i / group) + window - floor(window / group) for a query, floor(j / group) for a key.
  SeveralPasses<double> grouped(kLayout, kRows, self_extend(3, 6));
  logits.require(grouped, [](Index i, Index j) { return i - j < 6 ? i - j : i / 3 + 6 - 6 / 3 - j / 3; });

  // An et al. 2024, trained on 8, of which 2 are local, so chunks of 6: within a chunk the distance; from the chunk
  // before, the query's place is min(p % 6 + 6, 8); from chunks further back, 8.
  SeveralPasses<double> chunks(kLayout, kRows, dual_chunks(8, 2));
  logits.require(chunks, [](Index i, Index j) {
    if (i / 6 == j / 6) return i - j;
    if (i / 6 == j / 6 + 1) return std::min<Index>(i % 6 + 6, 8) - j % 6;
    return 8 - j % 6;
  });
}

TEST_CASE("dynamic NTK is RoPE up to the trained length, and NTK-aware RoPE beyond", "[extrapolation]") {
  const Logits logits;
  Rotary<double> rope(kLayout, kRows);
  DynamicRotary<double> within(kLayout, 20);
  REQUIRE(logits.of(within) == logits.of(rope));
  DynamicRotary<double> beyond(kLayout, 10);
  Rotary<double> longer(kLayout, posenc::make_table<double>(
                                     posenc::scale_ntk_aware(posenc::geometric_frequencies(kHeadDim, 10000.0), 2.0),
                                     posenc::PositionRange(0, kRows)));
  REQUIRE((logits.of(beyond) - logits.of(longer)).cwiseAbs().maxCoeff() < 1e-13);
}

TEST_CASE("the last tokens alone are seen", "[extrapolation]") {
  const Logits logits;
  Rotary<double> rope(kLayout, kRows);
  LastTokens<double> last(rope, 5);
  const MatrixD all = logits.of(rope), some = logits.of(last);
  for (Index row = 0; row < all.rows(); ++row) {
    for (Index j = 0; j < all.cols(); ++j) {
      const bool visible = 4 + row % 16 - j < 5;
      REQUIRE((visible ? some(row, j) == all(row, j) : std::isinf(some(row, j)) && some(row, j) < 0));
    }
  }
}

TEST_CASE("randomized positions that have no choice are those of the text", "[extrapolation]") {
  const Logits logits;
  Rotary<double> rope(kLayout, 20);
  RandomizedRotary<double> drawn(kLayout, 20);
  drawn.begin(20, 3);
  REQUIRE((logits.of(drawn) - logits.of(rope)).cwiseAbs().maxCoeff() < 1e-14);
}

TEST_CASE("cells have the standard error of a mean, and distances their doublings", "[extrapolation]") {
  Cell cell;
  for (const double value : {1.0, 2.0, 4.0, 5.0}) cell.add(value);
  REQUIRE(cell.mean() == 3.0);
  REQUIRE(cell.standard_error() == Approx(std::sqrt(10.0 / 3 / 4)));
  REQUIRE(doubling(3, 8) == 0);
  REQUIRE(doubling(15, 8) == 0);
  REQUIRE(doubling(16, 8) == 1);
  REQUIRE(doubling(1023, 8) == 6);
}

TEST_CASE("a file of results is read back, its comments skipped", "[extrapolation]") {
  const std::string path = "extrapolation_test.csv";
  std::remove(path.c_str());
  Result result;
  result.encoding = "RoPE, then YaRN";
  REQUIRE_THROWS(append(path, result));  // a name with a comma would move the fields
  result.encoding = "RoPE then YaRN";
  result.seed = 2;
  result.rate = 0.003;
  result.steps = 3000;
  double value = 0;
  result.each([&](Result::Number& number, const std::string&) {
    number = {++value, value / 8, static_cast<int>(value)};
  });
  append(path, result);
  std::ofstream(path, std::ios::app) << "# a comment\n";
  append(path, result);
  auto read = read_results(path);
  std::remove(path.c_str());
  REQUIRE(read.size() == 2);
  for (Result& again : read) {
    REQUIRE(again.encoding == result.encoding);
    REQUIRE(again.seed == 2);
    value = 0;
    again.each([&](Result::Number& number, const std::string&) {
      ++value;
      REQUIRE(number.mean == value);
      REQUIRE(number.standard_error == value / 8);
      REQUIRE(number.n == static_cast<int>(value));
    });
  }
}
