// SPDX-License-Identifier: MIT
/// @file
/// The rotations of a call to apply_rope(): one that all heads share, or one for each head.
#ifndef POSENC_ROPE_DETAIL_HEAD_ROTATIONS_HPP
#define POSENC_ROPE_DETAIL_HEAD_ROTATIONS_HPP

#include "posenc/frequency/frequency_table.hpp"
#include "posenc/rope/kernels/rotation.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The rotations of a call: one that all heads share, or one for each head.
template <typename Scalar>
struct HeadRotations {
  Rotation<Scalar> first;
  Eigen::Index num_heads;
  Eigen::Index head_stride;

  /// Of a FrequencyTable or a view of one.
  template <typename Table>
  HeadRotations(const Table& table, double scale)
      : first{table.cos_data(0),   table.rows() == 0 ? table.cos_data(0) : table.sin_data(0),
              table.num_pairs(),   table.row_stride(),
              table.pair_stride(), scale},
        num_heads(table.num_heads()),
        head_stride(table.head_stride()) {}

  HeadRotations(const Rotation<Scalar>& rotation, Eigen::Index heads, Eigen::Index stride)
      : first(rotation), num_heads(heads), head_stride(stride) {}
  /// The same, number by number: compilers bring into memory what they copy as a whole.
  HeadRotations copy() const { return {first.copy(), num_heads, head_stride}; }

  bool shared() const { return num_heads == 1; }
  Rotation<Scalar> of(Eigen::Index head) const {
    Rotation<Scalar> rotation = first;
    rotation.cos_base += head * head_stride;
    rotation.sin_base += head * head_stride;
    return rotation;
  }
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_DETAIL_HEAD_ROTATIONS_HPP
