// SPDX-License-Identifier: MIT
/// The windows that tests of window biases go through: square and not, and with a side of 1.
#ifndef POSENC_TESTS_RELATIVE_BIAS_WINDOW_SUPPORT_HPP
#define POSENC_TESTS_RELATIVE_BIAS_WINDOW_SUPPORT_HPP

#include "posenc/relative_bias.hpp"

#include <vector>

namespace posenc_tests {

inline const std::vector<posenc::WindowShape> kWindows = {posenc::WindowShape(3, 3), posenc::WindowShape(2, 5),
                                                          posenc::WindowShape(4, 2), posenc::WindowShape(1, 6),
                                                          posenc::WindowShape(6, 1), posenc::WindowShape(1, 1)};

}  // namespace posenc_tests

#endif  // POSENC_TESTS_RELATIVE_BIAS_WINDOW_SUPPORT_HPP
