// SPDX-License-Identifier: MIT
/// @file
/// The kernels of interleave_vectors.inc at each level, and which of them a call takes.
///
/// gcc makes no vector code of the loop at -O2: it stores numbers one by one, and vectors that are read from them at once
/// wait for those stores.
#ifndef POSENC_SINUSOIDAL_KERNELS_INTERLEAVE_KERNELS_HPP
#define POSENC_SINUSOIDAL_KERNELS_INTERLEAVE_KERNELS_HPP

#include "posenc/detail/vectors.hpp"

#include <cstddef>

#if POSENC_HAS_LEVELS

#define POSENC_LEVEL_FILE "posenc/sinusoidal/kernels/interleave_vectors.inc"
#include "posenc/detail/each_level.inc"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// What puts sines and cosines together: rows of their own, or pairs in the other order.
struct InterleaveKernels {
  void (*rows)(float* x, const float* even, const float* odd, std::ptrdiff_t count);
  void (*neighbors)(float* x, const float* pairs, std::ptrdiff_t count);
};

/// The kernels for a level, which the unit has.
template <bool Add>
InterleaveKernels interleave_kernels(Level level) {
  static constexpr InterleaveKernels kKernels[] = {
#if POSENC_LOWEST_LEVEL <= 1
    {sse2::interleave_rows<Add>, sse2::exchange_neighbors<Add>},
#endif
#if POSENC_LOWEST_LEVEL <= 2 && POSENC_HIGHEST_LEVEL >= 2
    {avx2::interleave_rows<Add>, avx2::exchange_neighbors<Add>},
#endif
#if POSENC_HIGHEST_LEVEL >= 3
    {avx512::interleave_rows<Add>, avx512::exchange_neighbors<Add>},
#endif
  };
  return kKernels[static_cast<int>(level) - POSENC_LOWEST_LEVEL];
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_HAS_LEVELS

#endif  // POSENC_SINUSOIDAL_KERNELS_INTERLEAVE_KERNELS_HPP
