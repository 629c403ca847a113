// SPDX-License-Identifier: MIT
/// @file
/// The kernel of sin_cos_vectors.inc at each level, and which of them a call takes.
#ifndef POSENC_DETAIL_SIN_COS_KERNELS_HPP
#define POSENC_DETAIL_SIN_COS_KERNELS_HPP

#include "posenc/detail/kernel_table.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>

#if POSENC_HAS_LEVELS

#define POSENC_LEVEL_FILE "posenc/detail/sin_cos_vectors.inc"
#include "posenc/detail/each_level.inc"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

using SinCosKernel = void (*)(const double* frequency, double position, std::ptrdiff_t count, double* cosine,
                              double* sine);

/// The kernel for a level, which the unit has.
inline SinCosKernel sin_cos_kernel(Level level) {
  static constexpr KernelTable<SinCosKernel> kKernels{{POSENC_OF_EACH_LEVEL(sin_cos_of_many<>)}};
  return kKernels[level];
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_HAS_LEVELS

#endif  // POSENC_DETAIL_SIN_COS_KERNELS_HPP
