// SPDX-License-Identifier: MIT
/// @file
/// Rows of a table whose pairs are on several axes, as the kernels of angles take them: each pair reads the anchor and
/// the offset of its axis.
#ifndef POSENC_FREQUENCY_DETAIL_AXIS_TERMS_HPP
#define POSENC_FREQUENCY_DETAIL_AXIS_TERMS_HPP

#include "posenc/detail/angle_kernels.hpp"
#include "posenc/detail/angles.hpp"
#include "posenc/detail/axis_angles.hpp"
#include "posenc/detail/position_scalar.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#if POSENC_HAS_LEVELS

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The anchors of up to kAngleChunk pairs on kBlendedAxes axes, and the rows that wait for a kernel.
struct AxisTerms {
  alignas(64) double anchor_cos[kAngleChunk];
  alignas(64) double anchor_sin[kAngleChunk];
  alignas(64) double below_sin[kMostOffset + 1][kAngleChunk];  // of the offsets 0, -1, .. met so far
  alignas(64) double own_cos[kBlendedAxes][kAngleChunk];       // of offsets that are not whole
  alignas(64) double own_sin[kBlendedAxes][kAngleChunk];
  alignas(64) std::int64_t masks[kBlendedAxes][kAngleChunk];
  alignas(64) double packed_frequency[kBlendedAxes][kAngleChunk];
  AxisOffsets waiting[kAnchorStep];
  SplitPosition position[kBlendedAxes];
  double anchor[kBlendedAxes];
  int count_on[kBlendedAxes];
  int pair_on[kBlendedAxes][kAngleChunk];
  signed char axis_of_eight[kAngleChunk / 8];
  AngleTerms& terms;
  const int* axis_of_pair;
  int count;
  int num_axes;
  int num_waiting = 0;
  std::uint32_t known_below = 0;  // bit k: row k of below_sin is filled
  bool is_ready = false;

  AxisTerms(AngleTerms& offsets, const int* axes, int pairs, int axis_count)
      : terms(offsets), axis_of_pair(axes), count(pairs), num_axes(axis_count) {}

  /// Sorts the pairs by axis. What fills the last block counts as on the axis of the last pair.
  POSENC_NOINLINE void prepare() {
    is_ready = true;
    std::fill_n(masks[0], kBlendedAxes * kAngleChunk, std::int64_t(0));
    std::fill_n(packed_frequency[0], kBlendedAxes * kAngleChunk, 0.0);
    std::fill_n(count_on, kBlendedAxes, 0);
    std::fill_n(anchor, kBlendedAxes, -1.0);  // none yet
    for (int i = 0; i < terms.pairs; ++i) {
      const int axis = axis_of_pair[(std::min)(i, count - 1)];
      masks[axis][i] = -1;
      packed_frequency[axis][count_on[axis]] = terms.frequency[i];
      pair_on[axis][count_on[axis]++] = i;
      signed char& of_eight = axis_of_eight[i / 8];
      if (i % 8 == 0) of_eight = static_cast<signed char>(axis);
      if (of_eight != axis) of_eight = -1;
    }
  }

  /// The anchor of an axis, for the pairs on it.
  POSENC_NOINLINE void move_anchor(int axis) {
    const int on_axis = count_on[axis];
    alignas(64) double cosine[kAngleChunk];
    alignas(64) double sine[kAngleChunk];
    const int padded = (on_axis + kAngleBlock - 1) / kAngleBlock * kAngleBlock;
    anchor[axis] = position[axis].anchor;
    sin_cos(packed_frequency[axis], terms.fastest, anchor[axis], padded, cosine, sine);
    for (int i = 0; i < on_axis; ++i) {
      anchor_cos[pair_on[axis][i]] = cosine[i] * terms.magnitude;
      anchor_sin[pair_on[axis][i]] = sine[i] * terms.magnitude;
    }
  }

  /// The offsets of an axis where no other row has them: those of its position, with the sign of its sines.
  POSENC_NOINLINE void fill_own(int axis) {
    const int row = terms.row_of(std::abs(position[axis].offset));
    const double sign = position[axis].offset < 0 ? -1.0 : 1.0;
    for (int i = 0; i < terms.pairs; ++i) own_cos[axis][i] = terms.offset_cos[row][i];
    for (int i = 0; i < terms.pairs; ++i) own_sin[axis][i] = sign * terms.offset_sin[row][i];
  }

  /// Whether `position` needs what waiting rows have otherwise.
  bool must_flush() const {
    for (int axis = 0; axis < num_axes; ++axis) {
      const SplitPosition& at = position[axis];
      if (count_on[axis] == 0) continue;
      if (at.anchor != anchor[axis] || is_own(at)) return true;
    }
    return num_waiting == kAnchorStep;
  }

  /// One more row, at `position`, after must_flush() was heeded.
  void push() {
    AxisOffsets& offsets = waiting[num_waiting++];
    for (int axis = 0; axis < num_axes; ++axis) {
      const SplitPosition& at = position[axis];
      if (count_on[axis] == 0) {
        offsets.cos[axis] = own_cos[axis];  // masked out
        offsets.sin[axis] = own_sin[axis];
        continue;
      }
      if (at.anchor != anchor[axis]) move_anchor(axis);
      if (is_own(at)) {
        fill_own(axis);
        offsets.cos[axis] = own_cos[axis];
        offsets.sin[axis] = own_sin[axis];
      } else {
        const int row = terms.row_of(std::abs(at.offset));
        offsets.cos[axis] = terms.offset_cos[row];
        offsets.sin[axis] = at.offset < 0 ? sines_below(row) : terms.offset_sin[row];
      }
    }
  }

 private:
  const double* sines_below(int row) {
    if ((known_below >> row & 1u) == 0) {
      for (int i = 0; i < terms.pairs; ++i) below_sin[row][i] = -terms.offset_sin[row][i];
      known_below |= 1u << row;
    }
    return below_sin[row];
  }

  static bool is_own(const SplitPosition& at) { return at.offset != static_cast<double>(static_cast<int>(at.offset)); }
};

/// Whether row `row` of positions is the same on all axes.
template <typename Derived>
bool is_on_diagonal(const Derived& positions, Eigen::Index row, int num_axes) {
  for (int axis = 1; axis < num_axes; ++axis) {
    if (positions.coeff(row, axis) != positions.coeff(row, 0)) return false;
  }
  return true;
}

/// Calls write_run(terms, AngleRun) for rows whose position is the same on all axes, as for_each_angle_run(), and
/// write_rows(first_row, AngleRows) for the others, with a blend of axes.
template <typename Derived, typename WriteRun, typename WriteRows>
void for_each_axis_run(AngleTerms& terms, AxisTerms& axis_terms, const Derived& positions, const WriteRun& write_run,
                       const WriteRows& write_rows) {
  const AxisPositions<Derived> on_first(positions, 0);
  const Eigen::Index rows = positions.rows();
  const auto flush = [&](Eigen::Index end) {
    const AxisBlend blend = {axis_terms.num_axes, axis_terms.waiting, axis_terms.masks[0], kAngleChunk,
                             axis_terms.axis_of_eight};
    AngleRows call = {};
    call.anchor_cos = axis_terms.anchor_cos;
    call.anchor_sin = axis_terms.anchor_sin;
    call.rows = axis_terms.num_waiting;
    call.pairs = terms.pairs;
    call.scale = 1;
    call.blend = &blend;
    if (call.rows > 0) write_rows(end - call.rows, call);
    axis_terms.num_waiting = 0;
  };
  for (Eigen::Index row = 0; row < rows;) {
    if (is_on_diagonal(positions, row, axis_terms.num_axes)) {
      if (axis_terms.num_waiting > 0) flush(row);
      Eigen::Index end = row + 1;
      while (end < rows && is_on_diagonal(positions, end, axis_terms.num_axes)) ++end;
      for_each_angle_run(terms, row, end, on_first, write_run);
      row = end;
    } else {
      if (!axis_terms.is_ready) axis_terms.prepare();
      for (int axis = 0; axis < axis_terms.num_axes; ++axis) {
        axis_terms.position[axis] = split_position(AxisPositions<Derived>(positions, axis)[row]);
      }
      if (axis_terms.must_flush()) flush(row);
      axis_terms.push();
      ++row;
    }
  }
  flush(rows);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_HAS_LEVELS

#endif  // POSENC_FREQUENCY_DETAIL_AXIS_TERMS_HPP
