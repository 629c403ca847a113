// SPDX-License-Identifier: MIT
/// @file
/// The rotation kernel of column-major matrices, where a channel's tokens are contiguous.
#ifndef POSENC_ROPE_KERNELS_ROTATE_COLUMNS_HPP
#define POSENC_ROPE_KERNELS_ROTATE_COLUMNS_HPP

#include "posenc/detail/vector_code.hpp"
#include "posenc/rope/kernels/rotate_rows.hpp"
#include "posenc/rope/kernels/rotation.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The window's first channel of head 0 at token 0, and the distance to the next channel.
template <typename Scalar>
struct ChannelColumns {
  Scalar* data;
  Eigen::Index stride;

  Scalar* at(Eigen::Index channel) const { return data + channel * stride; }
};

/// Rotates `Count` tokens from `token` on by the table's rows `rows`: the cosines and sines of a pair stay in registers
/// while all heads are rotated.
template <bool Backward, int Count, typename Out, typename In, typename TableScalar>
POSENC_KERNEL void rotate_few_columns(const ChannelColumns<Out>& out, const ChannelColumns<const In>& in,
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

/// A number of the table times `scale`, rounded once.
template <typename Number, typename TableScalar>
EIGEN_ALWAYS_INLINE Number scaled_entry(TableScalar value, double scale) {
  if (scale == 1) return static_cast<Number>(value);
  return static_cast<Number>(static_cast<double>(value) * scale);
}

/// Tokens and pairs whose cosines and sines are on the stack at a time: 256 bytes of cosines and of sines for each
/// pair, or one number where it is wider than that.
template <typename Number>
inline constexpr int kColumnTokens = sizeof(Number) < 256 ? 256 / static_cast<int>(sizeof(Number)) : 1;
inline constexpr int kColumnPairs = 64;

/// Rotates kColumnTokens tokens from `token` on. The table's rows are transposed once for all heads, so that every
/// channel is read and written in one run of memory.
template <bool Backward, typename Out, typename In, typename TableScalar>
POSENC_KERNEL void rotate_column_block(const ChannelColumns<Out>& out, const ChannelColumns<const In>& in,
                                       Eigen::Index token, Eigen::Index num_heads, const Rotation<TableScalar>& table,
                                       const RopeLayout& layout, const Eigen::Index* rows) {
  using Number = RotationScalar<Out, In, TableScalar>;
  constexpr int lanes = kPacket<Number>;
  constexpr int tokens = kColumnTokens<Number>;
  using Values = Eigen::Array<Number, lanes, 1>;
  const bool half_split = layout.pairs() == RopePairs::half_split;
  const Eigen::Index partner = half_split ? table.num_pairs : 1;
  alignas(64) Number cosines[kColumnPairs][tokens];
  alignas(64) Number sines[kColumnPairs][tokens];
  for (Eigen::Index first = 0; first < table.num_pairs; first += kColumnPairs) {
    const Eigen::Index pairs = (std::min)(Eigen::Index(kColumnPairs), table.num_pairs - first);
    for (int i = 0; i < tokens; ++i) {
      const TableScalar* const c = table.cos(rows[i]) + first * table.pair_stride;
      const TableScalar* const s = table.sin(rows[i]) + first * table.pair_stride;
      for (Eigen::Index pair = 0; pair < pairs; ++pair) {
        const Eigen::Index entry = pair * table.pair_stride;
        cosines[pair][i] = scaled_entry<Number>(c[entry], table.scale);
        sines[pair][i] = scaled_entry<Number>(s[entry], table.scale);
      }
    }
    for (Eigen::Index head = 0; head < num_heads; ++head) {
      for (Eigen::Index pair = 0; pair < pairs; ++pair) {
        const Eigen::Index channel = head * layout.head_dim() + (half_split ? first + pair : 2 * (first + pair));
        const In* const from_a = in.at(channel) + token;
        const In* const from_b = in.at(channel + partner) + token;
        Out* const to_a = out.at(channel) + token;
        Out* const to_b = out.at(channel + partner) + token;
        for (int i = 0; i < tokens; i += lanes) {
          const auto a = load<lanes, Number>(from_a + i);
          const auto b = load<lanes, Number>(from_b + i);
          const Values c = Eigen::Map<const Values>(cosines[pair] + i);
          const Values s = Eigen::Map<const Values>(sines[pair] + i);
          store(to_a + i, rotated_first<Backward>(a, b, c, s));
          store(to_b + i, rotated_second<Backward>(a, b, c, s));
        }
      }
    }
  }
}

#if POSENC_HAS_LEVELS

/// Writes `columns` numbers of `count` rows as rows of `count`, `step` behind one another: to[j * step + i] = from[i][j].
inline void transpose_rows(float* to, std::ptrdiff_t step, const float* const* from, int count, int columns) {
  using Four = Floats<4>;
  using FourAt = VectorTypes<4>::FloatsAt;
  int i = 0;
  for (; i + 4 <= count; i += 4) {
    int j = 0;
    for (; j + 4 <= columns; j += 4) {
      const auto row = [&](int k) -> Four { return *reinterpret_cast<const FourAt*>(from[i + k] + j); };
      const Four a = __builtin_shufflevector(row(0), row(1), 0, 4, 1, 5);
      const Four b = __builtin_shufflevector(row(0), row(1), 2, 6, 3, 7);
      const Four c = __builtin_shufflevector(row(2), row(3), 0, 4, 1, 5);
      const Four d = __builtin_shufflevector(row(2), row(3), 2, 6, 3, 7);
      const auto write = [&](int k, Four v) { *reinterpret_cast<FourAt*>(to + (j + k) * step + i) = v; };
      write(0, __builtin_shufflevector(a, c, 0, 1, 4, 5));
      write(1, __builtin_shufflevector(a, c, 2, 3, 6, 7));
      write(2, __builtin_shufflevector(b, d, 0, 1, 4, 5));
      write(3, __builtin_shufflevector(b, d, 2, 3, 6, 7));
    }
    for (; j < columns; ++j) {
      for (int k = i; k < i + 4; ++k) to[j * step + k] = from[k][j];
    }
  }
  for (; i < count; ++i) {
    for (int j = 0; j < columns; ++j) to[j * step + i] = from[i][j];
  }
}

/// The most tokens that are brought before the kernel at a time, so that a channel is read in runs of 1 KiB.
inline constexpr int kMostTokens = 256;

/// The table's numbers of `pairs` pairs from `first` on and of `count` tokens from `token` on: for each pair its cosines
/// from `to` on, and its sines `step` behind them.
template <typename TableScalar, typename RowOf>
void prepare_columns(float* to, std::ptrdiff_t step, const Rotation<TableScalar>& table, Eigen::Index first, int pairs,
                     Eigen::Index token, int count, const RowOf& row_of) {
  const TableScalar* cos[kMostTokens];
  const TableScalar* sin[kMostTokens];
  for (int i = 0; i < count; ++i) {
    const Eigen::Index row = row_of(token + i);
    cos[i] = table.cos(row) + first * table.pair_stride;
    sin[i] = table.sin(row) + first * table.pair_stride;
  }
  if constexpr (std::is_same_v<TableScalar, float>) {
    if (table.scale == 1 && table.is_paired()) return transpose_rows(to, step, cos, count, 2 * pairs);
    if (table.scale == 1 && table.pair_stride == 1) {
      transpose_rows(to, 2 * step, cos, count, pairs);
      return transpose_rows(to + step, 2 * step, sin, count, pairs);
    }
  }
  for (int i = 0; i < count; ++i) {
    for (int pair = 0; pair < pairs; ++pair) {
      to[2 * pair * step + i] = scaled_entry<float>(cos[i][pair * table.pair_stride], table.scale);
      to[(2 * pair + 1) * step + i] = scaled_entry<float>(sin[i][pair * table.pair_stride], table.scale);
    }
  }
}

/// The kernel of rows, which takes the tokens of a channel for its channels and the pairs of a head for its tokens: the
/// table is brought into that order once for all heads.
template <bool Backward, typename Out, typename In, typename TableScalar, typename RowOf>
void rotate_columns_at_level(const ChannelColumns<Out>& out, const ChannelColumns<const In>& in, Eigen::Index tokens,
                             Eigen::Index num_heads, const Rotation<TableScalar>& table, const RopeLayout& layout,
                             const RowOf& row_of) {
  alignas(64) float entries[4096];  // the cosines of a pair, then its sines
  const Eigen::Index most_tokens = tokens <= 64 ? 64 : tokens <= 128 ? 128 : kMostTokens;
  const Eigen::Index most_pairs = 4096 / (2 * most_tokens);
  const bool half_split = layout.pairs() == RopePairs::half_split;
  // Four streams of columns, which lie in the same sets of the first-level cache: interleaved pairs are one stream.
  const Eigen::Index some_heads = half_split ? 2 : 4;
  const RowKernel<RowCall> kernel = row_kernel<stored_as<Out>, stored_as<In>, true>(table.level);
  RowCall call{};
  call.in_head_stride = layout.head_dim() * in.stride;
  call.out_head_stride = layout.head_dim() * out.stride;
  call.sin = entries + most_tokens;
  call.cos = entries;
  call.row_stride = 2 * most_tokens;
  call.sign = Backward ? 0x80000000u : 0u;
  call.partner = (half_split ? table.num_pairs : 1) * in.stride;
  call.out_partner = (half_split ? table.num_pairs : 1) * out.stride;
  call.in_token_stride = (half_split ? 1 : 2) * in.stride;
  call.out_token_stride = (half_split ? 1 : 2) * out.stride;
  for (Eigen::Index token = 0; token < tokens; token += most_tokens) {
    const int count = static_cast<int>((std::min)(most_tokens, tokens - token));
    call.pairs = count;
    for (Eigen::Index first = 0; first < table.num_pairs; first += most_pairs) {
      const int pairs = static_cast<int>((std::min)(most_pairs, table.num_pairs - first));
      prepare_columns(entries, most_tokens, table, first, pairs, token, count, row_of);
      call.tokens = pairs;
      for (Eigen::Index head = 0; head < num_heads; head += some_heads) {
        const Eigen::Index channel = head * layout.head_dim() + (half_split ? first : 2 * first);
        call.num_heads = (std::min)(some_heads, num_heads - head);
        call.in = in.at(channel) + token;
        call.out = out.at(channel) + token;
        kernel(call);
      }
    }
  }
}

#else

/// Declared for compilers without levels, where it is not called.
template <bool Backward, typename... Arguments>
void rotate_columns_at_level(const Arguments&...);

#endif

/// Rotates the window of every head of all tokens; token i by the table's row row_of(i). `in` and `out` are the same or
/// disjoint.
template <bool Backward, typename Out, typename In, typename TableScalar, typename RowOf>
void rotate_columns(const ChannelColumns<Out>& out, const ChannelColumns<const In>& in, Eigen::Index tokens,
                    Eigen::Index num_heads, const Rotation<TableScalar>& table, const RopeLayout& layout,
                    const RowOf& row_of) {
  if constexpr (has_levels<Out, In, TableScalar>) {
    rotate_columns_at_level<Backward>(out, in, tokens, num_heads, table, layout, row_of);
  } else {
    constexpr int block = kPacket<RotationScalar<Out, In, TableScalar>>;
    constexpr int columns = kColumnTokens<RotationScalar<Out, In, TableScalar>>;
    static_assert(columns % block == 0, "posenc: a block of tokens is whole vectors");
    Eigen::Index rows[columns];
    Eigen::Index token = 0;
    for (; token + columns <= tokens; token += columns) {
      for (int i = 0; i < columns; ++i) rows[i] = row_of(token + i);
      rotate_column_block<Backward>(out, in, token, num_heads, table, layout, rows);
    }
    const auto rotate_blocks = [&](auto count) {
      for (; token + count.value <= tokens; token += count.value) {
        for (int i = 0; i < count.value; ++i) rows[i] = row_of(token + i);
        rotate_few_columns<Backward, count.value>(out, in, token, num_heads, table, layout, rows);
      }
    };
    rotate_blocks(std::integral_constant<int, block>());
    if constexpr (block > 4) rotate_blocks(std::integral_constant<int, 4>());
    rotate_blocks(std::integral_constant<int, 1>());
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_KERNELS_ROTATE_COLUMNS_HPP
