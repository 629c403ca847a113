// SPDX-License-Identifier: MIT
/// Positions of the tokens of grids.
#include <cmath>
#include <cstdint>

#include <posenc/positions.hpp>

#include "support/catch2.hpp"

namespace {

using Ids = posenc::AxisPositionMatrix<std::int64_t>;

}  // namespace

TEST_CASE("positions of grids", "[positions][grid]") {
  const Ids ids = posenc::grid_positions({2, 1, 3}, 5);
  Ids expected(6, 3);
  expected << 5, 5, 5, 5, 5, 6, 5, 5, 7, 6, 5, 5, 6, 5, 6, 6, 5, 7;
  CHECK(ids == expected);
  CHECK(posenc::grid_positions({3, 0}).rows() == 0);
  CHECK(posenc::grid_positions({3, 0}).cols() == 2);
  constexpr int kMost = 2147483647;
  CHECK(posenc::grid_positions({0, kMost, kMost, kMost}).rows() == 0);  // no token, whatever the product of the rest

  const auto centers = posenc::patch_centers({4, 5});
  CHECK(centers(0, 0) == -0.75);
  CHECK(centers(19, 0) == 0.75);
  CHECK(centers(2, 1) == 0);
  CHECK(std::abs(centers(0, 1) + 0.8) < 1e-15);
  const auto lines = posenc::linspace_positions({1, 5});
  CHECK((lines.col(0).array() == -1).all());
  CHECK(lines.col(1) == (Eigen::VectorXd(5) << -1, -0.5, 0, 0.5, 1).finished());
  CHECK(posenc::stretched_positions({4, 2}, {2, 6}).row(7) == Eigen::RowVector2d(1.5, 3));
}
