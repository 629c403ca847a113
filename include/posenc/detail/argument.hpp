// SPDX-License-Identifier: MIT
/// @file
/// Parameters that take what they name: integers that no real number becomes, and switches that no number becomes.
#ifndef POSENC_DETAIL_ARGUMENT_HPP
#define POSENC_DETAIL_ARGUMENT_HPP

#include "posenc/detail/check.hpp"
#include "posenc/detail/scalar.hpp"

#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Whether an object of class type converts to `Number` without loss, as braces ask for: an expression of one integer
/// does, and one of one double does not.
template <typename T, typename Number, typename = void>
inline constexpr bool converts_without_loss = false;
template <typename T, typename Number>
inline constexpr bool converts_without_loss<T, Number, std::void_t<decltype(Number{std::declval<const T&>()})>> = true;

/// An integer of any type, and not a truth value.
template <typename T>
inline constexpr bool is_integer = std::is_integral_v<T> && !std::is_same_v<T, bool>;

/// What may be given where an integer is asked for: all that converts to one, except real numbers, enumerators,
/// characters and truth values.
template <typename T>
inline constexpr bool is_size =
    std::is_convertible_v<const T&, Eigen::Index> && !std::is_floating_point_v<T> && !is_half<T> &&
    !std::is_enum_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char> &&
    (!std::is_class_v<T> || converts_without_loss<T, std::int64_t>);

/// Whether a value of an integer type is one of `Number` too.
template <typename Number, typename T>
constexpr bool fits_into(const T& value) {
  if constexpr (std::is_signed_v<T>) {
    return static_cast<std::int64_t>(value) >= static_cast<std::int64_t>((std::numeric_limits<Number>::min)()) &&
           static_cast<std::int64_t>(value) <= static_cast<std::int64_t>((std::numeric_limits<Number>::max)());
  } else {
    return static_cast<std::uint64_t>(value) <= static_cast<std::uint64_t>((std::numeric_limits<Number>::max)());
  }
}

/// A parameter that is an integer: a number of channels, heads or tokens, an axis, a distance. C++ would round a real
/// number down to one, and so swap it with its neighbor unnoticed; and it would keep the low bits of a large one.
/// @tparam Number  What it is kept as: a signed integer.
template <typename Number>
class IntegerArgument {
 public:
  template <typename T, std::enable_if_t<std::is_convertible_v<const T&, Number>, int> = 0>
  IntegerArgument(T value) : value_(static_cast<Number>(value)) {  // NOLINT: meant to convert
    static_assert(is_size<T>,
                  "posenc: sizes, lengths, axes and other counts must be integers, and they come before real numbers: "
                  "write half_split(64), presets::paper(width, base)");
    if constexpr (std::is_integral_v<T>) {
      if (!fits_into<Number>(value)) refuse_value(value);
    } else if constexpr (std::is_class_v<T>) {
      const auto wide = static_cast<std::int64_t>(value);
      if (!fits_into<Number>(wide)) refuse_value(wide);
    }
  }
  operator Number() const { return value_; }  // NOLINT: meant to convert

 private:
  template <typename T>
  [[noreturn]] POSENC_COLD static void refuse_value(const T& value) {
    fail(Refusal::length_error, joined("posenc: an integer must be in [", (std::numeric_limits<Number>::min)(), ", ",
                                       (std::numeric_limits<Number>::max)(), "], got ", value));
  }

  Number value_;
};

/// A size, as Eigen counts them.
using Size = IntegerArgument<Eigen::Index>;
/// A position or an identifier, which may be beyond what Eigen counts.
using WholeNumber = IntegerArgument<std::int64_t>;

/// A parameter that is true or false. C++ would take any number for one, and so swap it with its neighbor unnoticed.
class Switch {
 public:
  template <typename T, std::enable_if_t<std::is_convertible_v<const T&, bool>, int> = 0>
  Switch(const T& value) : value_(static_cast<bool>(value)) {  // NOLINT: meant to convert
    static_assert(std::is_same_v<T, bool> ||
                      !(std::is_arithmetic_v<T> || std::is_pointer_v<T> || std::is_enum_v<T> || is_half<T>),
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
