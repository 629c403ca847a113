// SPDX-License-Identifier: MIT
// A const matrix cannot be written to.
// expect: the argument is written to, but (it is const|this expression cannot be)
#include "posenc/posenc.hpp"

int main() {
  const auto table = posenc::make_table<float>(posenc::geometric_frequencies(8, 10000), posenc::PositionRange(0, 4));
  const auto layout = posenc::RopeLayout::half_split(8);
#if defined(WRONG)
  const Eigen::MatrixXf q = Eigen::MatrixXf::Ones(4, 8);
#else
  Eigen::MatrixXf q = Eigen::MatrixXf::Ones(4, 8);
#endif
  posenc::apply_rope(q, table, layout);
}
