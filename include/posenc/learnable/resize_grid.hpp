// SPDX-License-Identifier: MIT
/// @file
/// Brings a trained table of a grid to another grid.
#ifndef POSENC_LEARNABLE_RESIZE_GRID_HPP
#define POSENC_LEARNABLE_RESIZE_GRID_HPP

#include "posenc/learnable/resize_line.hpp"

#include <string>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// The grids of a two-dimensional table: `prefix` rows (class and register tokens), then height x width patches, row
/// by row. Neither need be square.
///
///     c r | p00 p01 p02 | p10 p11 p12        prefix 2, from 2 x 3
struct GridResize {
  Eigen::Index from_height = 0;  ///< Of the table that is read.
  Eigen::Index from_width = 0;
  Eigen::Index to_height = 0;  ///< Of the result.
  Eigen::Index to_width = 0;
  Eigen::Index prefix = 0;  ///< Rows in front that are copied.
};

namespace detail {

inline void require_grid(const char* function, const char* height_name, Eigen::Index height, const char* width_name,
                         Eigen::Index width, Eigen::Index prefix, const std::string& rows_name, Eigen::Index rows) {
  require(height > 0, function, height_name, height, "> 0");
  require(width > 0, function, width_name, width, "> 0");
  require(prefix >= 0, function, "prefix", prefix, ">= 0");
  if (prefix > rows || (rows - prefix) / height != width || (rows - prefix) % height != 0) {
    refuse<std::invalid_argument>(function, rows_name, rows, prefix, " + ", height, " * ", width);
  }
}

using AxisTaps = Taps (*)(Eigen::Index, Eigen::Index);

inline Taps resize_grid_taps(const GridResize& grid, AxisTaps axis_taps) {
  return grid_taps(axis_taps(grid.from_height, grid.to_height), axis_taps(grid.from_width, grid.to_width),
                   grid.from_width, grid.prefix);
}

template <typename DerivedOut, typename DerivedIn>
void resize_grid(const char* function, Eigen::DenseBase<DerivedOut>& out, const Eigen::DenseBase<DerivedIn>& table,
                 const GridResize& grid, AxisTaps axis_taps) {
  require_resize(function, "out", out, "table", table);
  require_grid(function, "from_height", grid.from_height, "from_width", grid.from_width, grid.prefix, "table.rows()",
               table.rows());
  require_grid(function, "to_height", grid.to_height, "to_width", grid.to_width, grid.prefix, "out.rows()", out.rows());
  apply_taps<false>(out.derived(), evaluated(table), resize_grid_taps(grid, axis_taps));
}

template <typename DerivedGrad, typename DerivedOut>
void resize_grid_backward(const char* function, Eigen::DenseBase<DerivedGrad>& grad_table,
                          const Eigen::DenseBase<DerivedOut>& grad_out, const GridResize& grid, AxisTaps axis_taps) {
  require_resize(function, "grad_table", grad_table, "grad_out", grad_out);
  require_grid(function, "from_height", grid.from_height, "from_width", grid.from_width, grid.prefix,
               "grad_table.rows()", grad_table.rows());
  require_grid(function, "to_height", grid.to_height, "to_width", grid.to_width, grid.prefix, "grad_out.rows()",
               grad_out.rows());
  apply_taps<true>(grad_table.derived(), evaluated(grad_out),
                   transposed(resize_grid_taps(grid, axis_taps), grad_table.rows()));
}

}  // namespace detail

/// Resizes the grid of a two-dimensional table with the cubic kernel of Keys, a = -0.75, prefix rows copied.
///
/// Along each axis, out[i] = sum over k = -1, ..., 2 of c(f - k) P[j + k] where j + f = (i + 1/2) from / to - 1/2 and j
/// is whole. That is not clamped; indices outside repeat the border.
///
/// @param[out] out  grid.prefix + grid.to_height * grid.to_width rows of the table's width.
/// @param table     grid.prefix + grid.from_height * grid.from_width rows.
/// @throws std::invalid_argument  other numbers of rows; a grid that is empty; prefix < 0; widths differ; memory that
///                                overlaps. `out` is then unchanged.
/// Cost:     16 multiply-adds for each value, and a list of as many weights for each row.
/// Accuracy: formed in double, |error| <= 16 (from_height + from_width) 2^-52 max|table|, and rounded once. Equal grids
///           copy bit for bit.
/// Source:   Keys 1981, IEEE TASSP 29(6).
/// Matches:  F.interpolate(mode="bicubic", align_corners=False) of PyTorch given a size: Hugging Face ViT, DeiT, MAE,
///           Swin; ggml_interpolate with BICUBIC.
template <typename Out, typename Derived>
void resize_bicubic(Out&& out, const Eigen::DenseBase<Derived>& table, const GridResize& grid) {
  detail::resize_grid("resize_bicubic", detail::written(std::forward<Out>(out)), table, grid, detail::cubic_taps);
}

/// The adjoint of resize_bicubic(): grad_table += W^T grad_out. Errors, cost and accuracy are the same.
template <typename GradTable, typename DerivedOut>
void resize_bicubic_backward(GradTable&& grad_table, const Eigen::DenseBase<DerivedOut>& grad_out,
                             const GridResize& grid) {
  detail::resize_grid_backward("resize_bicubic_backward", detail::written(std::forward<GradTable>(grad_table)),
                               grad_out, grid, detail::cubic_taps);
}

/// resize_bicubic() with antialiasing: a = -0.5, the kernel stretched by from / to along an axis that shrinks, its
/// weights cut at the border and normalised. Parameters and errors are those of resize_bicubic().
/// Cost:     4 max(from_height / to_height, 1) * 4 max(from_width / to_width, 1) multiply-adds for each value.
/// Matches:  F.interpolate(mode="bicubic", antialias=True) of PyTorch, resample_abs_pos_embed of timm, Pillow.
template <typename Out, typename Derived>
void resize_bicubic_antialiased(Out&& out, const Eigen::DenseBase<Derived>& table, const GridResize& grid) {
  detail::resize_grid("resize_bicubic_antialiased", detail::written(std::forward<Out>(out)), table, grid,
                      detail::antialiased_cubic_taps);
}

/// The adjoint of resize_bicubic_antialiased(): grad_table += W^T grad_out. Errors, cost and accuracy are the same.
template <typename GradTable, typename DerivedOut>
void resize_bicubic_antialiased_backward(GradTable&& grad_table, const Eigen::DenseBase<DerivedOut>& grad_out,
                                         const GridResize& grid) {
  detail::resize_grid_backward("resize_bicubic_antialiased_backward",
                               detail::written(std::forward<GradTable>(grad_table)), grad_out, grid,
                               detail::antialiased_cubic_taps);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_RESIZE_GRID_HPP
