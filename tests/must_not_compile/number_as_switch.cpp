// SPDX-License-Identifier: MIT
// A scale is given where DETR asks whether positions are normalized.
// expect: a number is given where the parameter is true or false
#include "posenc/posenc.hpp"

int main() {
#if defined(WRONG)
  return static_cast<int>(posenc::presets::detr_positions(Eigen::MatrixXi::Ones(2, 2), 6.28).rows());
#else
  return static_cast<int>(posenc::presets::detr_positions(Eigen::MatrixXi::Ones(2, 2), true, 6.28).rows() - 4);
#endif
}
