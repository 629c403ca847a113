// SPDX-License-Identifier: MIT
// A table holds floating-point numbers.
// expect: a FrequencyTable holds float, double, Eigen::half or Eigen::bfloat16
#include "posenc/posenc.hpp"

int main() {
  const auto frequencies = posenc::geometric_frequencies(8, 10000);
#if defined(WRONG)
  const auto table = posenc::make_table<int>(frequencies, posenc::PositionRange(0, 4));
#else
  const auto table = posenc::make_table<Eigen::half>(frequencies, posenc::PositionRange(0, 4));
#endif
  (void)table;
}
