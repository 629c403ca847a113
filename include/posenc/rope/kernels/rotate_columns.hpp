// SPDX-License-Identifier: MIT
/// @file
/// The rotation kernel of column-major matrices, where a channel's tokens are contiguous.
#ifndef POSENC_ROPE_KERNELS_ROTATE_COLUMNS_HPP
#define POSENC_ROPE_KERNELS_ROTATE_COLUMNS_HPP

#include "posenc/detail/vector_code.hpp"
#include "posenc/rope/kernels/rotation.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The window's first channel of head 0 at token 0, and the way to the next channel.
template <typename Scalar>
struct ChannelColumns {
  Scalar* data;
  Eigen::Index stride;

  Scalar* at(Eigen::Index channel) const { return data + channel * stride; }
};

/// Rotates `Count` tokens from `token` on by the table's rows `rows`: the cosines and sines of a pair stay in registers
/// while all heads pass by.
template <bool Backward, int Count, typename Out, typename In, typename TableScalar>
POSENC_KERNEL void rotate_columns(const ChannelColumns<Out>& out, const ChannelColumns<const In>& in,
                                  Eigen::Index token, Eigen::Index num_heads, const Rotation<TableScalar>& table,
                                  const RopeLayout& layout, const Eigen::Index* rows) {
  using Number = RotationScalar<Out, In, TableScalar>;
  const Eigen::Index pairs = table.num_pairs;
  const bool half_split = layout.pairs() == RopePairs::half_split;
  const Eigen::Index partner = half_split ? pairs : 1;
  for (Eigen::Index pair = 0; pair < pairs; ++pair) {
    Eigen::Array<Number, Count, 1> c, s;
    for (int i = 0; i < Count; ++i) {
      const Eigen::Index entry = pair * table.pair_stride;
      c[i] = static_cast<Number>(static_cast<double>(table.cos(rows[i])[entry]) * table.scale);
      s[i] = static_cast<Number>(static_cast<double>(table.sin(rows[i])[entry]) * table.scale);
    }
    const Eigen::Index first = half_split ? pair : 2 * pair;
    for (Eigen::Index head = 0; head < num_heads; ++head) {
      const Eigen::Index channel = head * layout.head_dim() + first;
      const auto a = load<Count, Number>(in.at(channel) + token);
      const auto b = load<Count, Number>(in.at(channel + partner) + token);
      store(out.at(channel) + token, rotated_first<Backward>(a, b, c, s));
      store(out.at(channel + partner) + token, rotated_second<Backward>(a, b, c, s));
    }
  }
}

/// Rotates the window of every head of all tokens; token i by the table's row row_of(i). `in` and `out` are the same or
/// disjoint.
template <bool Backward, typename Out, typename In, typename TableScalar, typename RowOf>
void rotate_columns(const ChannelColumns<Out>& out, const ChannelColumns<const In>& in, Eigen::Index tokens,
                    Eigen::Index num_heads, const Rotation<TableScalar>& table, const RopeLayout& layout,
                    const RowOf& row_of) {
  constexpr int block = kPacket<RotationScalar<Out, In, TableScalar>>;
  Eigen::Index rows[block];
  Eigen::Index token = 0;
  const auto rotate_blocks = [&](auto count) {
    for (; token + count.value <= tokens; token += count.value) {
      for (int i = 0; i < count.value; ++i) rows[i] = row_of(token + i);
      rotate_columns<Backward, count.value>(out, in, token, num_heads, table, layout, rows);
    }
  };
  rotate_blocks(std::integral_constant<int, block>());
  if constexpr (block > 4) rotate_blocks(std::integral_constant<int, 4>());
  rotate_blocks(std::integral_constant<int, 1>());
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_KERNELS_ROTATE_COLUMNS_HPP
