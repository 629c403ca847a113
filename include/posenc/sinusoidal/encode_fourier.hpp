// SPDX-License-Identifier: MIT
/// @file
/// Writes Fourier features of coordinates, with learned or random directions.
#ifndef POSENC_SINUSOIDAL_ENCODE_FOURIER_HPP
#define POSENC_SINUSOIDAL_ENCODE_FOURIER_HPP

#include "posenc/detail/overlap.hpp"
#include "posenc/detail/weighted_angles.hpp"
#include "posenc/sinusoidal/detail/require_fourier.hpp"

#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

template <typename Out, typename Coordinates, typename Weights>
void encode_fourier(Out& out, const Eigen::DenseBase<Coordinates>& coordinates,
                    const Eigen::DenseBase<Weights>& weights, const FourierOptions& options) {
  using Scalar = typename Out::Scalar;
  require_fourier("encode_fourier", "out", out, coordinates, weights, options);
  require_no_self_overlap("encode_fourier", "out", out);
  require_disjoint("encode_fourier", "out", out, coordinates);
  require_disjoint("encode_fourier", "out", out, weights);
  const auto& x = evaluated(coordinates);
  const SinusoidColumns columns(options.order, weights.cols(), weights.cols());
  for_each_weighted_angle(
      x.rows(), fourier_coordinate(x, options), evaluated(weights), options.angle_scale,
      [&](Eigen::Index token, Eigen::Index first, int count, const double* cosine, const double* sine) {
        for (int i = 0; i < count; ++i) {
          out.coeffRef(token, columns.sine(first + i)) = convert<Scalar>(options.amplitude * sine[i]);
          out.coeffRef(token, columns.cosine(first + i)) = convert<Scalar>(options.amplitude * cosine[i]);
        }
      });
}

/// Whether these are the arguments of encode_fourier(), in its order.
template <typename... Arguments>
inline constexpr bool takes_fourier = false;
template <typename Out, typename Coordinates, typename Weights, typename Options>
inline constexpr bool takes_fourier<Out, Coordinates, Weights, Options> =
    is_dense<Coordinates>&& is_dense<Weights>&& std::is_convertible_v<const Options&, FourierOptions>;

}  // namespace detail

/// Writes the Fourier features of each token's coordinates into `out`.
///
///     a[t, f] = angle_scale * sum over m of x[t, m] W[m, f],   x = coordinate_scale coordinates + coordinate_offset
///     feature f of token t:  amplitude cos(a[t, f])  and  amplitude sin(a[t, f]),   in the columns of options.order
///
/// @param[out] out     tokens x 2 F: any writable dense Eigen object, row- or column-major.
/// @param coordinates  tokens x M: pixels, points, time; float, double or a half type.
/// @param weights      M x F: the directions W, such as fill(weights, Normal(stddev), seed) draws them.
/// @param options      Conventions: presets::learned_fourier(num_features), presets::segment_anything_fourier(),
///                     presets::gaussian_fourier().
/// @throws std::invalid_argument  shapes that do not fit; an option that is NaN or infinite; memory that overlaps.
///                                `out` is then unchanged.
/// Cost:     M multiply-adds and the polynomials of a sine and a cosine for each feature; no allocation
///           (bench_sinusoidal: Fourier features).
/// Accuracy: double |error| <= g (2^-51 + (M + 3) 2^-53 angle_scale sum over m of |x W|), g = |amplitude|; float rounds
///           that once more [sinusoidal][fourier].
/// Source:   Li et al. 2021, arXiv:2106.02795; Tancik et al. 2020, arXiv:2006.10739.
/// Matches:  the projects named by the presets.
template <typename Out, typename Coordinates, typename Weights>
void encode_fourier(Out&& out, const Eigen::DenseBase<Coordinates>& coordinates,
                    const Eigen::DenseBase<Weights>& weights, const FourierOptions& options) {
  detail::encode_fourier(detail::written(std::forward<Out>(out)), coordinates, weights, options);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments, std::enable_if_t<!detail::takes_fourier<Arguments...>, int> = 0>
void encode_fourier(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write encode_fourier(out, coordinates, weights, options): three matrices, and options such as "
                "presets::learned_fourier(num_features) or FourierOptions(channel_order)");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_ENCODE_FOURIER_HPP
