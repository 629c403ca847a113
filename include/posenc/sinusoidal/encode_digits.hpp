// SPDX-License-Identifier: MIT
/// @file
/// Writes the digits of each token's position: the binary code, and that of any other base.
#ifndef POSENC_SINUSOIDAL_ENCODE_DIGITS_HPP
#define POSENC_SINUSOIDAL_ENCODE_DIGITS_HPP

#include "posenc/positions/each_sequence.hpp"
#include "posenc/sinusoidal/detail/explain_code.hpp"
#include "posenc/sinusoidal/detail/require_encoded.hpp"

#include <cmath>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// The largest base that is allowed for a scalar: it holds all integers up to there exactly.
template <typename Scalar>
inline constexpr std::int64_t kLargestBase = std::int64_t(1) << (std::is_same_v<Scalar, Eigen::bfloat16> ? 8
                                                                 : std::is_same_v<Scalar, Eigen::half>   ? 11
                                                                 : std::is_same_v<Scalar, float>         ? 24
                                                                                                         : 53);

/// base^columns - 1, the largest number of so many digits; kMaxPosition where that is less.
inline std::int64_t largest_of_digits(std::int64_t base, Eigen::Index columns) {
  std::int64_t count = 1;
  for (Eigen::Index i = 0; i < columns; ++i) {
    if (count > kMaxPosition / base) return kMaxPosition;
    count *= base;
  }
  return count - 1;
}

/// Refuses positions unless each is an integer >= 0 of at most `columns` digits.
template <typename Positions>
void require_digits(const char* function, const Positions& positions, std::int64_t base, Eigen::Index columns) {
  using Position = std::decay_t<decltype(positions[0])>;
  const std::int64_t largest = largest_of_digits(base, columns);
  for (Eigen::Index i = 0; i < positions.rows(); ++i) {
    const auto position = positions[i];
    bool fits = position <= static_cast<Position>(kMaxPosition);
    if constexpr (!std::is_integral_v<Position>) {
      const bool whole = std::floor(position) == position;
      if (!whole)
        refuse<std::invalid_argument>(function, element("positions", i), position, "an integer, to have digits");
    }
    if (position < 0) refuse<std::out_of_range>(function, element("positions", i), position, ">= 0, to have digits");
    fits = fits && static_cast<std::int64_t>(position) <= largest;
    if (fits) continue;
    refuse<std::out_of_range>(function, element("positions", i), position, "at most ", largest, " for ", columns,
                              " digits to the base ", base);
  }
}

/// Checks everything, then writes.
template <typename Out, typename Base, typename Given>
void encode_digits(const char* function, Out& out, Base base, const Given& given) {
  using Scalar = typename Out::Scalar;
  constexpr std::int64_t largest_base = kLargestBase<Scalar>;
  const bool fits = base >= Base(2) && static_cast<std::uint64_t>(base) <= static_cast<std::uint64_t>(largest_base);
  require(fits, function, "base", base, ">= 2 and at most ", largest_base, ", up to which out's scalar is exact");
  require_writable_code(function, out, given);
  const auto checked_base = static_cast<std::int64_t>(base);
  with_token_positions(function, "out", given, out.rows(), [&](const auto& positions) {
    require_digits(function, positions, checked_base, out.cols());
    const auto divisor = static_cast<std::uint64_t>(checked_base);
    for (Eigen::Index row = 0; row < out.rows(); ++row) {
      auto rest = static_cast<std::uint64_t>(positions[row]);
      for (Eigen::Index i = 0; i < out.cols(); ++i, rest /= divisor) {
        out.coeffRef(row, i) = convert<Scalar>(static_cast<double>(rest % divisor));
      }
    }
  });
}

}  // namespace detail

/// Writes the digits of each token's position into `out`, the least significant first: base 2 gives the binary code.
///
///     out[t, i] = floor(p[t] / base^i) mod base          position 6 in base 2 and four columns:  0 1 1 0
///
/// RoPE rotates pair i by the angle p / beta^i: the same quotient without floor, and made periodic by cosine and sine
/// instead of mod.
/// @param[out] out   tokens x digits: any writable dense Eigen object, row- or column-major.
/// @param base       Of the number system: an integer >= 2, up to which the scalar of `out` holds every integer (half
///                   2048, bfloat16 256, float 2^24, double 2^53).
/// @param positions  One for each token, integers in [0, base^digits): starting_at(first); PositionRange(first, count)
///                   with count == out.rows(); a list, of real numbers too where these are integers; in a batch of
///                   stacked sequences each_sequence(seq_len, start).
/// @throws std::invalid_argument  a base outside of that; a position that is no integer, NaN or infinite; another
///                                number of positions than rows; memory shared with the positions, or rows of `out`
///                                that lie in one another.
/// @throws std::out_of_range      a position that is negative or needs more digits. `out` is unchanged whenever one is
///                                thrown.
/// Cost:     a division and a store for each digit; no allocation (bench_sinusoidal: digits).
/// Accuracy: exact [sinusoidal][digits].
/// Source:   binary positions: Fleetwood 2024, "You could have designed state of the art positional encoding"; digits
///           in the base of RoPE: Su 2023, kexue.fm/archives/9675.
template <typename Out, typename Base, typename Positions,
          std::enable_if_t<detail::is_dense<std::decay_t<Out>> && std::is_arithmetic_v<Base>, int> = 0>
void encode_digits(Out&& out, const Base& base, const Positions& positions) {
  static_assert(detail::is_integer<Base>, "posenc: base must be an integer: 2 for the binary code");
  if constexpr (detail::is_integer<Base>) {
    detail::encode_digits("encode_digits", detail::written(std::forward<Out>(out)), base, positions);
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
void encode_digits(const Arguments&...) {
  static_assert(detail::explain_code<Arguments...>(),
                "posenc: write encode_digits(out, base, positions), in that order, with base 2 for the binary code");
}

/// @overload
/// Says what to write for positions in bare braces.
template <typename First, typename Second, typename... More>
void encode_digits(const First&, const Second&, detail::PositionsInBraces, const More&...) {
  static_assert(detail::kMisuse<First>,
                "posenc: bare braces are not positions, because they may mean a range or a list: write "
                "PositionRange(first, count), or give a std::vector of positions");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_ENCODE_DIGITS_HPP
