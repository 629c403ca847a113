// SPDX-License-Identifier: MIT
/// @file
/// MersenneTwister: the numbers of std::mt19937_64, bit for bit. <random> costs a unit more than all that posenc needs
/// of it.
#ifndef POSENC_DETAIL_MERSENNE_TWISTER_HPP
#define POSENC_DETAIL_MERSENNE_TWISTER_HPP

#include "posenc/detail/abi.hpp"

#include <cstdint>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Source: Nishimura 2000, ACM TOMACS 10(4); Matsumoto and Nishimura's initialization of 2002, as the C++ standard has it.
class MersenneTwister {
 public:
  explicit MersenneTwister(std::uint64_t seed) {
    state_[0] = seed;
    for (int i = 1; i < kSize; ++i) {
      const std::uint64_t last = state_[i - 1];
      state_[i] = 6364136223846793005u * (last ^ (last >> 62)) + static_cast<std::uint64_t>(i);
    }
  }
  std::uint64_t operator()() {
    if (next_ == kSize) renew();
    std::uint64_t x = state_[next_++];
    x ^= (x >> 29) & 0x5555555555555555u;
    x ^= (x << 17) & 0x71d67fffeda60000u;
    x ^= (x << 37) & 0xfff7eee000000000u;
    return x ^ (x >> 43);
  }

 private:
  static constexpr int kSize = 312;
  static constexpr int kShift = 156;

  void renew() {
    constexpr std::uint64_t low = (std::uint64_t(1) << 31) - 1;
    for (int i = 0; i < kSize; ++i) {
      const std::uint64_t x = (state_[i] & ~low) | (state_[(i + 1) % kSize] & low);
      state_[i] = state_[(i + kShift) % kSize] ^ (x >> 1) ^ ((x & 1) != 0 ? 0xb5026f5aa96619e9u : 0u);
    }
    next_ = 0;
  }

  std::uint64_t state_[kSize];
  int next_ = kSize;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_MERSENNE_TWISTER_HPP
