// SPDX-License-Identifier: MIT
// Positions are signed: half of uint64 does not fit.
// expect: positions must be signed integers
#include "posenc/posenc.hpp"

int main() {
  const auto frequencies = posenc::geometric_frequencies(8, 10000);
#if defined(WRONG)
  using Position = unsigned long long;
#else
  using Position = long long;
#endif
  const Eigen::Matrix<Position, Eigen::Dynamic, 1> positions = Eigen::Matrix<Position, Eigen::Dynamic, 1>::Zero(4);
  posenc::make_table<float>(frequencies, positions);
}
