// SPDX-License-Identifier: MIT
/// Sines and cosines put together at every level of vector instructions that this machine has, each bit.
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <random>
#include <vector>

#include "posenc/sinusoidal.hpp"
#include "support/catch2.hpp"

#if POSENC_HAS_LEVELS

namespace {

using namespace posenc::detail;

std::vector<float> numbers(std::mt19937& engine, std::size_t count) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(engine() >> 8) * 0x1p-22f - 2.0f;
  return values;
}

constexpr std::size_t kRows = 3;
constexpr std::size_t kGap = 5;  ///< Numbers between two rows, which stay.

/// Rows of each length and pairs in the other order, between numbers that stay, `before` of them in front: what is written
/// begins anywhere in a cache line. Rows of odd numbers lie in front of those of even ones, or behind. A sum has one
/// rounding at every level.
template <bool Add>
void check(int level, std::size_t count, std::size_t before) {
  std::mt19937 engine(static_cast<unsigned>(count));
  const std::size_t stride = 2 * count + kGap;
  const std::vector<float> x = numbers(engine, kRows * stride + before + 1);
  const std::vector<float> terms = numbers(engine, kRows * stride);
  const float* const even = terms.data() + (before % 2 == 0 ? 0 : count);
  const float* const odd = terms.data() + (before % 2 == 0 ? count : 0);
  std::vector<float> pairs(2 * count);
  std::vector<float> in_turn = x, in_blocks = x, exchanged = x;
  for (std::size_t row = 0; row < kRows; ++row) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = before + row * stride;
      const float a = even[row * stride + i];
      const float b = odd[row * stride + i];
      in_turn[at + 2 * i] = (Add ? x[at + 2 * i] : 0.0f) + a;
      in_turn[at + 2 * i + 1] = (Add ? x[at + 2 * i + 1] : 0.0f) + b;
      in_blocks[at + i] = x[at + i] + a;
      in_blocks[at + count + i] = x[at + count + i] + b;
      if (row > 0) continue;
      pairs[2 * i] = b;
      pairs[2 * i + 1] = a;
      exchanged[at + 2 * i] = in_turn[at + 2 * i];
      exchanged[at + 2 * i + 1] = in_turn[at + 2 * i + 1];
    }
  }
  const InterleaveKernels kernels = interleave_kernels<Add>(Level(level));
  const auto size = static_cast<std::ptrdiff_t>(count);
  const auto step = static_cast<std::ptrdiff_t>(stride);
  INFO("level " << level << ", count " << count << ", before " << before << ", added " << Add);
  std::vector<float> got;
  const auto is_equal = [&](const std::vector<float>& expected) {
    return std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)) == 0;
  };
  for (const bool touch : {false, true}) {
    got = x;
    float* const to = got.data() + before;
    kernels.rows({to, to + 1, step, even, odd, step, size, kRows, touch});
    REQUIRE(is_equal(in_turn));
    if (!Add || size < kLeastAdded) continue;
    std::copy(x.begin(), x.end(), got.begin());
    add_blocks_kernel<RowPairs>(Level(level))({to, to + size, step, even, odd, step, size, kRows, touch});
    REQUIRE(is_equal(in_blocks));
  }
  got = x;
  kernels.neighbors(got.data() + before, pairs.data(), size);
  REQUIRE(is_equal(exchanged));
}

}  // namespace

TEST_CASE("sines and cosines are put together the same at every level", "[sinusoidal][levels]") {
  for (int level = POSENC_LOWEST_LEVEL; level <= static_cast<int>(level_of_machine()); ++level) {
    for (std::size_t count = 0; count < 100; ++count) {
      for (std::size_t before = 0; before < 16; ++before) {
        check<false>(level, count, before);
        check<true>(level, count, before);
      }
    }
  }
}

#endif
