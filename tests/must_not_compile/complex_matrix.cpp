// SPDX-License-Identifier: MIT
// Complex numbers are not pairs of channels.
// expect: the argument must hold real numbers
#include "posenc/posenc.hpp"

int main() {
  const auto table = posenc::make_table<float>(posenc::geometric_frequencies(8, 10000), posenc::PositionRange(0, 4));
  const auto layout = posenc::RopeLayout::half_split(8);
#if defined(WRONG)
  Eigen::MatrixXcf q = Eigen::MatrixXcf::Ones(4, 8);
#else
  Eigen::MatrixXf q = Eigen::MatrixXf::Ones(4, 8);
#endif
  posenc::apply_rope(q, table, layout);
}
