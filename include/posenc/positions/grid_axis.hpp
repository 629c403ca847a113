// SPDX-License-Identifier: MIT
/// @file
/// GridAxis: where the tokens of a grid are on one axis, and grids of such axes.
/// grid_positions() of whole positions is in grid_positions.hpp.
#ifndef POSENC_POSITIONS_GRID_AXIS_HPP
#define POSENC_POSITIONS_GRID_AXIS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/limits.hpp"
#include "posenc/positions/grid_positions.hpp"

#include <cmath>
#include <initializer_list>
#include <type_traits>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// The positions of `size` tokens along one axis of a grid, equally spaced. By the name of the spacing, for size = 4:
///
///     counted(4)                              0       1      2      3       i
///     counted(4).times(2).from(1)             1       3      5      7       first + i factor
///     centered(4)                            -2      -1      0      1       i - (n - floor(n / 2)): -3 -2 -1 0 1 for 5
///     symmetric(4)                           -1.5    -0.5    0.5    1.5     i - (n - 1) / 2
///     half_pixel(4)                           0.5     1.5    2.5    3.5     i + 1/2
///     patch_centers(4, GridAxis::Side(4))    -0.75   -0.25   0.25   0.75    (2 i + 1) / side - 1
///     linspace(4, {0, 1})                     0       1/3    2/3    1       first + i (last - first) / (n - 1)
///     linspace_without_endpoint(4, {0, 1})    0       0.25   0.5    0.75    first + i (stop - first) / n
///
/// diffusers often writes linspace(first, stop (n - 1) / n, n): here linspace(n, {first, stop (n - 1) / n}), which is
/// linspace_without_endpoint(n, {first, stop}) only where first is 0.
class GridAxis {
 public:
  /// 0, 1, 2, ...
  /// @param size  Tokens on the axis, in [0, 2^20].
  /// @throws std::invalid_argument  size outside of that.
  static GridAxis counted(detail::Size size) { return GridAxis("GridAxis::counted", size, 0, 1, 1); }
  /// This axis with every position multiplied: counted(n).times(24 / fps) for a video that counts in 1/24 s.
  /// @throws std::invalid_argument  a factor that is not finite.
  /// @throws std::out_of_range      a position beyond 2^53, where double has no fractions and then no odd numbers.
  GridAxis times(double factor) const {
    require_finite("GridAxis::times", "factor", factor);
    return GridAxis("GridAxis::times", size_, offset_ * factor, step_ * factor, divisor_,
                    Ends(first_ * factor, last_ * factor));
  }
  /// This axis moved so that its first token is at `first`.
  /// @throws std::invalid_argument  a number that is not finite.
  /// @throws std::out_of_range      as times().
  GridAxis from(double first) const {
    require_finite("GridAxis::from", "first", first);
    const double length = step_ * (static_cast<double>(size_) - 1) / divisor_;
    return GridAxis("GridAxis::from", size_, first * divisor_, step_, divisor_, Ends(first, first + length));
  }
  /// Whole positions around 0: Qwen-Image.
  /// @throws std::invalid_argument  size outside of [0, 2^20].
  static GridAxis centered(detail::Size size) {
    return GridAxis("GridAxis::centered", size, static_cast<double>(size / 2 - size), 1, 1);
  }
  /// The middle of the axis is at 0.
  /// @throws std::invalid_argument  size outside of [0, 2^20].
  static GridAxis symmetric(detail::Size size) {
    return GridAxis("GridAxis::symmetric", size, 1.0 - static_cast<double>(size), 2, 2);
  }
  /// The middle of each pixel, its side being 1.
  /// @throws std::invalid_argument  size outside of [0, 2^20].
  static GridAxis half_pixel(detail::Size size) { return GridAxis("GridAxis::half_pixel", size, 1, 2, 2); }
  /// The number of patches that fill [-1, 1], for patch_centers().
  class Side {
   public:
    explicit Side(detail::Size patches) : patches_(patches) {}
    Eigen::Index patches() const { return patches_; }

   private:
    Eigen::Index patches_;
  };
  /// The middle of each patch where [-1, 1] has `side` of them. DINOv3 and timm: side is the size of the axis itself
  /// (normalize_coords "separate"), or the larger ("max") or the smaller ("min") side of the picture; with these two
  /// the patches of an axis of another size begin at -1 too and do not end at 1.
  /// @param side  Side(patches), > 0.
  /// @throws std::invalid_argument  size outside of [0, 2^20]; side <= 0.
  static GridAxis patch_centers(detail::Size size, const Side& side) {
    detail::require(side.patches() > 0, "GridAxis::patch_centers", "side", side.patches(), "> 0");
    const double length = static_cast<double>(side.patches());
    return GridAxis("GridAxis::patch_centers", size, 1 - length, 2, length);
  }
  /// The first and the last position of an axis, or the position that it ends before, in braces: numpy has the size behind
  /// them and Eigen in front, so that three bare numbers would be taken either way.
  struct Ends {
    Ends(double first_position, double last_position) : first(first_position), last(last_position) {}
    double first;
    double last;
  };
  /// From `ends.first` to `ends.last`, both included; `ends.first` for an axis of one token.
  /// @throws std::invalid_argument  size outside of [0, 2^20]; a number that is not finite.
  /// @throws std::out_of_range      as times().
  static GridAxis linspace(detail::Size size, const Ends& ends) {
    const double first = ends.first;
    const double last = ends.last;
    require_finite("GridAxis::linspace", "first", first);
    require_finite("GridAxis::linspace", "last", last);
    const double steps = size > 1 ? static_cast<double>(size) - 1 : 1;
    return GridAxis("GridAxis::linspace", size, first * steps, size > 1 ? last - first : 0, steps,
                    Ends(first, size > 1 ? last : first));
  }
  /// From `ends.first` to before `ends.last`.
  /// @throws  as linspace().
  static GridAxis linspace_without_endpoint(detail::Size size, const Ends& ends) {
    const double first = ends.first;
    const double stop = ends.last;
    require_finite("GridAxis::linspace_without_endpoint", "first", first);
    require_finite("GridAxis::linspace_without_endpoint", "last", stop);
    const double steps = size > 0 ? static_cast<double>(size) : 1;
    const double last = size > 0 ? (first * steps + (stop - first) * (steps - 1)) / steps : first;
    return GridAxis("GridAxis::linspace_without_endpoint", size, first * steps, stop - first, steps,
                    Ends(first, size > 1 ? last : first));
  }

  /// Says that one of the ends is missing.
  template <typename Number>
  static GridAxis linspace(detail::Size, const Number (&)[1]) {
    static_assert(detail::kMisuse<Number>,
                  "posenc: write GridAxis::linspace(size, {first, last}): one of the ends is missing");
    return counted(0);
  }
  template <typename Number>
  static GridAxis linspace_without_endpoint(detail::Size, const Number (&)[1]) {
    static_assert(detail::kMisuse<Number>,
                  "posenc: write GridAxis::linspace_without_endpoint(size, {first, stop}): one of the ends is missing");
    return counted(0);
  }
  /// Says what three bare numbers have to be.
  template <typename... Numbers, std::enable_if_t<sizeof...(Numbers) == 3, int> = 0>
  static GridAxis linspace(const Numbers&...) {
    static_assert(
        detail::kMisuse<Numbers...>,
        "posenc: write GridAxis::linspace(size, {first, last}): the ends in braces, because numpy has the size "
        "behind them and Eigen in front");
    return counted(0);
  }
  template <typename... Numbers, std::enable_if_t<sizeof...(Numbers) == 3, int> = 0>
  static GridAxis linspace_without_endpoint(const Numbers&...) {
    static_assert(detail::kMisuse<Numbers...>,
                  "posenc: write GridAxis::linspace_without_endpoint(size, {first, stop}): the ends in braces");
    return counted(0);
  }

  /// Tokens on the axis.
  Eigen::Index size() const { return size_; }
  /// Position of token i, 0 <= i < size(), which is not checked. The first position, and in a linspace the last one, is
  /// exactly what was given.
  double operator[](Eigen::Index i) const {
    if (i == 0) return first_;
    return i == size_ - 1 ? last_ : formula(i);
  }

 private:
  static void require_finite(const char* function, const char* parameter, double value) {
    detail::require(detail::is_finite(value), function, parameter, value, "finite");
  }
  double formula(Eigen::Index i) const { return (offset_ + step_ * static_cast<double>(i)) / divisor_; }
  GridAxis(const char* function, Eigen::Index size, double offset, double step, double divisor)
      : GridAxis(function, size, offset, step, divisor,
                 Ends(offset / divisor, (offset + step * (static_cast<double>(size) - 1)) / divisor)) {}
  GridAxis(const char* function, Eigen::Index size, double offset, double step, double divisor, const Ends& ends)
      : size_(size), offset_(offset), step_(step), divisor_(divisor), first_(ends.first), last_(ends.last) {
    constexpr Eigen::Index limit = detail::kMaxGridSide;
    detail::require(size >= 0 && size <= limit, function, "size", size, "in [0, ", limit, "]");
    if (size == 0) return;
    for (const Eigen::Index i : {Eigen::Index(0), size - 1}) {
      const double position = (*this)[i];
      const bool within = detail::is_finite(position) && std::abs(position) <= 9007199254740992.0;
      detail::require_in_range(within, function, i == 0 ? "first position" : "last position", position,
                               "in [-2^53, 2^53]");
    }
  }

  Eigen::Index size_;
  double offset_;
  double step_;
  double divisor_;
  double first_;  // where offset / divisor, or the formula at the last token, would be off by an ulp
  double last_;
};

/// @overload
/// Positions of the tokens of a grid whose axes have spacings of their own, in row-major order.
///
///     grid_positions({GridAxis::counted(frames), GridAxis::centered(height), GridAxis::centered(width)})
///
/// @param axes   {rows, columns} or {frames, rows, columns}.
/// @param order  Whether a token's row or its column comes first.
/// @returns      tokens x axes.
/// @throws std::invalid_argument  no axis; column_row of one axis; an order that is none.
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     three divisions and a store for each position; one allocation and a small one (bench_frequency:
///           positions).
/// Accuracy: 4 ulp of double at 1, times the largest number that an axis is given or has [positions][grid].
/// Matches:  the grids of DINOv3, timm and diffusers that GridAxis names.
inline AxisPositionMatrix<double> grid_positions(std::initializer_list<GridAxis> axes,
                                                 GridOrder order = GridOrder::row_column) {
  std::vector<int> sizes;
  sizes.reserve(axes.size());
  for (const GridAxis& axis : axes) sizes.push_back(static_cast<int>(axis.size()));
  detail::require_grid_order("grid_positions", order, "axes.size()", axes.size());
  auto positions = detail::fill_grid<double>("grid_positions", sizes,
                                             [&](Eigen::Index axis, int i) { return axes.begin()[axis][i]; });
  detail::arrange_axes(positions, order);
  return positions;
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_GRID_AXIS_HPP
