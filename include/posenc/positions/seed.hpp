// SPDX-License-Identifier: MIT
/// @file
/// Seed: what random positions and random initial values begin from.
#ifndef POSENC_POSITIONS_SEED_HPP
#define POSENC_POSITIONS_SEED_HPP

#include "posenc/detail/argument.hpp"

#include <cstdint>

namespace posenc {
inline namespace POSENC_ABI {

/// What random numbers begin from: Seed(7). The same seed gives the same numbers on every platform. It is a type of its
/// own, so that no other number is taken for it.
class Seed {
 public:
  /// @param value  Any integer of 64 bits.
  explicit Seed(detail::WholeNumber value) : value_(value) {}
  std::int64_t value() const { return value_; }

 private:
  std::int64_t value_;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_SEED_HPP
