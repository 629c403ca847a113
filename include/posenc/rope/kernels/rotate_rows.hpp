// SPDX-License-Identifier: MIT
/// @file
/// The rotation kernel of tokens whose channels are contiguous: row-major matrices and raw buffers.
///
/// The cosines and sines of a tile stay in registers while all heads are rotated. Where a tile holds a part of a head
/// alone, calls that the caches do not hold go head by head instead. That reaches the speed of an in-place scale from the
/// second-level cache on (bench_rope). What is computed in float runs at the machine's level of
/// instructions (rotate_at_level.hpp) where there are levels; else, and in double, as the compiler is told.
#ifndef POSENC_ROPE_KERNELS_ROTATE_ROWS_HPP
#define POSENC_ROPE_KERNELS_ROTATE_ROWS_HPP

#include "posenc/detail/vector_code.hpp"
#include "posenc/rope/kernels/rotate_tile.hpp"
#include "posenc/rope/kernels/rotation.hpp"
#include "posenc/rope/kernels/row_kernels.hpp"

#include <algorithm>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline constexpr Eigen::Index kRowChunk = 128;  // pairs of a table row prepared at a time, on the stack

/// `count` table numbers, times a factor, as the kernels read them: c0 s0 c1 s1 .. from `to` on, or cosines there and
/// sines from to + kRowChunk on. Step is the distance of the table's pairs. Compilers make vector code of these loops.
template <bool Interleave, int Step, typename Number, typename TableScalar, typename Factor>
void prepare_row(Number* to, const TableScalar* cos, const TableScalar* sin, Factor factor, Eigen::Index count) {
  constexpr int width = Interleave ? 2 : 1;
  constexpr Eigen::Index sines = Interleave ? 1 : kRowChunk;
  for (Eigen::Index i = 0; i < count; ++i) {
    to[width * i] = static_cast<Number>(static_cast<Factor>(cos[i * Step]) * factor);
    to[width * i + sines] = static_cast<Number>(static_cast<Factor>(sin[i * Step]) * factor);
  }
}

/// prepare_row() for a step that is known at run time. A factor other than 1 is applied in double.
template <bool Interleave, typename Number, typename TableScalar>
void prepare_row(Number* to, const TableScalar* cos, const TableScalar* sin, Eigen::Index step, double scale,
                 Eigen::Index count) {
  const auto prepare = [&](auto factor) {
    if (step == 1) {
      prepare_row<Interleave, 1>(to, cos, sin, factor, count);
    } else {
      prepare_row<Interleave, 2>(to, cos, sin, factor, count);
    }
  };
  if (scale == 1.0) {
    prepare(Number(1));
  } else {
    prepare(scale);
  }
}

/// The window of head 0 of a token, and the distances to the next head and to the next token.
template <typename Scalar>
struct TokenRows {
  Scalar* data;
  Eigen::Index head_stride;
  Eigen::Index token_stride;

  HeadChannels<Scalar> token(Eigen::Index i) const { return {data + i * token_stride, head_stride}; }
  TokenRows from(Eigen::Index token, Eigen::Index head) const {
    return {data + token * token_stride + head * head_stride, head_stride, token_stride};
  }
};

/// Rotates one token by table row `row`, which is brought into the form of the kernels first.
template <typename Kind, typename Out, typename In, typename TableScalar>
POSENC_KERNEL void rotate_token_prepared(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads,
                                         Eigen::Index together, const Rotation<TableScalar>& table, Eigen::Index row) {
  using Number = RotationScalar<Out, In, TableScalar>;
  const Eigen::Index half = table.num_pairs;
  const Eigen::Index step = table.pair_stride;
  alignas(64) Number prepared[2 * kRowChunk];
  for (Eigen::Index first = 0; first < half; first += kRowChunk) {
    const Eigen::Index count = (std::min)(kRowChunk, half - first);
    const Eigen::Index channel = Kind::half_split ? first : 2 * first;
    prepare_row<!Kind::half_split>(prepared, table.cos(row) + first * step, table.sin(row) + first * step, step,
                                   table.scale, count);
    rotate_heads_in_order<Kind>(out.from(channel), in.from(channel), num_heads, together, half, prepared,
                                prepared + kRowChunk, count);
  }
}

/// Whether the kernels read the table's rows as they are.
template <typename Kind, typename Number, typename TableScalar>
bool is_prepared(const Rotation<TableScalar>& table) {
  const bool fits = Kind::half_split ? table.pair_stride == 1 : table.is_paired();
  return std::is_same_v<TableScalar, Number> && fits && table.scale == 1.0;
}

/// Rotates the window of every head of `tokens` tokens by the table's rows from `first_row` on, `together` heads at a
/// time.
template <typename Kind, typename Out, typename In, typename TableScalar>
POSENC_KERNEL void rotate_run(const TokenRows<Out>& out, const TokenRows<const In>& in, Eigen::Index tokens,
                              Eigen::Index num_heads, Eigen::Index together, const Rotation<TableScalar>& table,
                              Eigen::Index first_row) {
  using Number = RotationScalar<Out, In, TableScalar>;
  if constexpr (std::is_same_v<TableScalar, Number>) {
    if (is_prepared<Kind, Number>(table)) {
      for (Eigen::Index i = 0; i < tokens; ++i) {
        rotate_heads_in_order<Kind>(out.token(i), in.token(i), num_heads, together, table.num_pairs,
                                    table.cos(first_row + i), table.sin(first_row + i), table.num_pairs);
      }
      return;
    }
  }
  for (Eigen::Index i = 0; i < tokens; ++i) {
    rotate_token_prepared<Kind>(out.token(i), in.token(i), num_heads, together, table, first_row + i);
  }
}

/// The same where a head's tokens follow one another ([B, H, L, D]). The distance of a token's heads is then, as a
/// rule, a power of two, and a store to one delays loads from the next: four heads at a time, and few tokens, so that
/// the table's rows stay in the first-level cache (bench_rope, half_split_bhld).
template <typename Kind, typename Out, typename In, typename TableScalar>
void rotate_run_by_heads(const TokenRows<Out>& out, const TokenRows<const In>& in, Eigen::Index tokens,
                         Eigen::Index num_heads, const Rotation<TableScalar>& table, Eigen::Index first_row) {
  constexpr Eigen::Index some_tokens = 32;
  constexpr Eigen::Index some_heads = 4;
  for (Eigen::Index i = 0; i < tokens; i += some_tokens) {
    for (Eigen::Index head = 0; head < num_heads; head += some_heads) {
      const Eigen::Index heads = (std::min)(some_heads, num_heads - head);
      rotate_run<Kind>(out.from(i, head), in.from(i, head), (std::min)(some_tokens, tokens - i), heads, heads, table,
                       first_row + i);
    }
  }
}

/// Whether there are kernels for each level: what is computed in float, where there are levels.
template <typename Out, typename In, typename TableScalar>
inline constexpr bool has_levels =
    POSENC_HAS_LEVELS != 0 && std::is_same_v<RotationScalar<Out, In, TableScalar>, float>;

/// Rotates the window of every head of `tokens` tokens, of `all_tokens` of the call, by the table's rows from `first_row`
/// on, in the order that suits the memory. `in` and `out` are the same or disjoint. For what has no kernels of levels.
template <bool Backward, typename Out, typename In, typename TableScalar>
void rotate_rows(const TokenRows<Out>& out, const TokenRows<const In>& in, Eigen::Index tokens, Eigen::Index all_tokens,
                 Eigen::Index num_heads, const Rotation<TableScalar>& table, Eigen::Index first_row, bool half_split) {
  const auto rotate = [&](auto kind) {
    using Kind = decltype(kind);
    using Number = RotationScalar<Out, In, TableScalar>;
    const bool by_heads = tokens > 1 && out.token_stride < out.head_stride;
    if (by_heads && is_prepared<Kind, Number>(table)) {
      rotate_run_by_heads<Kind>(out, in, tokens, num_heads, table, first_row);
    } else {
      const Eigen::Index numbers = 2 * table.num_pairs * num_heads * (std::max)(tokens, all_tokens);
      const bool in_order = table.num_pairs > kTilePairs<Number> && numbers > kLastLevel<In>;
      rotate_run<Kind>(out, in, tokens, num_heads, in_order ? 1 : num_heads, table, first_row);
    }
  };
  if (half_split) {
    rotate(RotationKind<true, Backward>());
  } else {
    rotate(RotationKind<false, Backward>());
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_KERNELS_ROTATE_ROWS_HPP
