// SPDX-License-Identifier: MIT
/// @file
/// The kernel of matrix_product.inc at each level.
#ifndef POSENC_RELATIVE_BIAS_KERNELS_MATRIX_PRODUCT_KERNELS_HPP
#define POSENC_RELATIVE_BIAS_KERNELS_MATRIX_PRODUCT_KERNELS_HPP

#include "posenc/detail/kernel_table.hpp"
#include "posenc/detail/vector_code.hpp"

#include <cstddef>

#if POSENC_HAS_LEVELS

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// out(i, j) += scale sum over k of a(i, k) b(k, j). Rows of out and b are contiguous; a lies in any order.
struct MatrixProduct {
  float* out;
  std::ptrdiff_t out_stride;
  const float* a;
  std::ptrdiff_t a_row_stride, a_column_stride;
  const float* b;
  std::ptrdiff_t b_stride;
  std::ptrdiff_t rows, columns, depth;
  float scale;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#define POSENC_LEVEL_FILE "posenc/relative_bias/kernels/matrix_product.inc"
#include "posenc/detail/each_level.inc"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename Call>
using MatrixProductKernel = void (*)(const Call&);

/// The kernel for a level, which the unit has.
/// A template, so that what no program calls is not compiled.
template <typename Call>
MatrixProductKernel<Call> matrix_product_kernel(Level level) {
  static constexpr KernelTable<MatrixProductKernel<Call>> kKernels{{POSENC_OF_EACH_LEVEL(add_matrix_product<Call>)}};
  return kKernels[level];
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_HAS_LEVELS

#endif  // POSENC_RELATIVE_BIAS_KERNELS_MATRIX_PRODUCT_KERNELS_HPP
