// SPDX-License-Identifier: MIT
/// The numbers of MersenneTwister are those of the standard's engine.
#include <cstdint>
#include <random>

#include "posenc/detail/mersenne_twister.hpp"

#include "support/catch2.hpp"

TEST_CASE("the engine has the numbers of std::mt19937_64", "[detail][random][portable]") {
  for (const std::uint64_t seed : {std::uint64_t(0), std::uint64_t(1), std::uint64_t(5489), ~std::uint64_t(0)}) {
    std::mt19937_64 expected(seed);
    posenc::detail::MersenneTwister engine(seed);
    bool same = true;
    for (int i = 0; i < 2000; ++i) same = same && engine() == expected();
    CHECK(same);
  }
}
