// SPDX-License-Identifier: MIT
// RoPE in one screen: the score of a query and a key depends only on the distance between them.
//
//   g++ -std=c++17 -O2 -I include -I /usr/include/eigen3 examples/01_quickstart.cpp -o quickstart && ./quickstart
//
// Prints:
//   scores at positions 0 to 4 (row = query, column = key):
//   3.43915 3.72798 3.78947 3.66902 3.50647
//   3.01933 3.43915 3.72798 3.78947 3.66902
//   2.64434 3.01933 3.43915 3.72798 3.78947
//   2.44609 2.64434 3.01933 3.43915 3.72798
//   2.42774 2.44609 2.64434 3.01933 3.43915
//
//   and at positions 1000000 to 1000004:
//   3.43915 3.72798 3.78947 3.66902 3.50647
//   3.01933 3.43915 3.72798 3.78947 3.66902
//   2.64434 3.01933 3.43915 3.72798 3.78947
//   2.44609 2.64434 3.01933 3.43915 3.72798
//   2.42774 2.44609 2.64434 3.01933 3.43915
//
//   one score for each distance: ok
#include "posenc/posenc.hpp"

#include <cmath>
#include <cstdint>
#include <iostream>

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

int main() {
  const Eigen::Index head_dim = 64;
  const Eigen::Index tokens = 5;
  const auto frequencies = posenc::geometric_frequencies(head_dim, 10000.0);  // once for a model: rope_theta 10000
  const auto layout = posenc::RopeLayout::half_split(head_dim);               // as the model was trained

  const auto scores = [&](std::int64_t first_position) -> Matrix {
    Matrix q = Eigen::RowVectorXf::LinSpaced(head_dim, -1, 1).replicate(tokens, 1);    // [tokens, head_dim]
    Matrix k = Eigen::RowVectorXf::LinSpaced(head_dim, -0.5, 2).replicate(tokens, 1);  // [tokens, head_dim]
    const auto table = posenc::make_table<float>(frequencies, posenc::PositionRange(first_position, tokens));
    posenc::apply_rope(q, table, layout);
    posenc::apply_rope(k, table, layout);
    return q * k.transpose() / std::sqrt(static_cast<float>(head_dim));  // [tokens, tokens]
  };

  const Matrix here = scores(0);
  const Matrix far_away = scores(1000000);
  std::cout << "scores at positions 0 to 4 (row = query, column = key):\n"
            << here << "\n\n"
            << "and at positions 1000000 to 1000004:\n"
            << far_away << "\n\n";

  // Every diagonal holds one number, up to the rounding of float; and the position itself does not matter.
  const float along_diagonals = (here.topLeftCorner(4, 4) - here.bottomRightCorner(4, 4)).cwiseAbs().maxCoeff();
  const float far_from_here = (here - far_away).cwiseAbs().maxCoeff();
  const bool ok = along_diagonals < 1e-5F && far_from_here < 1e-5F;
  std::cout << "one score for each distance: " << (ok ? "ok\n" : "FAILED\n");
  return ok ? 0 : 1;
}
