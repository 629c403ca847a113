// SPDX-License-Identifier: MIT
/// @file
/// The kernels of window_rows.inc and window_sums.inc at each level, and which of them a call takes.
#ifndef POSENC_RELATIVE_BIAS_KERNELS_WINDOW_KERNELS_HPP
#define POSENC_RELATIVE_BIAS_KERNELS_WINDOW_KERNELS_HPP

#include "posenc/detail/add_kernels.hpp"
#include "posenc/detail/vector_code.hpp"

#include <cstddef>
#include <cstdint>

#if POSENC_HAS_LEVELS

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The logits of some heads of a window, without a class token, and the biases that are added to them.
struct WindowCall {
  void* logits;                ///< Of the first token with itself.
  std::ptrdiff_t stride;       ///< To the next row of logits.
  std::ptrdiff_t head_stride;  ///< To the logits of the next head.
  const float* values;         ///< (2 height - 1)(2 width - 1) biases.
  std::ptrdiff_t values_stride;
  std::ptrdiff_t heads, height, width;
};

/// The gradient of some heads of a window, without a class token, and the sums that it is added to.
struct WindowSums {
  const float* grad;           ///< Of the first token with itself.
  std::ptrdiff_t stride;       ///< To the next row of the gradient.
  std::ptrdiff_t head_stride;  ///< To the gradient of the next head.
  float* values;
  std::ptrdiff_t values_stride;
  std::ptrdiff_t heads, height, width;
};

/// Biases that each of the two parts of add_window() on the stack holds.
inline constexpr std::ptrdiff_t kWindowLines = 2048;

/// Whether add_window() takes a window: the biases of one column fit on the stack, a row of logits fills the vectors
/// that it is added in, and what is read past a run lies in the table.
inline bool can_add_window(std::ptrdiff_t height, std::ptrdiff_t width) {
  return width >= 4 && width <= kWindowLines && height <= kWindowLines && (2 * height - 1) * width <= kWindowLines &&
         height * width >= kLeastAdded;
}

/// Whether sum_window() takes a window: a run of keys fills a vector and at most four of the lowest level, and there is one
/// to read before or behind it.
inline bool can_sum_window(std::ptrdiff_t height, std::ptrdiff_t width) {
  return height >= 2 && width >= 5 && width <= 16;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#define POSENC_LEVEL_FILE "posenc/relative_bias/kernels/window_rows.inc"
#include "posenc/detail/each_level.inc"
#define POSENC_LEVEL_FILE "posenc/relative_bias/kernels/window_sums.inc"
#include "posenc/detail/each_level.inc"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

using WindowKernel = void (*)(const WindowCall&);
using WindowSumsKernel = void (*)(const WindowSums&);

/// The kernel for logits of this type at a level, which the unit has.
template <StoredAs To>
WindowKernel add_window_kernel(Level level) {
  static constexpr KernelTable<WindowKernel> kKernels{{POSENC_OF_EACH_LEVEL(add_window<To>)}};
  return kKernels[level];
}

/// The same for a gradient.
template <typename Call>
WindowSumsKernel sum_window_kernel(Level level) {
  static constexpr KernelTable<WindowSumsKernel> kKernels{{POSENC_OF_EACH_LEVEL(sum_window<Call>)}};
  return kKernels[level];
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_HAS_LEVELS

#endif  // POSENC_RELATIVE_BIAS_KERNELS_WINDOW_KERNELS_HPP
