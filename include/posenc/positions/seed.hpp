// SPDX-License-Identifier: MIT
/// @file
/// Seed: what random positions and random initial values begin from.
#ifndef POSENC_POSITIONS_SEED_HPP
#define POSENC_POSITIONS_SEED_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"

#include <cstdint>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

/// What random numbers begin from: Seed(7). The same seed gives the same numbers on every platform. It is a type of its
/// own, so that no other number is taken for it.
class Seed {
 public:
  /// @param value  Any integer that std::int64_t holds, negative ones too.
  /// @throws std::length_error  an unsigned integer of 2^63 or more.
  template <typename Value, std::enable_if_t<std::is_convertible_v<const Value&, detail::WholeNumber>, int> = 0>
  explicit Seed(Value value) : value_(detail::WholeNumber(value)) {}
  /// Says what `Seed seed = 7` is to be.
  template <typename Never = void>
  Seed(long double) {  // NOLINT: meant to be found by `=`, and worse than the above otherwise
    static_assert(detail::kMisuse<Never>, "posenc: a bare number is no Seed: write Seed seed(value)");
  }
  /// The number.
  std::int64_t value() const { return value_; }

 private:
  std::int64_t value_;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_SEED_HPP
