// SPDX-License-Identifier: MIT
// A list of table rows holds integers.
// expect: a table has rows at whole numbers
#include "posenc/posenc.hpp"

int main() {
  const auto table = posenc::make_table<float>(posenc::geometric_frequencies(8, 10000), posenc::PositionRange(0, 4));
  const auto layout = posenc::RopeLayout::half_split(8);
  Eigen::MatrixXf q = Eigen::MatrixXf::Ones(4, 8);
#if defined(WRONG)
  const Eigen::VectorXf rows = Eigen::VectorXf::Zero(4);
#else
  const Eigen::VectorXi rows = Eigen::VectorXi::Zero(4);
#endif
  posenc::apply_rope(q, table, layout, posenc::rows(rows));
}
