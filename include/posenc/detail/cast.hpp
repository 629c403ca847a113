// SPDX-License-Identifier: MIT
/// @file
/// Blocks of one storage scalar as another, rounded once.
#ifndef POSENC_DETAIL_CAST_HPP
#define POSENC_DETAIL_CAST_HPP

#include "posenc/detail/cast_packet.hpp"
#include "posenc/detail/scalar.hpp"
#include "posenc/detail/vector_code.hpp"

#include <Eigen/Core>

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

// bfloat16 is the upper half of float. Eigen's own conversions branch, and compilers make no vector code of them.

inline float widen(Eigen::bfloat16 value) {
  std::uint16_t upper;
  std::memcpy(&upper, &value, sizeof upper);
  const std::uint32_t bits = std::uint32_t{upper} << 16;
  float number;
  std::memcpy(&number, &bits, sizeof number);
  return number;
}

/// Rounds to nearest even. A NaN keeps its sign.
inline Eigen::bfloat16 round_to_bfloat16(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const std::uint32_t odd = bits >> 16 & 1;
  const std::uint32_t nearest = (bits + 0x7fff + odd) >> 16;
  const std::uint32_t not_a_number = bits >> 16 | 0x40;
  const std::uint16_t upper = static_cast<std::uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? not_a_number : nearest);
  Eigen::bfloat16 number;
  std::memcpy(static_cast<void*>(&number), &upper, sizeof number);
  return number;
}

/// The scalar twin of cast_block().
template <typename To, typename From>
To cast_scalar(const From& value) {
  if constexpr (is_half<To> && std::is_same_v<From, double>) {
    return round_to<To>(value);
  } else if constexpr (std::is_same_v<From, Eigen::bfloat16> && std::is_same_v<To, float>) {
    return widen(value);
  } else if constexpr (std::is_same_v<From, float> && std::is_same_v<To, Eigen::bfloat16>) {
    return round_to_bfloat16(value);
  } else if constexpr (is_half<From> && !std::is_same_v<To, float> && !std::is_same_v<To, From>) {
    return static_cast<To>(cast_scalar<float>(value));
  } else {
    return static_cast<To>(value);
  }
}

/// Whose numbers lie in a buffer. Half types of `foreign` buffers are read and written through bytes, because another
/// library may keep them there under a type of its own (as_half()), and the compiler must not conclude from the types
/// that they do not change.
enum class Buffer { own, foreign };

/// What lies at `from`.
template <Buffer Kind, typename Scalar>
EIGEN_ALWAYS_INLINE Scalar read_scalar(const Scalar* from) {
  if constexpr (Kind == Buffer::foreign && is_half<Scalar>) {
    Scalar value;
    std::memcpy(static_cast<void*>(&value), static_cast<const void*>(from), sizeof value);
    return value;
  } else {
    return *from;
  }
}

/// Writes `value` to `to`.
template <Buffer Kind, typename Scalar>
EIGEN_ALWAYS_INLINE void write_scalar(Scalar* to, const Scalar& value) {
  if constexpr (Kind == Buffer::foreign && is_half<Scalar>) {
    std::memcpy(static_cast<void*>(to), static_cast<const void*>(&value), sizeof value);
  } else {
    *to = value;
  }
}

/// to[i] = from[i] for Count values; `to` and `from` are disjoint. By cast_packet() where there is one, otherwise loops
/// that compilers make vector code of. Eigen's cast() converts half types one by one.
template <int Count, Buffer Kind = Buffer::own, typename To, typename From>
EIGEN_ALWAYS_INLINE void cast_block(To* to, const From* from) {
  if constexpr (std::is_same_v<From, To>) {
    std::memcpy(static_cast<void*>(to), static_cast<const void*>(from), Count * sizeof(To));
  } else if constexpr (is_half<To> && std::is_same_v<From, double>) {
    float odd[Count];
    POSENC_VECTOR_LOOP
    for (int i = 0; i < Count; ++i) odd[i] = round_to_odd(from[i]);
    cast_block<Count, Kind>(to, odd);
  } else if constexpr (is_half<From> && !std::is_same_v<To, float>) {
    float floats[Count];
    cast_block<Count, Kind>(floats, from);
    cast_block<Count, Kind>(to, floats);
  } else {
    int i = 0;
    if constexpr (has_cast_packet<To, From>) {
      for (; i + kCastPacket <= Count; i += kCastPacket) cast_packet(to + i, from + i);
    }
    POSENC_VECTOR_LOOP
    for (; i < Count; ++i) write_scalar<Kind>(to + i, cast_scalar<To>(read_scalar<Kind>(from + i)));
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_CAST_HPP
