// SPDX-License-Identifier: MIT
/// Rows added at every level of vector instructions that this machine has, each bit.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <type_traits>
#include <vector>

#include "posenc/relative_bias.hpp"
#include "support/catch2.hpp"

#if POSENC_HAS_LEVELS

namespace {

using namespace posenc::detail;

template <typename Scalar>
std::vector<Scalar> numbers(std::mt19937& engine, std::size_t count) {
  std::vector<Scalar> values(count);
  for (Scalar& value : values) value = cast_scalar<Scalar>(static_cast<float>(engine() >> 8) * 0x1p-22f - 2.0f);
  return values;
}

/// The sum of each count of numbers, between numbers that stay, `before` of them in front: what is written begins anywhere
/// in a cache line. Sums have one rounding in float and one to the type, at every level.
template <typename To, typename From>
void check() {
  for (int number = POSENC_LOWEST_LEVEL; number <= static_cast<int>(level_of_machine()); ++number) {
    const auto kernel = add_kernel<stored_as<To>, stored_as<From>>(Level(number));
    for (std::ptrdiff_t count = kLeastAdded; count < 300; count += count < 140 ? 1 : 13) {
      std::mt19937 engine(static_cast<unsigned>(count));
      const std::ptrdiff_t before = count / 2 % 16;
      const auto first = static_cast<std::size_t>(before);
      const auto size = static_cast<std::size_t>(count) + first + 1;
      const std::vector<To> x = numbers<To>(engine, size);
      const std::vector<From> y = numbers<From>(engine, size);
      std::vector<To> expected = x;
      for (std::size_t i = first; i + 1 < size; ++i) {
        expected[i] = cast_scalar<To>(cast_scalar<float>(x[i]) + cast_scalar<float>(y[i]));
      }
      std::vector<To> got = x;
      kernel(got.data() + before, y.data() + before, count);
      INFO("level " << number << ", count " << count << ", before " << before);
      REQUIRE(std::memcmp(got.data(), expected.data(), size * sizeof(To)) == 0);
    }
  }
}

template <typename Scalar>
Scalar of_bits(std::uint32_t upper) {
  if constexpr (std::is_same_v<Scalar, float>) {
    const std::uint32_t bits = upper << 16 | 1;
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  } else {
    return Eigen::numext::bit_cast<Scalar>(static_cast<std::uint16_t>(upper));
  }
}

template <typename Scalar>
bool is_nan(const Scalar& value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  constexpr std::uint32_t kInfinity = sizeof(Scalar) == 4                   ? 0x7f800000
                                      : std::is_same_v<Scalar, Eigen::half> ? 0x7c00
                                                                            : 0x7f80;
  return (bits & (sizeof(Scalar) == 4 ? 0x7fffffffu : 0x7fffu)) > kInfinity;
}

/// NaN, quiet or signalling, in one term or in both. Which of two NaN a sum is, levels choose.
template <typename To, typename From>
void check_nan() {
  const std::uint32_t signalling_to = std::is_same_v<To, Eigen::half> ? 0x7c01
                                      : std::is_same_v<To, float>     ? 0x7f80
                                                                      : 0x7f81;
  const std::uint32_t signalling_from = std::is_same_v<From, Eigen::half> ? 0x7c01
                                        : std::is_same_v<From, float>     ? 0x7f80
                                                                          : 0x7f81;
  for (int number = POSENC_LOWEST_LEVEL; number <= static_cast<int>(level_of_machine()); ++number) {
    const auto kernel = add_kernel<stored_as<To>, stored_as<From>>(Level(number));
    for (const std::uint32_t x_bits : {0x0000u, 0x7fffu, 0xffffu, signalling_to}) {
      for (const std::uint32_t y_bits : {0x0000u, 0x7fffu, 0xffffu, signalling_from}) {
        std::vector<To> x(37, of_bits<To>(x_bits));
        const std::vector<From> y(37, of_bits<From>(y_bits));
        kernel(x.data(), y.data(), 37);
        INFO("level " << number << ", terms " << x_bits << " and " << y_bits);
        for (const To& sum : x) REQUIRE(is_nan(sum) == (x_bits != 0 || y_bits != 0));
      }
    }
  }
}

}  // namespace

TEMPLATE_TEST_CASE("a row with NaN in it keeps NaN at every level", "[detail][levels]", float, Eigen::half,
                   Eigen::bfloat16) {
  check_nan<TestType, float>();
  check_nan<TestType, Eigen::half>();
  check_nan<TestType, Eigen::bfloat16>();
}

TEMPLATE_TEST_CASE("rows are added the same at every level", "[detail][levels]", float, Eigen::half, Eigen::bfloat16) {
  check<TestType, float>();
  check<TestType, Eigen::half>();
  check<TestType, Eigen::bfloat16>();
}

#endif
