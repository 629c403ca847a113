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

#include <cstdint>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// How resize() makes row t of an `out` of `to` rows from a table P of `from` rows on a line:
///
///     out[t] = (1 - f) P[i] + f P[i + 1],   i whole, 0 <= f < 1, i + 1 at most from - 1
///
/// The rules differ in i + f. `to` is the number of rows of `out`.
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

/// How rows of a grid of positions are weighted, as the pixels of an image are. Biases of windows have a filter of
/// their own, WindowFilter, some of whose rules space distances from 0 on, which a grid of positions does not have.
enum class GridFilter {
  bilinear,                ///< F.interpolate(mode="bilinear", align_corners=False) of PyTorch.
  bilinear_antialiased,    ///< bilinear with antialias=True: Pillow's BILINEAR, and SigLIP2's NaFlex resizing.
  bicubic,                 ///< mode="bicubic", a = -0.75: Hugging Face ViT, DeiT, MAE; ggml_interpolate with BICUBIC.
  bicubic_antialiased,     ///< bicubic with antialias=True, a = -0.5: resample_abs_pos_embed of timm, Pillow's BICUBIC.
  bilinear_align_corners,  ///< mode="bilinear", align_corners=True: the vision towers of Qwen3-VL and its successors.
  nearest                  ///< Row floor(i from / to) of each axis, exactly: mode="nearest".
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
  /// @param filter  How rows are weighted. It has no default, because projects differ.
  /// @throws std::invalid_argument  a filter that GridFilter does not name.
  GridResize(const GridShape& from, const GridShape& to, GridFilter filter) : from_(from), to_(to), filter_(filter) {
    detail::require_named("GridResize", "filter", filter, GridFilter::nearest);
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

/// As GridResize, in one to eight axes, the last of which varies fastest: frames, rows and columns of a video's
/// patches.
///
///     AxesResize(std::array{8, 14, 14}, std::array{16, 24, 24}, GridFilter::bilinear).keep(1)
///
/// Each axis has its own weights, and the weight of a row is their product: bilinear is then PyTorch's trilinear.
class AxesResize {
 public:
  /// @param from    Sides of the table that is read, slowest first: a list of one to eight integers.
  /// @param to      Sides of the result, as many.
  /// @param filter  How rows are weighted along each axis.
  /// @throws std::invalid_argument  lists of different lengths, or of none or more than eight; a side that is not > 0
  ///                                and at most 2^20; a filter that GridFilter does not name.
  template <typename From, typename To, std::enable_if_t<detail::is_list<From> && detail::is_list<To>, int> = 0>
  AxesResize(const From& from, const To& to, GridFilter filter)
      : from_(sides("from", from)), to_(sides("to", to)), filter_(filter) {
    detail::require(from_.size() == to_.size(), "AxesResize", "to.size()", to_.size(), "from.size() ", from_.size());
    detail::require_named("AxesResize", "filter", filter, GridFilter::nearest);
  }
  /// @overload
  /// Says what is missing or out of order.
  template <typename From, typename To, typename... Others,
            std::enable_if_t<!(detail::is_list<From> && detail::is_list<To>) || sizeof...(Others) != 1 ||
                                 !(std::is_same_v<Others, GridFilter> && ...),
                             int> = 0>
  AxesResize(const From&, const To&, const Others&...) : filter_(GridFilter::nearest) {
    static_assert(
        detail::kMisuse<From>,
        "posenc: write AxesResize(from, to, filter): two lists with the sides of each grid, slowest axis first, "
        "such as std::array{8, 14, 14}, and GridFilter::bilinear or the filter that the model was resized with");
  }
  /// @overload
  /// Says what to write for sides in bare braces.
  template <typename Given = void>
  AxesResize(std::initializer_list<int>, std::initializer_list<int>, GridFilter) : filter_(GridFilter::nearest) {
    static_assert(
        detail::kMisuse<Given>,
        "posenc: sides in braces are no list: write AxesResize(std::array{8, 14, 14}, std::array{16, 24, 24}, "
        "filter)");
  }
  /// The same with rows in front that are copied.
  /// @param prefix  How many, >= 0: 1 for a class token.
  /// @throws std::invalid_argument  prefix < 0.
  AxesResize keep(detail::Size prefix) const {
    detail::require(prefix >= 0, "AxesResize::keep", "prefix", prefix, ">= 0");
    AxesResize with_prefix = *this;
    with_prefix.prefix_ = prefix;
    return with_prefix;
  }
  const std::vector<Eigen::Index>& from() const { return from_; }
  const std::vector<Eigen::Index>& to() const { return to_; }
  GridFilter filter() const { return filter_; }
  /// Rows in front that are copied.
  Eigen::Index prefix() const { return prefix_; }

 private:
  template <typename List>
  static std::vector<Eigen::Index> sides(const char* parameter, const List& list) {
    using Scalar = detail::ListScalar<List>;
    std::vector<Eigen::Index> sides;
    if constexpr (!detail::is_integer<Scalar>) {
      static_assert(detail::kMisuse<List>, "posenc: the sides of a grid must be integers");
    } else {
      const auto& all = detail::as_list(list);
      const auto count = static_cast<Eigen::Index>(all.size());
      if (count < 1 || count > 8) {
        detail::refuse<std::invalid_argument>("AxesResize", std::string(parameter) + ".size()", count,
                                              "the number of axes, 1 to 8");
      }
      constexpr Eigen::Index limit = detail::kMaxGridSide;
      for (Eigen::Index axis = 0; axis < count; ++axis) {
        const Scalar side = detail::list_entry(all, axis);
        if (side < Scalar(1) || static_cast<std::uint64_t>(side) > static_cast<std::uint64_t>(limit)) {
          detail::refuse<std::invalid_argument>("AxesResize", detail::element(parameter, axis), side,
                                                "> 0 and at most ", limit);
        }
        sides.push_back(static_cast<Eigen::Index>(side));
      }
    }
    return sides;
  }

  std::vector<Eigen::Index> from_;
  std::vector<Eigen::Index> to_;
  GridFilter filter_;
  Eigen::Index prefix_ = 0;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_RESIZE_RULES_HPP
