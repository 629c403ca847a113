// SPDX-License-Identifier: MIT
/// @file
/// Rules that bring a trained table to another number of positions or to another grid, as values for resize().
#ifndef POSENC_LEARNABLE_RESIZE_RULES_HPP
#define POSENC_LEARNABLE_RESIZE_RULES_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/positions/grid_shape.hpp"

namespace posenc {
inline namespace POSENC_ABI {

/// Where row t of `to` rows lies between the rows of a table of `from` rows on a line:
///
///     out[t] = (1 - f) P[i] + f P[i + 1],   i whole, 0 <= f < 1, i + 1 at most from - 1
///
/// The number of rows of `out` is the number wanted.
enum class Resize {
  /// i + f = max((t + 1/2) from / to - 1/2, 0): rows are pixels with their centers at 1/2, 3/2, ...
  /// Matches F.interpolate(mode="linear", align_corners=False) of PyTorch.
  half_pixel,
  /// i + f = t (from - 1) / (to - 1): first row to first row and last to last.
  /// Matches F.interpolate(mode="linear", align_corners=True) of PyTorch.
  align_corners,
  /// i + f = t from / to: position interpolation, Chen et al. 2023, arXiv:2306.15595 (scale_linear() does it to RoPE).
  position_interpolation,
  /// half_pixel for a table of the 2 n - 1 distances -(n - 1), ..., n - 1: both numbers of rows must be odd.
  /// Matches get_rel_pos of Segment Anything and MViTv2.
  relative_distances
};

/// How the pixels of a grid are weighed. The bias of a window has WindowFilter instead: its rules by distance need a
/// distance 0, which a grid of positions does not have.
enum class GridFilter {
  bilinear,              ///< F.interpolate(mode="bilinear", align_corners=False) of PyTorch.
  bilinear_antialiased,  ///< The same with antialias=True: Pillow's BILINEAR, which SigLIP2's NaFlex resizing takes.
  bicubic,               ///< mode="bicubic", a = -0.75: Hugging Face ViT, DeiT, MAE; ggml_interpolate with BICUBIC.
  bicubic_antialiased    ///< The same with antialias=True, a = -0.5: resample_abs_pos_embed of timm, Pillow's BICUBIC.
};

/// From which grid a table comes and to which it goes: GridResize({14, 14}, {24, 16}, GridFilter::bicubic).keep(1).
///
/// A table has `prefix` rows (class and register tokens), then height x width patches, row by row:
///
///     c r | p00 p01 p02 | p10 p11 p12        keep(2), from 2 x 3
class GridResize {
 public:
  /// @param from    Grid of the table that is read: {height, width}.
  /// @param to      Grid of the result.
  /// @param filter  How pixels are weighed. It has no default, because projects differ.
  /// @throws std::invalid_argument  a filter that GridFilter does not name.
  GridResize(const GridShape& from, const GridShape& to, GridFilter filter) : from_(from), to_(to), filter_(filter) {
    detail::require_named("GridResize", "filter", filter, GridFilter::bicubic_antialiased);
  }
  /// Says that the filter is missing.
  template <typename Given = void>
  GridResize(const GridShape& from, const GridShape& to) : GridResize(from, to, GridFilter::bilinear) {
    static_assert(detail::kMisuse<Given>,
                  "posenc: the filter is missing, in which projects differ: write GridResize(from, to, "
                  "GridFilter::bicubic), or the filter that the model was resized with");
  }
  /// The same with rows in front that are copied.
  /// @param prefix  How many, >= 0: 1 for a class token.
  /// @throws std::invalid_argument  prefix < 0.
  GridResize keep(detail::Size prefix) const {
    detail::require(prefix >= 0, "GridResize::keep", "prefix", prefix, ">= 0");
    GridResize with_prefix = *this;
    with_prefix.prefix_ = prefix;
    return with_prefix;
  }
  GridShape from() const { return from_; }
  GridShape to() const { return to_; }
  GridFilter filter() const { return filter_; }
  /// Rows in front that are copied.
  Eigen::Index prefix() const { return prefix_; }

 private:
  GridShape from_;
  GridShape to_;
  GridFilter filter_;
  Eigen::Index prefix_ = 0;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_RESIZE_RULES_HPP
