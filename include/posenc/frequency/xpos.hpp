// SPDX-License-Identifier: MIT
/// @file
/// xPos: queries grow and keys shrink with their position, so that scores decay with distance.
#ifndef POSENC_FREQUENCY_XPOS_HPP
#define POSENC_FREQUENCY_XPOS_HPP

#include "posenc/frequency/detail/table_writer.hpp"
#include "posenc/positions/position_list.hpp"
#include "posenc/positions/position_range.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

/// The parameters of xPos, with the usual defaults.
struct XposOptions {
  double scale_base = 512;  ///< Distance [positions] over which scores decay, finite and >= 1.
  double gamma = 0.4;       ///< Decay of the fastest pair: zeta_0 = gamma / (1 + gamma); finite and > 0.
};

/// What make_xpos_tables() returns: one table for queries, one for keys.
template <typename Scalar>
struct XposTables {
  FrequencyTable<Scalar> queries;
  FrequencyTable<Scalar> keys;
};

namespace detail {

/// ln zeta_j, num_pairs values padded with zeros to whole blocks.
inline Eigen::ArrayXd log_zeta(Eigen::Index num_pairs, const XposOptions& decay) {
  Eigen::ArrayXd values((num_pairs + kAngleBlock - 1) / kAngleBlock * kAngleBlock);
  std::fill(values.begin(), values.end(), 0);
  const double d = 2 * static_cast<double>(num_pairs);
  for (Eigen::Index j = 0; j < num_pairs; ++j) {
    values[j] = std::log((2 * static_cast<double>(j) + decay.gamma * d) / ((1 + decay.gamma) * d));
  }
  return values;
}

/// The largest number that a scalar holds, in double.
template <typename Scalar>
double largest() {
  return static_cast<double>((Eigen::NumTraits<Scalar>::highest)());
}

struct XposWriter {
  template <typename Scalar, typename Positions>
  static XposTables<Scalar> make(const Frequencies& frequencies, const Positions& positions, double center,
                                 const XposOptions& decay, const TableOptions& options) {
    const char* const function = "make_xpos_tables";
    require(is_finite(center), function, "center", center, "finite");
    require(is_finite(decay.scale_base) && decay.scale_base >= 1, function, "scale_base", decay.scale_base,
            "finite and >= 1");
    require(is_finite(decay.gamma) && decay.gamma > 0, function, "gamma", decay.gamma, "finite and > 0");
    require_exact_angles(function, options);
    require(options.num_heads == 1, function, "options.num_heads", options.num_heads,
            "1 (the decay of xPos runs over the pairs of one head)");
    require(!frequencies.of_channels(), function, "frequencies", "those of channels", "those of pairs");
    require(frequencies.magnitude() == 1, function, "frequencies.magnitude()", frequencies.magnitude(), 1);
    require_finite_angles(function, frequencies.fastest(), false, positions);
    const Eigen::ArrayXd zeta = log_zeta(frequencies.num_pairs(), decay);
    // zeta^power and its reciprocal must be finite in the scalar, with a margin of 0.5 in the logarithm.
    const double reach =
        (std::log(largest<Scalar>()) - 0.5) / -*std::min_element(zeta.begin(), zeta.end()) * decay.scale_base;
    for (Eigen::Index row = 0; row < positions.rows(); ++row) {
      const double distance = static_cast<double>(positions[row]) - center;
      require_in_range(std::abs(distance) <= reach, function, "distance of a position from center", distance,
                       "at most ", reach, " (beyond it the scale does not fit into the scalar)");
    }
    XposTables<Scalar> tables{FrequencyTable<Scalar>(positions.rows(), frequencies.num_pairs(), options),
                              FrequencyTable<Scalar>(positions.rows(), frequencies.num_pairs(), options)};
    // Real is double: Eigen's types depend on it, so that they are made where tables are.
    const auto sink = [&](Eigen::Index row, Eigen::Index pair, int, const auto* cosine, const auto* sine) {
      using Real = std::decay_t<decltype(*cosine)>;
      using Block = Eigen::Array<Real, kAngleBlock, 1>;
      const double power = (static_cast<double>(positions[row]) - center) / decay.scale_base;
      const Block scale = (Eigen::Map<const Block>(zeta.data() + pair) * power).exp();
      const Eigen::Map<const Block> c(cosine);
      const Eigen::Map<const Block> s(sine);
      const Block query_cos = c * scale, query_sin = s * scale, key_cos = c / scale, key_sin = s / scale;
      TableWriter::write_block(tables.queries, row, 0, pair, query_cos.data(), query_sin.data());
      TableWriter::write_block(tables.keys, row, 0, pair, key_cos.data(), key_sin.data());
    };
    for_each_angle(frequencies, 1.0, positions, sink);
    TableWriter::set_origin(tables.queries, 0, 0, TableWriter::first_of(positions));
    TableWriter::set_origin(tables.keys, 0, 0, TableWriter::first_of(positions));
    return tables;
  }
};

}  // namespace detail

/// Makes the two tables of xPos: apply_rope() rotates queries by one and keys by the other.
///
///     query entry:  zeta_j^((p - center) / scale_base)  times cos, sin of p inv_freq[j]
///     key entry:    zeta_j^(-(p - center) / scale_base) times the same
///     zeta_j = (2j + gamma d) / ((1 + gamma) d),  d = rotary_dim
///
/// Scores depend on the distance alone and shrink by zeta_j^(distance / scale_base). `center` cancels in them, but
/// queries and keys must have the same one: give it once for a model, never from the length of a table. The scales of
/// positions far from it overflow: with the default decay, float has room for some 36,000 positions on either side.
///
/// apply_rope() takes the tables and their adjoint(). The inverse of one table is the adjoint of the other, and
/// inverse() refuses both.
/// @tparam Scalar      As in make_table().
/// @param frequencies  Magnitude 1.
/// @param positions    PositionRange(first, count), or a list of integers or real numbers, one for each row.
/// @param center       [positions] Where the scale is 1, finite.
/// @param decay        How fast the scores decay.
/// @param options      As in make_table(), with exact angles.
/// @throws std::invalid_argument  a magnitude that is not 1; center, scale_base or gamma out of their ranges; a
///                                position that is NaN or infinite; float32 angles.
/// @throws std::out_of_range      a position so far from center that a scale overflows the scalar; an angle that is not
///                                finite.
/// Cost:     an exponential, two products and two divisions for each pair on top of make_table(); two allocations for
///           the tables, and a small one (no bench case of its own).
/// Accuracy: relative 2^-50 (1 + |(p - center) / scale_base|) on top of make_table(), then rounded once [rope][xpos].
/// Source:   Sun et al. 2022, arXiv:2212.10554.
/// Matches:  use_xpos of rotary-embedding-torch and x-transformers (center = length / 2 of the sequence at hand), xPos
///           of flash-attention (center = cached length / 2).
template <typename Scalar, typename Positions>
XposTables<Scalar> make_xpos_tables(const Frequencies& frequencies, const Positions& positions, double center,
                                    const XposOptions& decay = {}, TableOptions options = {}) {
  static_assert(detail::is_list<Positions> || std::is_same_v<Positions, PositionRange>,
                "posenc: positions must be PositionRange(first, count) or a list with one for each token");
  if constexpr (detail::is_list<Positions>) {
    const detail::ListPositions<Positions> list("make_xpos_tables", positions);
    return detail::XposWriter::make<Scalar>(frequencies, list, center, decay, options);
  } else {
    return detail::XposWriter::make<Scalar>(frequencies, detail::RangePositions(positions), center, decay, options);
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_XPOS_HPP
