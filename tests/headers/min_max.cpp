// SPDX-License-Identifier: MIT
// <windows.h> defines min and max as macros. posenc compiles after it; not every standard header does, so those come
// first.
#include "outside.hpp"

#define min(a, b) (((a) < (b)) ? (a) : (b))
#define max(a, b) (((a) > (b)) ? (a) : (b))

#include "posenc/posenc.hpp"

void use_after_min_max() {
  Eigen::MatrixXf x = Eigen::MatrixXf::Zero(2, 8);
  const auto table = posenc::make_table<float>(posenc::geometric_frequencies(8, 10000), posenc::PositionRange(0, 2));
  posenc::apply_rope(x, table, posenc::RopeLayout::half_split(8));
  posenc::add_sinusoidal(x, posenc::presets::paper(8), posenc::starting_at(0));
}
