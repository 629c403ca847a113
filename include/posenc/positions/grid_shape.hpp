// SPDX-License-Identifier: MIT
/// @file
/// GridShape: how many rows and columns of tokens a picture or a window of one has.
#ifndef POSENC_POSITIONS_GRID_SHAPE_HPP
#define POSENC_POSITIONS_GRID_SHAPE_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/limits.hpp"

#include <cstdint>
#include <limits>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

/// A grid of height x width tokens, numbered row by row: the patches of a picture, or a window of them.
///
///     t00 t01 t02
///     t10 t11 t12        GridShape(2, 3): token t12 is number 5
class GridShape {
 public:
  /// @param height, width  [tokens] > 0 and at most 2^20.
  /// @throws std::invalid_argument  one of these does not hold.
  /// @throws std::length_error      more displacements than Eigen::Index counts (where it has 32 bits).
  GridShape(detail::Size height, detail::Size width) : height_(height), width_(width) {
    constexpr Eigen::Index limit = detail::kMaxGridSide;
    detail::require(height > 0 && height <= limit, "GridShape", "height", height, "> 0 and at most ", limit);
    detail::require(width > 0 && width <= limit, "GridShape", "width", width, "> 0 and at most ", limit);
    const std::int64_t largest = (std::numeric_limits<Eigen::Index>::max)() / (2 * width - 1);  // 2 height - 1
    if (2 * height - 1 > largest) {
      detail::refuse<std::length_error>("GridShape", "height", height, "at most ", (largest + 1) / 2,
                                        " for a width of ", width);
    }
  }
  /// Refuses a bare number where a grid is asked for, at compile time.
  template <typename Side, std::enable_if_t<std::is_arithmetic_v<Side>, int> = 0>
  GridShape(Side) : GridShape(1, 1) {  // NOLINT: meant to be found by a call with a bare number
    static_assert(detail::kMisuse<Side>, "posenc: a grid has a height and a width: write GridShape(height, width)");
  }

  Eigen::Index height() const { return height_; }
  Eigen::Index width() const { return width_; }
  Eigen::Index tokens() const { return height_ * width_; }
  /// Number of different displacements (rows, columns) from one token to another: (2 height - 1)(2 width - 1).
  Eigen::Index displacements() const { return (2 * height_ - 1) * (2 * width_ - 1); }

 private:
  Eigen::Index height_;
  Eigen::Index width_;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_GRID_SHAPE_HPP
