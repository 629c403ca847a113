// SPDX-License-Identifier: MIT
/// Sines and cosines put together at every level of vector instructions that this machine has, each bit.
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

/// Rows of each length and pairs in the other order, between numbers that stay, `before` of them in front: what is written
/// begins anywhere in a cache line. A sum has one rounding at every level.
template <bool Add>
void check(int level, std::size_t count, std::size_t before) {
  std::mt19937 engine(static_cast<unsigned>(count));
  const std::vector<float> x = numbers(engine, 2 * count + before + 1);
  const std::vector<float> even = numbers(engine, count);
  const std::vector<float> odd = numbers(engine, count);
  std::vector<float> pairs(2 * count);
  std::vector<float> expected = x;
  for (std::size_t i = 0; i < count; ++i) {
    float* const pair = expected.data() + before + 2 * i;
    pair[0] = (Add ? pair[0] : 0.0f) + even[i];
    pair[1] = (Add ? pair[1] : 0.0f) + odd[i];
    pairs[2 * i] = odd[i];
    pairs[2 * i + 1] = even[i];
  }
  const InterleaveKernels kernels = interleave_kernels<Add>(Level(level));
  const auto size = static_cast<std::ptrdiff_t>(count);
  INFO("level " << level << ", count " << count << ", before " << before << ", added " << Add);
  std::vector<float> got = x;
  kernels.rows(got.data() + before, even.data(), odd.data(), size);
  REQUIRE(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)) == 0);
  got = x;
  kernels.neighbors(got.data() + before, pairs.data(), size);
  REQUIRE(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)) == 0);
}

}  // namespace

TEST_CASE("sines and cosines interleave the same at every level", "[sinusoidal][levels]") {
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
