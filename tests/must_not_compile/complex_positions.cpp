// SPDX-License-Identifier: MIT
// Positions are real.
// expect: positions must be integers or real numbers
#include "posenc/posenc.hpp"

int main() {
  const auto frequencies = posenc::geometric_frequencies(8, 10000);
#if defined(WRONG)
  const Eigen::VectorXcd positions = Eigen::VectorXcd::Zero(4);
#else
  const Eigen::VectorXd positions = Eigen::VectorXd::Zero(4);
#endif
  posenc::make_table<float>(frequencies, positions);
}
