// SPDX-License-Identifier: MIT
/// The levels of vector instructions of this machine, and scalar twins of what kernels compute at them.
#ifndef POSENC_TESTS_ROPE_LEVEL_TWINS_HPP
#define POSENC_TESTS_ROPE_LEVEL_TWINS_HPP

#include <cmath>
#include <cstddef>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "posenc/rope.hpp"
#include "support/catch2.hpp"

#if POSENC_HAS_LEVELS

namespace posenc_tests {

/// The levels that the unit has and the machine too, found without level_of_machine().
inline std::vector<posenc::detail::Level> levels() {
  std::vector<posenc::detail::Level> found;
  const auto add = [&](posenc::detail::Level level, bool is_here) {
    const int number = static_cast<int>(level);
    if (is_here && number >= POSENC_LOWEST_LEVEL && number <= POSENC_HIGHEST_LEVEL) found.push_back(level);
  };
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  add(posenc::detail::Level::sse2, true);
  add(posenc::detail::Level::avx2, avx2);
  add(posenc::detail::Level::avx512, avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                                         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"));
  return found;
}

inline const char* name_of(posenc::detail::Level level) {
  return level == posenc::detail::Level::avx512 ? "avx512" : level == posenc::detail::Level::avx2 ? "avx2" : "sse2";
}

/// a b + c as the level rounds it.
inline float multiply_add_twin(posenc::detail::Level level, float a, float b, float c) {
  if (level != posenc::detail::Level::sse2) return std::fma(a, b, c);
  const volatile float product = a * b;  // no flag of the compiler contracts it
  return product + c;
}

/// The pair (a, b) after the rotation by (c, s).
template <typename Out, typename In>
void rotate_twin(posenc::detail::Level level, Out& out_a, Out& out_b, const In& in_a, const In& in_b, float c,
                 float s) {
  using posenc::detail::cast_scalar;
  const float a = cast_scalar<float>(in_a);
  const float b = cast_scalar<float>(in_b);
  const volatile float bs = b * s;
  const volatile float as = a * s;
  out_a = cast_scalar<Out>(multiply_add_twin(level, a, c, -bs));
  out_b = cast_scalar<Out>(multiply_add_twin(level, b, c, as));
}

template <typename Scalar>
bool same_number(const Scalar& a, const Scalar& b) {
  if (std::memcmp(&a, &b, sizeof a) == 0) return true;
  const float x = posenc::detail::cast_scalar<float>(a);
  const float y = posenc::detail::cast_scalar<float>(b);
  return x != x && y != y;  // NaN is NaN: its bits are the instruction's
}

/// Every number has the bits of `expected`. `description` says which case it is.
template <typename Scalar>
void require_same_numbers(const std::vector<Scalar>& got, const std::vector<Scalar>& expected,
                          const std::string& description) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (same_number(got[i], expected[i])) continue;
    INFO(description << ", element " << i);
    REQUIRE(static_cast<double>(got[i]) == static_cast<double>(expected[i]));
    FAIL("other bits of one number");
  }
}

template <typename Scalar>
std::vector<Scalar> numbers(std::mt19937& engine, std::size_t count) {
  std::vector<Scalar> values(count);
  for (Scalar& value : values) {
    value = posenc::detail::cast_scalar<Scalar>(static_cast<float>(engine() >> 8) * 0x1p-22f - 2.0f);
  }
  return values;
}

}  // namespace posenc_tests

#endif  // POSENC_HAS_LEVELS

#endif  // POSENC_TESTS_ROPE_LEVEL_TWINS_HPP
