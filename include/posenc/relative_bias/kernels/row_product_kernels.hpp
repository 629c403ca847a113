// SPDX-License-Identifier: MIT
/// @file
/// The kernel of row_product.inc at each level.
#ifndef POSENC_RELATIVE_BIAS_KERNELS_ROW_PRODUCT_KERNELS_HPP
#define POSENC_RELATIVE_BIAS_KERNELS_ROW_PRODUCT_KERNELS_HPP

#include "posenc/detail/kernel_table.hpp"
#include "posenc/detail/vector_code.hpp"

#include <cstddef>

#if POSENC_HAS_LEVELS

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// out(i, j) = scale sum over k of a(i, k) b(j, k): strides are from row to row.
struct RowProduct {
  float* out;
  std::ptrdiff_t out_stride;
  const float* a;
  std::ptrdiff_t a_stride;
  const float* b;
  std::ptrdiff_t b_stride;
  std::ptrdiff_t rows, columns, depth;  ///< Of a; rows of b; columns of both, at most kRowDepth.
  float scale;
};

inline constexpr std::ptrdiff_t kRowDepth = 256;

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#define POSENC_LEVEL_FILE "posenc/relative_bias/kernels/row_product.inc"
#include "posenc/detail/each_level.inc"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename Call>
using RowProductKernel = void (*)(const Call&);

/// The kernel for a level, which the unit has.
/// A template, so that what no program calls is not compiled.
template <typename Call>
RowProductKernel<Call> row_product_kernel(Level level) {
  static constexpr KernelTable<RowProductKernel<Call>> kKernels{{POSENC_OF_EACH_LEVEL(multiply_rows<Call>)}};
  return kKernels[level];
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_HAS_LEVELS

#endif  // POSENC_RELATIVE_BIAS_KERNELS_ROW_PRODUCT_KERNELS_HPP
