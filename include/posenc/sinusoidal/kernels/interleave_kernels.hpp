// SPDX-License-Identifier: MIT
/// @file
/// The kernels of interleave_vectors.inc at each level, and which of them a call takes.
///
/// gcc makes no vector code of the loop at -O2: it stores numbers one by one, and vectors that are read from them at once
/// wait for those stores.
#ifndef POSENC_SINUSOIDAL_KERNELS_INTERLEAVE_KERNELS_HPP
#define POSENC_SINUSOIDAL_KERNELS_INTERLEAVE_KERNELS_HPP

#include "posenc/detail/add_kernels.hpp"
#include "posenc/detail/kernel_table.hpp"

#include <cstddef>

#if POSENC_HAS_LEVELS

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Rows of x, and the rows of two others that they are made of.
struct RowPairs {
  float* x_even;  ///< Where the first number of `even` goes.
  float* x_odd;
  std::ptrdiff_t x_stride;  ///< To the next row of x.
  const float* even;
  const float* odd;
  std::ptrdiff_t stride;  ///< To the next row of each.
  std::ptrdiff_t count;   ///< Numbers of a row of each.
  std::ptrdiff_t rows;
  bool touch;  ///< Whether the lines of each row are touched first.
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#define POSENC_LEVEL_FILE "posenc/sinusoidal/kernels/interleave_vectors.inc"
#include "posenc/detail/each_level.inc"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

using RowPairsKernel = void (*)(const RowPairs& call);

/// What puts sines and cosines together: rows of their own, or pairs in the other order.
struct InterleaveKernels {
  using Neighbors = void (*)(float* x, const float* pairs, std::ptrdiff_t count);
  RowPairsKernel rows;
  Neighbors neighbors;
};

/// The kernels for a level, which the unit has.
template <bool Add>
InterleaveKernels interleave_kernels(Level level) {
  static constexpr KernelTable<RowPairsKernel> kRows{{POSENC_OF_EACH_LEVEL(interleave_rows<Add>)}};
  static constexpr KernelTable<InterleaveKernels::Neighbors> kNeighbors{
      {POSENC_OF_EACH_LEVEL(exchange_neighbors<Add>)}};
  return {kRows[level], kNeighbors[level]};
}

/// What adds rows of sines and of cosines to blocks of each, of kLeastAdded numbers at least.
template <typename Call>
RowPairsKernel add_blocks_kernel(Level level) {
  static constexpr KernelTable<RowPairsKernel> kKernels{{POSENC_OF_EACH_LEVEL(add_blocks<Call>)}};
  return kKernels[level];
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_HAS_LEVELS

#endif  // POSENC_SINUSOIDAL_KERNELS_INTERLEAVE_KERNELS_HPP
