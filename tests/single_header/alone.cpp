// SPDX-License-Identifier: MIT
// Compiled against single_include alone.
#include <posenc/posenc.hpp>

int main() {
  Eigen::MatrixXf q = Eigen::MatrixXf::Ones(4, 16);
  const auto frequencies = posenc::geometric_frequencies(8, 10000);
  const auto table = posenc::make_table<float>(frequencies, posenc::PositionRange(0, q.rows()));
  posenc::apply_rope(q, table, posenc::RopeLayout::half_split(8));
  posenc::add_sinusoidal(q, posenc::presets::paper(16), posenc::starting_at(0));
}
