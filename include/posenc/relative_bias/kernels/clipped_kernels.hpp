// SPDX-License-Identifier: MIT
/// @file
/// The kernels of clipped_rows.inc at each level.
#ifndef POSENC_RELATIVE_BIAS_KERNELS_CLIPPED_KERNELS_HPP
#define POSENC_RELATIVE_BIAS_KERNELS_CLIPPED_KERNELS_HPP

#include "posenc/detail/add_kernels.hpp"

#include <cstddef>

#if POSENC_HAS_LEVELS

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The keys of one query by clipped distance: those before `first` have the table's row 0, key j in [first, last) has
/// row j + shift, the others have the last row.
struct ClippedRow {
  std::ptrdiff_t first, last, shift;
  std::ptrdiff_t keys;  ///< How many there are.
  std::ptrdiff_t rows;  ///< Of the table.
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#define POSENC_LEVEL_FILE "posenc/relative_bias/kernels/clipped_rows.inc"
#include "posenc/detail/each_level.inc"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename Row>
using ClippedKernel = void (*)(float* to, const float* from, const Row& row);

/// The kernels of a level.
template <typename Row>
struct ClippedKernels {
  ClippedKernel<Row> add;
  ClippedKernel<Row> sum;
};

/// Those of a level that the unit has. A template, so that what no program calls is not compiled.
template <typename Row>
ClippedKernels<Row> clipped_kernels(Level level) {
  static constexpr KernelTable<ClippedKernel<Row>> kAdd{{POSENC_OF_EACH_LEVEL(add_clipped<Row>)}};
  static constexpr KernelTable<ClippedKernel<Row>> kSum{{POSENC_OF_EACH_LEVEL(sum_clipped<Row>)}};
  return {kAdd[level], kSum[level]};
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_HAS_LEVELS

#endif  // POSENC_RELATIVE_BIAS_KERNELS_CLIPPED_KERNELS_HPP
