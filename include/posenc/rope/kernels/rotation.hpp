// SPDX-License-Identifier: MIT
/// @file
/// What every rotation kernel needs: the table's rows as pointers, the scalar it computes in, loads and stores.
#ifndef POSENC_ROPE_KERNELS_ROTATION_HPP
#define POSENC_ROPE_KERNELS_ROTATION_HPP

#include "posenc/detail/cast.hpp"
#include "posenc/detail/scalar.hpp"
#include "posenc/detail/vectors.hpp"

#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Where the cosines and sines of a table lie, and the factor on them: R(t) A forward, R(-t) A backward (the adjoint),
/// with scale = 1 / A^2 the inverse. The direction is a template parameter of the kernels.
template <typename Scalar_>
struct Rotation {
  using Scalar = Scalar_;

  const Scalar* cos_base;
  const Scalar* sin_base;
  Eigen::Index num_pairs;
  Eigen::Index row_stride;
  Eigen::Index pair_stride;
  double scale;
#if POSENC_HAS_LEVELS
  Level level = level_of_machine();
#endif

  Rotation copy() const {
    Rotation same{cos_base, sin_base, num_pairs, row_stride, pair_stride, scale};
    return same;
  }
  const Scalar* cos(Eigen::Index row) const { return cos_base + row * row_stride; }
  const Scalar* sin(Eigen::Index row) const { return sin_base + row * row_stride; }
  /// Whether a row is c0 s0 c1 s1 ...
  bool is_paired() const { return pair_stride == 2 && sin_base == cos_base + 1; }
};

/// The type that a rotation is computed in.
template <typename Out, typename In, typename TableScalar>
using RotationScalar = ArithmeticScalar<In, std::conditional_t<std::is_same_v<Out, double>, double, TableScalar>>;

/// Values in one vector register of the widest kind that Eigen uses.
template <typename Scalar>
inline constexpr int kPacket = (EIGEN_MAX_ALIGN_BYTES > 16 ? EIGEN_MAX_ALIGN_BYTES : 16) /
                               static_cast<int>(sizeof(Scalar));

#if defined(EIGEN_VECTORIZE)
inline constexpr bool kHasPackets = true;
#else
inline constexpr bool kHasPackets = false;
#endif

template <int Count, typename Number, typename Scalar>
EIGEN_ALWAYS_INLINE auto load(const Scalar* data) {
  using Values = Eigen::Array<Number, Count, 1>;
  if constexpr (std::is_same_v<Number, Scalar>) {
    return Values(Eigen::Map<const Values>(data));
  } else {
    Values values;
    cast_block<Count, Buffer::foreign>(values.data(), data);
    return values;
  }
}

template <typename Scalar, typename Values>
EIGEN_ALWAYS_INLINE void store(Scalar* data, const Values& values) {
  constexpr int count = Values::SizeAtCompileTime;
  if constexpr (std::is_same_v<typename Values::Scalar, Scalar>) {
    Eigen::Map<Eigen::Array<Scalar, count, 1>>{data} = values;
  } else {
    const auto numbers = values.eval();
    cast_block<count, Buffer::foreign>(data, numbers.data());
  }
}

/// The two channels of a pair (a, b) after the rotation by (c, s), as expressions of arrays.
template <bool Backward, typename Values>
EIGEN_ALWAYS_INLINE auto rotated_first(const Values& a, const Values& b, const Values& c, const Values& s) {
  if constexpr (Backward) {
    return a * c + b * s;
  } else {
    return a * c - b * s;
  }
}
template <bool Backward, typename Values>
EIGEN_ALWAYS_INLINE auto rotated_second(const Values& a, const Values& b, const Values& c, const Values& s) {
  if constexpr (Backward) {
    return b * c - a * s;
  } else {
    return a * s + b * c;
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_KERNELS_ROTATION_HPP
