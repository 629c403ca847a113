// SPDX-License-Identifier: MIT
// The table of a resized window is written to.
// expect: the argument is a temporary matrix, and the result would be lost
#include "posenc/posenc.hpp"

int main() {
  const auto rule =
      posenc::WindowResize(posenc::GridShape(2, 2), posenc::GridShape(3, 3), posenc::WindowFilter::bicubic);
  const Eigen::MatrixXf weights = Eigen::MatrixXf::Ones(9, 1);
  Eigen::MatrixXf out(25, 1);
#if defined(WRONG)
  posenc::resize(Eigen::MatrixXf(25, 1), weights, rule);
#else
  posenc::resize(out.leftCols(1), weights, rule);
#endif
}
