// SPDX-License-Identifier: MIT
/// @file
/// One kernel of each level that a unit has, as a constant table, and the choice among them.
#ifndef POSENC_DETAIL_KERNEL_TABLE_HPP
#define POSENC_DETAIL_KERNEL_TABLE_HPP

#include "posenc/detail/vectors.hpp"

#if POSENC_HAS_LEVELS

// A name in the namespace of each level that the unit has, from the lowest up: what the braces of a KernelTable hold.
#if POSENC_HAS_LEVEL(1)
#define POSENC_OF_SSE2(...) sse2::__VA_ARGS__,
#else
#define POSENC_OF_SSE2(...)
#endif
#if POSENC_HAS_LEVEL(2)
#define POSENC_OF_AVX2(...) avx2::__VA_ARGS__,
#else
#define POSENC_OF_AVX2(...)
#endif
#if POSENC_HAS_LEVEL(3)
#define POSENC_OF_AVX512(...) avx512::__VA_ARGS__,
#else
#define POSENC_OF_AVX512(...)
#endif
#define POSENC_OF_EACH_LEVEL(...) POSENC_OF_SSE2(__VA_ARGS__) POSENC_OF_AVX2(__VA_ARGS__) POSENC_OF_AVX512(__VA_ARGS__)

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// A kernel, which is a pointer to a function, for each level. What chooses one is a template whose type is written out,
/// so that kernels which no program calls are not compiled: auto would compile them to know it.
///
///     static constexpr KernelTable<AddKernel> kKernels{{POSENC_OF_EACH_LEVEL(add_numbers<To, From>)}};
///     return kKernels[level];
template <typename Kernel>
struct KernelTable {
  Kernel kernels[POSENC_HIGHEST_LEVEL - POSENC_LOWEST_LEVEL + 1];

  /// That of a level, which the unit has.
  constexpr Kernel operator[](Level level) const { return kernels[static_cast<int>(level) - POSENC_LOWEST_LEVEL]; }
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_HAS_LEVELS

#endif  // POSENC_DETAIL_KERNEL_TABLE_HPP
