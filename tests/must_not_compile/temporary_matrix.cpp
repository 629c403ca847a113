// SPDX-License-Identifier: MIT
// A temporary matrix would take the result with it.
// expect: the argument is a temporary matrix, and the result would be lost
#include "posenc/posenc.hpp"

int main() {
  const auto table = posenc::make_table<float>(posenc::geometric_frequencies(8, 10000), posenc::PositionRange(0, 4));
  const auto layout = posenc::RopeLayout::half_split(8);
  Eigen::MatrixXf q = Eigen::MatrixXf::Ones(4, 8);
#if defined(WRONG)
  posenc::apply_rope(Eigen::MatrixXf(q), table, layout);
#else
  posenc::apply_rope(Eigen::Map<Eigen::MatrixXf>(q.data(), 4, 8), table, layout);
#endif
}
