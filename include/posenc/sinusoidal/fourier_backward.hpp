// SPDX-License-Identifier: MIT
/// @file
/// The gradients of Fourier features with respect to their coordinates, directions and phases.
#ifndef POSENC_SINUSOIDAL_FOURIER_BACKWARD_HPP
#define POSENC_SINUSOIDAL_FOURIER_BACKWARD_HPP

#include "posenc/detail/overlap.hpp"
#include "posenc/detail/weighted_angles.hpp"
#include "posenc/sinusoidal/detail/fourier_waves.hpp"
#include "posenc/sinusoidal/detail/require_fourier.hpp"

#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// @param add_phase_gradients  Called as add_phase_gradients(first, count, b, token) with dL/dphase of first + i, for
///                             each token and block of directions once.
template <typename GradX, typename GradWeights, typename GradOut, typename Coordinates, typename Weights,
          typename Phases, typename AddPhaseGradients>
void fourier_backward(GradX& grad_coordinates, GradWeights& grad_weights, const Eigen::DenseBase<GradOut>& grad_out,
                      const Eigen::DenseBase<Coordinates>& coordinates, const Eigen::DenseBase<Weights>& weights,
                      const Phases& phases, const FourierOptions& options,
                      const AddPhaseGradients& add_phase_gradients) {
  const char* const function = "fourier_backward";
  require_fourier(function, "grad_out", grad_out, coordinates, weights, options);
  require_shape(function, "grad_coordinates", grad_coordinates, coordinates.rows(), coordinates.cols());
  require_shape(function, "grad_weights", grad_weights, weights.rows(), weights.cols());
  require_no_self_overlap(function, "grad_coordinates", grad_coordinates);
  require_no_self_overlap(function, "grad_weights", grad_weights);
  require_disjoint(function, "grad_coordinates", grad_coordinates, grad_out);
  require_disjoint(function, "grad_coordinates", grad_coordinates, coordinates);
  require_disjoint(function, "grad_coordinates", grad_coordinates, weights);
  require_disjoint(function, "grad_weights", grad_weights, grad_out);
  require_disjoint(function, "grad_weights", grad_weights, coordinates);
  require_disjoint(function, "grad_weights", grad_weights, weights);
  require_disjoint(function, "grad_weights", grad_weights, grad_coordinates);
  const auto& grad = evaluated(grad_out);
  const auto& x = evaluated(coordinates);
  const auto& w = evaluated(weights);
  const auto coordinate = fourier_coordinate(x, options);
  const SinusoidColumns columns(options.order, w.cols(), w.cols());
  FourierBlock block;
  const auto angle_gradient = [&](Eigen::Index token, Eigen::Index first, int count, Eigen::Index visit, double* b) {
    block.compute(token, first, count, coordinate, w, phases, options);
    for (int i = 0; i < count; ++i) {
      const auto of_column = [&](Eigen::Index column) { return static_cast<double>(grad.coeff(token, column)); };
      const double by_angle = options.wave ? block.gradient(*options.wave, i, of_column(first + i))
                                           : of_column(columns.sine(first + i)) * block.cosine[i] -
                                                 of_column(columns.cosine(first + i)) * block.sine[i];
      b[i] = options.amplitude * by_angle;
    }
    if (visit == 0) add_phase_gradients(first, count, b, token);
    for (int i = 0; i < count; ++i) b[i] *= options.angle_scale;
    if (visit != 0) return;
    using Scalar = typename GradX::Scalar;
    for (Eigen::Index m = 0; m < w.rows(); ++m) {
      double sum = 0;
      for (int i = 0; i < count; ++i) sum += static_cast<double>(w.coeff(m, first + i)) * b[i];
      Scalar& target = grad_coordinates.coeffRef(token, m);
      target = convert<Scalar>(static_cast<double>(target) + options.coordinate_scale * sum);
    }
  };
  add_weights_gradient(grad_weights, x.rows(), coordinate, angle_gradient);
}

/// Whether these are the arguments of fourier_backward(), in its order.
template <typename... Arguments>
inline constexpr bool takes_fourier_backward = false;
template <typename GradX, typename GradWeights, typename GradOut, typename Coordinates, typename Weights,
          typename Options>
inline constexpr bool takes_fourier_backward<GradX, GradWeights, GradOut, Coordinates, Weights, Options> =
    is_dense<GradOut>&& is_dense<Coordinates>&& is_dense<Weights>&&
        std::is_convertible_v<const Options&, FourierOptions>;
template <typename GradX, typename GradWeights, typename GradPhases, typename GradOut, typename Coordinates,
          typename Weights, typename Phases, typename Options>
inline constexpr bool
    takes_fourier_backward<GradX, GradWeights, GradPhases, GradOut, Coordinates, Weights, Phases, Options> =
        is_dense<Phases>&& takes_fourier_backward<GradX, GradWeights, GradOut, Coordinates, Weights, Options>;

}  // namespace detail

/// Adds the gradients of encode_fourier() to those of its coordinates and of its directions. With the derivative by the
/// angle, b[t, f] = amplitude angle_scale (dL/dsin[t, f] cos a[t, f] - dL/dcos[t, f] sin a[t, f]), or that of the one
/// wave where options.wave is set (of a triangle's two slopes at a corner the one on the right),
///
///     grad_coordinates[t, m] += coordinate_scale sum over f of W[m, f] b[t, f]
///     grad_weights[m, f] += sum over t of x[t, m] b[t, f]
///
/// @param[in,out] grad_coordinates  tokens x M; added to.
/// @param[in,out] grad_weights      M x F; added to.
/// @param grad_out                  tokens x 2 F, or tokens x F where options.wave is set: dL/d(out).
/// @param coordinates, weights      As given to encode_fourier().
/// @param options                   As given to encode_fourier().
/// @throws std::invalid_argument  shapes that do not fit; an option that is NaN or infinite; memory that overlaps.
///                                Nothing is then written.
/// Cost:     3 M multiply-adds, a sine and a cosine for each feature (computed again for every 16 coordinates beyond
///           the first 16); no allocation (bench_sinusoidal: Fourier features).
/// Accuracy: grad_weights is summed over all tokens in double and rounded once; grad_coordinates is rounded once for
///           every 16 features [sinusoidal][fourier].
/// Source:   the chain rule on encode_fourier(); Li et al. 2021, arXiv:2106.02795, trains W by it.
template <typename GradCoordinates, typename GradWeights, typename GradOut, typename Coordinates, typename Weights>
void fourier_backward(GradCoordinates&& grad_coordinates, GradWeights&& grad_weights,
                      const Eigen::DenseBase<GradOut>& grad_out, const Eigen::DenseBase<Coordinates>& coordinates,
                      const Eigen::DenseBase<Weights>& weights, const FourierOptions& options) {
  detail::fourier_backward(detail::written(std::forward<GradCoordinates>(grad_coordinates)),
                           detail::written(std::forward<GradWeights>(grad_weights)), grad_out, coordinates, weights,
                           detail::NoFourierPhases(), options, [](Eigen::Index, int, const double*, Eigen::Index) {});
}

/// @overload
/// With phases, whose gradient is added too: grad_phases[f] += sum over t of b[t, f] / angle_scale.
///
/// @param[in,out] grad_phases  Of the shape of phases, a row or a column; added to.
/// @param phases               As given to encode_fourier().
/// @throws std::invalid_argument  in addition to those above: another number of phases than directions; no coordinates.
/// Cost:     an addition for each feature more (bench_sinusoidal: Fourier features).
/// Accuracy: as above; grad_phases as grad_weights [sinusoidal][fourier].
template <typename GradCoordinates, typename GradWeights, typename GradPhases, typename GradOut, typename Coordinates,
          typename Weights, typename Phases>
void fourier_backward(GradCoordinates&& grad_coordinates, GradWeights&& grad_weights, GradPhases&& grad_phases,
                      const Eigen::DenseBase<GradOut>& grad_out, const Eigen::DenseBase<Coordinates>& coordinates,
                      const Eigen::DenseBase<Weights>& weights, const Eigen::DenseBase<Phases>& phases,
                      const FourierOptions& options) {
  const char* const function = "fourier_backward";
  auto& by_coordinates = detail::written(std::forward<GradCoordinates>(grad_coordinates));
  auto& by_weights = detail::written(std::forward<GradWeights>(grad_weights));
  auto& by_phases = detail::written(std::forward<GradPhases>(grad_phases));
  detail::require(coordinates.cols() > 0, function, "coordinates.cols()", coordinates.cols(), "> 0");
  detail::require_phases(function, phases, weights.cols());
  detail::require_shape(function, "grad_phases", by_phases, phases.rows(), phases.cols());
  detail::require_no_self_overlap(function, "grad_phases", by_phases);
  detail::require_disjoint(function, "grad_phases", by_phases, grad_out);
  detail::require_disjoint(function, "grad_phases", by_phases, coordinates);
  detail::require_disjoint(function, "grad_phases", by_phases, weights);
  detail::require_disjoint(function, "grad_phases", by_phases, phases);
  detail::require_disjoint(function, "grad_coordinates", by_coordinates, phases);
  detail::require_disjoint(function, "grad_weights", by_weights, phases);
  detail::require_disjoint(function, "grad_phases", by_phases, by_coordinates);
  detail::require_disjoint(function, "grad_phases", by_phases, by_weights);
  const auto& given = detail::evaluated(phases);
  double sums[detail::kAngleBlock] = {};
  const auto add_to_phases = [&, tokens = coordinates.rows()](Eigen::Index first, int count, const double* b,
                                                              Eigen::Index token) {
    using Scalar = typename std::decay_t<decltype(by_phases)>::Scalar;
    for (int i = 0; i < count; ++i) {
      sums[i] = (token == 0 ? 0 : sums[i]) + b[i];
      if (token + 1 != tokens) continue;
      const Eigen::Index f = first + i;
      Scalar& target = by_phases.rows() == 1 ? by_phases.coeffRef(0, f) : by_phases.coeffRef(f, 0);
      target = detail::convert<Scalar>(static_cast<double>(target) + sums[i]);
    }
  };
  detail::fourier_backward(by_coordinates, by_weights, grad_out, coordinates, weights,
                           detail::FourierPhases<std::decay_t<decltype(given)>>{given}, options, add_to_phases);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments, std::enable_if_t<!detail::takes_fourier_backward<Arguments...>, int> = 0>
void fourier_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write fourier_backward(grad_coordinates, grad_weights, grad_out, coordinates, weights, "
                "options): five matrices, and the options that encode_fourier() was given; with phases, grad_phases "
                "behind grad_weights and phases behind weights");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_FOURIER_BACKWARD_HPP
