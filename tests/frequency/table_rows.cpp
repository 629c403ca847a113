// SPDX-License-Identifier: MIT
/// Which row each token takes, by every word for it, as runs and token by token.
#include "support/catch2.hpp"

#include "posenc/frequency.hpp"

#include <array>
#include <stdexcept>
#include <vector>

namespace {

using Eigen::Index;
using posenc::each_sequence;
using posenc::from_row;
using posenc::PositionRange;
using posenc::rows;
using posenc::starting_at;

const posenc::FrequencyTable<float>& table() {  // positions 100 ... 109
  static const auto value = posenc::make_table<float>(posenc::geometric_frequencies(4, 1e4), PositionRange(100, 10));
  return value;
}

/// The rows of batch * seq_len tokens. Runs and single tokens must say the same.
template <typename Given>
std::vector<Index> rows_of(const Given& given, Index batch, Index seq_len) {
  std::vector<Index> by_run;
  const posenc::detail::TokenGrid tokens{"x", "x.rows()", batch, seq_len};
  posenc::detail::with_table_rows("f", table(), given, tokens, [&](const auto& resolved) {
    std::vector<Index> by_token;
    for (Index i = 0; i < batch * seq_len; ++i) by_token.push_back(resolved(i));
    resolved.for_each_run([&](Index token, Index count, Index row) {
      REQUIRE(token == static_cast<Index>(by_run.size()));
      for (Index i = 0; i < count; ++i) by_run.push_back(row + i);
    });
    REQUIRE(by_run == by_token);
  });
  return by_run;
}

using List = std::vector<Index>;

}  // namespace

TEST_CASE("one run of rows", "[frequency][table_rows]") {
  CHECK(rows_of(starting_at(103), 1, 3) == List{3, 4, 5});
  CHECK(rows_of(PositionRange(107, 3), 1, 3) == List{7, 8, 9});
  CHECK(rows_of(from_row(7u), 1, 3) == List{7, 8, 9});
  CHECK(rows_of(starting_at(109), 2, 1) == List{9, 9});
  CHECK(rows_of(posenc::detail::OneRowForEachToken{}, 1, 10) == List{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(rows_of(starting_at(100), 1, 0).empty());
  CHECK_THROWS_AS(rows_of(starting_at(108), 1, 3), std::out_of_range);
  CHECK_THROWS_AS(rows_of(from_row(10), 1, 1), std::out_of_range);
  CHECK_THROWS_AS(rows_of(posenc::detail::OneRowForEachToken{}, 1, 3), std::invalid_argument);
}

TEST_CASE("a list of rows or positions", "[frequency][table_rows]") {
  CHECK(rows_of(rows(std::vector<int>{9, 0, 3}), 1, 3) == List{9, 0, 3});
  CHECK(rows_of(std::array<std::int64_t, 3>{109, 100, 103}, 1, 3) == List{9, 0, 3});
  CHECK(rows_of(Eigen::Array3i(109, 100, 103), 1, 3) == List{9, 0, 3});
  const unsigned char c_array[] = {109, 100};
  CHECK(rows_of(c_array, 1, 2) == List{9, 0});
  // Shared by two sequences, or one for each token; a matrix is read along its rows in either storage.
  CHECK(rows_of(rows(Eigen::Array2i(4, 2)), 2, 2) == List{4, 2, 4, 2});
  const Eigen::Matrix2i ids = (Eigen::Matrix2i() << 1, 2, 3, 4).finished();
  CHECK(rows_of(rows(ids), 2, 2) == List{1, 2, 3, 4});
  CHECK_THROWS_AS(rows_of(rows(std::vector<int>{10}), 1, 1), std::out_of_range);
  CHECK_THROWS_AS(rows_of(std::vector<int>{99}, 1, 1), std::out_of_range);
}

TEST_CASE("each sequence of a stacked batch", "[frequency][table_rows]") {
  CHECK(rows_of(each_sequence(10), 1, 20).size() == 20);
  CHECK(rows_of(each_sequence(10), 1, 20)[10] == 0);
  CHECK(rows_of(each_sequence(2, starting_at(105)), 1, 4) == List{5, 6, 5, 6});
  CHECK(rows_of(each_sequence(2, from_row(5)), 2, 2) == List{5, 6, 5, 6});
  CHECK(rows_of(each_sequence(2, std::vector<int>{108, 100}), 1, 4) == List{8, 9, 0, 1});
  CHECK(rows_of(each_sequence(2, rows(Eigen::Array2i(8, 0))), 1, 4) == List{8, 9, 0, 1});
  CHECK(rows_of(each_sequence(1, std::vector<int>{}), 1, 0).empty());
  CHECK_THROWS_AS(rows_of(each_sequence(2, std::vector<int>{109, 100}), 1, 4), std::out_of_range);
  CHECK_THROWS_AS(rows_of(each_sequence(3, starting_at(100)), 1, 4), std::invalid_argument);
  CHECK_THROWS_AS(rows_of(each_sequence(5), 1, 10), std::invalid_argument);
}
