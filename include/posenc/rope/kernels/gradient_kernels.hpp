// SPDX-License-Identifier: MIT
/// @file
/// The kernels of norm_gradients.inc at each level, and which of them a call takes.
#ifndef POSENC_ROPE_KERNELS_GRADIENT_KERNELS_HPP
#define POSENC_ROPE_KERNELS_GRADIENT_KERNELS_HPP

#include "posenc/detail/angle_kernels.hpp"
#include "posenc/detail/kernel_table.hpp"

#include <cstddef>

#if POSENC_HAS_LEVELS

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Every piece of a head is filled up with zeros to a multiple of this, so that kernels meet whole vectors.
inline constexpr int kGradientStep = 16;

/// One head of one token: the channels that rotate, first ones and then second ones of pairs where it is half-split, and
/// behind them the others.
template <typename In>
struct HeadGradient {
  const In* x;
  const In* g;  ///< The gradient that arrives.
  const double* weight;
  const double* cos;  ///< Of every first channel where it is half-split, else of every channel.
  const double* sin;  ///< The same; those of second channels with the other sign.
  std::ptrdiff_t rotating, size;
  bool half_split;
  double gain;  ///< Squares of what rotates are multiplied by it.
};

/// Sums over the channels of a head, or over those of a token.
struct NormSums {
  double product;  ///< Of x times the gradient of the normalized x times the weights.
  double squares;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#define POSENC_LEVEL_FILE "posenc/rope/kernels/norm_gradients.inc"
#include "posenc/detail/each_level.inc"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The kernels of one level.
template <typename In, typename Out>
struct GradientKernels {
  NormSums (*sum)(const HeadGradient<In>& head);
  void (*write)(const HeadGradient<In>& head, Out* out, double factor, double by_length, double* sums);
};

using ReadHalfType = void (*)(float* to, const void* from, std::ptrdiff_t count);
using WriteHalfType = bool (*)(void* to, const double* from, std::ptrdiff_t count);

template <AngleFormat F>
ReadHalfType read_half_type_kernel(Level level) {
  static constexpr KernelTable<ReadHalfType> kKernels{{POSENC_OF_EACH_LEVEL(read_half_type<F>)}};
  return kKernels[level];
}
template <AngleFormat F>
WriteHalfType write_half_type_kernel(Level level) {
  static constexpr KernelTable<WriteHalfType> kKernels{{POSENC_OF_EACH_LEVEL(write_half_type<F>)}};
  return kKernels[level];
}

/// Those of a level, which the unit has. `After`: the norm comes behind the rotation.
template <typename In, typename Out, bool After>
GradientKernels<In, Out> gradient_kernels(Level level) {
  static constexpr KernelTable<decltype(GradientKernels<In, Out>::sum)> kSums{
      {POSENC_OF_EACH_LEVEL(sum_head<In, After>)}};
  static constexpr KernelTable<decltype(GradientKernels<In, Out>::write)> kWrites{
      {POSENC_OF_EACH_LEVEL(write_head_gradient<In, Out, After>)}};
  return {kSums[level], kWrites[level]};
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_HAS_LEVELS

#endif  // POSENC_ROPE_KERNELS_GRADIENT_KERNELS_HPP
