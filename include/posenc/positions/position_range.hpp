// SPDX-License-Identifier: MIT
/// @file
/// Positions that follow one another: PositionRange(first, count), and starting_at(first), as many as are needed.
#ifndef POSENC_POSITIONS_POSITION_RANGE_HPP
#define POSENC_POSITIONS_POSITION_RANGE_HPP

#include "posenc/detail/abi.hpp"
#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/position_scalar.hpp"

#include <cstdint>
#include <limits>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// An integer of any type as a position.
template <typename Integer>
std::int64_t checked_position(const char* function, const char* parameter, Integer position) {
  require_position(function, parameter, position);
  return static_cast<std::int64_t>(position);
}

}  // namespace detail

/// The positions first, first + 1, ..., first + count - 1.
///
/// Negative positions are fine, and so are large ones: up to 2^57 their angles are as exact as those of small ones.
class PositionRange {
 public:
  /// @param first  Position of the first token: the number of tokens that a key/value cache holds already.
  /// @param count  Number of positions, >= 0. A count, not an end: PositionRange(7, 2) is 7 and 8.
  /// @throws std::invalid_argument  count < 0.
  /// @throws std::out_of_range      a position outside of [-2^57, 2^57].
  template <typename First, typename Count>
  explicit PositionRange(First first, Count count) {
    static_assert(detail::is_integer<First> && detail::is_integer<Count>,
                  "posenc: PositionRange(first, count) takes two integers; for real positions give a list");
    const char* const function = "PositionRange";
    first_ = detail::checked_position(function, "first", first);
    if constexpr (std::is_signed_v<Count>) detail::require(count >= 0, function, "count", count, ">= 0");
    constexpr auto limit = static_cast<std::uint64_t>(detail::kMaxPosition);
    const auto size = static_cast<std::uint64_t>(count);
    const bool fits = size <= 2 * limit && static_cast<std::int64_t>(size) <= detail::kMaxPosition - first_ + 1;
    detail::require_in_range(fits, function, "count", count, "at most 2^57 - first + 1, first being ", first_);
    constexpr auto widest = (std::numeric_limits<Eigen::Index>::max)();
    detail::require_in_range(size <= static_cast<std::uint64_t>(widest), function, "count", count, "at most ", widest);
    count_ = static_cast<Eigen::Index>(size);
  }

  /// Position of the first token.
  std::int64_t first() const { return first_; }
  /// Number of positions.
  Eigen::Index count() const { return count_; }

 private:
  std::int64_t first_;
  Eigen::Index count_;
};

/// What starting_at() returns: first, first + 1, ..., as many as there are tokens.
class StartingAt {
 public:
  /// See starting_at().
  explicit StartingAt(detail::WholeNumber first)
      : first_(detail::checked_position("starting_at", "first", std::int64_t{first})) {}
  /// Position of the first token.
  std::int64_t first() const { return first_; }

 private:
  std::int64_t first_;
};

/// The positions first, first + 1, ..., one for each token that the call is about.
///
/// @param first  Position of the first token: 0 for a prompt, the number of cached tokens in a decode step.
/// @throws std::out_of_range  first is outside of [-2^57, 2^57].
template <typename Integer>
StartingAt starting_at(Integer first) {
  static_assert(detail::is_integer<Integer>,
                "posenc: starting_at(first) takes an integer; for real positions give a list");
  return StartingAt(detail::checked_position("starting_at", "first", first));
}

namespace detail {

/// Row i is at first + i.
class RangePositions {
 public:
  static constexpr const char* kCount = "positions.count()";  // what a message calls rows()

  explicit RangePositions(PositionRange range) : range_(range) {}
  Eigen::Index rows() const { return range_.count(); }
  std::int64_t operator[](Eigen::Index row) const { return range_.first() + row; }

 private:
  PositionRange range_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_POSITION_RANGE_HPP
