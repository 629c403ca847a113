// SPDX-License-Identifier: MIT
/// The windows that tests of window biases go through: square and not, and with a side of 1.
#ifndef POSENC_TESTS_RELATIVE_BIAS_WINDOW_SUPPORT_HPP
#define POSENC_TESTS_RELATIVE_BIAS_WINDOW_SUPPORT_HPP

#include "posenc/relative_bias.hpp"

#include <vector>

namespace posenc_tests {

inline const std::vector<posenc::GridShape> kWindows = {posenc::GridShape(3, 3), posenc::GridShape(2, 5),
                                                        posenc::GridShape(4, 2), posenc::GridShape(1, 6),
                                                        posenc::GridShape(6, 1), posenc::GridShape(1, 1)};

}  // namespace posenc_tests

#endif  // POSENC_TESTS_RELATIVE_BIAS_WINDOW_SUPPORT_HPP
