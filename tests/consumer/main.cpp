// SPDX-License-Identifier: MIT
// What every consumer builds and runs.
#include <posenc/posenc.hpp>

int main() {
  Eigen::MatrixXd x = Eigen::MatrixXd::Ones(3, 8);
  const auto table = posenc::make_table<double>(posenc::geometric_frequencies(8, 10000), posenc::PositionRange(0, 3));
  posenc::apply_rope(x, table, posenc::RopeLayout::half_split(8));
  const bool turned = x(0, 0) == 1 && x(1, 0) != 1;
  return turned ? 0 : 1;
}
