// SPDX-License-Identifier: MIT
/// @file
/// Which type a storage scalar is computed in, and the one rounding from double into it.
#ifndef POSENC_DETAIL_SCALAR_HPP
#define POSENC_DETAIL_SCALAR_HPP

#include "posenc/detail/abi.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename Scalar>
inline constexpr bool is_half = std::is_same_v<Scalar, Eigen::half> || std::is_same_v<Scalar, Eigen::bfloat16>;

/// float, double, Eigen::half or Eigen::bfloat16: what tables are stored in and what the vector kernels take.
template <typename Scalar>
inline constexpr bool is_storage = is_half<Scalar> || std::is_same_v<Scalar, float> || std::is_same_v<Scalar, double>;

/// Half types are computed in float, float and double in themselves; any other scalar (autodiff, long double)
/// in itself, whatever the table holds.
template <typename Scalar, typename TableScalar, bool = is_storage<Scalar>>
struct Arithmetic {
  using type = Scalar;
};
template <typename Scalar, typename TableScalar>
struct Arithmetic<Scalar, TableScalar, true> {
  using type = std::conditional_t<std::is_same_v<Scalar, double> || std::is_same_v<TableScalar, double>, double, float>;
};
template <typename Scalar, typename TableScalar>
using ArithmeticScalar = typename Arithmetic<Scalar, TableScalar>::type;

/// Sums of gradients outgrow a half type.
template <typename Scalar>
constexpr void require_gradient_scalar() {
  static_assert(!is_half<Scalar>, "posenc: gradients are summed in a table of float or double, not of a half type");
}

/// `value` to float so that a second rounding to a shorter type gives the same as one rounding from double
/// ("round to odd": towards zero, and the last bit set when anything was cut off).
inline float round_to_odd(double value) {
  float nearest = static_cast<float>(value);
  const double back = static_cast<double>(nearest);
  std::uint32_t bits;
  std::memcpy(&bits, &nearest, sizeof bits);
  const std::uint32_t away = std::abs(back) > std::abs(value);    // false for NaN
  const std::uint32_t cut_off = (back < value) | (back > value);  // no branch: vector code
  bits = (bits - away) | cut_off;
  std::memcpy(&nearest, &bits, sizeof bits);
  return nearest;
}

/// The value of `Scalar` nearest to `value`, rounded once.
template <typename Scalar>
Scalar round_to(double value) {
  if constexpr (is_half<Scalar>) {
    return Scalar(round_to_odd(value));
  } else {
    return static_cast<Scalar>(value);
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_SCALAR_HPP
