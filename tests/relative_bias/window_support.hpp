// SPDX-License-Identifier: MIT
/// The windows that tests of window biases go through: square and not, and with a side of 1. Their gradient in its order.
#ifndef POSENC_TESTS_RELATIVE_BIAS_WINDOW_SUPPORT_HPP
#define POSENC_TESTS_RELATIVE_BIAS_WINDOW_SUPPORT_HPP

#include "posenc/relative_bias.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace posenc_tests {

inline const std::vector<posenc::GridShape> kWindows = {posenc::GridShape(3, 3), posenc::GridShape(2, 5),
                                                        posenc::GridShape(4, 2), posenc::GridShape(1, 6),
                                                        posenc::GridShape(6, 1), posenc::GridShape(1, 1)};

/// sums(displacement from t to u) += grad(t, u): column by column of the queries, and what has one displacement there
/// summed first, row by row.
template <typename Scalar>
void add_column_sums(std::ptrdiff_t height, std::ptrdiff_t width, const Scalar* grad, std::ptrdiff_t stride,
                     Scalar* sums) {
  for (std::ptrdiff_t column = 0; column < width; ++column) {
    for (std::ptrdiff_t down = 1 - height; down < height; ++down) {
      for (std::ptrdiff_t key_column = 0; key_column < width; ++key_column) {
        const std::ptrdiff_t first = std::max<std::ptrdiff_t>(0, -down);
        const std::ptrdiff_t end = std::min(height, height - down);
        Scalar sum = grad[(first * width + column) * stride + (first + down) * width + key_column];
        for (std::ptrdiff_t row = first + 1; row < end; ++row) {
          sum += grad[(row * width + column) * stride + (row + down) * width + key_column];
        }
        sums[(down + height - 1) * (2 * width - 1) + key_column - column + width - 1] += sum;
      }
    }
  }
}

}  // namespace posenc_tests

#endif  // POSENC_TESTS_RELATIVE_BIAS_WINDOW_SUPPORT_HPP
