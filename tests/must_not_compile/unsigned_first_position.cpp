// SPDX-License-Identifier: MIT
// A first position is signed, as a list of positions is: half of uint64 does not fit.
// expect: positions must be signed integers
#include "posenc/posenc.hpp"

int main() {
#if defined(WRONG)
  using Position = unsigned long long;
#else
  using Position = long long;
#endif
  Eigen::MatrixXf x = Eigen::MatrixXf::Zero(2, 8);
  posenc::add_sinusoidal(x, posenc::Sinusoidal(8), Position(7));
}
