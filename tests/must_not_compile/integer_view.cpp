// SPDX-License-Identifier: MIT
// Integers cannot be turned in raw buffers either.
// expect: a view holds float, double, Eigen::half or Eigen::bfloat16
#include "posenc/posenc.hpp"

int main() {
  const auto table = posenc::make_table<float>(posenc::geometric_frequencies(8, 10000), posenc::PositionRange(0, 4));
  const auto layout = posenc::RopeLayout::half_split(8);
#if defined(WRONG)
  int data[32] = {};
#else
  double data[32] = {};
#endif
  posenc::apply_rope(posenc::view_blhd(data, posenc::HeadsShape().batch(1).seq_len(4).num_heads(1).head_dim(8)), table,
                     layout);
}
