// SPDX-License-Identifier: MIT
// Compiled several times, each time with other flags and another name for UNIT().
#include "posenc/posenc.hpp"

/// Sets `score` to q.k of one head after RoPE at positions 3 and 10 on channels of ones, plus an encoding's last value.
void UNIT(double* score);
void UNIT(double* score) {
  Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> x;
  x.setOnes(11, 64);
  const auto frequencies = posenc::geometric_frequencies(64, 10000);
  const auto table = posenc::make_table<float>(frequencies, posenc::PositionRange(0, 11));
  const auto copy = table;
  posenc::apply_rope(x, copy, posenc::RopeLayout::half_split(64));
  *score = static_cast<double>(x.row(3).dot(x.row(10)));
  const auto encoding = posenc::make_sinusoidal<double>(posenc::presets::paper(64), posenc::PositionRange(0, 11));
  *score += encoding(10, 63);
}
