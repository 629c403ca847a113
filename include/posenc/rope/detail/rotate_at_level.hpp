// SPDX-License-Identifier: MIT
/// @file
/// Tokens whose channels are contiguous, brought before the kernel for the machine's level: one call of it, or some.
#ifndef POSENC_ROPE_DETAIL_ROTATE_AT_LEVEL_HPP
#define POSENC_ROPE_DETAIL_ROTATE_AT_LEVEL_HPP

#include "posenc/detail/vector_code.hpp"
#include "posenc/rope/detail/head_rotations.hpp"
#include "posenc/rope/kernels/rotate_rows.hpp"
#include "posenc/rope/kernels/row_kernels.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// What the tokens of some rows have in common with the rest of their call. Lists name the table's row of each, behind
/// the first row of the call, and the element at which each is written; null where these follow one another.
struct TokensOfCall {
  const std::ptrdiff_t* rows = nullptr;
  const std::ptrdiff_t* out_offsets = nullptr;
  std::ptrdiff_t all_tokens = 0;  ///< Of which these are some; 0: these are all.
};

#if POSENC_HAS_LEVELS

/// Calls `kernel` for some heads at a time, where a head's tokens follow one another. One head alone reads a row of the
/// table for each row of x, and more than four lie in the same sets of the first-level cache. Memory beyond the
/// second-level cache is read faster in long runs. Lists are no longer than one run: rotate_listed() sees to that.
POSENC_NOINLINE inline void call_by_heads(RowKernel<RowCall> kernel, const RowCall& all, std::ptrdiff_t out_bytes,
                                          std::ptrdiff_t in_bytes) {
  constexpr std::ptrdiff_t some_tokens = 256;
  constexpr std::ptrdiff_t some_heads = 4;
  RowCall call = all;
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
void rotate_converted(RowKernel<RowCall> kernel, const RowCall& all, const Rotation<TableScalar>& table,
                      Eigen::Index first_row, bool half_split) {
  RowCall call = all;
  alignas(64) float prepared[2 * kRowChunk];
  call.tokens = 1;
  call.cos = prepared;
  call.sin = prepared + kRowChunk;
  call.paired = false;
  call.rows = nullptr;
  call.out_offsets = nullptr;
  for (Eigen::Index token = 0; token < all.tokens; ++token) {
    const Eigen::Index row = first_row + (all.rows == nullptr ? token : all.rows[token]);
    Out* const out = static_cast<Out*>(all.out) +
                     (all.out_offsets == nullptr ? token * all.out_token_stride : all.out_offsets[token]);
    const In* const in = static_cast<const In*>(all.in) + token * all.in_token_stride;
    for (Eigen::Index first = 0; first < table.num_pairs; first += kRowChunk) {
      const Eigen::Index step = table.pair_stride;
      call.pairs = (std::min)(kRowChunk, table.num_pairs - first);
      prepare_row<false>(prepared, table.cos(row) + first * step, table.sin(row) + first * step, step, table.scale,
                         call.pairs);
      const Eigen::Index channel = half_split ? first : 2 * first;
      call.out = out + channel;
      call.in = in + channel;
      kernel(call);
    }
  }
}

/// A call that the kernel does not take as it is: heads with rotations of their own, a table that is converted, heads whose
/// tokens follow one another. Of heads with rotations of their own few tokens at a time, so that these stay in the
/// first-level cache from head to head; what the last level does not hold is read in order, one token at a time.
template <typename Out, typename In, typename TableScalar>
POSENC_NOINLINE void rotate_in_parts(RowKernel<RowCall> kernel, const RowCall& all,
                                     const HeadRotations<TableScalar>& rotations, Eigen::Index first_row,
                                     bool half_split) {
  constexpr bool floats = std::is_same_v<TableScalar, float>;
  const Eigen::Index numbers = 2 * all.pairs * all.all_heads;
  const bool in_parts = all.in_token_stride > all.in_head_stride;  // else a head's tokens follow one another
  const bool in_order = in_parts && numbers > kLastLevel<In>;
  const bool shared = rotations.shared();
  const Eigen::Index some_tokens = shared ? all.tokens : in_order ? 1 : 32;
  const Eigen::Index together = shared ? all.num_heads : 1;
  RowCall call = all;
  call.num_heads = together;
  for (Eigen::Index i = 0; i < all.tokens; i += some_tokens) {
    call.tokens = (std::min)(some_tokens, all.tokens - i);
    call.rows = all.rows == nullptr ? nullptr : all.rows + i;
    call.out_offsets = all.out_offsets == nullptr ? nullptr : all.out_offsets + i;
    const Eigen::Index row = all.rows == nullptr ? first_row + i : first_row;
    const Eigen::Index out_token = all.out_offsets == nullptr ? i * all.out_token_stride : 0;
    for (Eigen::Index head = 0; head < all.num_heads; head += together) {
      const Rotation<TableScalar> table = rotations.of(head);
      call.out = static_cast<Out*>(all.out) + out_token + head * all.out_head_stride;
      call.in = static_cast<const In*>(all.in) + i * all.in_token_stride + head * all.in_head_stride;
      if constexpr (floats) {
        call.cos = table.cos(row);
        call.sin = table.sin(row);
      }
      if (!floats || table.scale != 1.0 || (table.pair_stride != 1 && !all.paired)) {
        rotate_converted<Out, In>(kernel, call, table, row, half_split);
      } else if (call.tokens > 1 && all.out_token_stride < all.out_head_stride) {
        call_by_heads(kernel, call, sizeof(Out), sizeof(In));
      } else {
        kernel(call);
      }
    }
  }
}

/// Rotates the window of every head of `tokens` tokens by the table's rows from `first_row` on. The call of one token
/// through many layers is short: all that it writes to memory is the call of the kernel.
template <bool Backward, typename Out, typename In, typename TableScalar>
EIGEN_ALWAYS_INLINE void rotate_at_level(const TokenRows<Out>& out, const TokenRows<const In>& in, Eigen::Index tokens,
                                         Eigen::Index num_heads, const HeadRotations<TableScalar>& rotations,
                                         Eigen::Index first_row, bool half_split, const TokensOfCall& call_of) {
  constexpr StoredAs to = stored_as<Out>;
  constexpr StoredAs from = stored_as<In>;
  constexpr bool floats = std::is_same_v<TableScalar, float>;
  const Rotation<TableScalar>& table = rotations.first;
  const RowKernel<RowCall> kernel =
      half_split ? row_kernel<to, from, true>(table.level) : row_kernel<to, from, false>(table.level);
  const bool paired = floats && !half_split && reads_paired<to, from>(table.level) && table.is_paired();
  const float* cos = nullptr;
  const float* sin = nullptr;
  if constexpr (floats) {
    cos = table.cos(first_row);
    sin = table.sin(first_row);
  }
  const RowCall call{out.data,
                     in.data,
                     out.head_stride,
                     out.token_stride,
                     in.head_stride,
                     in.token_stride,
                     tokens,
                     num_heads,
                     table.num_pairs,
                     table.num_pairs,
                     table.num_pairs,
                     cos,
                     sin,
                     table.row_stride,
                     paired,
                     Backward ? 0x80000000u : 0u,
                     call_of.rows,
                     call_of.out_offsets,
                     num_heads * (std::max)(tokens, call_of.all_tokens)};
  const bool reads_table = floats && table.scale == 1.0 && (table.pair_stride == 1 || paired);
  const bool by_heads = tokens > 1 && out.token_stride < out.head_stride;
  if (reads_table && rotations.shared() && !by_heads) return kernel(call);
  rotate_in_parts<Out, In>(kernel, call, rotations.copy(), first_row, half_split);
}

#else

/// Declared for compilers without levels, where it is not called.
template <bool Backward, typename... Arguments>
void rotate_at_level(const Arguments&...);

#endif

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_DETAIL_ROTATE_AT_LEVEL_HPP
