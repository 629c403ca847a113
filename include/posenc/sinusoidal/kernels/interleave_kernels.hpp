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

#define POSENC_LEVEL_FILE "posenc/sinusoidal/kernels/interleave_vectors.inc"
#include "posenc/detail/each_level.inc"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// What puts sines and cosines together: rows of their own, or pairs in the other order.
struct InterleaveKernels {
  using Rows = void (*)(float* x, const float* even, const float* odd, std::ptrdiff_t count);
  using Neighbors = void (*)(float* x, const float* pairs, std::ptrdiff_t count);
  Rows rows;
  Neighbors neighbors;
};

/// The kernels for a level, which the unit has.
template <bool Add>
InterleaveKernels interleave_kernels(Level level) {
  static constexpr KernelTable<InterleaveKernels::Rows> kRows{{POSENC_OF_EACH_LEVEL(interleave_rows<Add>)}};
  static constexpr KernelTable<InterleaveKernels::Neighbors> kNeighbors{
      {POSENC_OF_EACH_LEVEL(exchange_neighbors<Add>)}};
  return {kRows[level], kNeighbors[level]};
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_HAS_LEVELS

#endif  // POSENC_SINUSOIDAL_KERNELS_INTERLEAVE_KERNELS_HPP
