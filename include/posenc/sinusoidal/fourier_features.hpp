// SPDX-License-Identifier: MIT
/// @file
/// Fourier features of coordinates, with learned or random directions.
#ifndef POSENC_SINUSOIDAL_FOURIER_FEATURES_HPP
#define POSENC_SINUSOIDAL_FOURIER_FEATURES_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/detail/overlap.hpp"
#include "posenc/detail/sin_cos.hpp"
#include "posenc/frequency/channel_order.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// Conventions of encode_fourier(); the functions below have them by project.
struct FourierOptions {
  ChannelOrder order = ChannelOrder::cos_sin;
  double angle_scale = 1;        ///< Factor on every angle; 2 pi counts full turns.
  double coordinate_scale = 1;   ///< Coordinates are used as coordinate_scale x + coordinate_offset.
  double coordinate_offset = 0;  ///< As above.
  double amplitude = 1;          ///< Factor on the features.
};

/// Learned Fourier features: [cos x W | sin x W] / sqrt(num_features), W ~ N(0, 1 / gamma^2) and trained. The paper's
/// two-layer perceptron that follows is the caller's.
/// @param num_features  Columns of the result, > 0.
/// Source:   Li et al. 2021, arXiv:2106.02795, equation 3.
inline FourierOptions learned_fourier_options(Eigen::Index num_features) {
  detail::require(num_features > 0, "learned_fourier_options", "num_features", num_features, "> 0");
  FourierOptions options;
  options.amplitude = 1 / std::sqrt(static_cast<double>(num_features));
  return options;
}

/// Segment Anything: coordinates in [0, 1] become 2 x - 1, then [sin | cos] of 2 pi x G, G ~ N(0, scale^2) and fixed.
/// Matches:  PositionEmbeddingRandom, with make_pixel_centres() for its grid.
inline FourierOptions segment_anything_fourier_options() {
  return {ChannelOrder::sin_cos, 6.283185307179586, 2.0, -1.0, 1.0};
}

/// Noise levels of score models: [sin | cos] of 2 pi x W, W ~ N(0, scale^2) and fixed.
/// Matches:  GaussianFourierProjection of diffusers with flip_sin_to_cos=False; set order to cos_sin for True, and give
///           log(x) where the model has log=True.
inline FourierOptions gaussian_fourier_options() { return {ChannelOrder::sin_cos, 6.283185307179586, 1.0, 0.0, 1.0}; }

/// The centres of height x width pixels in [0, 1]: row y * width + x holds ((x + 1/2) / width, (y + 1/2) / height).
/// @throws std::invalid_argument  height or width negative.
template <typename Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, 2, Eigen::RowMajor> make_pixel_centres(Eigen::Index height, Eigen::Index width) {
  detail::require(height >= 0, "make_pixel_centres", "height", height, ">= 0");
  detail::require(width >= 0, "make_pixel_centres", "width", width, ">= 0");
  detail::require_size("make_pixel_centres", "height", height, width, 2 * sizeof(Scalar));
  Eigen::Matrix<Scalar, Eigen::Dynamic, 2, Eigen::RowMajor> centres(height * width, 2);
  for (Eigen::Index y = 0; y < height; ++y) {
    for (Eigen::Index x = 0; x < width; ++x) {
      centres(y * width + x, 0) = detail::convert<Scalar>((static_cast<double>(x) + 0.5) / static_cast<double>(width));
      centres(y * width + x, 1) = detail::convert<Scalar>((static_cast<double>(y) + 0.5) / static_cast<double>(height));
    }
  }
  return centres;
}

namespace detail {

template <typename DerivedX, typename DerivedW>
void require_fourier(const char* function, const char* features_name, Eigen::Index rows, Eigen::Index cols,
                     const Eigen::DenseBase<DerivedX>& coordinates, const Eigen::DenseBase<DerivedW>& weights,
                     const FourierOptions& options) {
  static_assert(is_storage<typename DerivedX::Scalar> && is_storage<typename DerivedW::Scalar>,
                "posenc: coordinates and weights are float, double, Eigen::half or Eigen::bfloat16");
  require(weights.rows() == coordinates.cols(), function, "weights.rows()", weights.rows(), "coordinates.cols() ",
          coordinates.cols());
  const std::string name = features_name;
  if (rows != coordinates.rows()) {
    refuse<std::invalid_argument>(function, name + ".rows()", rows, "coordinates.rows() ", coordinates.rows());
  }
  if (cols % 2 != 0 || cols / 2 != weights.cols()) {
    refuse<std::invalid_argument>(function, name + ".cols()", cols, "2 * weights.cols() ", 2 * weights.cols());
  }
  require(is_finite(options.angle_scale), function, "angle_scale", options.angle_scale, "finite");
  require(is_finite(options.coordinate_scale), function, "coordinate_scale", options.coordinate_scale, "finite");
  require(is_finite(options.coordinate_offset), function, "coordinate_offset", options.coordinate_offset, "finite");
  require(is_finite(options.amplitude), function, "amplitude", options.amplitude, "finite");
}

/// Calls sink(token, feature, cos, sin) for every angle, worked out in double in blocks on the stack.
template <typename DerivedX, typename DerivedW, typename Sink>
void for_each_feature(const DerivedX& coordinates, const DerivedW& weights, const FourierOptions& options,
                      Sink&& sink) {
  alignas(64) double angle[kAngleBlock];
  alignas(64) double cosine[kAngleBlock];
  alignas(64) double sine[kAngleBlock];
  for (Eigen::Index token = 0; token < coordinates.rows(); ++token) {
    for (Eigen::Index first = 0; first < weights.cols(); first += kAngleBlock) {
      const int count = static_cast<int>((std::min)(Eigen::Index(kAngleBlock), weights.cols() - first));
      std::fill(angle, angle + kAngleBlock, 0.0);
      for (Eigen::Index m = 0; m < weights.rows(); ++m) {
        const double x =
            options.coordinate_scale * static_cast<double>(coordinates.coeff(token, m)) + options.coordinate_offset;
        for (int i = 0; i < count; ++i) angle[i] += x * static_cast<double>(weights.coeff(m, first + i));
      }
      double largest = 0;
      for (int i = 0; i < count; ++i) {
        angle[i] *= options.angle_scale;
        largest = (std::max)(largest, std::abs(angle[i]));
      }
      sin_cos(angle, largest, 1.0, kAngleBlock, cosine, sine);
      for (int i = 0; i < count; ++i) sink(token, first + i, cosine[i], sine[i]);
    }
  }
}

/// Columns of the sine and the cosine of a feature.
struct FeatureColumns {
  Eigen::Index step;
  Eigen::Index sine_at;
  Eigen::Index cosine_at;
  FeatureColumns(ChannelOrder order, Eigen::Index num_features)
      : step(order == ChannelOrder::interleaved ? 2 : 1),
        sine_at(order == ChannelOrder::cos_sin ? num_features : 0),
        cosine_at(order == ChannelOrder::interleaved ? 1 : num_features - sine_at) {}
  Eigen::Index sine(Eigen::Index feature) const { return sine_at + feature * step; }
  Eigen::Index cosine(Eigen::Index feature) const { return cosine_at + feature * step; }
};

template <typename DerivedOut, typename DerivedX, typename DerivedW>
void encode_fourier(Eigen::DenseBase<DerivedOut>& out, const Eigen::DenseBase<DerivedX>& coordinates,
                    const Eigen::DenseBase<DerivedW>& weights, const FourierOptions& options) {
  using Scalar = typename DerivedOut::Scalar;
  require_fourier("encode_fourier", "out", out.rows(), out.cols(), coordinates, weights, options);
  require_disjoint("encode_fourier", "out", out, coordinates);
  require_disjoint("encode_fourier", "out", out, weights);
  const FeatureColumns columns(options.order, weights.cols());
  for_each_feature(evaluated(coordinates), evaluated(weights), options,
                   [&](Eigen::Index token, Eigen::Index feature, double cosine, double sine) {
                     out.derived().coeffRef(token, columns.sine(feature)) = convert<Scalar>(options.amplitude * sine);
                     out.derived().coeffRef(token, columns.cosine(feature)) =
                         convert<Scalar>(options.amplitude * cosine);
                   });
}

}  // namespace detail

/// Writes Fourier features of coordinates: with a[t, f] = angle_scale sum over m of x[t, m] W[m, f], feature f is
///
///     g cos(a[t, f]),  g sin(a[t, f])        x = coordinate_scale coordinates + coordinate_offset,  g = amplitude
///
/// @param[out] out     tokens x 2 F: any writable dense Eigen object.
/// @param coordinates  tokens x M: pixels, points, time; float, double or half types.
/// @param weights      M x F: the directions W, such as fill_normal() draws them.
/// @param options      Conventions: learned_fourier_options(), segment_anything_fourier_options(),
///                     gaussian_fourier_options().
/// @throws std::invalid_argument  shapes that do not fit; an option that is NaN or infinite; memory that overlaps.
///                                `out` is then unchanged.
/// Cost:     M multiply-adds, and the polynomials of a sine and a cosine, for each feature; no allocation.
/// Accuracy: double |error| <= g (2^-51 + (M + 3) 2^-53 angle_scale sum over m of |x W|); float rounds that once more.
/// Source:   Li et al. 2021, arXiv:2106.02795; Tancik et al. 2020, arXiv:2006.10739.
template <typename Out, typename DerivedX, typename DerivedW>
void encode_fourier(Out&& out, const Eigen::DenseBase<DerivedX>& coordinates, const Eigen::DenseBase<DerivedW>& weights,
                    const FourierOptions& options) {
  detail::encode_fourier(detail::written(std::forward<Out>(out)), coordinates, weights, options);
}

/// Adds the gradients of encode_fourier() to those of its directions and its coordinates. With the bracket
/// b[t, f] = g angle_scale (dL/dsin[t, f] cos a[t, f] - dL/dcos[t, f] sin a[t, f]),
///
///     grad_weights[m, f] += sum over t of x[t, m] b[t, f]
///     grad_coordinates[t, m] += coordinate_scale sum over f of W[m, f] b[t, f]
///
/// @param[in,out] grad_weights      M x F; added to.
/// @param[in,out] grad_coordinates  tokens x M; added to.
/// @param grad_out                  tokens x 2 F: the gradient of what encode_fourier() put out.
/// @throws std::invalid_argument  shapes that do not fit; an option that is NaN or infinite. Nothing is then written.
/// Cost:     3 M multiply-adds, a sine and a cosine for each feature; no allocation.
/// Accuracy: each summand is formed in double and added in the gradient's own scalar.
template <typename GradWeights, typename GradCoordinates, typename DerivedOut, typename DerivedX, typename DerivedW>
void fourier_backward(GradWeights&& grad_weights, GradCoordinates&& grad_coordinates,
                      const Eigen::DenseBase<DerivedOut>& grad_out, const Eigen::DenseBase<DerivedX>& coordinates,
                      const Eigen::DenseBase<DerivedW>& weights, const FourierOptions& options) {
  const char* const function = "fourier_backward";
  auto& dweights = detail::written(std::forward<GradWeights>(grad_weights));
  auto& dcoordinates = detail::written(std::forward<GradCoordinates>(grad_coordinates));
  detail::require_fourier(function, "grad_out", grad_out.rows(), grad_out.cols(), coordinates, weights, options);
  detail::require_shape(function, "grad_weights", dweights, weights.rows(), weights.cols());
  detail::require_shape(function, "grad_coordinates", dcoordinates, coordinates.rows(), coordinates.cols());
  const auto& grad_out_values = detail::evaluated(grad_out);
  const auto& coordinates_values = detail::evaluated(coordinates);
  const auto& weights_values = detail::evaluated(weights);
  const detail::FeatureColumns columns(options.order, weights_values.cols());
  const auto add = [](auto& target, double value) {
    using Scalar = std::decay_t<decltype(target)>;
    target = detail::convert<Scalar>(static_cast<double>(target) + value);
  };
  detail::for_each_feature(
      coordinates_values, weights_values, options,
      [&](Eigen::Index token, Eigen::Index feature, double cosine, double sine) {
        const double by_sine = static_cast<double>(grad_out_values.coeff(token, columns.sine(feature)));
        const double by_cosine = static_cast<double>(grad_out_values.coeff(token, columns.cosine(feature)));
        const double bracket = options.amplitude * options.angle_scale * (by_sine * cosine - by_cosine * sine);
        for (Eigen::Index m = 0; m < weights_values.rows(); ++m) {
          const double x = options.coordinate_scale * static_cast<double>(coordinates_values.coeff(token, m)) +
                           options.coordinate_offset;
          const double w = static_cast<double>(weights_values.coeff(m, feature));
          add(dweights.coeffRef(m, feature), x * bracket);
          add(dcoordinates.coeffRef(token, m), options.coordinate_scale * w * bracket);
        }
      });
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_FOURIER_FEATURES_HPP
