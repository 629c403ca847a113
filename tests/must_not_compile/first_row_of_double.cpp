// SPDX-License-Identifier: MIT
// The first row is an integer.
// expect: a bare number is neither a position nor a row
#include "posenc/posenc.hpp"

int main() {
  const auto table = posenc::make_table<float>(posenc::geometric_frequencies(8, 10000), posenc::PositionRange(0, 4));
  const auto layout = posenc::RopeLayout::half_split(8);
  Eigen::MatrixXf q = Eigen::MatrixXf::Ones(2, 8);
#if defined(WRONG)
  posenc::apply_rope(q, table, layout, 1.5);
#else
  posenc::apply_rope(q, table, layout, posenc::from_row(1));
#endif
}
