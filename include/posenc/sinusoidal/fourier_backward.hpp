// SPDX-License-Identifier: MIT
/// @file
/// The gradients of Fourier features by their coordinates and directions.
#ifndef POSENC_SINUSOIDAL_FOURIER_BACKWARD_HPP
#define POSENC_SINUSOIDAL_FOURIER_BACKWARD_HPP

#include "posenc/detail/overlap.hpp"
#include "posenc/detail/weighted_angles.hpp"
#include "posenc/sinusoidal/detail/require_fourier.hpp"

#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

template <typename GradX, typename GradWeights, typename GradOut, typename Coordinates, typename Weights>
void fourier_backward(GradX& grad_coordinates, GradWeights& grad_weights, const Eigen::DenseBase<GradOut>& grad_out,
                      const Eigen::DenseBase<Coordinates>& coordinates, const Eigen::DenseBase<Weights>& weights,
                      const FourierOptions& options) {
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
  const double factor = options.amplitude * options.angle_scale;
  alignas(64) double cosine[kAngleBlock];
  alignas(64) double sine[kAngleBlock];
  const auto angle_gradient = [&](Eigen::Index token, Eigen::Index first, int count, Eigen::Index visit, double* b) {
    weighted_sin_cos(token, first, count, coordinate, w, options.angle_scale, cosine, sine);
    for (int i = 0; i < count; ++i) {
      const double by_sine = static_cast<double>(grad.coeff(token, columns.sine(first + i)));
      const double by_cosine = static_cast<double>(grad.coeff(token, columns.cosine(first + i)));
      b[i] = factor * (by_sine * cosine[i] - by_cosine * sine[i]);
    }
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

}  // namespace detail

/// Adds the gradients of encode_fourier() to those of its coordinates and of its directions. With the gradient by the
/// angle, b[t, f] = amplitude angle_scale (dL/dsin[t, f] cos a[t, f] - dL/dcos[t, f] sin a[t, f]),
///
///     grad_coordinates[t, m] += coordinate_scale sum over f of W[m, f] b[t, f]
///     grad_weights[m, f] += sum over t of x[t, m] b[t, f]
///
/// @param[in,out] grad_coordinates  tokens x M; added to.
/// @param[in,out] grad_weights      M x F; added to.
/// @param grad_out                  tokens x 2 F: the gradient by what encode_fourier() wrote.
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
                           options);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments, std::enable_if_t<!detail::takes_fourier_backward<Arguments...>, int> = 0>
void fourier_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write fourier_backward(grad_coordinates, grad_weights, grad_out, coordinates, weights, "
                "options): five matrices, and the options that encode_fourier() was given");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_FOURIER_BACKWARD_HPP
