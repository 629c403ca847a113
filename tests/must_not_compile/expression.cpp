// SPDX-License-Identifier: MIT
// A computed expression cannot be written to.
// expect: the argument is written to, but (it is const|this expression cannot be)
#include "posenc/posenc.hpp"

int main() {
  const auto table = posenc::make_table<float>(posenc::geometric_frequencies(8, 10000), posenc::PositionRange(0, 4));
  const auto layout = posenc::RopeLayout::half_split(8);
  Eigen::MatrixXf q = Eigen::MatrixXf::Ones(4, 8);
#if defined(WRONG)
  posenc::apply_rope(q + q, table, layout);
#else
  posenc::apply_rope(q.topRows(4), table, layout);
#endif
}
