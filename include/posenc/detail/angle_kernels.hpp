// SPDX-License-Identifier: MIT
/// @file
/// The kernels of angle_vectors.inc and float32_angle_vectors.inc at each level, and which of them a call takes.
#ifndef POSENC_DETAIL_ANGLE_KERNELS_HPP
#define POSENC_DETAIL_ANGLE_KERNELS_HPP

#include "posenc/detail/sin_cos_kernels.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#if POSENC_HAS_LEVELS

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// What cosines and sines are written as.
enum class AngleFormat { float64, float32, half, bfloat16 };

template <typename Scalar>
inline constexpr AngleFormat angle_format = std::is_same_v<Scalar, double>        ? AngleFormat::float64
                                            : std::is_same_v<Scalar, float>       ? AngleFormat::float32
                                            : std::is_same_v<Scalar, Eigen::half> ? AngleFormat::half
                                                                                  : AngleFormat::bfloat16;

template <AngleFormat F>
inline constexpr StoredAs kStoredAngle = F == AngleFormat::float32 ? StoredAs::float32
                                         : F == AngleFormat::half  ? StoredAs::half
                                                                   : StoredAs::bfloat16;
template <AngleFormat F>
using AngleElement = std::conditional_t<F == AngleFormat::float64, double, StoredElementOf<kStoredAngle<F>>>;

/// How the cosines and sines of a row lie: in blocks of their own, each number once or two times, or in turn.
enum class AngleOrder { split, repeated, in_turn };

/// Axes that a kernel takes in one row.
inline constexpr int kBlendedAxes = 4;

/// The offsets of one row, whose pairs are on several axes: for each axis those of all pairs.
struct AxisOffsets {
  const double* cos[kBlendedAxes];
  const double* sin[kBlendedAxes];
};

/// Which axis each pair is on.
struct AxisBlend {
  int num_axes;
  const AxisOffsets* offsets;  // one for each row
  const std::int64_t* masks;   // for each axis `mask_stride` numbers: all bits where the pair is on it, otherwise none
  std::ptrdiff_t mask_stride;
  const signed char* axis_of_eight;  // the axis that 8 pairs in turn are on, or -1 where they are on several
};

/// Rows of one anchor, for a multiple of 16 pairs: row r has the cosines and sines of anchor + offset lowest + r, by angle
/// addition. Those of offset d and -d are sums of the same products.
struct AngleRows {
  const double* anchor_cos;
  const double* anchor_sin;
  const double* offset_cos;  // of offset 0, or of the first row of a blend
  const double* offset_sin;
  std::ptrdiff_t offset_stride;  // to the next offset's
  std::ptrdiff_t lowest;         // the offset of the first row
  std::ptrdiff_t rows;
  std::ptrdiff_t pairs;
  void* cosines;  // where those of the first row go
  void* sines;
  std::ptrdiff_t row_stride;
  AngleOrder order;
  double scale;                      // of what the values are added to
  std::ptrdiff_t ahead = 0;          // bytes from a row to one that is asked for from memory meanwhile; 0 for none
  const AxisBlend* blend = nullptr;  // on several axes: lowest is 0, and there are no offset_cos and offset_sin
};

using AngleKernel = void (*)(const AngleRows& call);
using Float32AngleKernel = unsigned (*)(const double* frequency, float position, float* cosine, float* sine);

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#define POSENC_LEVEL_FILE "posenc/detail/angle_vectors.inc"
#include "posenc/detail/each_level.inc"
#define POSENC_LEVEL_FILE "posenc/detail/float32_angle_vectors.inc"
#include "posenc/detail/each_level.inc"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The kernel that writes or adds numbers of a format for a level, which the unit has. Those that add have no rows with
/// numbers two times; those for several axes take no others.
template <AngleFormat F, bool Add, bool Blend = false>
AngleKernel angle_kernel(Level level) {
  static constexpr KernelTable<AngleKernel> kKernels{{POSENC_OF_EACH_LEVEL(write_angle_rows<F, Add, Blend>)}};
  return kKernels[level];
}

/// The kernel of float32 angles for a level, which the unit has.
inline Float32AngleKernel float32_angle_kernel(Level level) {
  static constexpr KernelTable<Float32AngleKernel> kKernels{{POSENC_OF_EACH_LEVEL(round_float32_angles<>)}};
  return kKernels[level];
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_HAS_LEVELS

#endif  // POSENC_DETAIL_ANGLE_KERNELS_HPP
