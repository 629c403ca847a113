// SPDX-License-Identifier: MIT
/// @file
/// Writes Fourier features of coordinates, with learned or random directions.
#ifndef POSENC_SINUSOIDAL_ENCODE_FOURIER_HPP
#define POSENC_SINUSOIDAL_ENCODE_FOURIER_HPP

#include "posenc/detail/overlap.hpp"
#include "posenc/sinusoidal/detail/fourier_waves.hpp"
#include "posenc/sinusoidal/detail/require_fourier.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

template <typename Out, typename Coordinates, typename Weights, typename Phases>
void encode_fourier(Out& out, const Eigen::DenseBase<Coordinates>& coordinates,
                    const Eigen::DenseBase<Weights>& weights, const Phases& phases, const FourierOptions& options) {
  using Scalar = typename Out::Scalar;
  require_fourier("encode_fourier", "out", out, coordinates, weights, options);
  require_no_self_overlap("encode_fourier", "out", out);
  require_disjoint("encode_fourier", "out", out, coordinates);
  require_disjoint("encode_fourier", "out", out, weights);
  const auto& x = evaluated(coordinates);
  const auto& w = evaluated(weights);
  const auto coordinate = fourier_coordinate(x, options);
  const SinusoidColumns columns(options.order, w.cols(), w.cols());
  FourierBlock block;
  for (Eigen::Index token = 0; token < x.rows(); ++token) {
    for (Eigen::Index first = 0; first < w.cols(); first += kAngleBlock) {
      const int count = static_cast<int>((std::min)(Eigen::Index(kAngleBlock), w.cols() - first));
      block.compute(token, first, count, coordinate, w, phases, options);
      if (options.wave) {
        const double* const wave = *options.wave == FourierWave::sine ? block.sine : block.cosine;
        for (int i = 0; i < count; ++i) out.coeffRef(token, first + i) = convert<Scalar>(options.amplitude * wave[i]);
        continue;
      }
      for (int i = 0; i < count; ++i) {
        out.coeffRef(token, columns.sine(first + i)) = convert<Scalar>(options.amplitude * block.sine[i]);
        out.coeffRef(token, columns.cosine(first + i)) = convert<Scalar>(options.amplitude * block.cosine[i]);
      }
    }
  }
}

/// Whether these are the arguments of encode_fourier(), in its order.
template <typename... Arguments>
inline constexpr bool takes_fourier = false;
template <typename Out, typename Coordinates, typename Weights, typename Options>
inline constexpr bool takes_fourier<Out, Coordinates, Weights, Options> =
    is_dense<Coordinates>&& is_dense<Weights>&& std::is_convertible_v<const Options&, FourierOptions>;
template <typename Out, typename Coordinates, typename Weights, typename Phases, typename Options>
inline constexpr bool takes_fourier<Out, Coordinates, Weights, Phases, Options> =
    is_dense<Phases>&& takes_fourier<Out, Coordinates, Weights, Options>;

}  // namespace detail

/// Writes the Fourier features of each token's coordinates into `out`.
///
///     a[t, f] = angle_scale * sum over m of x[t, m] W[m, f],   x = coordinate_scale coordinates + coordinate_offset
///     feature f of token t:  amplitude cos(a[t, f])  and  amplitude sin(a[t, f]),   in the columns of options.order
///     where options.wave is set:  amplitude wave(a[t, f])  in column f
///
/// @param[out] out     tokens x 2 F, or tokens x F where options.wave is set: any writable dense Eigen object, row- or
///                     column-major.
/// @param coordinates  tokens x M: pixels, points, time; float, double or a half type.
/// @param weights      M x F: the directions W, such as fill(weights, Normal(stddev), Seed(7)) draws them.
/// @param options      Conventions: presets::learned_fourier(num_features), presets::segment_anything_fourier(),
///                     presets::gaussian_fourier(), presets::random_fourier(num_features), presets::time2vec(),
///                     presets::triangle_waves().
/// @throws std::invalid_argument  shapes that do not fit; an option that is NaN or infinite; memory that overlaps.
///                                `out` is then unchanged.
/// Cost:     M multiply-adds, a sine and a cosine for each direction; no allocation (bench_sinusoidal: Fourier
///           features).
/// Accuracy: double |error| <= g (2^-51 + (M + 3) 2^-53 angle_scale sum over m of |x W|), g = |amplitude|; float rounds
///           that once more; triangle waves likewise [sinusoidal][fourier].
/// Source:   Li et al. 2021, arXiv:2106.02795; Tancik et al. 2020, arXiv:2006.10739.
/// Matches:  the projects named by the presets.
template <typename Out, typename Coordinates, typename Weights>
void encode_fourier(Out&& out, const Eigen::DenseBase<Coordinates>& coordinates,
                    const Eigen::DenseBase<Weights>& weights, const FourierOptions& options) {
  detail::encode_fourier(detail::written(std::forward<Out>(out)), coordinates, weights, detail::NoFourierPhases(),
                         options);
}

/// @overload
/// With a phase for each direction: a[t, f] = angle_scale * sum over m of x[t, m] W[m, f] + phases[f].
///
/// @param phases  F numbers, a row or a column [rad].
/// @throws std::invalid_argument  in addition to those above: another number of phases than directions.
/// Cost:     an addition for each feature more (bench_sinusoidal: Fourier features).
/// Accuracy: as above, with |phases[f]| as one more term of the sum [sinusoidal][fourier].
/// Source:   Rahimi and Recht 2007 (random phases); Kazemi et al. 2019, arXiv:1907.05321 (trained phases).
template <typename Out, typename Coordinates, typename Weights, typename Phases>
void encode_fourier(Out&& out, const Eigen::DenseBase<Coordinates>& coordinates,
                    const Eigen::DenseBase<Weights>& weights, const Eigen::DenseBase<Phases>& phases,
                    const FourierOptions& options) {
  auto& target = detail::written(std::forward<Out>(out));
  detail::require_phases("encode_fourier", phases, weights.cols());
  detail::require_disjoint("encode_fourier", "out", target, phases);
  const auto& given = detail::evaluated(phases);
  detail::encode_fourier(target, coordinates, weights, detail::FourierPhases<std::decay_t<decltype(given)>>{given},
                         options);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments, std::enable_if_t<!detail::takes_fourier<Arguments...>, int> = 0>
void encode_fourier(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write encode_fourier(out, coordinates, weights, options): three matrices, then a vector of "
                "phases where there are some, and options such as presets::learned_fourier(num_features) or "
                "FourierOptions(channel_order)");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_ENCODE_FOURIER_HPP
