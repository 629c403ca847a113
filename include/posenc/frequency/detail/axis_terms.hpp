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
#include <limits>

#if POSENC_HAS_LEVELS

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The anchors of up to kAngleChunk pairs on kBlendedAxes axes, and the rows that wait for a kernel.
struct AxisTerms {
  alignas(64) double anchor_cos[kAngleChunk];
  alignas(64) double anchor_sin[kAngleChunk];
  alignas(64) double own_cos[kBlendedAxes][kAngleChunk];  // of offsets that are not whole
  alignas(64) double own_sin[kBlendedAxes][kAngleChunk];
  alignas(64) std::int64_t masks[kBlendedAxes][kAngleChunk];
  alignas(64) double packed_frequency[kBlendedAxes][kAngleChunk];
  AxisOffsets waiting[kBlendedAxes];
  const double* current_cos[kBlendedAxes];  // the offsets of the row that came last
  const double* current_sin[kBlendedAxes];
  std::int64_t current_sign[kBlendedAxes];
  double anchor[kBlendedAxes];
  int count_on[kBlendedAxes];
  int pair_on[kBlendedAxes][kAngleChunk];
  signed char axis_of_eight[kAngleChunk / 8];
  AngleTerms& terms;
  const int* axis_of_pair;
  int count;
  int num_axes;
  int num_waiting = 0;

  AxisTerms(AngleTerms& offsets, const int* axes, int pairs, int axis_count)
      : terms(offsets), axis_of_pair(axes), count(pairs), num_axes(axis_count) {}

  /// Sorts the pairs by axis. What fills the last block counts as on the axis of the last pair.
  POSENC_NOINLINE void prepare() {
    std::fill_n(masks[0], kBlendedAxes * kAngleChunk, std::int64_t(0));
    std::fill_n(packed_frequency[0], kBlendedAxes * kAngleChunk, 0.0);
    std::fill_n(count_on, kBlendedAxes, 0);
    std::fill_n(anchor, kBlendedAxes, -1.0);           // none yet
    for (int axis = 0; axis < kBlendedAxes; ++axis) {  // masked out where no pair is on it
      current_cos[axis] = own_cos[axis];
      current_sin[axis] = own_sin[axis];
      current_sign[axis] = 0;
    }
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

  /// The offsets of an axis at a position, whose anchor it has then, for the pairs on it. `flush` writes the rows that
  /// wait, and is called before what they have is lost.
  template <typename Flush>
  void set_axis(int axis, const SplitPosition& at, const Flush& flush) {
    const bool is_own = at.offset != static_cast<double>(static_cast<int>(at.offset));
    if (at.anchor != anchor[axis] || is_own) flush();
    if (at.anchor != anchor[axis]) move_anchor(axis, at.anchor);
    const int row = terms.row_of(std::abs(at.offset));
    if (is_own) keep_own(axis, row);
    current_cos[axis] = is_own ? own_cos[axis] : terms.offset_cos[row];
    current_sin[axis] = is_own ? own_sin[axis] : terms.offset_sin[row];
    current_sign[axis] = at.offset < 0 ? (std::numeric_limits<std::int64_t>::min)() : 0;
  }

  /// One more row, of the offsets that the axes have now.
  void push() {
    for (int axis = 0; axis < num_axes; ++axis) {
      waiting[axis].cos[num_waiting] = current_cos[axis];
      waiting[axis].sin[num_waiting] = current_sin[axis];
      waiting[axis].sign[num_waiting] = current_sign[axis];
    }
    ++num_waiting;
  }

 private:
  POSENC_NOINLINE void move_anchor(int axis, double to) {
    const int on_axis = count_on[axis];
    alignas(64) double cosine[kAngleChunk];
    alignas(64) double sine[kAngleChunk];
    const int padded = (on_axis + kAngleBlock - 1) / kAngleBlock * kAngleBlock;
    anchor[axis] = to;
    sin_cos(packed_frequency[axis], terms.fastest, to, padded, cosine, sine);
    for (int i = 0; i < on_axis; ++i) {
      anchor_cos[pair_on[axis][i]] = cosine[i] * terms.magnitude;
      anchor_sin[pair_on[axis][i]] = sine[i] * terms.magnitude;
    }
  }

  /// Copies the row of a fraction, which the fraction of another axis will replace.
  POSENC_NOINLINE void keep_own(int axis, int row) {
    std::copy_n(terms.offset_cos[row], terms.pairs, own_cos[axis]);
    std::copy_n(terms.offset_sin[row], terms.pairs, own_sin[axis]);
  }
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
  const int num_axes = axis_terms.num_axes;
  Eigen::Index last = -1;  // the last row that axis_terms got
  const auto flush = [&] {
    if (axis_terms.num_waiting == 0) return;
    const AxisBlend blend = {num_axes, axis_terms.waiting, axis_terms.masks[0], kAngleChunk, axis_terms.axis_of_eight};
    AngleRows call = {};
    call.anchor_cos = axis_terms.anchor_cos;
    call.anchor_sin = axis_terms.anchor_sin;
    call.rows = axis_terms.num_waiting;
    call.pairs = terms.pairs;
    call.scale = 1;
    call.blend = &blend;
    write_rows(last + 1 - call.rows, call);
    axis_terms.num_waiting = 0;
  };
  for (Eigen::Index row = 0; row < rows; ++row) {
    Eigen::Index end = row;
    while (end < rows && is_on_diagonal(positions, end, num_axes)) ++end;
    if (end > row) {
      flush();
      for_each_angle_run(terms, row, end, on_first, write_run);
      row = end;
      if (row == rows) break;
    }
    if (last < 0) axis_terms.prepare();
    for (int axis = 0; axis < num_axes; ++axis) {
      if (axis_terms.count_on[axis] == 0) continue;
      const AxisPositions<Derived> on_axis(positions, axis);
      const auto position = on_axis[row];
      if (last < 0 || position != on_axis[last]) axis_terms.set_axis(axis, split_position(position), flush);
    }
    if (axis_terms.num_waiting == kBlendedRows) flush();
    axis_terms.push();
    last = row;
  }
  flush();
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_HAS_LEVELS

#endif  // POSENC_FREQUENCY_DETAIL_AXIS_TERMS_HPP
