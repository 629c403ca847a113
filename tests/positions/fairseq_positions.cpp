// SPDX-License-Identifier: MIT
/// Positions of OPT and RoBERTa.
#include <cstdint>

#include "posenc/positions.hpp"

#include "support/catch2.hpp"

TEST_CASE("position ids of OPT and RoBERTa", "[positions][fairseq]") {
  Eigen::MatrixXi mask(2, 5);
  mask << 0, 0, 1, 1, 1,  //
      1, 1, 1, 1, 0;
  posenc::PositionIds expected(2, 5);
  expected << 1, 1, 2, 3, 4,  //
      2, 3, 4, 5, 1;
  CHECK(posenc::presets::opt_positions(mask) == expected);
  CHECK(posenc::presets::opt_positions(mask, posenc::PastTokens(3)) == expected.rightCols(2));
  CHECK(posenc::presets::opt_positions(mask.cast<bool>()) == expected);
  CHECK(posenc::presets::opt_positions(mask.cast<float>(), posenc::PastTokens(5)).cols() == 0);

  Eigen::Matrix<std::int64_t, 2, 4> tokens;
  tokens << 0, 9, 2, 1,  //
      1, 7, 7, 2;
  posenc::PositionIds roberta(2, 4);
  roberta << 2, 3, 4, 1,  //
      1, 2, 3, 4;
  CHECK(posenc::presets::roberta_positions(tokens, 1, posenc::PastTokens(0)) == roberta);
  roberta << 12, 13, 14, 1,  //
      1, 12, 13, 14;
  CHECK(posenc::presets::roberta_positions(tokens, 1, posenc::PastTokens(10)) == roberta);
}
