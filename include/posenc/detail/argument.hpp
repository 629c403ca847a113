// SPDX-License-Identifier: MIT
/// @file
/// Parameters that take what they name: sizes that no real number becomes, and switches that no number becomes.
#ifndef POSENC_DETAIL_ARGUMENT_HPP
#define POSENC_DETAIL_ARGUMENT_HPP

#include "posenc/detail/abi.hpp"

#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// A number of channels or pairs: anything that converts to an integer, except real numbers.
template <typename T>
inline constexpr bool is_size = std::is_convertible_v<const T&, Eigen::Index> && !std::is_floating_point_v<T>;

/// A parameter that is a size. C++ would round a real number down to one, and so swap it with its neighbor unnoticed.
class Size {
 public:
  template <typename T, std::enable_if_t<std::is_convertible_v<const T&, Eigen::Index>, int> = 0>
  Size(const T& value) : value_(static_cast<Eigen::Index>(value)) {  // NOLINT: meant to convert
    static_assert(is_size<T>,
                  "posenc: a number of channels or tokens must be an integer, and it comes first: write "
                  "presets::paper(width, base), each_sequence(seq_len, start)");
  }
  operator Eigen::Index() const { return value_; }  // NOLINT: meant to convert

 private:
  Eigen::Index value_;
};

/// A parameter that is true or false. C++ would take any number for one, and so swap it with its neighbor unnoticed.
class Switch {
 public:
  template <typename T, std::enable_if_t<std::is_convertible_v<const T&, bool>, int> = 0>
  Switch(const T& value) : value_(static_cast<bool>(value)) {  // NOLINT: meant to convert
    static_assert(std::is_same_v<T, bool> || !(std::is_arithmetic_v<T> || std::is_pointer_v<T>),
                  "posenc: a number is given where the parameter is true or false: write true or false in its place");
  }
  operator bool() const { return value_; }  // NOLINT: meant to convert

 private:
  bool value_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_ARGUMENT_HPP
