// SPDX-License-Identifier: MIT
// The table of a resized window is written to.
// expect: the argument is a temporary matrix, and the result would be lost
#include "posenc/posenc.hpp"

int main() {
  const Eigen::MatrixXf weights = Eigen::MatrixXf::Ones(9, 1);
  Eigen::MatrixXf out(25, 1);
#if defined(WRONG)
  posenc::resize_window_bicubic(Eigen::MatrixXf(25, 1), weights, {{2, 2}, {3, 3}});
#else
  posenc::resize_window_bicubic(out.leftCols(1), weights, {{2, 2}, {3, 3}});
#endif
}
