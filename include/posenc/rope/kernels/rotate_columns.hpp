// SPDX-License-Identifier: MIT
/// @file
/// The rotation kernel of column-major matrices, where a channel's tokens follow one another in memory.
#ifndef POSENC_ROPE_KERNELS_ROTATE_COLUMNS_HPP
#define POSENC_ROPE_KERNELS_ROTATE_COLUMNS_HPP

#include "posenc/frequency/frequency_table.hpp"
#include "posenc/rope/kernels/rotate_rows.hpp"
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

/// Turns `Count` tokens from `token` on: the cosines and sines of a pair stay in registers while all heads pass by.
template <int Count, typename Out, typename In, typename TableScalar, typename Rows>
POSENC_KERNEL void rotate_columns(const ChannelColumns<Out>& out, const ChannelColumns<const In>& in,
                                  Eigen::Index token, Eigen::Index num_heads,
                                  const FrequencyTableView<TableScalar>& table, const RopeLayout& layout,
                                  const Rows& rows, Turn turn) {
  using Number = RotationScalar<Out, In, TableScalar>;
  const Eigen::Index pairs = table.num_pairs();
  const bool half_split = layout.pairs() == RopePairs::half_split;
  const Eigen::Index partner = half_split ? pairs : 1;
  const double sin_scale = turn.backwards ? -turn.scale : turn.scale;
  for (Eigen::Index pair = 0; pair < pairs; ++pair) {
    Eigen::Array<Number, Count, 1> c, s;
    for (int i = 0; i < Count; ++i) {
      const Eigen::Index row = rows(token + i);
      const Eigen::Index entry = pair * table.pair_stride();
      c[i] = static_cast<Number>(static_cast<double>(table.cos_data(row)[entry]) * turn.scale);
      s[i] = static_cast<Number>(static_cast<double>(table.sin_data(row)[entry]) * sin_scale);
    }
    const Eigen::Index first = half_split ? pair : 2 * pair;
    for (Eigen::Index head = 0; head < num_heads; ++head) {
      const Eigen::Index channel = head * layout.head_dim() + first;
      const auto a = load<Count, Number>(in.at(channel) + token);
      const auto b = load<Count, Number>(in.at(channel + partner) + token);
      store(out.at(channel) + token, a * c - b * s);
      store(out.at(channel + partner) + token, a * s + b * c);
    }
  }
}

/// Turns the window of every head of all tokens. `in` and `out` are the same or apart.
template <typename Out, typename In, typename TableScalar, typename Rows>
void rotate_columns(const ChannelColumns<Out>& out, const ChannelColumns<const In>& in, Eigen::Index tokens,
                    Eigen::Index num_heads, const FrequencyTableView<TableScalar>& table, const RopeLayout& layout,
                    const Rows& rows, Turn turn) {
  constexpr int block = kPacket<RotationScalar<Out, In, TableScalar>>;
  Eigen::Index token = 0;
  for (; token + block <= tokens; token += block) {
    rotate_columns<block>(out, in, token, num_heads, table, layout, rows, turn);
  }
  for (; token + 4 <= tokens; token += 4) rotate_columns<4>(out, in, token, num_heads, table, layout, rows, turn);
  for (; token < tokens; ++token) rotate_columns<1>(out, in, token, num_heads, table, layout, rows, turn);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_KERNELS_ROTATE_COLUMNS_HPP
