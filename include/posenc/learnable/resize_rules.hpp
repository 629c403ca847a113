// SPDX-License-Identifier: MIT
/// @file
/// Rules that bring a trained table to another number of positions or to another grid, as values for resize().
#ifndef POSENC_LEARNABLE_RESIZE_RULES_HPP
#define POSENC_LEARNABLE_RESIZE_RULES_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/limits.hpp"
#include "posenc/positions/grid_shape.hpp"
#include "posenc/positions/position_list.hpp"

#include <cstddef>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// How resize() makes row t of an `out` of `to` rows from a table P of `from` rows on a line:
///
///     out[t] = (1 - f) P[i] + f P[i + 1],   i whole, 0 <= f < 1;   P[from - 1] where i + f >= from - 1
///
/// The rules differ in i + f. `to` is the number of rows of `out`; where it equals `from`, the table is copied.
enum class Resize {
  /// i + f = max((t + 1/2) from / to - 1/2, 0): rows are pixels with their centers at 1/2, 3/2, ...
  /// Matches F.interpolate(mode="linear", align_corners=False) of PyTorch.
  half_pixel,
  /// i + f = t (from - 1) / (to - 1): first row to first row and last to last.
  /// Matches F.interpolate(mode="linear", align_corners=True) of PyTorch.
  align_corners,
  /// i + f = t from / to: position interpolation, Chen et al. 2023, arXiv:2306.15595 (scale_linear() does it to RoPE).
  position_interpolation,
  /// As half_pixel, for a table of the 2 n - 1 distances -(n - 1), ..., n - 1: both numbers of rows, without those that
  /// LineResize keeps, must be odd.
  /// Matches get_rel_pos of Segment Anything and MViTv2.
  relative_distances,
  /// As position_interpolation, but past the last row it goes on by the last step (f > 1) instead of repeating that
  /// row: the stretched tail of LongCLIP is LineResize(Resize::continued_interpolation).keep(20).
  continued_interpolation,
  /// out[t] = P[t mod from]: the table repeated as often as it takes. Longformer's copy of RoBERTa's table is
  /// LineResize(Resize::tile).keep(2).
  tile
};

/// A rule of Resize for a table whose first rows are copied: LineResize(Resize::tile).keep(2).
///
///     r r | 0 1 2 3 0 1 2 3 0        keep(2), tile, from 2 + 4 rows to 2 + 9
class LineResize {
 public:
  /// @param rule  How the other rows are read.
  /// @throws std::invalid_argument  a rule that Resize does not name.
  explicit LineResize(Resize rule) : rule_(rule) { detail::require_named("LineResize", "rule", rule, Resize::tile); }
  /// The same with rows in front that are copied.
  /// @param prefix  How many, >= 0: 2 for RoBERTa's first ids, which no token has, 1 for a class token.
  /// @throws std::invalid_argument  prefix < 0.
  LineResize keep(detail::Size prefix) const {
    detail::require(prefix >= 0, "LineResize::keep", "prefix", prefix, ">= 0");
    LineResize with_prefix = *this;
    with_prefix.prefix_ = prefix;
    return with_prefix;
  }
  Resize rule() const { return rule_; }
  /// Rows in front that are copied.
  Eigen::Index prefix() const { return prefix_; }

 private:
  Resize rule_;
  Eigen::Index prefix_ = 0;
};

/// How rows of a grid of positions are weighted, as the pixels of an image are. Tables of distances in a window have a
/// filter of their own, WindowFilter of relative_bias.hpp, because some of its rules treat near distances differently.
enum class GridFilter {
  bilinear,                ///< F.interpolate(mode="bilinear", align_corners=False) of PyTorch.
  bilinear_antialiased,    ///< bilinear with antialias=True: Pillow's BILINEAR, and SigLIP2's NaFlex resizing.
  bicubic,                 ///< mode="bicubic", a = -0.75: Hugging Face ViT, DeiT, MAE; ggml_interpolate with BICUBIC.
  bicubic_antialiased,     ///< bicubic with antialias=True, a = -0.5: resample_abs_pos_embed of timm, Pillow's BICUBIC.
  bilinear_align_corners,  ///< mode="bilinear", align_corners=True: the vision towers of Qwen3-VL and its successors.
  nearest                  ///< Row floor(i from / to) of each axis, exactly: mode="nearest".
};

namespace detail {

/// The sides of a grid in one to eight axes, as a parameter: {14, 14}, a GridShape, or a list of integers.
class GridSides {
 public:
  GridSides(const GridShape& grid) : sides_{grid.height(), grid.width()} {}  // NOLINT: meant to convert
  GridSides(std::initializer_list<Size> sides) {                             // NOLINT: meant to convert
    for (const Size& side : sides) sides_.push_back(side);
  }
  template <typename List, std::enable_if_t<is_list<List>, int> = 0>
  GridSides(const List& list) {  // NOLINT: meant to convert
    if constexpr (!is_integer<ListScalar<List>>) {
      static_assert(kMisuse<List>, "posenc: the sides of a grid must be integers");
    } else {
      const auto& all = as_list(list);
      for (Eigen::Index i = 0; i < all.size(); ++i) sides_.push_back(Size(list_entry(all, i)));
    }
  }
  /// Says that one number is no grid.
  template <typename Side, std::enable_if_t<std::is_arithmetic_v<Side>, int> = 0>
  GridSides(Side) {  // NOLINT: meant to be found by a bare number
    static_assert(kMisuse<Side>,
                  "posenc: a grid has a side for each axis: write GridResize({14, 14}, {24, 16}, filter)");
  }

  /// The sides, after checks that name them.
  std::vector<Eigen::Index> take(const char* function, const char* parameter) && {
    const std::size_t axes = sides_.size();
    require(axes >= 1 && axes <= 8, function, (std::string(parameter) + ".size()").c_str(), axes,
            "the number of axes, 1 to 8");
    constexpr Eigen::Index limit = kMaxGridSide;
    for (std::size_t axis = 0; axis < axes; ++axis) {
      if (sides_[axis] >= 1 && sides_[axis] <= limit) continue;
      refuse<std::invalid_argument>(function, element(parameter, static_cast<Eigen::Index>(axis)), sides_[axis],
                                    "> 0 and at most ", limit);
    }
    return std::move(sides_);
  }

 private:
  std::vector<Eigen::Index> sides_;
};

}  // namespace detail

/// From which grid a table comes and to which it goes: GridResize({14, 14}, {24, 16}, GridFilter::bicubic).keep(1).
///
/// A table has `prefix` rows (class and register tokens), then a row for each patch, the last axis varying fastest:
///
///     c r | p00 p01 p02 | p10 p11 p12        keep(2), from 2 x 3
///
/// One to eight axes, such as frames, rows and columns of a video's patches. Each has its own weights, and the weight
/// of a row is their product: bilinear is PyTorch's trilinear in three of them.
class GridResize {
 public:
  /// @param from    Sides of the table that is read, slowest first: {height, width}, {frames, height, width}, a
  ///                GridShape, or a list of integers.
  /// @param to      Sides of the result, as many.
  /// @param filter  How rows are weighted along each axis. It has no default, because projects differ.
  /// @throws std::invalid_argument  other numbers of axes, none or more than eight; a side that is not > 0 and at most
  ///                                2^20; a filter that GridFilter does not name.
  GridResize(detail::GridSides from, detail::GridSides to, GridFilter filter)
      : from_(std::move(from).take("GridResize", "from")),
        to_(std::move(to).take("GridResize", "to")),
        filter_(filter) {
    detail::require(from_.size() == to_.size(), "GridResize", "to.size()", to_.size(), "from.size() ", from_.size());
    detail::require_named("GridResize", "filter", filter, GridFilter::nearest);
  }
  /// Says that the filter is missing, or another rule in its place.
  template <typename... Given>
  GridResize(const detail::GridSides& from, const detail::GridSides& to, const Given&...)
      : GridResize(from, to, GridFilter::bilinear) {
    static_assert(detail::kMisuse<Given...>,
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
  const std::vector<Eigen::Index>& from() const { return from_; }
  const std::vector<Eigen::Index>& to() const { return to_; }
  GridFilter filter() const { return filter_; }
  /// Rows in front that are copied.
  Eigen::Index prefix() const { return prefix_; }

 private:
  std::vector<Eigen::Index> from_;
  std::vector<Eigen::Index> to_;
  GridFilter filter_;
  Eigen::Index prefix_ = 0;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_RESIZE_RULES_HPP
