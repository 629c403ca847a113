// SPDX-License-Identifier: MIT
/// @file
/// The index by which frameworks gather the bias of a window.
#ifndef POSENC_RELATIVE_BIAS_WINDOW_INDEX_HPP
#define POSENC_RELATIVE_BIAS_WINDOW_INDEX_HPP

#include "posenc/detail/check.hpp"
#include "posenc/positions/grid_shape.hpp"

namespace posenc {
inline namespace POSENC_ABI {

/// Returns the index of Swin, tokens x tokens, into a table of window.displacements() rows:
///
///     index(t, u) = (row(t) - row(u) + height - 1)(2 width - 1) + column(t) - column(u) + width - 1    t query, u key
///
/// For code that gathers from a table by an index. add_window_bias() needs none.
/// @param window  The tokens.
/// @throws std::length_error  the index does not fit into memory's index type.
/// Cost:     one number for each pair of tokens; no bench case, called once for a window.
/// Source:   Liu et al. 2021, arXiv:2103.14030.
/// Matches:  relative_position_index of Swin-Transformer and timm.
inline Eigen::Matrix<Eigen::Index, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> window_index(
    const GridShape& window) {
  const Eigen::Index n = window.tokens();
  const Eigen::Index width = window.width();
  detail::require_size("window_index", "window.tokens()", n, n, sizeof(Eigen::Index));
  Eigen::Matrix<Eigen::Index, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> index(n, n);
  for (Eigen::Index t = 0; t < n; ++t) {
    for (Eigen::Index u = 0; u < n; ++u) {
      const Eigen::Index rows = t / width - u / width + window.height() - 1;
      const Eigen::Index columns = t % width - u % width + width - 1;
      index(t, u) = rows * (2 * width - 1) + columns;
    }
  }
  return index;
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_WINDOW_INDEX_HPP
