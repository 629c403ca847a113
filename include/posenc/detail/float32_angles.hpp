// SPDX-License-Identifier: MIT
/// @file
/// Cosines and sines of angles that are formed in float, as frameworks form them, rounded right.
#ifndef POSENC_DETAIL_FLOAT32_ANGLES_HPP
#define POSENC_DETAIL_FLOAT32_ANGLES_HPP

#include "posenc/detail/abi.hpp"
#include "posenc/detail/angle_kernels.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/sin_cos.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// `value` as memory holds it: the registers of x87 keep more digits than a float has.
inline float stored_float(float value) {
#if FLT_EVAL_METHOD == 2
  const volatile float stored = value;
  return stored;
#else
  return value;
#endif
}

/// The product of two floats, rounded to float, as a double.
inline double float_product(float a, float b) { return static_cast<double>(stored_float(a * b)); }

/// `value`, a cos or sin right to an ulp of double, to float. Two roundings differ from one only where `value` is within
/// an ulp of the middle of two floats, and there `recompute()` gives it in long double.
template <typename Recompute>
float round_near_middle(double value, Recompute&& recompute) {
  std::uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  constexpr std::uint64_t middle = std::uint64_t(1) << 28;  // of the 29 bits that float does not have
  const std::uint64_t cut_off = bits & (2 * middle - 1);
  if (cut_off - (middle - 1) <= 2) return static_cast<float>(recompute());
  return static_cast<float>(value);
}

#if !POSENC_HAS_LEVELS
/// rounded[i] = values[i] in float, and whether every one would be the same if its value were off by 2^-50, which is more
/// than sin_cos_block() is.
inline bool round_surely(const double* values, float* rounded) {
  constexpr double error = 0x1p-50;
  int in_doubt = 0;
  for (int i = 0; i < kAngleBlock; ++i) {
    const float low = static_cast<float>(values[i] - error);
    rounded[i] = static_cast<float>(values[i] + error);
    in_doubt |= low != rounded[i] ? 1 : 0;
  }
  return in_doubt == 0;
}
#endif

/// cos and sin of the angles position * frequency[i], i < kAngleBlock, the products rounded to float: right to half an ulp
/// of float. Where bit i of `doubt` is set, one by one.
POSENC_COLD inline void round_one_by_one(const double* frequency, float position, unsigned doubt, float* cosine,
                                         float* sine) {
  for (int i = 0; i < kAngleBlock; ++i) {
    if ((doubt >> i & 1u) == 0) continue;
    const double angle = float_product(position, static_cast<float>(frequency[i]));
    const long double wide = static_cast<long double>(angle);
    cosine[i] = round_near_middle(std::cos(angle), [=] { return std::cos(wide); });
    sine[i] = round_near_middle(std::sin(angle), [=] { return std::sin(wide); });
  }
}

/// The same for all, where `largest` is the largest |angle|.
inline void round_sin_cos(const double* frequency, float position, double largest, float* cosine, float* sine) {
  unsigned doubt = (1u << kAngleBlock) - 1;
  if (kReducesExactly && largest <= kMaxReducedAngle) {
#if POSENC_HAS_LEVELS
    doubt = float32_angle_kernel(level_of_machine())(frequency, position, cosine, sine);
#else
    alignas(64) double angle[kAngleBlock];
    alignas(64) double wide_cosine[kAngleBlock];
    alignas(64) double wide_sine[kAngleBlock];
    for (int i = 0; i < kAngleBlock; ++i) angle[i] = float_product(position, static_cast<float>(frequency[i]));
    sin_cos(angle, largest, 1.0, kAngleBlock, wide_cosine, wide_sine);
    const bool sure = round_surely(wide_cosine, cosine);
    if (round_surely(wide_sine, sine) && sure) doubt = 0;
#endif
  }
  if (doubt != 0) round_one_by_one(frequency, position, doubt, cosine, sine);
}

/// The float32 pipeline of frameworks that form the angle in float: the product float(position) * float(inv_freq)
/// rounded to float, then cos and sin of that float, rounded to float, and its product with `magnitude` too. Same calls to
/// `sink` as for_each_angle(), with floats.
template <typename Positions, typename Sink>
void for_each_float32_angle(const double* inv_freq, Eigen::Index num_pairs, double magnitude,
                            const Positions& positions, Sink&& sink) {
  const float factor = static_cast<float>(magnitude);
  float fastest = 0;
  for (Eigen::Index j = 0; j < num_pairs; ++j) fastest = (std::max)(fastest, std::abs(static_cast<float>(inv_freq[j])));
  const Eigen::Index whole = num_pairs / kAngleBlock * kAngleBlock;
  double last_block[kAngleBlock] = {};
  std::copy(inv_freq + whole, inv_freq + num_pairs, last_block);
  for (Eigen::Index row = 0; row < positions.rows(); ++row) {
    const float position = stored_float(static_cast<float>(positions[row]));
    const double largest = float_product(std::abs(position), fastest);
    for (Eigen::Index first = 0; first < num_pairs; first += kAngleBlock) {
      const int count = static_cast<int>((std::min)(Eigen::Index(kAngleBlock), num_pairs - first));
      float cosine[kAngleBlock];
      float sine[kAngleBlock];
      round_sin_cos(count == kAngleBlock ? inv_freq + first : last_block, position, largest, cosine, sine);
      if (factor != 1) {
        for (int i = 0; i < kAngleBlock; ++i) {
          cosine[i] = stored_float(cosine[i] * factor);
          sine[i] = stored_float(sine[i] * factor);
        }
      }
      sink(row, first, count, cosine, sine);
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_FLOAT32_ANGLES_HPP
