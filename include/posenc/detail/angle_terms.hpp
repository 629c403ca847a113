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

#include <cstdint>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// How many pairs for_each_angle() holds on the stack at a time.
inline constexpr int kAngleChunk = 64;

/// The cosines and sines of up to kAngleChunk pairs at the current anchor and at the offsets from it met so far.
struct AngleTerms {
  alignas(64) double anchor_cos[kAngleChunk];
  alignas(64) double anchor_sin[kAngleChunk];
  alignas(64) double offset_cos[kAnchorStep + 1][kAngleChunk];  // the last row is for fractional offsets
  alignas(64) double offset_sin[kAnchorStep + 1][kAngleChunk];
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

  /// The row of an offset, which is filled when it was not.
  int row_of(double offset) {
    const int k = static_cast<int>(offset);
    const bool whole = offset == k;
    if (whole && (known_offsets >> k & 1u) != 0) return k;
    return fill_row(offset, whole ? k : kAnchorStep);
  }

 private:
  POSENC_NOINLINE int fill_row(double offset, int row) {
    sin_cos(frequency, fastest, offset, pairs, offset_cos[row], offset_sin[row]);
    if (row < kAnchorStep) known_offsets |= 1u << row;
    return row;
  }
};

/// Rows that lie on one anchor: row r of `count` has the offset of row offset + r of the terms.
struct AngleRun {
  Eigen::Index first;
  Eigen::Index count;
  int offset;
  bool negative;
};

/// Calls run(terms, AngleRun) for rows begin ... end - 1 in order.
template <typename Positions, typename Run>
void for_each_angle_run(AngleTerms& terms, Eigen::Index begin, Eigen::Index end, const Positions& positions,
                        const Run& run) {
  for (Eigen::Index row = begin; row < end;) {
    AngleRun part{row, 0, 0, false};
    for (double next = -1; row < end; ++row) {  // the offset that the run goes on with
      const SplitPosition position = split_position(positions[row]);
      if (part.count == 0) {
        if (position.anchor != terms.anchor) terms.move_anchor(position.anchor);
        part.negative = position.negative;
      } else if (position.anchor != terms.anchor || position.offset != next || position.negative != part.negative) {
        break;
      }
      const int offset = terms.row_of(position.offset);
      if (part.count == 0) part.offset = offset;
      ++part.count;
      next = offset < kAnchorStep ? position.offset + 1 : kAnchorStep;  // no offset is kAnchorStep
    }
    run(terms, part);
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
          terms.offset_cos[run.offset],
          terms.offset_sin[run.offset],
          kAngleChunk,
          run.count,
          terms.pairs,
          run.negative,
          cosines,
          sines,
          row_stride,
          order,
          scale};
}
#endif

/// The cosines and sines of a row of the terms, magnitude included, for the pairs from `first` on.
inline void add_angles(const AngleTerms& terms, int offset, bool negative, int first, double* cosine, double* sine) {
  const double* const a_cos = terms.anchor_cos + first;
  const double* const a_sin = terms.anchor_sin + first;
  const double* const o_cos = terms.offset_cos[offset] + first;
  const double* const o_sin = terms.offset_sin[offset] + first;
#if POSENC_HAS_LEVELS
  AngleRows call = {a_cos, a_sin, o_cos, o_sin, 0, 1, kAngleBlock, negative, cosine, sine, 0, AngleOrder::split, 1};
  angle_kernel<AngleFormat::float64, false>(level_of_machine())(call);
#else
  const double sign = negative ? -1.0 : 1.0;
  for (int i = 0; i < kAngleBlock; ++i) {
    cosine[i] = a_cos[i] * o_cos[i] - a_sin[i] * o_sin[i];
    sine[i] = sign * (a_sin[i] * o_cos[i] + a_cos[i] * o_sin[i]);
  }
#endif
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_ANGLE_TERMS_HPP
