// SPDX-License-Identifier: MIT
/// The kernels of biases at every level of vector instructions that this machine has, each bit, against scalar loops.
#include <cstddef>
#include <cstring>
#include <random>
#include <vector>

#include "posenc/relative_bias.hpp"
#include "rope/level_twins.hpp"
#include "support/catch2.hpp"

#if POSENC_HAS_LEVELS

namespace {

using namespace posenc_tests;
using namespace posenc::detail;

/// Calls pair(t, u, number of the displacement from t to u) for the tokens of a window, query by query.
template <typename Pair>
void each_pair(std::ptrdiff_t height, std::ptrdiff_t width, const Pair& pair) {
  for (std::ptrdiff_t t = 0; t < height * width; ++t) {
    for (std::ptrdiff_t u = 0; u < height * width; ++u) {
      pair(t, u, (u / width - t / width + height - 1) * (2 * width - 1) + u % width - t % width + width - 1);
    }
  }
}

template <typename To>
void check_window(Level level, std::ptrdiff_t height, std::ptrdiff_t width) {
  const std::ptrdiff_t heads = 3;
  const std::ptrdiff_t tokens = height * width;
  const std::ptrdiff_t stride = tokens + 3;
  const std::ptrdiff_t values_stride = (2 * height - 1) * (2 * width - 1);
  std::mt19937 engine(static_cast<unsigned>(100 * height + width));
  const auto values = numbers<float>(engine, static_cast<std::size_t>(heads * values_stride));
  auto got = numbers<To>(engine, static_cast<std::size_t>(heads * tokens * stride + 1));
  auto expected = got;
  for (std::ptrdiff_t h = 0; h < heads; ++h) {
    each_pair(height, width, [&](std::ptrdiff_t t, std::ptrdiff_t u, std::ptrdiff_t m) {
      To& to = expected[static_cast<std::size_t>(1 + (h * tokens + t) * stride + u)];
      to = cast_scalar<To>(cast_scalar<float>(to) + values[static_cast<std::size_t>(h * values_stride + m)]);
    });
  }
  add_window_kernel<stored_as<To>>(level)(
      {got.data() + 1, stride, tokens * stride, values.data(), values_stride, heads, height, width});
  INFO(name_of(level) << ", window " << height << " x " << width);
  REQUIRE(std::memcmp(got.data(), expected.data(), got.size() * sizeof(To)) == 0);
}

}  // namespace

TEMPLATE_TEST_CASE("windows are added the same at every level", "[relative_bias][add_window_bias][levels]", float,
                   Eigen::half, Eigen::bfloat16) {
  for (const Level level : levels()) {
    int checked = 0;
    for (std::ptrdiff_t height = 1; height <= 9; ++height) {
      for (std::ptrdiff_t width = 1; width <= 20; ++width) {
        if (!can_add_window(height, width)) continue;
        check_window<TestType>(level, height, width);
        ++checked;
      }
    }
    check_window<TestType>(level, 12, 12);
    check_window<TestType>(level, 32, 32);  // the largest square
    REQUIRE(checked > 120);
  }
  REQUIRE(can_add_window(32, 32));
  REQUIRE(!can_add_window(33, 33));
}

#if POSENC_HIGHEST_LEVEL >= 3
TEST_CASE("gradients of windows are summed query by query", "[relative_bias][add_window_bias][levels]") {
  if (levels().back() != Level::avx512) return;  // the only level that has a kernel
  for (const std::ptrdiff_t height : {1, 2, 3, 4, 6, 7, 8, 9, 12, 14, 16, 24, 32}) {
    for (std::ptrdiff_t width = 5; width <= 16; ++width) {
      REQUIRE(can_sum_window(height, width));
      const std::ptrdiff_t tokens = height * width;
      const std::ptrdiff_t stride = tokens + height % 3;
      std::mt19937 engine(static_cast<unsigned>(100 * height + width));
      // Exactly the gradient, so that a sanitizer sees what is read outside of it.
      const auto grad = numbers<float>(engine, static_cast<std::size_t>((tokens - 1) * stride + tokens));
      auto sums = numbers<float>(engine, static_cast<std::size_t>((2 * height - 1) * (2 * width - 1)));
      sums[0] = -0.0f;
      auto expected = sums;
      each_pair(height, width, [&](std::ptrdiff_t t, std::ptrdiff_t u, std::ptrdiff_t m) {
        expected[static_cast<std::size_t>(m)] += grad[static_cast<std::size_t>(t * stride + u)];
      });
      avx512::sum_window({grad.data(), stride, sums.data(), height, width});
      INFO("window " << height << " x " << width);
      REQUIRE(std::memcmp(sums.data(), expected.data(), sums.size() * sizeof(float)) == 0);
    }
  }
}
#endif

#endif  // POSENC_HAS_LEVELS
