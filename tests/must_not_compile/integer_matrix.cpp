// SPDX-License-Identifier: MIT
// Integers cannot be turned.
// expect: the argument must hold real numbers
#include "posenc/posenc.hpp"

int main() {
  const auto table = posenc::make_table<float>(posenc::geometric_frequencies(8, 10000), posenc::PositionRange(0, 4));
  const auto layout = posenc::RopeLayout::half_split(8);
#if defined(WRONG)
  Eigen::MatrixXi q = Eigen::MatrixXi::Ones(4, 8);
#else
  Eigen::MatrixXd q = Eigen::MatrixXd::Ones(4, 8);
#endif
  posenc::apply_rope(q, table, layout);
}
