// SPDX-License-Identifier: MIT
// The same for the output of the out-of-place form.
// expect: the argument is a temporary matrix, and the result would be lost
#include "posenc/posenc.hpp"

int main() {
  const auto table = posenc::make_table<float>(posenc::geometric_frequencies(8, 10000), posenc::PositionRange(0, 4));
  const auto layout = posenc::RopeLayout::half_split(8);
  const Eigen::MatrixXf q = Eigen::MatrixXf::Ones(4, 8);
  Eigen::MatrixXf out(4, 8);
#if defined(WRONG)
  posenc::apply_rope(Eigen::MatrixXf(4, 8), q, table, layout);
#else
  posenc::apply_rope(out.leftCols(8), q, table, layout);
#endif
}
