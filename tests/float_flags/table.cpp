// SPDX-License-Identifier: MIT
/// What make_table() promises must hold under compiler flags that change how doubles are computed.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>

#include <posenc/frequency.hpp>

int main() {
  const auto frequencies = posenc::geometric_frequencies(128, 10000);
  double worst = 0;  // |error| over what is promised for double
  for (const std::int64_t position : {0, 1, 17, 100, 4095, 131071, 16777216}) {
    const auto table = posenc::make_table<double>(frequencies, posenc::PositionRange(position, 1));
    for (Eigen::Index i = 0; i < table.num_pairs(); ++i) {
      const long double angle =
          static_cast<long double>(position) * static_cast<long double>(frequencies.inv_freq()[i]);
      const double bound = 0x1p-50 + static_cast<double>(angle) * 0x1p-51;
      const double cos_error =
          static_cast<double>(std::abs(static_cast<long double>(table.cos()(0, i)) - std::cos(angle)));
      const double sin_error =
          static_cast<double>(std::abs(static_cast<long double>(table.sin()(0, i)) - std::sin(angle)));
      worst = (std::max)({worst, cos_error / bound, sin_error / bound});
    }
  }
  std::printf("worst error %.3g of the bound\n", worst);
  return worst <= 1 ? 0 : 1;
}
