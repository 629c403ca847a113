// SPDX-License-Identifier: MIT
/// @file
/// The two angles that each row of a table adds, an anchor and an offset, and the runs of rows that share an anchor.
#ifndef POSENC_DETAIL_ANGLE_TERMS_HPP
#define POSENC_DETAIL_ANGLE_TERMS_HPP

#include "posenc/detail/abi.hpp"
#include "posenc/detail/angle_kernels.hpp"
#include "posenc/detail/position_scalar.hpp"
#include "posenc/detail/sin_cos.hpp"
#include "posenc/detail/vector_code.hpp"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Rows that are more bytes than this, which caches near a processor's core do not hold, are asked for in advance.
inline constexpr std::int64_t kBytesInCache = std::int64_t(2) << 20;

/// How many pairs for_each_angle() holds on the stack at a time.
inline constexpr int kAngleChunk = 64;

/// What AngleTerms::known_offsets is when all are filled.
inline constexpr std::uint32_t kAllOffsets = (2u << kMostOffset) - 1;

/// The cosines and sines of up to kAngleChunk pairs at the current anchor and at the offsets from it met so far.
struct AngleTerms {
  alignas(64) double anchor_cos[kAngleChunk];
  alignas(64) double anchor_sin[kAngleChunk];
  alignas(64) double offset_cos[kMostOffset + 2][kAngleChunk];  // of 0, 1, ..; the last row is for fractions
  alignas(64) double offset_sin[kMostOffset + 2][kAngleChunk];
  const double* frequency;
  int pairs;  // a multiple of kAngleBlock
  double fastest;
  double magnitude;
  double anchor;
  std::uint32_t known_offsets;  // bit k: row k of the offsets is filled

  /// @param given  Frequencies, filled up with finite values to a multiple of kAngleBlock.
  AngleTerms(const double* given, int count, double fastest_of_all, double factor)
      : frequency(given),
        pairs((count + kAngleBlock - 1) / kAngleBlock * kAngleBlock),
        fastest(fastest_of_all),
        magnitude(factor),
        anchor(-1),  // none yet
        known_offsets(0) {}

  POSENC_NOINLINE void move_anchor(double to) {
    anchor = to;
    sin_cos(frequency, fastest, anchor, pairs, anchor_cos, anchor_sin);
    if (magnitude == 1) return;
    for (int i = 0; i < pairs; ++i) anchor_cos[i] *= magnitude;
    for (int i = 0; i < pairs; ++i) anchor_sin[i] *= magnitude;
  }

  /// The row of an offset >= 0, which is filled when it was not.
  int row_of(double offset) {
    const int k = static_cast<int>(offset);
    const bool whole = offset == k;
    if (whole && (known_offsets >> k & 1u) != 0) return k;
    return fill_row(offset, whole ? k : kMostOffset + 1);
  }

  POSENC_NOINLINE int fill_row(double offset, int row) {
    sin_cos(frequency, fastest, offset, pairs, offset_cos[row], offset_sin[row]);
    if (row <= kMostOffset) known_offsets |= 1u << row;
    return row;
  }
};

/// Rows that lie on one anchor: row r of `count` has the offset of row |offset + r| of the terms, with the sign of
/// offset + r.
struct AngleRun {
  Eigen::Index first;
  Eigen::Index count;
  int offset;
};

/// Calls run(terms, AngleRun) for rows begin ... end - 1 in order.
template <typename Positions, typename Run>
void for_each_angle_run(AngleTerms& terms, Eigen::Index begin, Eigen::Index end, const Positions& positions,
                        const Run& run) {
  for (Eigen::Index row = begin; row < end;) {
    const auto position = positions[row];
    const SplitPosition split = split_position(position);
    if (split.anchor != terms.anchor) terms.move_anchor(split.anchor);
    AngleRun part{row, 1, static_cast<int>(split.offset)};
    if (part.offset == split.offset) {
      const int last = kMostOffset - (split.anchor < 0 ? 0 : 1);
      for (; part.offset + part.count <= last && row + part.count < end; ++part.count) {
        const auto next = positions[row + part.count];
        const auto step = static_cast<std::decay_t<decltype(next)>>(part.count);
        // Both: sums of large numbers are rounded, and differences from small ones.
        if (next != position + step || next - position != step) break;
      }
      for (int k = 0; k < part.count && terms.known_offsets != kAllOffsets; ++k)
        terms.row_of(std::abs(part.offset + k));
    } else {
      part.offset = terms.fill_row(std::abs(split.offset), kMostOffset + 1) * (split.offset < 0 ? -1 : 1);
    }
    run(terms, part);
    row += part.count;
  }
}

/// The same for all rows, with the `count` <= kAngleChunk pairs of `frequency`, which is filled up with finite values to a
/// multiple of kAngleBlock. `fastest` is the largest frequency of the whole encoding, which settles how angles are
/// reduced: the bits of a pair do not depend on the pairs beside it.
template <typename Positions, typename Run>
EIGEN_ALWAYS_INLINE void for_each_angle_run(const double* frequency, int count, double fastest, double magnitude,
                                            const Positions& positions, const Run& run) {
  AngleTerms terms(frequency, count, fastest, magnitude);
  for_each_angle_run(terms, 0, positions.rows(), positions, run);
}

#if POSENC_HAS_LEVELS
/// The call of a kernel for a run: `cosines` and `sines` are where those of its first row go.
inline AngleRows rows_of_run(const AngleTerms& terms, const AngleRun& run, void* cosines, void* sines,
                             Eigen::Index row_stride, AngleOrder order, double scale) {
  return {terms.anchor_cos,
          terms.anchor_sin,
          terms.offset_cos[0],
          terms.offset_sin[0],
          kAngleChunk,
          run.offset,
          run.count,
          terms.pairs,
          cosines,
          sines,
          row_stride,
          order,
          scale};
}
#endif

#if POSENC_HAS_LEVELS
/// Has rows in turn begin with the sine: sin(a + b) = sin a cos(-b) - cos a sin(-b) and cos(a + b) = cos a cos(-b) + sin a
/// sin(-b) are the formulas of the cosine and the sine with those of the anchor exchanged, and offsets the other way.
template <typename Scalar>
void put_sines_first(AngleRows& call) {
  std::swap(call.anchor_cos, call.anchor_sin);
  call.cosines = call.sines = static_cast<Scalar*>(call.sines) + (call.rows - 1) * call.row_stride;
  call.row_stride = -call.row_stride;
  call.lowest = 1 - call.lowest - call.rows;
}
#endif

/// The cosines and sines of a row of the terms, with the sign of `offset`, magnitude included, for the pairs from `first`
/// on.
inline void add_angles(const AngleTerms& terms, int offset, int first, double* cosine, double* sine) {
  const double* const a_cos = terms.anchor_cos + first;
  const double* const a_sin = terms.anchor_sin + first;
#if POSENC_HAS_LEVELS
  const double* const o_cos = terms.offset_cos[0] + first;
  const double* const o_sin = terms.offset_sin[0] + first;
  AngleRows call = {a_cos,       a_sin,  o_cos, o_sin, kAngleChunk,       offset, 1,
                    kAngleBlock, cosine, sine,  0,     AngleOrder::split, 1};
  angle_kernel<AngleFormat::float64, false>(level_of_machine())(call);
#else
  const double* const o_cos = terms.offset_cos[std::abs(offset)] + first;
  const double* const o_sin = terms.offset_sin[std::abs(offset)] + first;
  const double sign = offset < 0 ? -1.0 : 1.0;
  for (int i = 0; i < kAngleBlock; ++i) {
    cosine[i] = a_cos[i] * o_cos[i] - a_sin[i] * (sign * o_sin[i]);
    sine[i] = a_sin[i] * o_cos[i] + a_cos[i] * (sign * o_sin[i]);
  }
#endif
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_ANGLE_TERMS_HPP
