// SPDX-License-Identifier: MIT
// A bare integer could be a position or a row: it says which.
// expect: a bare number is neither a position nor a row
#include "posenc/posenc.hpp"

int main() {
  Eigen::MatrixXf x = Eigen::MatrixXf::Zero(2, 8);
#if defined(WRONG)
  posenc::add_sinusoidal(x, posenc::presets::paper(8), 7);
#else
  posenc::add_sinusoidal(x, posenc::presets::paper(8), posenc::starting_at(7));
#endif
}
