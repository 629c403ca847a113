// SPDX-License-Identifier: MIT
/// @file
/// The kernels of bias_rows.inc at each level.
#ifndef POSENC_RELATIVE_BIAS_KERNELS_BIAS_ROW_KERNELS_HPP
#define POSENC_RELATIVE_BIAS_KERNELS_BIAS_ROW_KERNELS_HPP

#include "posenc/detail/add_kernels.hpp"

#include <cstddef>
#include <cstdint>

#if POSENC_HAS_LEVELS

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The logits of some heads, head by head, and a bias for each distance. The biases of a query begin one before those of
/// the query in front of it.
struct BiasRows {
  void* logits;
  std::ptrdiff_t stride;  ///< To the next row of logits.
  const float* biases;    ///< Of the first query and the first key.
  std::ptrdiff_t biases_stride;
  std::ptrdiff_t heads, queries, keys;
};

/// The gradient of the logits of one head, and its sums by distance, of which those of a query begin one before those of
/// the query in front of it.
struct BiasSums {
  const float* grad;
  std::ptrdiff_t stride;  ///< To the next row of the gradient.
  float* sums;            ///< Of the first query and the first key.
  std::ptrdiff_t queries, keys;
};

inline constexpr std::ptrdiff_t kLeastBiases = 32;  // numbers in a row that every kernel takes

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#define POSENC_LEVEL_FILE "posenc/relative_bias/kernels/bias_rows.inc"
#include "posenc/detail/each_level.inc"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

using BiasRowKernel = void (*)(const BiasRows&);
template <typename Call>
using GatedBiasRowKernel = void (*)(const Call& call, const float* gates, std::ptrdiff_t gates_stride);
template <typename Call>
using BiasSumKernel = void (*)(Call call);
template <typename Float>
using TwoRowKernel = void (*)(Float* to, const float* a, const float* b, std::ptrdiff_t count);

/// The kernel for logits of this type at a level, which the unit has.
template <StoredAs To>
BiasRowKernel bias_row_kernel(Level level) {
  static constexpr KernelTable<BiasRowKernel> kKernels{{POSENC_OF_EACH_LEVEL(add_bias_rows<To>)}};
  return kKernels[level];
}

/// The kernel that multiplies the biases of each row by its gate, for logits of float.
template <typename Call>
GatedBiasRowKernel<Call> gated_bias_row_kernel(Level level) {
  static constexpr KernelTable<GatedBiasRowKernel<Call>> kKernels{{POSENC_OF_EACH_LEVEL(add_gated_bias_rows<Call>)}};
  return kKernels[level];
}

/// The kernel that sums gradients, of float.
template <typename Call>
BiasSumKernel<Call> bias_sum_kernel(Level level) {
  static constexpr KernelTable<BiasSumKernel<Call>> kKernels{{POSENC_OF_EACH_LEVEL(sum_bias_rows<Call>)}};
  return kKernels[level];
}

/// The kernel that adds two rows to one at a level.
template <typename Float>
TwoRowKernel<Float> two_row_kernel(Level level) {
  static constexpr KernelTable<TwoRowKernel<Float>> kKernels{{POSENC_OF_EACH_LEVEL(add_two_rows<Float>)}};
  return kKernels[level];
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_HAS_LEVELS

#endif  // POSENC_RELATIVE_BIAS_KERNELS_BIAS_ROW_KERNELS_HPP
