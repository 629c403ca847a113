// SPDX-License-Identifier: MIT
/// @file
/// Sandwich: the inner products of sinusoids as a bias without parameters.
#ifndef POSENC_RELATIVE_BIAS_SANDWICH_HPP
#define POSENC_RELATIVE_BIAS_SANDWICH_HPP

#include "posenc/detail/angles.hpp"
#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/frequency/frequencies.hpp"
#include "posenc/positions/position_range.hpp"
#include "posenc/relative_bias/detail/held.hpp"
#include "posenc/relative_bias/distance_table.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

/// Returns the bias of Sandwich by distance d = key - query:
///
///     table(h, d) = (sum over m = 1 ... D/2 of cos(d base^(-2m/D)) - D/2) num_heads / (8 (h + 1))      D = head_dim
///
/// @tparam Scalar    Of the table: make_sandwich_table<float>(...).
/// @param num_heads  > 0.
/// @param head_dim   Even and > 0.
/// @param distances  span.distances(), or more, so that one table serves every step.
/// @param base       Finite, > 0 and not 1; the paper: 10000.
/// @throws std::invalid_argument  one of these does not hold.
/// @throws std::out_of_range      a base so small that an angle is not finite.
/// Cost:     D/2 cosines for each distance, from the shared generator; no bench case, called once for a length.
/// Accuracy: 320 ulp of 1 for head_dim 10 and distances up to 43, formed in double and rounded once
///           [accuracy][relative_bias].
/// Source:   Chi et al. 2023, arXiv:2212.10356.
/// Matches:  sandwich_relative_position_embedding of NVIDIA NeMo, where D is the head width.
template <typename Scalar>
DistanceTable<Scalar> make_sandwich_table(detail::Size num_heads, detail::Size head_dim, const DistanceRange& distances,
                                          double base) {
  const char* const function = "make_sandwich_table";
  detail::require(num_heads > 0, function, "num_heads", num_heads, "> 0");
  detail::require_rotary_dim(function, "head_dim", head_dim);
  detail::require_base(function, base);
  Eigen::ArrayXd inv_freq(head_dim / 2);
  for (Eigen::Index m = 1; m <= head_dim / 2; ++m) {
    inv_freq[m - 1] = std::pow(base, -2 * static_cast<double>(m) / static_cast<double>(head_dim));
  }
  const double fastest = (std::max)(inv_freq[0], inv_freq[inv_freq.size() - 1]);
  const double reach = static_cast<double>((std::max)(-distances.first(), distances.last()));
  detail::require_in_range(detail::is_finite(fastest) && detail::is_finite(fastest * reach), function, "base", base,
                           "such that every distance * base^(-2m / head_dim) is finite");
  DistanceTable<Scalar> table(num_heads, distances);
  Eigen::ArrayXd sums(distances.size());
  for (Eigen::Index i = 0; i < sums.size(); ++i) sums[i] = -static_cast<double>(head_dim) / 2;
  const detail::RangePositions positions(PositionRange(distances.first(), distances.size()));
  detail::for_each_angle(Frequencies(inv_freq), 1.0, positions,
                         [&](Eigen::Index row, Eigen::Index, int count, const double* cosine, const double*) {
                           for (int i = 0; i < count; ++i) sums[row] += cosine[i];
                         });
  for (Eigen::Index head = 0; head < num_heads; ++head) {
    const double scale = static_cast<double>(num_heads) / (8 * static_cast<double>(head + 1));
    for (Eigen::Index m = 0; m < distances.size(); ++m) {
      table(head, distances.first() + m) = detail::convert<Scalar>(sums[m] * scale);
    }
  }
  return table;
}

namespace detail {

/// Whether these are the arguments of make_sandwich_table(), in its order.
template <typename... Arguments>
inline constexpr bool takes_sandwich = false;
template <typename Heads, typename Width, typename Distances, typename Base>
inline constexpr bool takes_sandwich<Heads, Width, Distances, Base> = is_size<Heads>&& is_size<Width>&&
    std::is_convertible_v<const Distances&, DistanceRange>&& std::is_convertible_v<const Base&, double>;

}  // namespace detail

/// @overload
/// Says what is missing or out of order.
template <typename Scalar = void, typename... Arguments,
          std::enable_if_t<std::is_void_v<Scalar> || !detail::takes_sandwich<Arguments...>, int> = 0>
auto make_sandwich_table(const Arguments&...) {
  static_assert(detail::kMisuse<Scalar, Arguments...>,
                "posenc: write make_sandwich_table<float>(num_heads, head_dim, distances, base): two integers, "
                "span.distances(), and a base such as 10000.0");
  return detail::Misfit<Arguments...>();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_SANDWICH_HPP
