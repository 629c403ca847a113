// SPDX-License-Identifier: MIT
// A view of const values is only read.
// expect: the view that is written to must not hold const values
#include "posenc/posenc.hpp"

int main() {
  float values[32] = {};
  const auto table = posenc::make_table<float>(posenc::geometric_frequencies(8, 10000), posenc::PositionRange(0, 4));
  const auto layout = posenc::RopeLayout::half_split(8);
#if defined(WRONG)
  const float* const data = values;
#else
  float* const data = values;
#endif
  posenc::apply_rope(posenc::view_blhd(data, posenc::HeadsShape().batch(1).seq_len(4).num_heads(1).head_dim(8)), table,
                     layout);
}
