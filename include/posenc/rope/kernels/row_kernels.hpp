// SPDX-License-Identifier: MIT
/// @file
/// The kernels of rotate_tokens.inc at each level, and which of them a call takes.
#ifndef POSENC_ROPE_KERNELS_ROW_KERNELS_HPP
#define POSENC_ROPE_KERNELS_ROW_KERNELS_HPP

#include "posenc/detail/vectors.hpp"

#include <cstddef>
#include <cstdint>

#if POSENC_HAS_LEVELS

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// What a kernel rotates: a window of `pairs` pairs in every head of every token. Distances count elements. `in` and
/// `out` are the same or disjoint.
struct RowCall {
  void* out;
  const void* in;
  std::ptrdiff_t out_head_stride, out_token_stride;
  std::ptrdiff_t in_head_stride, in_token_stride;
  std::ptrdiff_t tokens, num_heads, pairs;
  std::ptrdiff_t partner;     ///< Half-split: from the first channel of a pair to the second.
  const float* cos;           ///< A cosine for each pair; where `paired`, c0 s0 c1 s1 ..
  const float* sin;           ///< A sine for each pair.
  std::ptrdiff_t row_stride;  ///< From a token's row of the table to the next token's.
  bool paired;
  std::uint32_t sign;  ///< 0, or the sign bit of a float: rotates backward.
};

using RowKernel = void (*)(const RowCall&);

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#define POSENC_LEVEL_FILE "posenc/rope/kernels/rotate_pieces.inc"
#include "posenc/detail/each_level.inc"
#define POSENC_LEVEL_FILE "posenc/rope/kernels/rotate_tokens.inc"
#include "posenc/detail/each_level.inc"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The kernel of these types for a level, which must be one that this unit was compiled with.
template <StoredAs Out, StoredAs In, bool HalfSplit>
RowKernel row_kernel(Level level) {
  static constexpr RowKernel kKernels[] = {
#if POSENC_LOWEST_LEVEL <= 1
    sse2::rotate_rows<Out, In, HalfSplit>,
#endif
#if POSENC_LOWEST_LEVEL <= 2 && POSENC_HIGHEST_LEVEL >= 2
    avx2::rotate_rows<Out, In, HalfSplit>,
#endif
#if POSENC_HIGHEST_LEVEL >= 3
    avx512::rotate_rows<Out, In, HalfSplit>,
#endif
  };
  return kKernels[static_cast<int>(level) - POSENC_LOWEST_LEVEL];
}

/// Whether the interleaved kernel also reads a paired table, which it does where it reads and writes numbers in order.
template <StoredAs Out, StoredAs In>
constexpr bool reads_paired(Level level) {
  constexpr bool half = Out == StoredAs::half || In == StoredAs::half;
  constexpr bool bfloat16 = Out == StoredAs::bfloat16 || In == StoredAs::bfloat16;
  return !bfloat16 && !(half && level == Level::sse2);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_HAS_LEVELS

#endif  // POSENC_ROPE_KERNELS_ROW_KERNELS_HPP
