// SPDX-License-Identifier: MIT
/// @file
/// ALiBi on a grid of tokens: a penalty that grows with the distance in two dimensions.
/// make_alibi_table() by distance in a line is in alibi.hpp.
#ifndef POSENC_RELATIVE_BIAS_GRID_ALIBI_HPP
#define POSENC_RELATIVE_BIAS_GRID_ALIBI_HPP

#include "posenc/relative_bias/alibi.hpp"
#include "posenc/relative_bias/window_table.hpp"

#include <cmath>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// How the distance of two tokens of a grid is measured.
enum class GridDistance {
  manhattan,  ///< |rows| + |columns|
  euclidean   ///< sqrt(rows^2 + columns^2)
};

namespace detail {

/// Distance of the displacement in column m of WindowTable::values().
inline double grid_distance(const GridShape& window, Eigen::Index m, GridDistance distance) {
  const double rows = static_cast<double>(m / (2 * window.width() - 1) - (window.height() - 1));
  const double columns = static_cast<double>(m % (2 * window.width() - 1) - (window.width() - 1));
  return distance == GridDistance::manhattan ? std::abs(rows) + std::abs(columns) : std::hypot(rows, columns);
}

}  // namespace detail

/// @overload
/// Returns the bias of ALiBi on a grid: -slope[h] times the distance of query and key.
/// @tparam Scalar   Of the table: make_alibi_table<float>(...).
/// @param slopes    One for each head: alibi_slopes(num_heads), or trained ones; finite, 0 switches a head off.
/// @param window    The grid.
/// @param distance  How it is measured.
/// @throws std::invalid_argument  a slope that is not finite.
/// Cost:     one product for each head and displacement; no bench case, called once for a grid.
/// Accuracy: formed in double and rounded once [accuracy][relative_bias].
/// Source:   Press et al. 2022, arXiv:2108.12409, with the distance in two dimensions.
/// Matches:  get_alibi of fairseq's data2vec 2.0 in two dimensions.
template <typename Scalar, typename Slopes, detail::IfDense<Slopes> = 0>
WindowTable<Scalar> make_alibi_table(const Slopes& slopes, const GridShape& window, GridDistance distance) {
  detail::require_named("make_alibi_table", "distance", distance, GridDistance::euclidean);
  detail::require_finite_list("make_alibi_table", "slopes", slopes);
  WindowTable<Scalar> table(slopes.size(), window);
  auto values = table.values();
  for (Eigen::Index head = 0; head < slopes.size(); ++head) {
    const double slope = detail::number_at(slopes, head);
    for (Eigen::Index m = 0; m < window.displacements(); ++m) {
      values(head, m) = detail::convert<Scalar>(-slope * detail::grid_distance(window, m, distance));
    }
  }
  return table;
}

/// @overload
/// The gradient on a grid: grad_slopes[h] -= the sum over displacements of grad_table times their distance.
/// @param[in,out] grad_slopes  num_heads numbers, a row, a column or a matrix.
/// @param grad_table           dL/d(table), as window_bias_backward() sums it.
/// @param distance             As in the forward call.
/// @throws std::invalid_argument  another number of heads; memory that overlaps. Nothing is written then.
/// Cost:     one multiply-add for each head and displacement; no allocation; no bench case, it reads the table alone.
/// Accuracy: summed in double and rounded once [accuracy][relative_bias].
template <typename GradSlopes, typename Scalar, detail::IfDense<GradSlopes> = 0>
void alibi_table_backward(GradSlopes&& grad_slopes, const WindowTable<Scalar>& grad_table, GridDistance distance) {
  const char* const function = "alibi_table_backward";
  auto& grad = detail::written(std::forward<GradSlopes>(grad_slopes));
  detail::require_named(function, "distance", distance, GridDistance::euclidean);
  const auto values = grad_table.values();
  detail::require_list_size(function, "grad_slopes", grad, grad_table.num_heads());
  detail::require_target(function, "grad_slopes", grad, values);
  for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
    double sum = 0;
    for (Eigen::Index m = 0; m < values.cols(); ++m) {
      sum -= static_cast<double>(values(head, m)) * detail::grid_distance(grad_table.window(), m, distance);
    }
    detail::add_to_entry(grad, head, sum);
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_GRID_ALIBI_HPP
