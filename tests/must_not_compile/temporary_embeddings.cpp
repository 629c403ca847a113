// SPDX-License-Identifier: MIT
// The same for embeddings.
// expect: the argument is a temporary matrix, and the result would be lost
#include "posenc/posenc.hpp"

int main() {
  Eigen::MatrixXf x = Eigen::MatrixXf::Ones(4, 8);
#if defined(WRONG)
  posenc::add_sinusoidal(Eigen::MatrixXf(x), posenc::presets::paper(8), posenc::starting_at(0));
#else
  posenc::add_sinusoidal(x.topRows(2), posenc::presets::paper(8), posenc::starting_at(0));
#endif
}
