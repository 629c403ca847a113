// SPDX-License-Identifier: MIT
// Which channels pair up is never implied.
// expect: posenc: layout is missing
#include "posenc/posenc.hpp"

int main() {
  const auto table = posenc::make_table<float>(posenc::geometric_frequencies(8, 10000), posenc::PositionRange(0, 4));
  const auto layout = posenc::RopeLayout::half_split(8);
  Eigen::MatrixXf q = Eigen::MatrixXf::Ones(4, 8);
#if defined(WRONG)
  (void)layout;
  posenc::apply_rope(q, table);
#else
  posenc::apply_rope(q, table, layout);
#endif
}
