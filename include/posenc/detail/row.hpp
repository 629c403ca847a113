// SPDX-License-Identifier: MIT
/// @file
/// Rows copied to another scalar, and added to one another: formed in the arithmetic type, rounded once.
#ifndef POSENC_DETAIL_ROW_HPP
#define POSENC_DETAIL_ROW_HPP

#include "posenc/detail/add_kernels.hpp"
#include "posenc/detail/cast.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/detail/vector_code.hpp"

#include <algorithm>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline constexpr int kRowBlock = 16;

/// to[i] = from[i]; both are disjoint.
template <typename To, typename From>
void store_row(To* to, const From* from, Eigen::Index width) {
  if constexpr (std::is_same_v<To, From>) {
    std::copy_n(from, width, to);
  } else {
    Eigen::Index i = 0;
    for (; i + kRowBlock <= width; i += kRowBlock) cast_block<kRowBlock>(to + i, from + i);
    for (; i < width; ++i) to[i] = cast_scalar<To>(from[i]);
  }
}

/// to[i] += from[i]; both are disjoint. What is computed in float runs at the machine's level of instructions.
template <typename To, typename From>
void add_row(To* to, const From* from, Eigen::Index width) {
  using Number = ArithmeticScalar<To, From>;
#if POSENC_HAS_LEVELS
  if constexpr (std::is_same_v<Number, float> && is_storage<To> && is_storage<From>) {
    if (width >= kLeastAdded) return add_kernel<stored_as<To>, stored_as<From>>(level_of_machine())(to, from, width);
  }
#endif
  if constexpr (std::is_same_v<To, From> && std::is_same_v<To, Number>) {
    Eigen::Map<Eigen::Array<To, Eigen::Dynamic, 1>>(to, width) +=
        Eigen::Map<const Eigen::Array<From, Eigen::Dynamic, 1>>(from, width);
  } else {
    Eigen::Index i = 0;
    for (; i + kRowBlock <= width; i += kRowBlock) {
      Number sums[kRowBlock];
      Number terms[kRowBlock];
      cast_block<kRowBlock>(sums, to + i);
      cast_block<kRowBlock>(terms, from + i);
      POSENC_VECTOR_LOOP
      for (int k = 0; k < kRowBlock; ++k) sums[k] += terms[k];
      cast_block<kRowBlock>(to + i, sums);
    }
    for (; i < width; ++i) to[i] = cast_scalar<To>(cast_scalar<Number>(to[i]) + cast_scalar<Number>(from[i]));
  }
}

/// target += values, two disjoint vectors.
template <typename Target, typename Values>
void add_rounded_once(Target&& target, const Values& values) {
  using Vector = std::decay_t<Target>;
  using Stored = typename Vector::Scalar;
  using Number = ArithmeticScalar<Stored, typename Values::Scalar>;
  if constexpr (is_in_memory<Vector> && is_in_memory<Values>) {
    if (target.innerStride() == 1 && values.innerStride() == 1) {
      return add_row(target.data(), values.data(), target.size());
    }
  }
  if constexpr (std::is_same_v<Number, Stored>) {
    target.array() += values.array().template cast<Number>();
  } else {
    for (Eigen::Index i = 0; i < target.size(); ++i) {
      Stored& to = target.coeffRef(i);
      to = convert<Stored>(convert<Number>(to) + convert<Number>(values.coeff(i)));
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_ROW_HPP
