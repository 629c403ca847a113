// SPDX-License-Identifier: MIT
/// @file
/// The kernel of add_vectors.inc at each level, and which of them a call takes.
#ifndef POSENC_DETAIL_ADD_KERNELS_HPP
#define POSENC_DETAIL_ADD_KERNELS_HPP

#include "posenc/detail/kernel_table.hpp"
#include "posenc/detail/vector_code.hpp"

#include <cstddef>

#if POSENC_HAS_LEVELS

#define POSENC_LEVEL_FILE "posenc/detail/add_vectors.inc"
#include "posenc/detail/each_level.inc"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

using AddKernel = void (*)(void* to, const void* from, std::ptrdiff_t count);

inline constexpr std::ptrdiff_t kLeastAdded = 16;  // numbers that every kernel takes

/// The kernel of these types for a level, which the unit has.
template <StoredAs To, StoredAs From>
AddKernel add_kernel(Level level) {
  static constexpr KernelTable<AddKernel> kKernels{{POSENC_OF_EACH_LEVEL(add_numbers<To, From>)}};
  return kKernels[level];
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_HAS_LEVELS

#endif  // POSENC_DETAIL_ADD_KERNELS_HPP
