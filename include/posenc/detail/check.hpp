// SPDX-License-Identifier: MIT
/// @file
/// Argument checks: always on, done before anything is written.
///
/// The message is `posenc::<function>: <parameter> must be <rule>, got <value>`. It is thrown as
/// std::invalid_argument, std::out_of_range or std::length_error. Built without exceptions, the same text goes to
/// stderr and the program aborts, unless POSENC_FAIL_HANDLER is defined before the first include: it is then
/// called with the message (a const char*) and must not return. Units with a handler and without one may be linked
/// together; those with one must all name the same, as the linker keeps one copy of what calls it.
#ifndef POSENC_DETAIL_CHECK_HPP
#define POSENC_DETAIL_CHECK_HPP

#include "posenc/detail/abi.hpp"

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

#if defined(__GNUC__) || defined(__clang__)
#define POSENC_COLD __attribute__((noinline, cold))
#else
#define POSENC_COLD
#endif

/// A word or a number of a message, of one type whatever it was, so that what puts messages together is compiled once.
/// Text is referred to, and numbers are held.
class Word {
 public:
  // The usual ones are no templates: a text of each length would be another type.
  Word(const char* text) { held_.text = text; }                 // NOLINT: meant to convert
  Word(const std::string& text) { held_.text = text.c_str(); }  // NOLINT: meant to convert
  Word(double real) : kind_(Kind::real) { held_.real = real; }  // NOLINT: meant to convert
  template <typename Value>
  Word(const Value& value) {  // NOLINT: meant to convert
    if constexpr (std::is_same_v<Value, bool>) {
      held_.text = value ? "true" : "false";
    } else if constexpr (std::is_floating_point_v<Value>) {
      kind_ = Kind::real;
      held_.real = static_cast<double>(value);
    } else if constexpr (std::is_integral_v<Value> && std::is_signed_v<Value>) {
      kind_ = Kind::integer;
      held_.integer = static_cast<std::int64_t>(value);
    } else if constexpr (std::is_integral_v<Value>) {
      kind_ = Kind::natural;
      held_.natural = static_cast<std::uint64_t>(value);
    } else {
      kind_ = Kind::integer;
      held_.integer = static_cast<std::int64_t>(value);
    }
  }

  POSENC_COLD std::string text() const {
    char buffer[32];
    switch (kind_) {
      case Kind::integer: std::snprintf(buffer, sizeof buffer, "%" PRId64, held_.integer); return buffer;
      case Kind::natural: std::snprintf(buffer, sizeof buffer, "%" PRIu64, held_.natural); return buffer;
      case Kind::real: std::snprintf(buffer, sizeof buffer, "%.9g", held_.real); return buffer;
      case Kind::text: break;
    }
    return held_.text;
  }

 private:
  enum class Kind { text, integer, natural, real };
  union Held {
    const char* text;
    std::int64_t integer;
    std::uint64_t natural;
    double real;
  };

  Kind kind_ = Kind::text;
  Held held_;
};

inline std::string to_text(const Word& value) { return value.text(); }

/// The words, one after the other.
POSENC_COLD inline std::string joined(std::initializer_list<Word> words) {
  std::string text;
  for (const Word& word : words) text += word.text();
  return text;
}

template <typename Error>
[[noreturn]] POSENC_COLD void fail(const std::string& message) {
#if POSENC_HAS_EXCEPTIONS
  throw Error(message);
#elif defined(POSENC_FAIL_HANDLER)
  POSENC_FAIL_HANDLER(message.c_str());
#else
  std::fprintf(stderr, "%s\n", message.c_str());
#endif
#if !POSENC_HAS_EXCEPTIONS
  std::abort();
#endif
}

POSENC_COLD inline std::string message_of(const char* function, const Word& parameter, const Word& value,
                                          std::initializer_list<Word> rule) {
  const std::string rules = joined(rule);
  return joined({"posenc::", function, ": ", parameter, " must be ", rules, ", got ", value});
}

/// Throws `Error`. `rule` is any number of words and limits: {"a multiple of head_dim ", head_dim}.
template <typename Error>
[[noreturn]] POSENC_COLD void refuse_words(const char* function, const Word& parameter, const Word& value,
                                           std::initializer_list<Word> rule) {
  fail<Error>(message_of(function, parameter, value, rule));
}

// Rules are taken by value: texts of all lengths are then of one type, and a function serves them all.

template <typename Error, typename... Rule>
[[noreturn]] EIGEN_ALWAYS_INLINE void refuse(const char* function, const Word& parameter, const Word& value,
                                             Rule... rule) {
  refuse_words<Error>(function, parameter, value, {Word(rule)...});
}

/// A wrong value or shape. `rule` is any number of words and limits: "a multiple of head_dim ", head_dim.
template <typename... Rule>
EIGEN_ALWAYS_INLINE void require(bool good, const char* function, const char* parameter, const Word& value,
                                 Rule... rule) {
  if (!good) refuse_words<std::invalid_argument>(function, parameter, value, {Word(rule)...});
}

/// A position, row or id that is outside of what exists.
template <typename... Rule>
EIGEN_ALWAYS_INLINE void require_in_range(bool good, const char* function, const char* parameter, const Word& value,
                                          Rule... rule) {
  if (!good) refuse_words<std::out_of_range>(function, parameter, value, {Word(rule)...});
}

/// An enumerator, which a cast from an integer need not be. `last` is the last one that the type names.
template <typename Enum>
void require_named(const char* function, const char* parameter, Enum value, Enum last) {
  const int number = static_cast<int>(value);
  require(number >= 0 && number <= static_cast<int>(last), function, parameter, number, "one of its enumerators");
}

/// The name of one element in a message: parameter[index].
POSENC_COLD inline std::string element(const char* parameter, Eigen::Index index) {
  return joined({parameter, "[", index, "]"});
}

/// rows * columns * bytes fits in memory's index type: std::length_error otherwise. All arguments >= 0.
inline void require_size(const char* function, const char* parameter, std::int64_t rows, std::int64_t columns,
                         std::size_t bytes) {
  const auto limit = static_cast<std::uint64_t>((std::numeric_limits<std::ptrdiff_t>::max)()) / bytes;
  const bool fits = columns == 0 || static_cast<std::uint64_t>(rows) <= limit / static_cast<std::uint64_t>(columns);
  if (!fits) {
    refuse<std::length_error>(function, parameter, rows, "at most ", limit / static_cast<std::uint64_t>(columns),
                              " for rows of ", columns, " values");
  }
}

/// False, whatever the types: the condition of a static_assert that tells what to write instead of a call that fits no
/// overload.
template <typename... Given>
inline constexpr bool kMisuse = false;

/// Finite by its bits, so that -ffast-math cannot answer for it.
inline bool is_finite(double value) {
  std::uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return (~bits & 0x7ff0000000000000u) != 0;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_CHECK_HPP
