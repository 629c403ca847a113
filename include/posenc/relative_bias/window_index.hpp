// SPDX-License-Identifier: MIT
/// @file
/// WindowShape: a window of tokens of an image, and the index that frameworks gather its bias with.
#ifndef POSENC_RELATIVE_BIAS_WINDOW_INDEX_HPP
#define POSENC_RELATIVE_BIAS_WINDOW_INDEX_HPP

#include "posenc/detail/check.hpp"

#include <cstdint>
#include <limits>

namespace posenc {
inline namespace POSENC_ABI {

/// A window of height x width tokens, numbered row by row.
///
///     t00 t01 t02
///     t10 t11 t12        WindowShape(2, 3): token t12 is number 5
class WindowShape {
 public:
  /// @param height, width  [tokens] > 0 and at most 2^20.
  /// @throws std::invalid_argument  one of these does not hold.
  /// @throws std::length_error      more displacements than Eigen::Index counts (where it has 32 bits).
  explicit WindowShape(Eigen::Index height, Eigen::Index width) : height_(height), width_(width) {
    constexpr Eigen::Index limit = Eigen::Index(1) << 20;
    detail::require(height > 0 && height <= limit, "WindowShape", "height", height, "> 0 and at most ", limit);
    detail::require(width > 0 && width <= limit, "WindowShape", "width", width, "> 0 and at most ", limit);
    const std::int64_t largest = (std::numeric_limits<Eigen::Index>::max)() / (2 * width - 1);  // 2 height - 1
    if (2 * height - 1 > largest) {
      detail::refuse<std::length_error>("WindowShape", "height", height, "at most ", (largest + 1) / 2,
                                        " for a width of ", width);
    }
  }

  Eigen::Index height() const { return height_; }
  Eigen::Index width() const { return width_; }
  Eigen::Index tokens() const { return height_ * width_; }
  /// Number of different displacements between two tokens: (2 height - 1)(2 width - 1).
  Eigen::Index displacements() const { return (2 * height_ - 1) * (2 * width_ - 1); }

 private:
  Eigen::Index height_;
  Eigen::Index width_;
};

/// Returns the index of Swin, tokens x tokens, into a table of window.displacements() rows:
///
///     index(t, u) = (row(t) - row(u) + height - 1)(2 width - 1) + column(t) - column(u) + width - 1    t query, u key
///
/// For code that gathers; add_window_bias() needs no index.
/// @param window  The tokens.
/// @throws std::length_error  the index does not fit into memory's index type.
/// Cost:     one number for each pair of tokens; no bench case, called once for a window.
/// Source:   Liu et al. 2021, arXiv:2103.14030.
/// Matches:  relative_position_index of Swin-Transformer and timm.
inline Eigen::Matrix<Eigen::Index, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> window_index(
    const WindowShape& window) {
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
