// SPDX-License-Identifier: MIT
/// @file
/// Writes each token's position itself, scaled, into every channel: an encoding to compare others with.
#ifndef POSENC_SINUSOIDAL_ENCODE_INTEGERS_HPP
#define POSENC_SINUSOIDAL_ENCODE_INTEGERS_HPP

#include "posenc/positions/each_sequence.hpp"
#include "posenc/sinusoidal/detail/explain_code.hpp"
#include "posenc/sinusoidal/detail/require_encoded.hpp"

#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Checks everything, then writes.
template <typename Out, typename Given>
void encode_integers(const char* function, Out& out, double scale, const Given& given) {
  using Scalar = typename Out::Scalar;
  require(is_finite(scale), function, "scale", scale, "finite");
  require_writable_code(function, out, given);
  with_token_positions(function, "out", given, out.rows(), [&](const auto& positions) {
    const auto value_of = [&](Eigen::Index row) { return scale * static_cast<double>(positions[row]); };
    for (Eigen::Index row = 0; row < out.rows(); ++row) {
      bool finite = is_finite(value_of(row));
      if constexpr (is_storage<Scalar>)
        finite = finite && is_finite(static_cast<double>(convert<Scalar>(value_of(row))));
      if (finite) continue;
      refuse<std::out_of_range>(function, element("positions", row), positions[row],
                                "such that scale * position is finite in out's scalar");
    }
    if constexpr (bool(Out::IsRowMajor)) {
      for (Eigen::Index row = 0; row < out.rows(); ++row) out.row(row).setConstant(convert<Scalar>(value_of(row)));
    } else {
      for (Eigen::Index column = 0; column < out.cols(); ++column) {
        for (Eigen::Index row = 0; row < out.rows(); ++row) {
          out.coeffRef(row, column) = convert<Scalar>(value_of(row));
        }
      }
    }
  });
}

}  // namespace detail

/// Writes each token's position, times `scale`, into every channel of its row of `out`.
///
///     out[t, j] = scale p[t]
///
/// The simplest encoding, and one to compare others with: at position 1,000 the code is longer than any embedding that
/// it is added to, and with scale = 1 / length the same position has another code in a text of another length.
/// @param[out] out   tokens x channels: any writable dense Eigen object, row- or column-major.
/// @param scale      Factor on positions, finite: 1 for the integers themselves.
/// @param positions  One for each token: starting_at(first); PositionRange(first, count) with count == out.rows(); a
///                   list of integers or real numbers; in a batch of stacked sequences each_sequence(seq_len, start).
/// @throws std::invalid_argument  scale is NaN or infinite; another number of positions than rows; a real position that
///                                is NaN or infinite; memory shared with the positions, or rows of `out` that lie in
///                                one another.
/// @throws std::out_of_range      scale * position is not finite in the scalar of `out` (half ends at 65504). `out` is
///                                unchanged whenever one is thrown.
/// Cost:     a store for each value; no allocation (bench_sinusoidal: integers).
/// Accuracy: double |error| <= 2^-52 |scale p|, and 2^-53 of it up to |p| = 2^53; other scalars round that once more
///           [sinusoidal][integers].
/// Source:   Fleetwood 2024, "You could have designed state of the art positional encoding".
template <typename Out, typename Scale, typename Positions,
          std::enable_if_t<detail::is_dense<std::decay_t<Out>> && std::is_arithmetic_v<Scale>, int> = 0>
void encode_integers(Out&& out, const Scale& scale, const Positions& positions) {
  detail::encode_integers("encode_integers", detail::written(std::forward<Out>(out)), static_cast<double>(scale),
                          positions);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
void encode_integers(const Arguments&...) {
  static_assert(detail::explain_code<Arguments...>(),
                "posenc: write encode_integers(out, scale, positions), in that order, with scale 1 for the integers "
                "themselves");
}

/// @overload
/// Says what to write for positions in bare braces.
template <typename First, typename Second, typename... More>
void encode_integers(const First&, const Second&, detail::PositionsInBraces, const More&...) {
  static_assert(detail::kMisuse<First>,
                "posenc: bare braces are not positions, because they may mean a range or a list: write "
                "PositionRange(first, count), or give a std::vector of positions");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_ENCODE_INTEGERS_HPP
