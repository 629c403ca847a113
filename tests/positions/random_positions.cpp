// SPDX-License-Identifier: MIT
/// Random and skip-wise positions.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "posenc/positions.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"

TEST_CASE("random positions are the same on every platform", "[positions][random][portable]") {
  const auto golden = posenc_tests::golden("positions/random.csv");
  const auto row = [&](const char* name) { return golden.block(name).matrix().row(0).transpose().eval(); };
  CHECK(posenc::random_positions(5, 100, posenc::Seed(1)).cast<double>() == row("random_5_of_100_seed_1"));
  CHECK(posenc::random_positions(16, 17, posenc::Seed(7)).cast<double>() == row("random_16_of_17_seed_7"));
  CHECK(posenc::random_positions(9, std::int64_t(1) << 40, posenc::Seed(-3)).cast<double>() ==
        row("random_9_of_2^40_seed_-3"));
  CHECK(posenc::skip_positions(std::vector<int>{3, 2}, 20, posenc::Seed(1)).cast<double>() ==
        row("skip_3_2_of_20_seed_1"));
  CHECK(posenc::skip_positions(std::vector<int>{4, 1, 7}, 4096, posenc::Seed(5)).cast<double>() ==
        row("skip_4_1_7_of_4096_seed_5"));
  CHECK(posenc::skip_positions(Eigen::Array2i(6, 6), 12, posenc::Seed(9)).cast<double>() ==
        row("skip_6_6_of_12_seed_9"));
  CHECK(golden.blocks.size() == 6);
}

TEST_CASE("random positions ascend, are new and equally likely", "[positions][random]") {
  // 3 of 6, 4,000 times: each position is expected 2,000 times with a standard deviation of sqrt(4000/4) = 32.
  Eigen::ArrayXi seen = Eigen::ArrayXi::Zero(6);
  for (int seed = 0; seed < 4000; ++seed) {
    const auto positions = posenc::random_positions(3, 6, posenc::Seed(seed));
    if (!(positions[0] < positions[1] && positions[1] < positions[2])) FAIL("seed " << seed);
    for (const std::int64_t p : positions) ++seen[static_cast<Eigen::Index>(p)];
  }
  CHECK((seen - 2000).abs().maxCoeff() < 5 * 32);
  CHECK(posenc::random_positions(4, 4, posenc::Seed(0)) == Eigen::Matrix<std::int64_t, 4, 1>(0, 1, 2, 3));
  CHECK(posenc::random_positions(0, 0, posenc::Seed(0)).size() == 0);
  CHECK(posenc::random_positions(2, std::int64_t(1) << 57, posenc::Seed(0))[1] < (std::int64_t(1) << 57));
}

TEST_CASE("chunks are contiguous, and skips reach the target length", "[positions][random]") {
  std::int64_t largest = 0;
  for (int seed = 0; seed < 500; ++seed) {
    const auto positions = posenc::skip_positions(std::vector<int>{2, 3, 1}, 12, posenc::Seed(seed));
    CHECK(positions[0] == 0);
    for (const Eigen::Index within : {0, 2, 3}) {
      if (positions[within + 1] != positions[within] + 1) FAIL("seed " << seed);
    }
    if (positions[2] < 2 || positions[5] <= positions[4] || positions[5] > 11) FAIL("seed " << seed);
    largest = (std::max)(largest, positions[5]);
  }
  CHECK(largest == 11);
}
