// SPDX-License-Identifier: MIT
/// A position gives the same bits, whatever call it comes from.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>

#include "posenc/frequency.hpp"

#include "support/allocations.hpp"
#include "support/catch2.hpp"

namespace {

using posenc::Frequencies;
using posenc::make_table;

using Ids = Eigen::Array<std::int64_t, Eigen::Dynamic, 1>;

/// Also tells +0 from -0.
template <typename Scalar>
bool same_bits(const Scalar& a, const Scalar& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

template <typename Scalar>
bool same_row(const posenc::FrequencyTable<Scalar>& a, Eigen::Index row_a, const posenc::FrequencyTable<Scalar>& b,
              Eigen::Index row_b) {
  for (Eigen::Index i = 0; i < a.num_pairs(); ++i) {
    if (!same_bits(a.cos()(row_a, i), b.cos()(row_b, i)) || !same_bits(a.sin()(row_a, i), b.sin()(row_b, i))) {
      return false;
    }
  }
  return a.num_pairs() == b.num_pairs();
}

template <typename Scalar>
bool same_table(const posenc::FrequencyTable<Scalar>& a, const posenc::FrequencyTable<Scalar>& b) {
  if (a.rows() != b.rows() || a.magnitude() != b.magnitude()) return false;
  for (Eigen::Index row = 0; row < a.rows(); ++row) {
    if (!same_row(a, row, b, row)) return false;
  }
  return true;
}

// More than one chunk of 64 pairs, and a rest.
const Frequencies kFrequencies = posenc::geometric_frequencies(2 * 77, 1e4).with_magnitude(1.19);

}  // namespace

TEMPLATE_TEST_CASE("range, chunks, ids and whole real positions agree", "[frequency][table][determinism]", float,
                   double, Eigen::half, Eigen::bfloat16) {
  constexpr Eigen::Index rows = 100;
  for (const std::int64_t first :
       {std::int64_t(0), std::int64_t(-50), std::int64_t(131000), std::int64_t(1) << 24, (std::int64_t(1) << 40) + 3}) {
    INFO("first " << first);
    const auto whole = make_table<TestType>(kFrequencies, posenc::PositionRange(first, rows));
    REQUIRE(whole.rows() == rows);
    const Ids ids = Ids::LinSpaced(rows, first, first + rows - 1);
    REQUIRE(ids[rows - 1] == first + rows - 1);
    CHECK(same_table(whole, make_table<TestType>(kFrequencies, ids)));
    CHECK(same_table(whole, make_table<TestType>(kFrequencies, ids.cast<double>())));
    if (std::abs(first) < (1 << 23)) {
      CHECK(same_table(whole, make_table<TestType>(kFrequencies, ids.cast<float>())));
      CHECK(same_table(whole, make_table<TestType>(kFrequencies, ids.cast<std::int32_t>())));
    }
    for (const Eigen::Index chunk : {1, 7, 16, 33}) {
      bool same = true;
      for (Eigen::Index begin = 0; begin < rows; begin += chunk) {
        const Eigen::Index count = (std::min)(chunk, rows - begin);
        const auto part = make_table<TestType>(kFrequencies, posenc::PositionRange(first + begin, count));
        for (Eigen::Index row = 0; row < count; ++row) same = same && same_row(part, row, whole, begin + row);
      }
      INFO("chunk " << chunk);
      CHECK(same);
    }
    // Ids in another order.
    const Ids reversed = ids.reverse();
    const auto backwards = make_table<TestType>(kFrequencies, reversed);
    bool same = true;
    for (Eigen::Index row = 0; row < rows; ++row) same = same && same_row(backwards, row, whole, rows - 1 - row);
    CHECK(same);
  }
}

TEMPLATE_TEST_CASE("a fraction beside whole positions leaves them as they are", "[frequency][table][determinism]",
                   float, double) {
  const Eigen::Array<double, 5, 1> mixed(16.5, 17.0, 17.25, 17.0, -0.75);
  const auto table = make_table<TestType>(kFrequencies, mixed);
  const auto whole = make_table<TestType>(kFrequencies, posenc::PositionRange(17, 1));
  CHECK(same_row(table, 1, whole, 0));
  CHECK(same_row(table, 3, whole, 0));
  CHECK(same_row(table, 2, make_table<TestType>(kFrequencies, Eigen::Array<double, 1, 1>(17.25)), 0));
}

TEMPLATE_TEST_CASE("fill_table() is make_table() without the allocation", "[frequency][table][determinism]", float,
                   double, Eigen::half) {
  using posenc::CosSinStorage;
  const Ids ids = Ids::LinSpaced(5, 3, 7) * 1001;
  const Eigen::ArrayXd real = ids.cast<double>() + 0.5;
  for (const CosSinStorage storage : {CosSinStorage::cos_sin, CosSinStorage::paired, CosSinStorage::repeated}) {
    for (const posenc::AngleMode angles : {posenc::AngleMode::exact, posenc::AngleMode::float32}) {
      const posenc::TableOptions options{storage, angles};
      auto table =
          make_table<TestType>(posenc::geometric_frequencies(2 * 77, 5e5), posenc::PositionRange(0, 5), options);
      fill_table(table, kFrequencies, posenc::PositionRange(-3, 5));
      CHECK(same_table(table, make_table<TestType>(kFrequencies, posenc::PositionRange(-3, 5), options)));
      fill_table(table, kFrequencies, ids);
      CHECK(same_table(table, make_table<TestType>(kFrequencies, ids, options)));
      fill_table(table, kFrequencies, real);
      CHECK(same_table(table, make_table<TestType>(kFrequencies, real, options)));
      CHECK(table.angles() == angles);
      posenc::FrequencyTable<TestType> zeros(5, 77, options);
      fill_table(zeros, kFrequencies, ids);
      CHECK(same_table(zeros, make_table<TestType>(kFrequencies, ids, options)));
      if (!posenc_tests::kCountsAllocations) continue;
      CHECK(posenc_tests::count_allocations([&] { fill_table(table, kFrequencies, posenc::PositionRange(7, 5)); }) ==
            0);
      CHECK(posenc_tests::count_allocations([&] { fill_table(table, kFrequencies, ids); }) == 0);
      CHECK(posenc_tests::count_allocations([&] { fill_table(table, kFrequencies, real); }) == 0);
    }
  }
}

TEST_CASE("make_table() allocates once, which the counter sees", "[frequency][table][allocations]") {
  if (posenc_tests::skip_without_allocation_count("allocations of make_table")) return;
  CHECK(posenc_tests::count_allocations([] { make_table<float>(kFrequencies, posenc::PositionRange(0, 100)); }) == 1);
  CHECK(posenc_tests::count_allocations([] { Eigen::ArrayXd(100).setZero(); }) == 1);
  CHECK(posenc_tests::count_allocations([] { ::operator delete(::operator new(100)); }) == 1);
}

TEMPLATE_TEST_CASE("a negative position rotates the other way, bit for bit", "[frequency][table][determinism]", float,
                   double, Eigen::half, Eigen::bfloat16) {
  Ids ids(7);
  ids << 1, 15, 16, 4080, 131071, (1 << 24) + 1, std::int64_t(1) << 52;
  const auto forward = make_table<TestType>(kFrequencies, ids);
  const auto backward = make_table<TestType>(kFrequencies, -ids);
  const Eigen::ArrayXd real = ids.cast<double>() + 0.375;
  const auto forward_real = make_table<TestType>(kFrequencies, real);
  const auto backward_real = make_table<TestType>(kFrequencies, -real);
  bool same = true;
  for (Eigen::Index row = 0; row < ids.size(); ++row) {
    for (Eigen::Index i = 0; i < kFrequencies.num_pairs(); ++i) {
      same = same && same_bits(forward.cos()(row, i), backward.cos()(row, i));
      same = same && same_bits(TestType(-forward.sin()(row, i)), backward.sin()(row, i));
      same = same && same_bits(forward_real.cos()(row, i), backward_real.cos()(row, i));
      same = same && same_bits(TestType(-forward_real.sin()(row, i)), backward_real.sin()(row, i));
    }
  }
  CHECK(same);
}

TEST_CASE("a position is the sum of an anchor and an offset, exactly", "[frequency][determinism]") {
  using posenc::detail::split_position;
  const double below_half = std::nextafter(16.0, 0.0);
  for (const double position : {0.0, 0x1p-1000, 1.5, below_half, 16.0, 31.0, 32 + below_half, 48.0, 4080.25,
                                0x1p52 + 15, 0x1p57, 0x1.23456789abcdep60, 0x1p900}) {
    for (const double signed_position : {position, -position}) {
      const auto split = split_position(signed_position);
      INFO(signed_position);
      CHECK(static_cast<long double>(split.anchor) + static_cast<long double>(split.offset) == signed_position);
      CHECK(std::remainder(split.anchor, 32.0) == 0);
      CHECK(std::abs(split.offset) <= 16);
      CHECK(split.anchor == std::copysign(split_position(position).anchor, signed_position));
      if (position != std::floor(position) || position > 0x1p57) continue;
      const auto of_integer = split_position(static_cast<std::int64_t>(signed_position));
      CHECK(of_integer.anchor == split.anchor);
      CHECK(of_integer.offset == split.offset);
    }
  }
}

TEST_CASE("real positions whose differences are rounded stay what they are", "[frequency][table][determinism]") {
  Eigen::ArrayXd positions(6);
  positions << 0x1p54, 0x1p54, 0x1p54 + 4, -1, 0x1p-60, 1;
  const auto together = make_table<double>(kFrequencies, positions);
  for (Eigen::Index row = 0; row < positions.size(); ++row) {
    INFO(positions[row]);
    CHECK(same_row(together, row, make_table<double>(kFrequencies, positions.segment(row, 1).eval()), 0));
  }
}

TEST_CASE("position zero and the last positions", "[frequency][table][determinism]") {
  const auto zero = make_table<double>(kFrequencies, posenc::PositionRange(0, 1));
  CHECK((zero.cos() == 1.19).all());
  CHECK((zero.sin() == 0).all());
  for (Eigen::Index i = 0; i < 77; ++i) CHECK(!std::signbit(zero.sin()(0, i)));

  // Up to 2^57 double holds the anchors, multiples of 32, exactly.
  constexpr std::int64_t last = std::int64_t(1) << 57;
  const auto low = make_table<double>(kFrequencies, posenc::PositionRange(-last, 2));
  CHECK(same_row(low, 0, make_table<double>(kFrequencies, Eigen::Array<double, 1, 1>(-0x1p57)), 0));
  const auto high = make_table<double>(kFrequencies, posenc::PositionRange(last - 1, 2));
  for (Eigen::Index i = 0; i < 77; ++i) {
    CHECK(std::abs(low.cos()(0, i)) <= 1.19 * (1 + 0x1p-50));
    CHECK(std::abs(high.cos()(1, i)) <= 1.19 * (1 + 0x1p-50));
  }
  const Ids both = (Ids(2) << -last, last).finished();
  const auto ends = make_table<double>(kFrequencies, both);
  CHECK(same_row(ends, 0, low, 0));
  CHECK(same_row(ends, 1, high, 1));
}

TEST_CASE("no rows are no error", "[frequency][table]") {
  CHECK(make_table<float>(kFrequencies, posenc::PositionRange(5, 0)).rows() == 0);
  CHECK(make_table<float>(kFrequencies, Ids(0)).rows() == 0);
  CHECK(make_table<float>(kFrequencies, Eigen::ArrayXd(0)).rows() == 0);
  auto table = make_table<float>(kFrequencies, posenc::PositionRange(0, 0));
  fill_table(table, kFrequencies, posenc::PositionRange(3, 0));
  CHECK(table.cos().rows() == 0);
  // Of more pairs than are computed at once.
  const Frequencies wide = posenc::geometric_frequencies(260, 1e4);
  CHECK(make_table<float>(wide, posenc::PositionRange(0, 0)).rows() == 0);
  CHECK(
      make_table<float>(wide, posenc::PositionRange(0, 0), {posenc::CosSinStorage::cos_sin, posenc::AngleMode::float32})
          .rows() == 0);
  CHECK(
      make_table<float>(wide, posenc::contiguous_axes({65, 65}), Eigen::Matrix<int, Eigen::Dynamic, 2>(0, 2)).rows() ==
      0);
}

TEST_CASE("a matrix of ids is read along its rows", "[frequency][table]") {
  Eigen::Matrix<std::int64_t, 2, 3> ids;
  ids << 0, 1, 2, 7, 8, 9;
  const Ids flat = (Ids(6) << 0, 1, 2, 7, 8, 9).finished();
  const auto expected = make_table<float>(kFrequencies, flat);
  CHECK(same_table(make_table<float>(kFrequencies, ids), expected));
  const Eigen::Matrix<std::int64_t, 2, 3, Eigen::RowMajor> row_major = ids;
  CHECK(same_table(make_table<float>(kFrequencies, row_major), expected));
  CHECK(same_table(make_table<float>(kFrequencies, flat.transpose()), expected));
}
