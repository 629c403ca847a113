// SPDX-License-Identifier: MIT
/// @file
/// Coordinates of pixels, as Fourier features of pictures take them.
#ifndef POSENC_SINUSOIDAL_PIXEL_CENTERS_HPP
#define POSENC_SINUSOIDAL_PIXEL_CENTERS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/eigen.hpp"

namespace posenc {
inline namespace POSENC_ABI {

/// Returns the centers of height x width pixels in [0, 1]: row y * width + x is
/// ((x + 1/2) / width, (y + 1/2) / height).
///
/// @tparam Scalar  float, double, Eigen::half or Eigen::bfloat16.
/// @param height   Rows of pixels, >= 0.
/// @param width    Pixels in a row, >= 0.
/// @returns        (height * width) x 2, x before y.
/// @throws std::invalid_argument  height or width negative.
/// @throws std::length_error      more pixels than memory's index type counts.
/// Cost:     one allocation, two divisions for each pixel (not measured: made once for a size).
/// Accuracy: formed in double and rounded once [sinusoidal][fourier].
/// Matches:  the grid of PositionEmbeddingRandom in Segment Anything.
template <typename Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, 2, Eigen::RowMajor> pixel_centers(detail::Size height, detail::Size width) {
  detail::require(height >= 0, "pixel_centers", "height", height, ">= 0");
  detail::require(width >= 0, "pixel_centers", "width", width, ">= 0");
  detail::require_size("pixel_centers", "height", height, width, 2 * sizeof(Scalar));
  Eigen::Matrix<Scalar, Eigen::Dynamic, 2, Eigen::RowMajor> centers(height * width, 2);
  for (Eigen::Index y = 0; y < height; ++y) {
    for (Eigen::Index x = 0; x < width; ++x) {
      centers(y * width + x, 0) = detail::convert<Scalar>((static_cast<double>(x) + 0.5) / static_cast<double>(width));
      centers(y * width + x, 1) = detail::convert<Scalar>((static_cast<double>(y) + 0.5) / static_cast<double>(height));
    }
  }
  return centers;
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_PIXEL_CENTERS_HPP
