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

/// The kernels of a level.
template <typename Row>
struct ClippedKernels {
  void (*add)(float* to, const float* values, const Row& row);
  void (*sum)(float* sums, const float* from, const Row& row);
};

/// Those of a level that the unit has. A template, so that what no program calls is not compiled.
template <typename Row>
ClippedKernels<Row> clipped_kernels(Level level) {
  static constexpr ClippedKernels<Row> kKernels[] = {
#if POSENC_LOWEST_LEVEL <= 1
    {sse2::add_clipped<Row>, sse2::sum_clipped<Row>},
#endif
#if POSENC_LOWEST_LEVEL <= 2 && POSENC_HIGHEST_LEVEL >= 2
    {avx2::add_clipped<Row>, avx2::sum_clipped<Row>},
#endif
#if POSENC_HIGHEST_LEVEL >= 3
    {avx512::add_clipped<Row>, avx512::sum_clipped<Row>},
#endif
  };
  return kKernels[static_cast<int>(level) - POSENC_LOWEST_LEVEL];
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_HAS_LEVELS

#endif  // POSENC_RELATIVE_BIAS_KERNELS_CLIPPED_KERNELS_HPP
