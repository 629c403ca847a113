// SPDX-License-Identifier: MIT
/// @file
/// as_half() and as_bfloat16(): 16-bit buffers of other libraries, for the views of heads_view.hpp.
#ifndef POSENC_ROPE_HALF_BITS_HPP
#define POSENC_ROPE_HALF_BITS_HPP

#include "posenc/detail/abi.hpp"
#include "posenc/detail/scalar.hpp"

#include <cstdint>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// A pointer to numbers that another library may keep under a type of its own. Only views take it, and they read and
/// write its numbers byte by byte.
template <typename Scalar>
class BitsPointer {
 public:
  explicit BitsPointer(Scalar* data) : data_(data) {}
  Scalar* data() const { return data_; }

 private:
  Scalar* data_;
};

/// Whether a 16-bit floating-point type has the precision of half, which represents 1 + 2^-8, rather than that of
/// bfloat16, which does not: 1 yes, 0 no, -1 unknown, because the type is an integer or a class.
template <typename Bits>
constexpr int holds_half_precision() {
  if constexpr (std::is_class_v<Bits> || std::is_integral_v<Bits> || std::is_enum_v<Bits>) {
    return -1;
  } else {
    return static_cast<float>(static_cast<Bits>(1.00390625f)) == 1.00390625f ? 1 : 0;
  }
}

template <typename Scalar, typename Bits>
auto bits_as(Bits* bits) {
  using Value = std::remove_const_t<Bits>;
  static_assert(!std::is_pointer_v<Value> && std::is_trivially_copyable_v<Value> && sizeof(Value) == 2,
                "posenc: as_half() and as_bfloat16() take a pointer to numbers of 16 bits");
  if constexpr (sizeof(Value) == 2) {
    constexpr int half = holds_half_precision<Value>();
    static_assert(half != 0 || std::is_same_v<Scalar, Eigen::bfloat16>,
                  "posenc: these are bfloat16 numbers: write as_bfloat16(bits)");
    static_assert(half != 1 || !std::is_same_v<Scalar, Eigen::bfloat16>,
                  "posenc: these are half numbers: write as_half(bits)");
  }
  using Target = std::conditional_t<std::is_const_v<Bits>, const Scalar, Scalar>;
  return BitsPointer<Target>(reinterpret_cast<Target*>(bits));
}

}  // namespace detail

/// Names a 16-bit buffer of another library as half numbers (IEEE binary16), for view_blhd() and its siblings:
///
///     apply_rope(view_blhd(as_half(bits), shape), table, layout);
///
/// The view reads and writes the buffer through bytes, so that the compiler sees that the buffer changes whatever its
/// type is. A reinterpret_cast to Eigen::half* does not give that: g++ -O2 then reads old values of a _Float16 buffer.
/// @param bits  uint16_t*, _Float16*, std::float16_t* or a pointer to a trivially copyable class of 2 bytes; of const
///              for what is only read.
/// Cost: none (no bench case: it is a cast).
template <typename Bits>
auto as_half(Bits* bits) {
  return detail::bits_as<Eigen::half>(bits);
}

/// Names a 16-bit buffer of another library as bfloat16 numbers, as as_half() does for half.
///
/// @param bits  uint16_t*, std::bfloat16_t*, __bf16* or a pointer to a trivially copyable class of 2 bytes; of const
///              for what is only read.
/// Cost: none (no bench case: it is a cast).
template <typename Bits>
auto as_bfloat16(Bits* bits) {
  return detail::bits_as<Eigen::bfloat16>(bits);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_HALF_BITS_HPP
