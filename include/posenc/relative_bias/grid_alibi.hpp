// SPDX-License-Identifier: MIT
/// @file
/// ALiBi on a grid of tokens: a penalty that grows with the distance in two dimensions.
#ifndef POSENC_RELATIVE_BIAS_GRID_ALIBI_HPP
#define POSENC_RELATIVE_BIAS_GRID_ALIBI_HPP

#include "posenc/relative_bias/alibi.hpp"
#include "posenc/relative_bias/window_bias.hpp"

#include <cmath>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// How far two tokens of a grid are apart.
enum class GridDistance {
  manhattan,  ///< |rows| + |columns|
  euclidean   ///< sqrt(rows^2 + columns^2)
};

namespace detail {

/// Distance of the displacement in column m of WindowTable::values().
inline double grid_distance(const WindowShape& window, Eigen::Index m, GridDistance distance) {
  const double rows = static_cast<double>(m / (2 * window.width - 1) - (window.height - 1));
  const double columns = static_cast<double>(m % (2 * window.width - 1) - (window.width - 1));
  return distance == GridDistance::manhattan ? std::abs(rows) + std::abs(columns) : std::hypot(rows, columns);
}

}  // namespace detail

/// ALiBi on a grid: the bias of two tokens is -slope[h] times their distance.
/// @param slopes  One for each head: alibi_slopes(num_heads), or trained ones; 0 switches a head off.
/// @throws std::invalid_argument  a slope that is not finite, or a side that is not > 0.
/// Cost:     one product for each head and displacement.
/// Source:   Press et al. 2022, arXiv:2108.12409, with the distance in two dimensions.
/// Matches:  get_alibi of fairseq's data2vec 2.0 in two dimensions.
template <typename Scalar, typename Slopes>
WindowTable<Scalar> make_grid_alibi_table(const Eigen::DenseBase<Slopes>& slopes, const WindowShape& window,
                                          GridDistance distance) {
  detail::require_slopes("make_grid_alibi_table", "slopes", slopes);
  WindowTable<Scalar> table(slopes.size(), window);
  for (Eigen::Index head = 0; head < slopes.size(); ++head) {
    const double slope = static_cast<double>(slopes.derived().reshaped()(head));
    for (Eigen::Index m = 0; m < window.displacements(); ++m) {
      table.values()(head, m) = detail::convert<Scalar>(-slope * detail::grid_distance(window, m, distance));
    }
  }
  return table;
}

/// The gradient of make_grid_alibi_table(): grad_slopes[h] -= the sum of grad_table times distance.
/// @throws std::invalid_argument  another number of heads.
template <typename Slopes, typename Scalar>
void grid_alibi_backward(Slopes&& grad_slopes, const WindowTable<Scalar>& grad_table, GridDistance distance) {
  auto& grad = detail::written(std::forward<Slopes>(grad_slopes));
  detail::require(grad.size() == grad_table.num_heads(), "grid_alibi_backward", "grad_slopes.size()", grad.size(),
                  "num_heads ", grad_table.num_heads());
  for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
    double sum = 0;
    for (Eigen::Index m = 0; m < grad_table.window().displacements(); ++m) {
      sum -=
          static_cast<double>(grad_table.values()(head, m)) * detail::grid_distance(grad_table.window(), m, distance);
    }
    detail::entry(grad, head) += detail::convert<typename std::decay_t<decltype(grad)>::Scalar>(sum);
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_GRID_ALIBI_HPP
