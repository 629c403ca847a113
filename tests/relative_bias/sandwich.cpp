// SPDX-License-Identifier: MIT
#include "relative_bias/scheme_support.hpp"

using namespace posenc_tests;
using posenc::DistanceRange;

TEST_CASE("Sandwich", "[relative_bias][sandwich][accuracy]") {
  for (const double base : {10000.0, 500.0}) {
    require_scheme(
        3, [&](DistanceRange range) { return posenc::make_sandwich_table<double>(3, 10, range, base); },
        [&](Index h, double d) {
          double sum = -5;
          for (int m = 1; m <= 5; ++m) sum += std::cos(d * std::pow(base, -2.0 * m / 10));
          return sum / (8 * static_cast<double>(h + 1) / 3);
        },
        // Angles up to 43 carry half an ulp of 64 each, then five cosines and a few operations.
        5 * 64 * kEpsilon);
  }
}
