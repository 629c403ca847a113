// SPDX-License-Identifier: MIT
/// make_table() and fill_table(): ranges, lists of every kind, and what is refused before anything is written.
#include <array>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "posenc/frequency.hpp"

#include "support/catch2.hpp"

namespace {

using posenc::FrequencyTable;
using posenc::make_table;
using posenc::PositionRange;
using posenc::starting_at;

const posenc::Frequencies kFrequencies = posenc::geometric_frequencies(20, 1e4);

template <typename A, typename B>
bool same_table(const A& a, const B& b) {
  return (a.cos() == b.cos()).all() && (a.sin() == b.sin()).all();
}

/// Tables that are made of and filled by `positions` have the numbers of 3, 1, 4.
template <typename Positions>
void check_list(const Positions& positions) {
  const auto expected = make_table<float>(kFrequencies, Eigen::Array3i(3, 1, 4));
  CHECK(same_table(make_table<float>(kFrequencies, positions), expected));
  FrequencyTable<float> filled(3, 10);
  fill_table(filled, kFrequencies, positions);
  CHECK(same_table(filled, expected));
}

}  // namespace

TEST_CASE("any list of numbers is a list of positions", "[frequency][table]") {
  const std::vector<int> ints{3, 1, 4};
  check_list(ints);
  check_list(std::vector<std::uint64_t>{3, 1, 4});
  check_list(std::vector<double>{3, 1, 4});
  check_list(std::array<std::int16_t, 3>{3, 1, 4});
  const float floats[] = {3, 1, 4};
  check_list(floats);
  check_list(Eigen::RowVector3d(3, 1, 4));
  const Eigen::Array4i more(2, 3, 1, 4);
  check_list(more.tail(3));
  check_list(more.tail(3) + 0);
  check_list(Eigen::Map<const Eigen::ArrayXi>(ints.data(), 3));
}

TEST_CASE("starting_at() fills as many rows as the table has", "[frequency][table]") {
  FrequencyTable<double> table(5, 10);
  fill_table(table, kFrequencies, starting_at(1000));
  CHECK(same_table(table, make_table<double>(kFrequencies, PositionRange(1000, 5))));
  CHECK(table.first_position() == 1000);
  FrequencyTable<double> none(0, 10);
  fill_table(none, kFrequencies, starting_at(7));
  CHECK(none.rows() == 0);
}

TEST_CASE("positions whose angles are not finite are refused, and the table stays", "[frequency][table]") {
  const posenc::Frequencies fast(Eigen::Array2d(1e10, 1));
  auto table = make_table<double>(fast, PositionRange(7, 2));
  const FrequencyTable<double> before = table;
  const Eigen::Array2d far(5, 1e300);  // the product is no double: its cosine was NaN
  CHECK_THROWS_AS(make_table<double>(fast, far), std::out_of_range);
  CHECK_THROWS_AS(fill_table(table, fast, far), std::out_of_range);
  // Beyond 2^57 the anchors of positions are not doubles: cos(2^57 + 17) was off by 0.18.
  const std::int64_t beyond = (std::int64_t(1) << 57) + 17;
  CHECK_THROWS_AS(fill_table(table, fast, std::vector<std::int64_t>{1, beyond}), std::out_of_range);
  CHECK_THROWS_AS(fill_table(table, fast, std::vector<std::int64_t>{1, -beyond}), std::out_of_range);
  CHECK_THROWS_AS(fill_table(table, fast, starting_at(beyond - 17)), std::out_of_range);
  CHECK(same_table(table, before));
  CHECK(table.first_position() == 7);
  // Integers are finite, but not times any frequency.
  const posenc::Frequencies fastest(Eigen::Array2d(1e300, 1));
  CHECK_THROWS_AS(make_table<double>(fastest, PositionRange(0, 1 << 30)), std::out_of_range);
  CHECK(make_table<double>(fastest, PositionRange(0, 2)).cos().isFinite().all());
  // In float the angle overflows sooner.
  const posenc::TableOptions float32{posenc::CosSinStorage::cos_sin, posenc::AngleMode::float32};
  CHECK_THROWS_AS(make_table<double>(fast, Eigen::Array2d(5, 1e30), float32), std::out_of_range);
  CHECK(make_table<double>(fast, Eigen::Array2d(5, 1e30)).cos().isFinite().all());
  CHECK_THROWS_AS(make_table<double>(fastest, PositionRange(0, 2), float32), std::out_of_range);
}
