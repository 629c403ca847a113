// SPDX-License-Identifier: MIT
/// @file
/// The rotation kernel of tokens whose channels are contiguous: row-major matrices and raw buffers.
///
/// The cosines and sines of a tile stay in registers while all heads are rotated. Where a tile holds a part of a head
/// alone, calls that the caches do not hold go head by head instead. That reaches the speed of an in-place scale from the
/// second-level cache on (bench_rope). What is computed in float runs at the machine's level of
/// instructions (row_kernels.hpp) where there are levels; else, and in double, as the compiler is told.
#ifndef POSENC_ROPE_KERNELS_ROTATE_ROWS_HPP
#define POSENC_ROPE_KERNELS_ROTATE_ROWS_HPP

#include "posenc/detail/vector_code.hpp"
#include "posenc/rope/kernels/rotate_tile.hpp"
#include "posenc/rope/kernels/rotation.hpp"
#include "posenc/rope/kernels/row_kernels.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
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

/// Bytes of x from which on memory is read in order: those that last-level caches hold beside what else they hold.
/// Calls that they hold are faster where a tile's cosines and sines are read once for all heads.
inline constexpr Eigen::Index kLastLevel = 8 * 1024 * 1024;

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

/// What the tokens of some rows have in common with the rest of their call. Lists name the table's row of each, behind
/// the first row of the call, and the element at which each is written; null where these follow one another.
struct TokensOfCall {
  const std::ptrdiff_t* rows = nullptr;
  const std::ptrdiff_t* out_offsets = nullptr;
  std::ptrdiff_t all_tokens = 0;  ///< Of which these are some; 0: these are all.
};

#if POSENC_HAS_LEVELS

/// Whether there are kernels for each level: what is computed in float.
template <typename Out, typename In, typename TableScalar>
inline constexpr bool has_levels = std::is_same_v<RotationScalar<Out, In, TableScalar>, float>;

/// Calls `kernel` for some heads at a time, where a head's tokens follow one another. One head alone reads a row of the
/// table for each row of x, and more than four lie in the same sets of the first-level cache. Memory beyond the
/// second-level cache is read faster in long runs. Lists are no longer than one run: rotate_listed() sees to that. Changes
/// `call` on the way.
inline void call_by_heads(RowKernel<RowCall> kernel, RowCall& call, std::ptrdiff_t out_bytes, std::ptrdiff_t in_bytes) {
  constexpr std::ptrdiff_t some_tokens = 256;
  constexpr std::ptrdiff_t some_heads = 4;
  const RowCall all = call;
  for (std::ptrdiff_t first = 0; first < all.tokens; first += some_tokens) {
    call.tokens = (std::min)(some_tokens, all.tokens - first);
    call.cos = all.cos + first * all.row_stride;
    call.sin = all.sin + first * all.row_stride;
    for (std::ptrdiff_t head = 0; head < all.num_heads; head += some_heads) {
      const std::ptrdiff_t to = first * all.out_token_stride + head * all.out_head_stride;
      const std::ptrdiff_t from = first * all.in_token_stride + head * all.in_head_stride;
      call.out = static_cast<char*>(all.out) + to * out_bytes;
      call.in = static_cast<const char*>(all.in) + from * in_bytes;
      call.num_heads = (std::min)(some_heads, all.num_heads - head);
      kernel(call);
    }
  }
}

/// The same by a table that the kernel does not read, which is converted row by row.
template <typename Out, typename In, typename TableScalar>
POSENC_NOINLINE void rotate_converted(RowKernel<RowCall> kernel, RowCall call, const TokenRows<Out>& out,
                                      const TokenRows<const In>& in, const Rotation<TableScalar>& table,
                                      Eigen::Index first_row, const TokensOfCall& call_of, bool half_split) {
  const Eigen::Index tokens = call.tokens;
  alignas(64) float prepared[2 * kRowChunk];
  call.tokens = 1;
  call.cos = prepared;
  call.sin = prepared + kRowChunk;
  for (Eigen::Index token = 0; token < tokens; ++token) {
    const Eigen::Index row = first_row + (call_of.rows == nullptr ? token : call_of.rows[token]);
    const TokenRows<Out> token_out{
        out.data + (call_of.out_offsets == nullptr ? token * out.token_stride : call_of.out_offsets[token]),
        out.head_stride, 0};
    for (Eigen::Index first = 0; first < table.num_pairs; first += kRowChunk) {
      const Eigen::Index step = table.pair_stride;
      call.pairs = (std::min)(kRowChunk, table.num_pairs - first);
      prepare_row<false>(prepared, table.cos(row) + first * step, table.sin(row) + first * step, step, table.scale,
                         call.pairs);
      const Eigen::Index channel = half_split ? first : 2 * first;
      call.out = token_out.token(0).from(channel).data;
      call.in = in.token(token).from(channel).data;
      kernel(call);
    }
  }
}

/// rotate_rows() by the kernel for the machine's level.
template <typename Out, typename In, typename TableScalar>
void rotate_at_level(const TokenRows<Out>& out, const TokenRows<const In>& in, Eigen::Index tokens,
                     Eigen::Index num_heads, const Rotation<TableScalar>& table, Eigen::Index first_row,
                     const TokensOfCall& call_of, bool half_split, std::uint32_t sign) {
  constexpr StoredAs to = stored_as<Out>;
  constexpr StoredAs from = stored_as<In>;
  const RowKernel<RowCall> kernel =
      half_split ? row_kernel<to, from, true>(table.level) : row_kernel<to, from, false>(table.level);
  RowCall call{out.data,        in.data,
               out.head_stride, out.token_stride,
               in.head_stride,  in.token_stride,
               tokens,          num_heads,
               table.num_pairs, table.num_pairs,
               table.num_pairs, nullptr,
               nullptr,         0,
               false,           sign};
  call.all_tokens = (std::max)(tokens, call_of.all_tokens);
  if constexpr (std::is_same_v<TableScalar, float>) {
    const bool paired = !half_split && reads_paired<to, from>(table.level) && table.is_paired();
    if (table.scale == 1.0 && (table.pair_stride == 1 || paired)) {
      call.cos = table.cos(first_row);
      call.sin = table.sin(first_row);
      call.row_stride = table.row_stride;
      call.paired = paired;
      call.rows = call_of.rows;
      call.out_offsets = call_of.out_offsets;
      const bool by_heads = tokens > 1 && out.token_stride < out.head_stride;
      return by_heads ? call_by_heads(kernel, call, sizeof(Out), sizeof(In)) : kernel(call);
    }
  }
  rotate_converted(kernel, call, out, in, table, first_row, call_of, half_split);
}

#else

template <typename Out, typename In, typename TableScalar>
inline constexpr bool has_levels = false;
/// Declared for compilers without levels, where it is not called.
template <typename... Arguments>
void rotate_at_level(const Arguments&...);

#endif

/// Rotates the window of every head of `tokens` tokens by the table's rows from `first_row` on, in the order that suits
/// the memory. `in` and `out` are the same or disjoint. Where there are no levels, `call` has no lists.
template <bool Backward, typename Out, typename In, typename TableScalar>
void rotate_rows(const TokenRows<Out>& out, const TokenRows<const In>& in, Eigen::Index tokens, Eigen::Index num_heads,
                 const Rotation<TableScalar>& table, Eigen::Index first_row, bool half_split,
                 const TokensOfCall& call) {
  if constexpr (has_levels<Out, In, TableScalar>) {
    constexpr std::uint32_t sign = Backward ? 0x80000000u : 0u;
    rotate_at_level(out, in, tokens, num_heads, table, first_row, call, half_split, sign);
  } else {
    const auto rotate = [&](auto kind) {
      using Kind = decltype(kind);
      using Number = RotationScalar<Out, In, TableScalar>;
      const bool by_heads = tokens > 1 && out.token_stride < out.head_stride;
      if (by_heads && is_prepared<Kind, Number>(table)) {
        rotate_run_by_heads<Kind>(out, in, tokens, num_heads, table, first_row);
      } else {
        const Eigen::Index numbers = 2 * table.num_pairs * num_heads * (std::max)(tokens, call.all_tokens);
        const bool in_order = table.num_pairs > kTilePairs<Number> && numbers > kLastLevel / Eigen::Index(sizeof(In));
        rotate_run<Kind>(out, in, tokens, num_heads, in_order ? 1 : num_heads, table, first_row);
      }
    };
    if (half_split) {
      rotate(RotationKind<true, Backward>());
    } else {
      rotate(RotationKind<false, Backward>());
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_KERNELS_ROTATE_ROWS_HPP
