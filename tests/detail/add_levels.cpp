// SPDX-License-Identifier: MIT
/// Rows added at every level of vector instructions that this machine has, each bit.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
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

/// The sum of each count of numbers, between two that stay. Sums have one rounding in float and one to the type, at
/// every level.
template <typename To, typename From>
void check() {
  for (int number = POSENC_LOWEST_LEVEL; number <= static_cast<int>(level_of_machine()); ++number) {
    const auto kernel = add_kernel<stored_as<To>, stored_as<From>>(Level(number));
    for (std::ptrdiff_t count = kLeastAdded; count < 300; count += count < 140 ? 1 : 13) {
      std::mt19937 engine(static_cast<unsigned>(count));
      const auto size = static_cast<std::size_t>(count + 2);
      const std::vector<To> x = numbers<To>(engine, size);
      const std::vector<From> y = numbers<From>(engine, size);
      std::vector<To> expected = x;
      for (std::size_t i = 1; i + 1 < size; ++i) {
        expected[i] = cast_scalar<To>(cast_scalar<float>(x[i]) + cast_scalar<float>(y[i]));
      }
      std::vector<To> got = x;
      kernel(got.data() + 1, y.data() + 1, count);
      INFO("level " << number << ", count " << count);
      REQUIRE(std::memcmp(got.data(), expected.data(), size * sizeof(To)) == 0);
    }
  }
}

}  // namespace

TEMPLATE_TEST_CASE("rows are added the same at every level", "[detail][levels]", float, Eigen::half, Eigen::bfloat16) {
  check<TestType, float>();
  check<TestType, Eigen::half>();
  check<TestType, Eigen::bfloat16>();
}

#endif
