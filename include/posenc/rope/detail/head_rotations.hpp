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
  FrequencyTableView<Scalar> table;
  double scale;

  bool shared() const { return table.num_heads() == 1; }
  Rotation<Scalar> of(Eigen::Index head) const {
    const Eigen::Index offset = head * table.head_stride();
    return {table.cos_data(0) + offset, table.sin_data(0) + offset, table.num_pairs(),
            table.row_stride(),         table.pair_stride(),        scale};
  }
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_DETAIL_HEAD_ROTATIONS_HPP
