// SPDX-License-Identifier: MIT
/// @file
/// The sinusoids of distances that Transformer-XL projects.
#ifndef POSENC_RELATIVE_BIAS_RELATIVE_SINUSOIDS_HPP
#define POSENC_RELATIVE_BIAS_RELATIVE_SINUSOIDS_HPP

#include "posenc/detail/angles.hpp"
#include "posenc/frequency/channel_order.hpp"
#include "posenc/frequency/frequencies.hpp"
#include "posenc/positions/position_range.hpp"
#include "posenc/relative_bias/detail/held.hpp"
#include "posenc/relative_bias/distance_range.hpp"

namespace posenc {
inline namespace POSENC_ABI {

/// Returns the sinusoids R of Transformer-XL for a run of distances, distances.size() x 2 num_pairs. The model
/// multiplies them by its weights W_r.
///
/// Row m is the distance n = query - key = -(distances.first() + m) and holds sin(n w[i]) and cos(n w[i]) of each pair
/// i: with DistanceRange::causal(L_k) the rows L_k - 1, ..., 0 of the original. Keys before the query have positive n.
/// @tparam Scalar      Of the result: make_relative_sinusoids<float>(...).
/// @param distances    Of the rows, ascending.
/// @param frequencies  w: geometric_frequencies(d_model, 10000.0). Their magnitude multiplies every value.
/// @param order        ChannelOrder::sin_cos for Transformer-XL, interleaved for ESPnet.
/// @throws std::out_of_range  an angle that is not finite.
/// @throws std::length_error  the result does not fit into memory's index type.
/// Cost:     a sine and a cosine for each pair and distance, from the shared generator; no bench case, called once for
///           a length.
/// Accuracy: 16 ulp of 1 in double at distances up to 9, rounded once [accuracy][relative_bias].
/// Source:   Dai et al. 2019, arXiv:1901.02860, section 3.3.
/// Matches:  PositionalEmbedding of Transformer-XL (sin_cos), RelPositionalEncoding of ESPnet (interleaved).
template <typename Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> make_relative_sinusoids(
    const DistanceRange& distances, const Frequencies& frequencies, ChannelOrder order) {
  const Eigen::Index pairs = frequencies.num_pairs();
  detail::require_named("make_relative_sinusoids", "order", order, ChannelOrder::cos_sin);
  detail::require_size("make_relative_sinusoids", "distances.size()", distances.size(), 2 * pairs, sizeof(Scalar));
  const detail::RangePositions positions(PositionRange(distances.first(), distances.size()));
  detail::require_finite_angles("make_relative_sinusoids", frequencies.fastest(), false, positions, "distances");
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> r(distances.size(), 2 * pairs);
  const detail::SinusoidColumns columns(order, pairs, pairs);
  const auto sink = [&](Eigen::Index row, Eigen::Index pair, int count, const double* cosine, const double* sine) {
    for (int i = 0; i < count; ++i) r(row, columns.sine(pair + i)) = detail::round_to<Scalar>(-sine[i]);
    for (int i = 0; i < count; ++i) r(row, columns.cosine(pair + i)) = detail::round_to<Scalar>(cosine[i]);
  };
  detail::for_each_angle(frequencies, frequencies.magnitude(), positions, sink);
  return r;
}

/// @overload
/// Says what is missing or out of order.
template <typename Scalar = void, typename... Arguments>
auto make_relative_sinusoids(const Arguments&...) {
  static_assert(detail::kMisuse<Scalar, Arguments...>,
                "posenc: write make_relative_sinusoids<float>(distances, frequencies, order): distances is a "
                "DistanceRange, frequencies geometric_frequencies(d_model, 10000.0), order ChannelOrder::sin_cos");
  return detail::Misfit<Arguments...>();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_RELATIVE_SINUSOIDS_HPP
