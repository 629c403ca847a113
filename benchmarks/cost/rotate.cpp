// SPDX-License-Identifier: MIT
// What a program compiles that makes one table and rotates by it: cost.py measures this file.
#include <posenc/rope.hpp>

void rotate(Eigen::Ref<Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> x) {
  const auto table =
      posenc::make_table<float>(posenc::geometric_frequencies(128, 10000.0), posenc::PositionRange(0, x.rows()));
  posenc::apply_rope(x, table, posenc::RopeLayout::half_split(128));
}
