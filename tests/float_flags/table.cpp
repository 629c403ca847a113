// SPDX-License-Identifier: MIT
/// What make_table() promises must hold under compiler flags that change how doubles are computed, and numbers that are
/// not finite must not become finite where they are rounded to 16 bits.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "posenc/rope.hpp"

/// How many NaN of a row are other numbers after a rotation into bfloat16. As bits, which flags leave alone.
int lost_nan() {
  using Row = Eigen::Matrix<float, 1, Eigen::Dynamic>;
  const std::uint32_t bits = 0xffffffff;  // memory that nobody has written, as some allocators fill it
  Row x = Row::Zero(128);
  for (float& number : x.reshaped()) std::memcpy(&number, &bits, sizeof bits);
  Eigen::Matrix<Eigen::bfloat16, 1, Eigen::Dynamic> out(128);
  const auto table = posenc::make_table<float>(posenc::geometric_frequencies(128, 10000), posenc::PositionRange(3, 1));
  posenc::apply_rope(out, x, table, posenc::RopeLayout::half_split(128));
  int lost = 0;
  for (const Eigen::bfloat16& number : out.reshaped()) {
    std::uint16_t upper;
    std::memcpy(&upper, &number, sizeof upper);
    if ((upper & 0x7fff) <= 0x7f80) ++lost;
  }
  return lost;
}

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
  const int lost = lost_nan();
  std::printf("worst error %.3g of the bound, %d NaN lost\n", worst, lost);
  return worst <= 1 && lost == 0 ? 0 : 1;
}
