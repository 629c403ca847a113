// SPDX-License-Identifier: MIT
/// Positions of padded, packed and chunked text.
#include <cstdint>
#include <vector>

#include "posenc/positions.hpp"

#include "support/catch2.hpp"

TEST_CASE("positions of padded and packed text", "[positions][text]") {
  Eigen::MatrixXi mask(2, 4);
  mask << 0, 0, 1, 1, 1, 1, 1, 0;
  posenc::PositionIds expected(2, 4);
  expected << 1, 1, 0, 1, 0, 1, 2, 1;
  CHECK(posenc::padded_positions(mask) == expected);
  CHECK(posenc::padded_positions(mask, posenc::PastTokens(2)) == expected.rightCols(2));
  CHECK(posenc::padded_positions(mask, posenc::PastTokens(0), -1)(0, 0) == -1);
  CHECK(posenc::padded_positions(Eigen::Matrix2i::Identity() * mask) == expected);
  const Eigen::MatrixXi sums = Eigen::Matrix3i::Ones().triangularView<Eigen::StrictlyLower>();
  const Eigen::Vector3i documents(2, 1, 5), starts(4, 7, 0);
  CHECK(posenc::packed_positions(sums * documents) == (Eigen::Matrix<std::int64_t, 3, 1>() << 0, 1, 0).finished());
  CHECK(posenc::packed_positions(sums * documents, (Eigen::MatrixXi(2, 3) << 1, 0, 0, 0, 1, 0).finished() * starts) ==
        (Eigen::Matrix<std::int64_t, 3, 1>() << 4, 5, 7).finished());

  Eigen::Matrix<int, 1, 5> cu_seqlens(0, 3, 3, 5, 6);
  CHECK(posenc::packed_positions(cu_seqlens) == (Eigen::Matrix<std::int64_t, 6, 1>() << 0, 1, 2, 0, 1, 0).finished());
  CHECK(posenc::packed_positions(Eigen::Matrix<int, 1, 1>(0)).size() == 0);
}

TEST_CASE("dual chunk positions keep every distance within the trained length", "[positions][text]") {
  // chunk_size 10, local_size 2: chunks of 8.
  const auto first = posenc::dual_chunk_positions(5, 10, 2);
  CHECK(first.key == 5);
  CHECK(first.intra == 5);
  CHECK(first.successive == 10);
  CHECK(first.inter == 10);
  CHECK(first.successive_critical == 13);
  CHECK(first.inter_critical == 15);
  const auto later = posenc::dual_chunk_positions(8 * 1000 + 1, 10, 2);
  CHECK(later.key == 1);
  CHECK(later.successive == 9);
  for (std::int64_t p = 0; p < 200; ++p) {
    const auto at = posenc::dual_chunk_positions(p, 64, 16);
    const std::int64_t chunk = p / 48;
    for (std::int64_t k = 0; k <= p; ++k) {
      const std::int64_t key = posenc::dual_chunk_positions(k, 64, 16).key;
      const std::int64_t query = k / 48 == chunk ? at.intra : k / 48 == chunk - 1 ? at.successive : at.inter;
      if (query - key < 0 || query - key > 64) FAIL("query " << p << " key " << k);
      if (p - k <= 16 && k / 48 == chunk - 1 && query - key != p - k) FAIL("local " << p << " " << k);
    }
  }
}

TEST_CASE("positions of a ragged batch with a start for each sequence", "[positions][text]") {
  Eigen::Matrix<std::int64_t, 6, 1> expected;
  expected << 7, 8, 9, 2, 3, -1;
  CHECK(posenc::packed_positions(std::vector<int>{0, 3, 5, 5, 6}, std::vector<int>{7, 2, 100, -1}) == expected);
  CHECK(posenc::packed_positions(std::vector<int>{0, 3, 6}, std::vector<int>{0, 0}) ==
        posenc::packed_positions(std::vector<int>{0, 3, 6}));
  constexpr std::int64_t most = std::int64_t(1) << 57;
  CHECK(posenc::packed_positions(std::vector<int>{0, 2}, std::vector<std::int64_t>{most - 1})[1] == most);
}
