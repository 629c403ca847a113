// SPDX-License-Identifier: MIT
/// @file
/// The generator behind every table and every sinusoid: cos and sin of position * inv_freq, row by row, in double.
#ifndef POSENC_DETAIL_ANGLES_HPP
#define POSENC_DETAIL_ANGLES_HPP

#include "posenc/detail/abi.hpp"
#include "posenc/detail/angle_terms.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/float32_angles.hpp"
#include "posenc/detail/limits.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Whether |position| * fastest is a number, in the arithmetic that forms the angle.
inline bool has_finite_angle(double fastest, bool float32, double position) {
  if (float32) return is_finite(float_product(static_cast<float>(position), static_cast<float>(fastest)));
  return is_finite(position * fastest);
}

/// Refuses positions whose angles are not finite, because their cosines would be NaN. `fastest` is the largest
/// frequency, `name` what the caller wrote. Integers are looked at only where the largest position would be refused.
template <typename Positions>
void require_finite_angles(const char* function, double fastest, bool float32, const Positions& positions,
                           const char* name = "positions") {
  using Position = std::decay_t<decltype(positions[0])>;
  if (std::is_integral_v<Position> && has_finite_angle(fastest, float32, static_cast<double>(kMaxPosition))) return;
  for (Eigen::Index i = 0; i < positions.rows(); ++i) {
    const double position = static_cast<double>(positions[i]);
    if (has_finite_angle(fastest, float32, position)) continue;
    refuse<std::out_of_range>(function, element(name, i), position,
                              "such that position * frequency is finite (the largest frequency is ", fastest, ")");
  }
}

/// for_each_angle() for the pairs of for_each_angle_run().
template <typename Positions, typename Sink>
void for_each_angle_of_chunk(const double* frequency, int count, double fastest, double magnitude,
                             const Positions& positions, Sink&& sink) {
  for_each_angle_run(frequency, count, fastest, magnitude, positions,
                     [&](const AngleTerms& terms, const AngleRun& run) {
                       for (Eigen::Index i = 0; i < run.count; ++i) {
                         for (int first = 0; first < terms.pairs; first += kAngleBlock) {
                           double cosine[kAngleBlock];
                           double sine[kAngleBlock];
                           add_angles(terms, run.offset + static_cast<int>(i), first, cosine, sine);
                           sink(run.first + i, first, (std::min)(kAngleBlock, count - first), cosine, sine);
                         }
                       }
                     });
}

/// Calls chunk(frequency, first_pair, count) for the pairs begin ... end - 1 of `frequencies`, kAngleChunk at a time:
/// `frequency` is filled up with zeros to a multiple of kAngleBlock.
template <typename Frequencies, typename Chunk>
EIGEN_ALWAYS_INLINE void for_each_angle_chunk(const Frequencies& frequencies, Eigen::Index begin, Eigen::Index end,
                                              const Chunk& chunk) {
  const Eigen::ArrayXd& inv_freq = frequencies.inv_freq();
  alignas(64) double padded_frequency[kAngleChunk];
  for (Eigen::Index first_pair = begin; first_pair < end; first_pair += kAngleChunk) {
    const int count = static_cast<int>((std::min)(Eigen::Index(kAngleChunk), end - first_pair));
    const double* frequency = inv_freq.data() + first_pair;
    if (count % kAngleBlock != 0) {
      std::fill(std::copy_n(frequency, count, padded_frequency), padded_frequency + kAngleChunk, 0.0);
      frequency = padded_frequency;
    }
    chunk(frequency, first_pair, count);
  }
}

/// Calls sink(row, first_pair, count, cosines, sines) for all rows and the pairs begin ... end - 1, kAngleBlock pairs
/// at a time.
///
/// `cosines` and `sines` point to kAngleBlock doubles, of which `count` are meant; the rest is finite padding.
///
/// Each value is one product of two exact rotations, position = anchor + offset: the anchors are every 32nd
/// position, the offsets -16 ... 16. A run of positions thus costs one evaluation for 32 rows and otherwise a product
/// and two multiply-adds for two values: rows anchor + d and anchor - d are sums of the same products. A position always
/// gives the same bits, whatever call it comes from.
/// Accuracy: magnitude * (2^-50 + |position * inv_freq| 3 2^-53): both angles are rounded, and anchor and offset are
/// together up to three times the position, at 16.
/// @param frequencies  Has inv_freq(), num_pairs() and fastest(): a posenc::Frequencies.
/// @param magnitude    Factor on both outputs; that of `frequencies` does not count.
/// @param positions    Has rows() and operator[], int64 or double.
template <typename Frequencies, typename Positions, typename Sink>
void for_each_angle(const Frequencies& frequencies, Eigen::Index begin, Eigen::Index end, double magnitude,
                    const Positions& positions, Sink&& sink) {
  for_each_angle_chunk(frequencies, begin, end, [&](const double* frequency, Eigen::Index first_pair, int count) {
    for_each_angle_of_chunk(frequency, count, frequencies.fastest(), magnitude, positions,
                            [&](Eigen::Index row, Eigen::Index pair, int pairs, const double* cosine,
                                const double* sine) { sink(row, first_pair + pair, pairs, cosine, sine); });
  });
}

/// The same for all pairs.
template <typename Frequencies, typename Positions, typename Sink>
void for_each_angle(const Frequencies& frequencies, double magnitude, const Positions& positions, Sink&& sink) {
  for_each_angle(frequencies, 0, frequencies.num_pairs(), magnitude, positions, std::forward<Sink>(sink));
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_ANGLES_HPP
