// SPDX-License-Identifier: MIT
/// @file
/// Positions of DETR: pixels counted along rows and columns, padding left out.
#ifndef POSENC_SINUSOIDAL_DETR_POSITIONS_HPP
#define POSENC_SINUSOIDAL_DETR_POSITIONS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/positions/grid_positions.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace presets {

/// Positions of DETR: how many valid pixels there are up to this one, down its column and along its row, from 1 on.
///
///     y = valid pixels of the column up to and with this row,  x = of the row up to and with this column
///     normalized: y = scale y / (y of the last row + 1e-6), x likewise
///
/// @param valid      height x width: not zero where the picture is, zero where it is padding. Any scalar.
/// @param normalize  Whether positions run up to `scale`, whatever the size of the picture; otherwise they are counts.
/// @param scale      Position of the last valid pixel where `normalize` holds, finite; 2 pi in DETR.
/// @returns          (height * width) x 2, row-major; rows y then x.
/// @throws std::invalid_argument  scale NaN or infinite.
/// Cost:     two counts and two divisions for each pixel, one allocation (not measured: made once for a picture).
/// Accuracy: two roundings of double [sinusoidal][grid].
/// Source:   Carion et al. 2020, arXiv:2005.12872. Matches: PositionEmbeddingSine of DETR (its mask is the opposite:
///           True at padding).
template <typename Derived>
AxisPositionMatrix<double> detr_positions(const Eigen::DenseBase<Derived>& valid, detail::Switch normalize = true,
                                          double scale = 6.283185307179586) {
  using Scalar = typename Derived::Scalar;
  detail::require(detail::is_finite(scale), "presets::detr_positions", "scale", scale, "finite");
  const Eigen::Index height = valid.rows();
  const Eigen::Index width = valid.cols();
  AxisPositionMatrix<double> positions(height * width, 2);
  const auto at = [&](Eigen::Index y, Eigen::Index x) { return valid.derived().coeff(y, x) == Scalar(0) ? 0.0 : 1.0; };
  for (Eigen::Index y = 0; y < height; ++y) {
    for (Eigen::Index x = 0; x < width; ++x) {
      const Eigen::Index token = y * width + x;
      positions(token, 0) = at(y, x) + (y > 0 ? positions(token - width, 0) : 0);
      positions(token, 1) = at(y, x) + (x > 0 ? positions(token - 1, 1) : 0);
    }
  }
  if (!normalize) return positions;
  constexpr double epsilon = 1e-6;
  for (Eigen::Index y = 0; y < height; ++y) {  // the last row and column come last, when nothing needs their counts
    for (Eigen::Index x = 0; x < width; ++x) {
      positions(y * width + x, 0) *= scale / (positions((height - 1) * width + x, 0) + epsilon);
      positions(y * width + x, 1) *= scale / (positions(y * width + width - 1, 1) + epsilon);
    }
  }
  return positions;
}

}  // namespace presets
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_DETR_POSITIONS_HPP
