// SPDX-License-Identifier: MIT
/// @file
/// The kernels of rotate_tokens.inc and norm_rows.inc at each level, and which of them a call takes.
#ifndef POSENC_ROPE_KERNELS_ROW_KERNELS_HPP
#define POSENC_ROPE_KERNELS_ROW_KERNELS_HPP

#include "posenc/detail/kernel_table.hpp"

#include <cstddef>
#include <cstdint>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// From how many numbers on a call reads memory in order: more than last-level caches hold beside what else they hold,
/// 8 MiB. Calls that they hold are faster where cosines and sines are read once for all heads.
template <typename Number>
inline constexpr std::ptrdiff_t kLastLevel = 8 * 1024 * 1024 / static_cast<std::ptrdiff_t>(sizeof(Number));

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#if POSENC_HAS_LEVELS

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// What a kernel rotates: a window of `pairs` pairs in every head of every token. Distances count elements. `in` and
/// `out` are the same or disjoint.
struct RowCall {
  static constexpr bool kNormed = false;
  void* out;
  const void* in;
  std::ptrdiff_t out_head_stride, out_token_stride;
  std::ptrdiff_t in_head_stride, in_token_stride;
  std::ptrdiff_t tokens, num_heads, pairs;
  std::ptrdiff_t partner, out_partner;  ///< Half-split: from the first channel of a pair to the second.
  const float* cos;                     ///< A cosine for each pair; where `paired`, c0 s0 c1 s1 ..
  const float* sin;                     ///< A sine for each pair.
  std::ptrdiff_t row_stride;            ///< From a token's row of the table to the next token's.
  bool paired;
  std::uint32_t sign;                           ///< 0, or the sign bit of a float: rotates backward.
  const std::ptrdiff_t* rows = nullptr;         ///< The table's row of each token from `cos` on; null: 0, 1, ..
  const std::ptrdiff_t* out_offsets = nullptr;  ///< Where each token is written from `out` on; null: by its stride.
  std::ptrdiff_t all_heads = 0;                 ///< Of all tokens of the whole call, of which these are some or all.
};

/// The same with a norm: numbers are multiplied by 1 / sqrt(their mean square + eps) and a weight. `out` and `in` are
/// those of channel 0 of a head, not of the window; in what rotates one token, those of the window.
struct NormedRowCall : RowCall {
  static constexpr bool kNormed = true;
  std::ptrdiff_t offset, rotary_dim, head_dim;
  const float* weight;                ///< Of the first channel of head 0; null where there are none.
  std::ptrdiff_t weight_head_stride;  ///< 0 where heads share the weights.
  const float* factors;               ///< Of each head. Set by the kernel.
  std::ptrdiff_t ahead;               ///< From the last token to the one that is read next; 0 where there is none.
  std::ptrdiff_t bytes_ahead;         ///< To the token that is read next, which is fetched. Set by the kernel.
  float gain;                         ///< Squares of the window are multiplied by it.
  float share;                        ///< 1 / the numbers of the mean.
  float eps;
  bool over_token;  ///< The mean is of all heads together.
  bool after;       ///< The weights come behind the rotation.
};

template <typename Call>
using RowKernel = void (*)(const Call&);

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#define POSENC_LEVEL_FILE "posenc/rope/kernels/rotate_pieces.inc"
#include "posenc/detail/each_level.inc"
#define POSENC_LEVEL_FILE "posenc/rope/kernels/rotate_lines.inc"
#include "posenc/detail/each_level.inc"
#define POSENC_LEVEL_FILE "posenc/rope/kernels/rotate_one_head.inc"
#include "posenc/detail/each_level.inc"
#define POSENC_LEVEL_FILE "posenc/rope/kernels/rotate_rest.inc"
#include "posenc/detail/each_level.inc"
#define POSENC_LEVEL_FILE "posenc/rope/kernels/rotate_heads.inc"
#include "posenc/detail/each_level.inc"
#define POSENC_LEVEL_FILE "posenc/rope/kernels/rotate_few_neighbors.inc"
#include "posenc/detail/each_level.inc"
#define POSENC_LEVEL_FILE "posenc/rope/kernels/rotate_tokens.inc"
#include "posenc/detail/each_level.inc"
#define POSENC_LEVEL_FILE "posenc/rope/kernels/norm_rows.inc"
#include "posenc/detail/each_level.inc"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The kernel of these types for a level, which must be one that this unit was compiled with.
template <StoredAs Out, StoredAs In, bool HalfSplit>
RowKernel<RowCall> row_kernel(Level level) {
  static constexpr KernelTable<RowKernel<RowCall>> kKernels{
      {POSENC_OF_EACH_LEVEL(rotate_rows<Out, In, HalfSplit, RowCall>)}};
  return kKernels[level];
}

/// The same for a kernel of norm_rows.inc.
template <StoredAs Out, StoredAs In, bool HalfSplit>
RowKernel<NormedRowCall> norm_kernel(Level level) {
  static constexpr KernelTable<RowKernel<NormedRowCall>> kKernels{
      {POSENC_OF_EACH_LEVEL(norm_rows<Out, In, HalfSplit>)}};
  return kKernels[level];
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
