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

/// A float that compilers must round to float where it is stored.
using StoredFloat = volatile float;

/// How many cosines and sines of float32 angles are not those of the product of two floats.
int wrong_float32_angles(const posenc::Frequencies& frequencies) {
  posenc::TableOptions options;
  options.angles = posenc::AngleMode::float32;
  int wrong = 0;
  for (const std::int64_t position : {1, 17, 4095, 131071, 16777217}) {
    const auto table = posenc::make_table<float>(frequencies, posenc::PositionRange(position, 1), options);
    for (Eigen::Index i = 0; i < table.num_pairs(); ++i) {
      StoredFloat rounded_position = static_cast<float>(position);
      StoredFloat inv_freq = static_cast<float>(frequencies.inv_freq()[i]);
      StoredFloat angle = rounded_position * inv_freq;
      StoredFloat cosine = static_cast<float>(std::cos(static_cast<long double>(angle)));
      StoredFloat sine = static_cast<float>(std::sin(static_cast<long double>(angle)));
      if (table.cos()(0, i) != cosine || table.sin()(0, i) != sine) ++wrong;
    }
  }
  return wrong;
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
  const int wrong = wrong_float32_angles(frequencies);
  std::printf("worst error %.3g of the bound, %d NaN lost, %d wrong float32 angles\n", worst, lost, wrong);
  return worst <= 1 && lost == 0 && wrong == 0 ? 0 : 1;
}
