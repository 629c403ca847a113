// SPDX-License-Identifier: MIT
/// @file
/// The checks that Fourier features and their gradient share.
#ifndef POSENC_SINUSOIDAL_DETAIL_REQUIRE_FOURIER_HPP
#define POSENC_SINUSOIDAL_DETAIL_REQUIRE_FOURIER_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/sinusoidal/fourier_options.hpp"

#include <string>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Refuses shapes of coordinates, weights and features (or their gradient) that do not fit, and options that are not
/// finite.
template <typename Features, typename Coordinates, typename Weights>
void require_fourier(const char* function, const char* features_name, const Eigen::DenseBase<Features>& features,
                     const Eigen::DenseBase<Coordinates>& coordinates, const Eigen::DenseBase<Weights>& weights,
                     const FourierOptions& options) {
  static_assert(is_storage<typename Coordinates::Scalar> && is_storage<typename Weights::Scalar>,
                "posenc: coordinates and weights are float, double, Eigen::half or Eigen::bfloat16");
  require(weights.rows() == coordinates.cols(), function, "weights.rows()", weights.rows(), "coordinates.cols() ",
          coordinates.cols());
  const std::string name = features_name;
  if (features.rows() != coordinates.rows()) {
    refuse<std::invalid_argument>(function, name + ".rows()", features.rows(), "coordinates.rows() ",
                                  coordinates.rows());
  }
  if (options.wave) {
    require_named(function, "options.wave", *options.wave, FourierWave::triangle);
    if (features.cols() != weights.cols()) {
      refuse<std::invalid_argument>(function, name + ".cols()", features.cols(), "weights.cols() ", weights.cols());
    }
  } else if (features.cols() % 2 != 0 || features.cols() / 2 != weights.cols()) {
    refuse<std::invalid_argument>(function, name + ".cols()", features.cols(), "2 * weights.cols() ",
                                  2 * weights.cols());
  }
  require_data(function, features_name, features);
  require_data(function, "coordinates", coordinates);
  require_data(function, "weights", weights);
  require_named(function, "options.order", options.order, ChannelOrder::cos_sin);
  require(is_finite(options.angle_scale), function, "options.angle_scale", options.angle_scale, "finite");
  require(is_finite(options.coordinate_scale), function, "options.coordinate_scale", options.coordinate_scale,
          "finite");
  require(is_finite(options.coordinate_offset), function, "options.coordinate_offset", options.coordinate_offset,
          "finite");
  require(is_finite(options.amplitude), function, "options.amplitude", options.amplitude, "finite");
}

/// Refuses phases that are not one for each direction.
template <typename Phases>
void require_phases(const char* function, const Eigen::DenseBase<Phases>& phases, Eigen::Index directions) {
  static_assert(is_storage<typename Phases::Scalar>,
                "posenc: phases are float, double, Eigen::half or Eigen::bfloat16");
  const bool is_list = phases.rows() == 1 || phases.cols() == 1 || phases.size() == 0;
  require(is_list, function, "phases.cols()", phases.cols(), "1: a vector with a phase for each direction");
  require(phases.size() == directions, function, "phases.size()", phases.size(), "weights.cols() ", directions);
  require_data(function, "phases", phases);
}

/// The coordinates that features are made of: coordinate_scale x + coordinate_offset.
template <typename Coordinates>
auto fourier_coordinate(const Coordinates& coordinates, const FourierOptions& options) {
  return [&coordinates, scale = options.coordinate_scale, offset = options.coordinate_offset](Eigen::Index token,
                                                                                              Eigen::Index m) {
    return scale * static_cast<double>(coordinates.coeff(token, m)) + offset;
  };
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_DETAIL_REQUIRE_FOURIER_HPP
