// SPDX-License-Identifier: MIT
/// @file
/// The generator behind every table and every sinusoid: cos and sin of position * inv_freq, row by row, in double.
#ifndef POSENC_DETAIL_ANGLES_HPP
#define POSENC_DETAIL_ANGLES_HPP

#include "posenc/detail/abi.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/position_scalar.hpp"
#include "posenc/detail/sin_cos.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

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

/// Whether |position| * fastest is a number, in the arithmetic that forms the angle.
inline bool has_finite_angle(double fastest, bool float32, double position) {
  if (float32) return is_finite(float_product(static_cast<float>(position), static_cast<float>(fastest)));
  return is_finite(position * fastest);
}

/// Refuses positions whose angles are not finite, because their cosines would be NaN. `fastest` is the largest
/// frequency. Integers are looked at only where the largest position would be refused.
template <typename Positions>
void require_finite_angles(const char* function, double fastest, bool float32, const Positions& positions) {
  using Position = std::decay_t<decltype(positions[0])>;
  if (std::is_integral_v<Position> && has_finite_angle(fastest, float32, static_cast<double>(kMaxPosition))) return;
  for (Eigen::Index i = 0; i < positions.rows(); ++i) {
    const double position = static_cast<double>(positions[i]);
    if (has_finite_angle(fastest, float32, position)) continue;
    refuse<std::out_of_range>(function, element("positions", i), position,
                              "such that position * frequency is finite (the largest frequency is ", fastest, ")");
  }
}

/// How many pairs for_each_angle() holds on the stack at a time.
inline constexpr int kAngleChunk = 64;

/// for_each_angle() for the `count` <= kAngleChunk pairs of `frequency`, which is filled up with finite values to a
/// multiple of kAngleBlock. `fastest` is the largest frequency of the whole encoding, which settles how angles are
/// reduced: the bits of a pair do not depend on the pairs beside it.
template <typename Positions, typename Sink>
void for_each_angle_of_chunk(const double* frequency, int count, double fastest, double magnitude,
                             const Positions& positions, Sink&& sink) {
  alignas(64) double anchor_cos[kAngleChunk];
  alignas(64) double anchor_sin[kAngleChunk];
  alignas(64) double offset_cos[kAnchorStep + 1][kAngleChunk];  // the last row is for fractional offsets
  alignas(64) double offset_sin[kAnchorStep + 1][kAngleChunk];

  const int padded = (count + kAngleBlock - 1) / kAngleBlock * kAngleBlock;
  double anchor = -1;               // none yet
  std::uint32_t known_offsets = 0;  // bit k: row k of the offsets is filled
  for (Eigen::Index row = 0; row < positions.rows(); ++row) {
    const SplitPosition position = split_position(positions[row]);
    if (position.anchor != anchor) {
      anchor = position.anchor;
      sin_cos(frequency, fastest, anchor, padded, anchor_cos, anchor_sin);
      if (magnitude != 1) {
        for (int i = 0; i < padded; ++i) anchor_cos[i] *= magnitude;
        for (int i = 0; i < padded; ++i) anchor_sin[i] *= magnitude;
      }
    }
    int k = static_cast<int>(position.offset);
    const bool whole = position.offset == k;
    if (!whole) k = kAnchorStep;
    if (!whole || (known_offsets >> k & 1u) == 0) {
      sin_cos(frequency, fastest, position.offset, padded, offset_cos[k], offset_sin[k]);
      known_offsets |= whole ? 1u << k : 0u;
    }
    const double sign = position.negative ? -1.0 : 1.0;
    for (int first = 0; first < padded; first += kAngleBlock) {
      double cosine[kAngleBlock];
      double sine[kAngleBlock];
      const double* const a_cos = anchor_cos + first;
      const double* const a_sin = anchor_sin + first;
      const double* const o_cos = offset_cos[k] + first;
      const double* const o_sin = offset_sin[k] + first;
      for (int i = 0; i < kAngleBlock; ++i) {
        cosine[i] = a_cos[i] * o_cos[i] - a_sin[i] * o_sin[i];
        sine[i] = sign * (a_sin[i] * o_cos[i] + a_cos[i] * o_sin[i]);
      }
      sink(row, first, (std::min)(kAngleBlock, count - first), cosine, sine);
    }
  }
}

/// Calls sink(row, first_pair, count, cosines, sines) for all rows and the pairs begin ... end - 1, kAngleBlock pairs
/// at a time.
///
/// `cosines` and `sines` point to kAngleBlock doubles, of which `count` are meant; the rest is finite padding.
///
/// Each value is one product of two exact rotations, |position| = anchor + offset: the anchors are every 16th
/// position, the offsets 0 ... 15. A run of positions thus costs one evaluation for 16 rows and otherwise two
/// multiply-adds for each value, and a position always gives the same bits, whatever call it comes from.
/// Accuracy: magnitude * (2^-51 + |position * inv_freq| 2^-52).
/// @param frequencies  Has inv_freq(), num_pairs() and fastest(): a posenc::Frequencies.
/// @param magnitude    Factor on both outputs; that of `frequencies` does not count.
/// @param positions    Has rows() and operator[], int64 or double.
template <typename Frequencies, typename Positions, typename Sink>
void for_each_angle(const Frequencies& frequencies, Eigen::Index begin, Eigen::Index end, double magnitude,
                    const Positions& positions, Sink&& sink) {
  const Eigen::ArrayXd& inv_freq = frequencies.inv_freq();
  alignas(64) double padded_frequency[kAngleChunk];
  for (Eigen::Index first_pair = begin; first_pair < end; first_pair += kAngleChunk) {
    const int count = static_cast<int>((std::min)(Eigen::Index(kAngleChunk), end - first_pair));
    const double* frequency = inv_freq.data() + first_pair;
    if (count % kAngleBlock != 0) {
      std::fill(std::copy_n(frequency, count, padded_frequency), padded_frequency + kAngleChunk, 0.0);
      frequency = padded_frequency;
    }
    for_each_angle_of_chunk(frequency, count, frequencies.fastest(), magnitude, positions,
                            [&](Eigen::Index row, Eigen::Index pair, int pairs, const double* cosine,
                                const double* sine) { sink(row, first_pair + pair, pairs, cosine, sine); });
  }
}

/// The same for all pairs.
template <typename Frequencies, typename Positions, typename Sink>
void for_each_angle(const Frequencies& frequencies, double magnitude, const Positions& positions, Sink&& sink) {
  for_each_angle(frequencies, 0, frequencies.num_pairs(), magnitude, positions, std::forward<Sink>(sink));
}

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

/// cos and sin of kAngleBlock angles, right to half an ulp of float. `largest` is the largest |angle|.
inline void round_sin_cos(const double* angle, double largest, float* cosine, float* sine) {
  if (kReducesExactly && largest <= kMaxReducedAngle) {
    alignas(64) double wide_cosine[kAngleBlock];
    alignas(64) double wide_sine[kAngleBlock];
    sin_cos_block(angle, 1.0, wide_cosine, wide_sine);
    const bool sure = round_surely(wide_cosine, cosine);
    if (round_surely(wide_sine, sine) && sure) return;
  }
  for (int i = 0; i < kAngleBlock; ++i) {
    const long double wide = static_cast<long double>(angle[i]);
    cosine[i] = round_near_middle(std::cos(angle[i]), [=] { return std::cos(wide); });
    sine[i] = round_near_middle(std::sin(angle[i]), [=] { return std::sin(wide); });
  }
}

/// The float32 pipeline of frameworks that form the angle in float: the product float(position) * float(inv_freq)
/// rounded to float, then cos and sin of that float, rounded to float. Same calls to `sink` as for_each_angle(); the
/// values are floats (and so is their product with `magnitude`), held in double.
template <typename Positions, typename Sink>
void for_each_float32_angle(const double* inv_freq, Eigen::Index num_pairs, double magnitude,
                            const Positions& positions, Sink&& sink) {
  const float factor = static_cast<float>(magnitude);
  float fastest = 0;
  for (Eigen::Index j = 0; j < num_pairs; ++j) fastest = (std::max)(fastest, std::abs(static_cast<float>(inv_freq[j])));
  for (Eigen::Index row = 0; row < positions.rows(); ++row) {
    const float position = stored_float(static_cast<float>(positions[row]));
    const double largest = float_product(std::abs(position), fastest);
    for (Eigen::Index first = 0; first < num_pairs; first += kAngleBlock) {
      const int count = static_cast<int>((std::min)(Eigen::Index(kAngleBlock), num_pairs - first));
      alignas(64) double angle[kAngleBlock];
      if (count == kAngleBlock) {  // a constant number of steps
        for (int i = 0; i < kAngleBlock; ++i) {
          angle[i] = float_product(position, static_cast<float>(inv_freq[first + i]));
        }
      } else {
        for (int i = 0; i < kAngleBlock; ++i) angle[i] = 0.5;  // padding whose rounding is not in doubt
        for (int i = 0; i < count; ++i) angle[i] = float_product(position, static_cast<float>(inv_freq[first + i]));
      }
      float rounded_cosine[kAngleBlock];
      float rounded_sine[kAngleBlock];
      round_sin_cos(angle, largest, rounded_cosine, rounded_sine);
      double cosine[kAngleBlock];
      double sine[kAngleBlock];
      for (int i = 0; i < kAngleBlock; ++i) {
        cosine[i] = float_product(rounded_cosine[i], factor);
        sine[i] = float_product(rounded_sine[i], factor);
      }
      sink(row, first, count, cosine, sine);
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_ANGLES_HPP
