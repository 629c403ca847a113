// SPDX-License-Identifier: MIT
/// Owners and views of trained tables: copies, moves, files, and what does not convert.
#include "posenc/learnable.hpp"

#include "support/catch2.hpp"
#include "support/matrices.hpp"

#include <sstream>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

using namespace posenc_tests;
using posenc::LearnedTable;
using posenc::LearnedTableView;
using posenc::LookupOptions;
using posenc::Overflow;

namespace {

/// An array as it comes out of a file.
template <typename Scalar>
posenc::NpyArray<Scalar> through_a_file(const RowMatrix<Scalar>& values, const std::vector<Index>& shape) {
  std::stringstream file;
  posenc::write_npy(file, values, shape);
  return posenc::read_npy<Scalar>(file);
}

}  // namespace

TEST_CASE("a table owns its numbers: a copy is another, a moved one has no rows", "[learnable][table]") {
  LearnedTable<float> table(pattern<float>(5, 6), LookupOptions{Overflow::clamp, 0.4, 2});
  LearnedTable<float> copy = table;
  copy.values()(0, 0) = 42;
  CHECK(table.values()(0, 0) == pattern<float>(5, 6)(0, 0));
  const float* const numbers = table.row_data(0);
  const LearnedTable<float> moved = std::move(table);
  CHECK(moved.row_data(0) == numbers);
  CHECK(moved.options().overflow == Overflow::clamp);
  CHECK(moved.options().padding_row == 2);
  CHECK(table.rows() == 0);
  RowMatrix<float> x = RowMatrix<float>::Zero(2, 6);
  CHECK_THROWS_AS(posenc::add_learned(x, table, posenc::starting_at(0)), std::invalid_argument);
  table = copy;
  CHECK(table.values() == copy.values());
}

TEST_CASE("the shape of a table stays: its values are maps, which only a table of one's own lets write",
          "[learnable][table]") {
  LearnedTable<double> table(3, 4);
  CHECK((table.values().array() == 0).all());
  table.values().setOnes();
  const LearnedTable<double>& constant = table;
  CHECK(constant.values().sum() == 12);
  CHECK(constant.values().data() == table.values().data());
  STATIC_REQUIRE(std::is_same_v<decltype(table.values()), Eigen::Map<LearnedTable<double>::Matrix>>);
  STATIC_REQUIRE(std::is_same_v<decltype(constant.values()), Eigen::Map<const LearnedTable<double>::Matrix>>);
  STATIC_REQUIRE(std::is_same_v<decltype(std::declval<LearnedTable<double>>().values()), LearnedTable<double>::Matrix>);
}

TEST_CASE("owners and views do not convert to one another unasked", "[learnable][table]") {
  STATIC_REQUIRE(!std::is_convertible_v<LearnedTable<float>, LearnedTableView<float>>);
  STATIC_REQUIRE(!std::is_convertible_v<LearnedTableView<float>, LearnedTable<float>>);
  STATIC_REQUIRE(!std::is_convertible_v<RowMatrix<float>, LearnedTable<float>>);
  STATIC_REQUIRE(std::is_convertible_v<posenc::NpyArray<float>, LearnedTable<float>>);
}

TEST_CASE("a table is what a file holds", "[learnable][table]") {
  const RowMatrix<float> values = pattern<float>(6, 4);
  const LearnedTable<float> table = through_a_file(values, {6, 4});
  CHECK(table.values() == values);
  CHECK(table.options().overflow == Overflow::error);
  const LearnedTable<double> patches = through_a_file(values, {1, 1, 6, 4});  // [1, 1, rows, width]
  CHECK(patches.values() == values.cast<double>());
  const LearnedTable<float> clamped(through_a_file(values, {6, 4}), LookupOptions{Overflow::clamp, 0.4, {}});
  CHECK(clamped.options().overflow == Overflow::clamp);
  CHECK_THROWS_AS(LearnedTable<float>(through_a_file(values, {2, 3, 4})), std::invalid_argument);
  CHECK_THROWS_AS(LearnedTable<float>(through_a_file(values, {24})), std::invalid_argument);
}
