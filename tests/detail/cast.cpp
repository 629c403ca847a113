// SPDX-License-Identifier: MIT
/// Blocks and rows of half types from and to float and double, against the formats' definitions in exact arithmetic.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "posenc/posenc.hpp"

#include "support/catch2.hpp"

namespace {

using posenc::detail::cast_block;

/// Bits of the significand that are stored, and the exponent of the smallest normal number.
template <typename Half>
struct Format {
  static constexpr bool is_half = std::is_same_v<Half, Eigen::half>;
  static constexpr int digits = is_half ? 10 : 7;
  static constexpr int least = is_half ? -14 : -126;
  static constexpr int most = is_half ? 15 : 127;
};

template <typename Half>
Half from_bits(std::uint16_t bits) {
  Half value;
  std::memcpy(static_cast<void*>(&value), &bits, sizeof bits);
  return value;
}

template <typename Half>
std::uint16_t bits_of(Half value) {
  std::uint16_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// What 16 bits stand for.
template <typename Half>
double decoded(std::uint16_t bits) {
  using F = Format<Half>;
  const int fraction = bits & ((1 << F::digits) - 1);
  const int exponent = (bits & 0x7fff) >> F::digits;
  const double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == 0) return sign * std::ldexp(fraction, F::least - F::digits);
  if (exponent == F::most - F::least + 2) return fraction == 0 ? sign * HUGE_VAL : std::nan("");
  return sign * std::ldexp((1 << F::digits) + fraction, F::least - F::digits + exponent - 1);
}

/// The nearest number of the format, ties to even: steps of the format are counted in double, which is exact.
template <typename Half>
double rounded(double value) {
  using F = Format<Half>;
  if (value == 0 || !std::isfinite(value)) return value;
  const int exponent = std::max(std::ilogb(value), F::least);
  const double step = std::ldexp(1.0, exponent - F::digits);
  const double nearest = std::nearbyint(value / step) * step;
  return std::abs(nearest) >= std::ldexp(1.0, F::most + 1) ? std::copysign(HUGE_VAL, value) : nearest;
}

bool same(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

template <int Count, typename Half, typename Number>
void check_all_halves() {
  int wrong = 0;
  for (std::uint32_t first = 0; first < 0x10000; first += Count) {
    std::array<Half, Count> from;
    std::array<Number, Count> to;
    for (std::uint32_t i = 0; i < Count; ++i) from[i] = from_bits<Half>(static_cast<std::uint16_t>(first + i));
    cast_block<Count>(to.data(), from.data());
    for (std::uint32_t i = 0; i < Count; ++i) {
      wrong += !same(static_cast<double>(to[i]), decoded<Half>(static_cast<std::uint16_t>(first + i)));
    }
  }
  CHECK(wrong == 0);
}

/// Every number of the format, the middle to the next one, and the numbers on both sides of that; and random bits. The
/// number that follows the largest one is twice the power of two below it: from the middle to that on, all is infinite.
template <typename Half, typename Number>
std::vector<Number> numbers_to_round() {
  std::vector<Number> numbers;
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const double value = decoded<Half>(static_cast<std::uint16_t>(bits));
    double next = decoded<Half>(static_cast<std::uint16_t>(bits + 1));
    numbers.push_back(static_cast<Number>(value));
    if (!std::isfinite(value)) continue;
    if (!std::isfinite(next)) next = std::copysign(std::ldexp(1.0, Format<Half>::most + 1), value);
    const Number middle = static_cast<Number>((value + next) / 2);
    numbers.push_back(middle);
    numbers.push_back(std::nextafter(middle, std::numeric_limits<Number>::infinity()));
    numbers.push_back(std::nextafter(middle, -std::numeric_limits<Number>::infinity()));
  }
  std::mt19937_64 random(9);
  for (int i = 0; i < 100000; ++i) {
    std::uint32_t bits = static_cast<std::uint32_t>(random());
    float value;
    std::memcpy(&value, &bits, sizeof bits);
    numbers.push_back(static_cast<Number>(value));
  }
  for (const Number extreme : {(std::numeric_limits<Number>::max)(), std::numeric_limits<Number>::denorm_min()}) {
    numbers.push_back(extreme);
    numbers.push_back(-extreme);
  }
  return numbers;
}

template <int Count, typename Half, typename Number>
void check_rounding() {
  std::vector<Number> numbers = numbers_to_round<Half, Number>();
  numbers.resize((numbers.size() + Count - 1) / Count * Count);  // the last block is a whole one
  int wrong = 0;
  for (std::size_t first = 0; first < numbers.size(); first += Count) {
    std::array<Half, Count> to;
    cast_block<Count>(to.data(), numbers.data() + first);
    for (std::size_t i = 0; i < Count; ++i) {
      const double value = static_cast<double>(numbers[first + i]);
      wrong += !same(decoded<Half>(bits_of(to[i])), rounded<Half>(value));
    }
  }
  CHECK(wrong == 0);
}

/// `value`, exact in double, as the scalar's nearest number.
template <typename Scalar>
double nearest(double value) {
  if constexpr (std::is_same_v<Scalar, double>) return value;
  if constexpr (std::is_same_v<Scalar, float>) return static_cast<double>(static_cast<float>(value));
  if constexpr (posenc::detail::is_half<Scalar>) return rounded<Scalar>(value);
}

/// Rows of every width up to 40 from `From` to `To`, stored and added; what stands behind them stays.
template <typename To, typename From>
void check_rows() {
  using Number = posenc::detail::ArithmeticScalar<To, From>;
  constexpr int most = 40;
  std::mt19937_64 random(3);
  int wrong = 0;
  for (int width = 0; width <= most; ++width) {
    std::array<From, most + 1> from;
    std::array<To, most + 1> stored, added, before;
    for (std::size_t i = 0; i <= most; ++i) {
      from[i] = static_cast<From>(static_cast<float>(random() % 4001) / 1000.0f - 2.0f);
      if constexpr (std::is_same_v<From, double>) {
        // Beside the middle of two bfloat16 or two half: rounded by way of float it would be that middle.
        const double middle = 1 + static_cast<double>(random() % 128) * 0x1p-7 + (i % 2 == 0 ? 0x1p-8 : 0x1p-11);
        from[i] = middle + (random() % 2 == 0 ? 0x1p-40 : -0x1p-40);
      }
      before[i] = static_cast<To>(static_cast<float>(random() % 4001) / 1000.0f - 2.0f);
    }
    stored = added = before;
    posenc::detail::store_row(stored.data(), from.data(), width);
    posenc::detail::add_row(added.data(), from.data(), width);
    for (std::size_t i = 0; i <= most; ++i) {
      const double a = static_cast<double>(before[i]);
      const double b = static_cast<double>(from[i]);
      const bool written = static_cast<int>(i) < width;
      wrong += static_cast<double>(stored[i]) != (written ? nearest<To>(b) : a);
      wrong += static_cast<double>(added[i]) != (written ? nearest<To>(nearest<Number>(a + b)) : a);
    }
  }
  CHECK(wrong == 0);
}

}  // namespace

TEMPLATE_TEST_CASE("every number of a half type, read in blocks", "[frequency][cast][portable]", Eigen::half,
                   Eigen::bfloat16) {
  check_all_halves<1, TestType, float>();
  check_all_halves<4, TestType, float>();
  check_all_halves<16, TestType, float>();
  check_all_halves<64, TestType, float>();
  check_all_halves<64, TestType, double>();
}

TEMPLATE_TEST_CASE("blocks are rounded to the nearest number of a half type", "[frequency][cast]", Eigen::half,
                   Eigen::bfloat16) {
  check_rounding<1, TestType, float>();
  check_rounding<4, TestType, float>();
  check_rounding<13, TestType, float>();
  check_rounding<64, TestType, float>();
  check_rounding<64, TestType, double>();
}

TEMPLATE_TEST_CASE("rows from one scalar to another", "[frequency][cast]", float, double, Eigen::half,
                   Eigen::bfloat16) {
  check_rows<TestType, float>();
  check_rows<TestType, double>();
  check_rows<TestType, Eigen::half>();
  check_rows<TestType, Eigen::bfloat16>();
}
