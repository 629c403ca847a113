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
/// Text is referred to, and numbers are held. A constant of the call says which of them it is.
union Word {
  const char* text;
  std::int64_t integer;
  std::uint64_t natural;
  double real;
};

enum class WordKind : unsigned { none, text, integer, natural, real };  // 4 bits each

template <typename Value>
inline constexpr bool is_text =
    std::is_convertible_v<Value, const char*> || std::is_same_v<Value, std::string> || std::is_same_v<Value, bool>;
template <typename Value>
inline constexpr WordKind word_kind = is_text<Value>                    ? WordKind::text
                                      : std::is_floating_point_v<Value> ? WordKind::real
                                      : std::is_unsigned_v<Value>       ? WordKind::natural
                                                                        : WordKind::integer;

template <typename Value>
EIGEN_ALWAYS_INLINE Word as_word(const Value& value) {
  Word word;
  if constexpr (std::is_same_v<Value, std::string>) {
    word.text = value.c_str();
  } else if constexpr (std::is_same_v<Value, bool>) {
    word.text = value ? "true" : "false";
  } else if constexpr (is_text<std::decay_t<Value>>) {
    word.text = value;
  } else if constexpr (std::is_floating_point_v<Value>) {
    word.real = static_cast<double>(value);
  } else if constexpr (std::is_unsigned_v<Value>) {
    word.natural = static_cast<std::uint64_t>(value);
  } else {
    word.integer = static_cast<std::int64_t>(value);
  }
  return word;
}

/// The kinds of some words, the first in the lowest bits.
template <typename... Values>
constexpr std::uint64_t word_kinds() {
  static_assert(sizeof...(Values) <= 15, "posenc: a message has at most 15 words");
  std::uint64_t kinds = 0;
  int shift = 0;
  ((kinds |= static_cast<std::uint64_t>(word_kind<std::decay_t<Values>>) << shift, shift += 4), ...);
  return kinds;
}

/// Appends words, one after the other.
POSENC_COLD inline void append_words(std::string& text, std::uint64_t kinds, const Word* words) {
  for (; kinds != 0; kinds >>= 4, ++words) {
    char buffer[32];
    switch (static_cast<WordKind>(kinds & 15)) {
      case WordKind::integer: std::snprintf(buffer, sizeof buffer, "%" PRId64, words->integer); break;
      case WordKind::natural: std::snprintf(buffer, sizeof buffer, "%" PRIu64, words->natural); break;
      case WordKind::real: std::snprintf(buffer, sizeof buffer, "%.9g", words->real); break;
      default: text += words->text; continue;
    }
    text += buffer;
  }
}

/// Words and numbers, one after the other. By value: texts of all lengths are then of one type.
template <typename... Values>
POSENC_COLD std::string joined(Values... values) {
  const Word words[] = {as_word(values)...};
  std::string text;
  append_words(text, word_kinds<Values...>(), words);
  return text;
}

enum class Refusal : unsigned { invalid_argument, out_of_range, length_error };

template <typename Error>
inline constexpr Refusal refusal = std::is_same_v<Error, std::length_error>   ? Refusal::length_error
                                   : std::is_same_v<Error, std::out_of_range> ? Refusal::out_of_range
                                                                              : Refusal::invalid_argument;

[[noreturn]] POSENC_COLD inline void fail(Refusal error, const std::string& message) {
#if POSENC_HAS_EXCEPTIONS
  if (error == Refusal::length_error) throw std::length_error(message);
  if (error == Refusal::out_of_range) throw std::out_of_range(message);
  throw std::invalid_argument(message);
#else
  static_cast<void>(error);
#if defined(POSENC_FAIL_HANDLER)
  POSENC_FAIL_HANDLER(message.c_str());
#else
  std::fprintf(stderr, "%s\n", message.c_str());
#endif
  std::abort();
#endif
}

/// Throws. The words are the value, then the rule. The lowest 4 bits of `kinds` are the Refusal.
[[noreturn]] POSENC_COLD inline void refuse_words(const char* function, const char* parameter, std::uint64_t kinds,
                                                  const Word* words) {
  std::string message;
  message += "posenc::";
  message += function;
  message += ": ";
  message += parameter;
  message += " must be ";
  append_words(message, kinds >> 8, words + 1);
  message += ", got ";
  append_words(message, kinds >> 4 & 15, words);
  fail(static_cast<Refusal>(kinds & 15), message);
}

/// Throws `Error`. `rule` is any number of words and limits: "a multiple of head_dim ", head_dim.
template <typename Error, typename Parameter, typename Value, typename... Rule>
[[noreturn]] EIGEN_ALWAYS_INLINE void refuse(const char* function, const Parameter& parameter, const Value& value,
                                             Rule... rule) {
  const Word words[] = {as_word(value), as_word(rule)...};
  constexpr std::uint64_t kinds = word_kinds<Value, Rule...>() << 4 | static_cast<std::uint64_t>(refusal<Error>);
  refuse_words(function, as_word(parameter).text, kinds, words);
}

/// A wrong value or shape.
template <typename Value, typename... Rule>
EIGEN_ALWAYS_INLINE void require(bool good, const char* function, const char* parameter, const Value& value,
                                 Rule... rule) {
  if (!good) refuse<std::invalid_argument>(function, parameter, value, rule...);
}

/// A position, row or id that is outside of what exists.
template <typename Value, typename... Rule>
EIGEN_ALWAYS_INLINE void require_in_range(bool good, const char* function, const char* parameter, const Value& value,
                                          Rule... rule) {
  if (!good) refuse<std::out_of_range>(function, parameter, value, rule...);
}

/// An enumerator, which a cast from an integer need not be. `last` is the last one that the type names.
template <typename Enum>
void require_named(const char* function, const char* parameter, Enum value, Enum last) {
  const int number = static_cast<int>(value);
  require(number >= 0 && number <= static_cast<int>(last), function, parameter, number, "one of its enumerators");
}

/// The name of one element in a message: parameter[index].
POSENC_COLD inline std::string element(const char* parameter, Eigen::Index index) {
  return joined(parameter, "[", index, "]");
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
