// SPDX-License-Identifier: MIT
// Half types skip every second position beyond 2048, or 256.
// expect: half types hold whole positions only up to 2048
#include "posenc/posenc.hpp"

int main() {
  const auto frequencies = posenc::geometric_frequencies(8, 10000);
#if defined(WRONG)
  using Scalar = Eigen::half;
#else
  using Scalar = float;
#endif
  const Eigen::Array<Scalar, 4, 1> positions = Eigen::Array<Scalar, 4, 1>::Zero();
  posenc::make_table<float>(frequencies, positions);
}
