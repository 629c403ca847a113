// SPDX-License-Identifier: MIT
/// @file
/// The rotation of whatever has no kernel: other expressions, scalars and strides, and matrices mixed with views.
#ifndef POSENC_ROPE_KERNELS_ROTATE_ELEMENTS_HPP
#define POSENC_ROPE_KERNELS_ROTATE_ELEMENTS_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/rope/kernels/rotation.hpp"
#include "posenc/rope/rope_layout.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Rotates one pair of elements at a time; token i by the table's row row_of(i). Channel c of head h is read by
/// in.get(token, h, c) and written by out.set(token, h, c, value).
template <bool Backward, typename Out, typename In, typename TableScalar, typename RowOf>
void rotate_elements(const Out& out, const In& in, Eigen::Index tokens, Eigen::Index num_heads,
                     const Rotation<TableScalar>& table, const RopeLayout& layout, const RowOf& row_of) {
  using OutScalar = typename Out::Scalar;
  using Number = RotationScalar<OutScalar, typename In::Scalar, TableScalar>;
  const Eigen::Index pairs = table.num_pairs;
  const bool half_split = layout.pairs() == RopePairs::half_split;
  const auto rotate_pair = [&](Eigen::Index token, Eigen::Index row, Eigen::Index head, Eigen::Index pair) {
    const Eigen::Index first = layout.offset() + (half_split ? pair : 2 * pair);
    const Eigen::Index second = first + (half_split ? pairs : 1);
    const Eigen::Index entry = pair * table.pair_stride;
    const Number c = Number(static_cast<double>(table.cos(row)[entry]) * table.scale);
    const double sine = static_cast<double>(table.sin(row)[entry]) * table.scale;
    const Number s = Number(Backward ? -sine : sine);
    const Number a = convert<Number>(in.get(token, head, first));
    const Number b = convert<Number>(in.get(token, head, second));
    out.set(token, head, first, convert<OutScalar>(Number(a * c - b * s)));
    out.set(token, head, second, convert<OutScalar>(Number(a * s + b * c)));
  };
  if constexpr (Out::kByTokens) {
    for (Eigen::Index token = 0; token < tokens; ++token) {
      const Eigen::Index row = row_of(token);
      for (Eigen::Index head = 0; head < num_heads; ++head) {
        for (Eigen::Index pair = 0; pair < pairs; ++pair) rotate_pair(token, row, head, pair);
      }
    }
  } else {
    for (Eigen::Index head = 0; head < num_heads; ++head) {
      for (Eigen::Index pair = 0; pair < pairs; ++pair) {
        for (Eigen::Index token = 0; token < tokens; ++token) rotate_pair(token, row_of(token), head, pair);
      }
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_KERNELS_ROTATE_ELEMENTS_HPP
