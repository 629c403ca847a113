// SPDX-License-Identifier: MIT
/// @file
/// Positions of the tokens of a grid: a picture, a video.
/// grid_positions() of axes with spacings of their own is in grid_axis.hpp.
#ifndef POSENC_POSITIONS_GRID_POSITIONS_HPP
#define POSENC_POSITIONS_GRID_POSITIONS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/position_scalar.hpp"

#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// Positions of tokens on several axes: tokens x axes, a token's positions side by side.
template <typename Scalar>
using AxisPositionMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Which of a token's positions in a picture comes first. Sizes are given as {rows, columns} in either order.
enum class GridOrder {
  row_column,  ///< (y, x), or (t, y, x): Qwen-VL, DINOv3, most diffusion models.
  column_row   ///< (x, y), or (t, x, y): Llama 4, HunyuanDiT, timm's mixed RoPE with grid "xy".
};

namespace detail {

/// @param parameter  The name of the number of axes: "sizes.size()".
inline void require_grid_order(const char* function, GridOrder order, const char* parameter, std::size_t axes) {
  require_named(function, "order", order, GridOrder::column_row);
  require(axes > 0, function, parameter, axes, "> 0");
  require(order == GridOrder::row_column || axes >= 2, function, parameter, axes, ">= 2 for column_row");
}

/// Exchanges the last two columns where `order` has the column of a token before its row.
template <typename Scalar>
void arrange_axes(AxisPositionMatrix<Scalar>& positions, GridOrder order) {
  if (order == GridOrder::row_column) return;
  const Eigen::Index last = positions.cols() - 1;
  for (Eigen::Index i = 0; i < positions.rows(); ++i) std::swap(positions(i, last - 1), positions(i, last));
}

/// Row t holds at(axis, index) for each axis; the last axis advances fastest.
template <typename Scalar, typename At>
AxisPositionMatrix<Scalar> fill_grid(const char* function, const std::vector<int>& sizes, At at) {
  require(!sizes.empty(), function, "sizes.size()", sizes.size(), "> 0");
  const Eigen::Index axes = static_cast<Eigen::Index>(sizes.size());
  Eigen::Index tokens = 1;
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    if (sizes[axis] < 0) {
      refuse<std::invalid_argument>(function, element("sizes", static_cast<Eigen::Index>(axis)), sizes[axis], ">= 0");
    }
    require_size(function, "number of tokens", tokens, std::int64_t{sizes[axis]} * axes, sizeof(Scalar));
    tokens *= sizes[axis];
  }
  AxisPositionMatrix<Scalar> positions(tokens, axes);
  if (tokens == 0) return positions;  // the product of the other sizes may be any number
  Eigen::Index repeat = 1;
  for (Eigen::Index axis = axes - 1; axis >= 0; --axis) {
    const int size = sizes[static_cast<std::size_t>(axis)];
    for (Eigen::Index t = 0; t < tokens; ++t) positions(t, axis) = at(axis, static_cast<int>(t / repeat % size));
    repeat *= size;
  }
  return positions;
}

}  // namespace detail

/// Whole positions of the tokens of a grid, in row-major order.
///
///     token (i, j, ...):  (first + i, first + j, ...)
///
/// @param sizes  Length of each axis, >= 0: {height, width} or {frames, height, width}.
/// @param first  Position of the first token on every axis: 1 for Llama 4 vision.
/// @param order  Whether a token's row or its column comes first.
/// @returns      tokens x axes.
/// @throws std::invalid_argument  no axis, or a negative size; column_row of one axis; an order that is none.
/// @throws std::out_of_range      a position beyond +-2^57.
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     two divisions and a store for each position; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][grid].
/// Matches:  row and column ids of Qwen2-VL and Llama 4 vision towers; of two axes PRX, HunyuanImageRotaryPosEmbed (base
///           256) and GlmImageRotaryPosEmbed (half-split) of diffusers, whose text does not rotate.
inline AxisPositionMatrix<std::int64_t> grid_positions(const std::vector<int>& sizes, detail::WholeNumber first = 0,
                                                       GridOrder order = GridOrder::row_column) {
  const char* const function = "grid_positions";
  detail::require_position(function, "first", std::int64_t{first});
  detail::require_grid_order(function, order, "sizes.size()", sizes.size());
  for (const int size : sizes) {
    const std::int64_t most = detail::kMaxPosition - (size > 0 ? size - 1 : 0);
    detail::require_in_range(first <= most, function, "first", first, "at most 2^57 - ", size > 0 ? size - 1 : 0,
                             " for an axis of ", size);
  }
  auto positions = detail::fill_grid<std::int64_t>(function, sizes, [&](Eigen::Index, int i) { return first + i; });
  detail::arrange_axes(positions, order);
  return positions;
}

/// @overload
/// Says what is missing.
template <typename Number, typename... More, std::enable_if_t<std::is_arithmetic_v<Number>, int> = 0>
AxisPositionMatrix<std::int64_t> grid_positions(const Number&, const More&...) {
  static_assert(detail::kMisuse<Number>, "posenc: write grid_positions({height, width}): the sizes in braces");
  return {};
}

/// Centers of the patches that fill [-1, 1] on each axis.
///
///     token (i, j, ...):  ((2 i + 1) / sizes[0] - 1, (2 j + 1) / sizes[1] - 1, ...)
///
/// @param sizes  As for grid_positions().
/// @returns      tokens x axes.
/// @throws       as grid_positions().
/// Cost:     that of grid_positions() (bench_frequency: positions).
/// Accuracy: each is the double nearest to the formula [positions][grid].
/// Matches:  DINOv3 and timm RotaryEmbeddingDinoV3 (normalize_coords "separate").
inline AxisPositionMatrix<double> patch_centers(const std::vector<int>& sizes) {
  return detail::fill_grid<double>("patch_centers", sizes, [&](Eigen::Index axis, int i) {
    const double size = sizes[static_cast<std::size_t>(axis)];
    return (2.0 * i + 1.0 - size) / size;
  });
}

/// Equally spaced positions from -1 to 1 on each axis, both included.
///
///     token (i, j, ...):  (2 i / (sizes[0] - 1) - 1, 2 j / (sizes[1] - 1) - 1, ...);  -1 on an axis of one token
///
/// @param sizes  As for grid_positions().
/// @returns      tokens x axes.
/// @throws       as grid_positions().
/// Cost:     that of grid_positions() (bench_frequency: positions).
/// Accuracy: each is the double nearest to the formula [positions][grid].
/// Matches:  timm and EVA-02 with in_pixels, rotary-embedding-torch get_axial_freqs.
inline AxisPositionMatrix<double> linspace_positions(const std::vector<int>& sizes) {
  return detail::fill_grid<double>("linspace_positions", sizes, [&](Eigen::Index axis, int i) {
    const double last = sizes[static_cast<std::size_t>(axis)] - 1;
    return last > 0 ? (2.0 * i - last) / last : -1.0;
  });
}

/// A grid stretched over the positions of another, for a model that was trained on grids of `reference_sizes`.
///
///     token (i, j, ...):  (i reference_sizes[0] / sizes[0], j reference_sizes[1] / sizes[1], ...)
///
/// Its whole part is the position of CogView4, and the row and the column of a trained table of n x n patches that
/// Idefics 2 and 3 and SmolVLM read:
///
///     const auto at = stretched_positions({height, width}, {n, n}).array().floor().eval();
///     add_learned(x, table, (at.col(0) * n + at.col(1)).cast<int>().eval());
///
/// @param sizes            As for grid_positions().
/// @param reference_sizes  As many entries as `sizes`, >= 0.
/// @returns                tokens x axes.
/// @throws std::invalid_argument  besides those of grid_positions(): another number of reference_sizes, or a negative
///                                one.
/// Cost:     that of grid_positions() (bench_frequency: positions).
/// Accuracy: each is the double nearest to the formula [positions][grid].
/// Matches:  EVA-02 and timm `ref_feat_shape`, with grid_offset 0. Whole parts: CogView4RotaryPosEmbed of diffusers with
///           rope_axes_dim as reference_sizes; Idefics3VisionEmbeddings of transformers, whose buckets in float32 put 1
///           patch of 600 beside its row.
inline AxisPositionMatrix<double> stretched_positions(const std::vector<int>& sizes,
                                                      const std::vector<int>& reference_sizes) {
  detail::require(reference_sizes.size() == sizes.size(), "stretched_positions", "reference_sizes.size()",
                  reference_sizes.size(), "sizes.size() ", sizes.size());
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    if (reference_sizes[axis] >= 0) continue;
    detail::refuse<std::invalid_argument>("stretched_positions",
                                          detail::element("reference_sizes", static_cast<Eigen::Index>(axis)),
                                          reference_sizes[axis], ">= 0");
  }
  return detail::fill_grid<double>("stretched_positions", sizes, [&](Eigen::Index axis, int i) {
    const std::size_t a = static_cast<std::size_t>(axis);
    return static_cast<double>(i) * reference_sizes[a] / sizes[a];
  });
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_GRID_POSITIONS_HPP
