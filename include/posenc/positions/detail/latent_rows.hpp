// SPDX-License-Identifier: MIT
/// @file
/// What the positions of text, pictures and references of a diffusion model are put together with.
#ifndef POSENC_POSITIONS_DETAIL_LATENT_ROWS_HPP
#define POSENC_POSITIONS_DETAIL_LATENT_ROWS_HPP

#include "posenc/detail/check.hpp"
#include "posenc/detail/limits.hpp"
#include "posenc/positions/grid_positions.hpp"
#include "posenc/positions/grid_shape.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline void require_text_tokens(const char* function, Eigen::Index text_tokens) {
  constexpr Eigen::Index limit = kMaxSeqLen;
  require(text_tokens >= 0 && text_tokens <= limit, function, "text_tokens", text_tokens, "in [0, ", limit, "]");
}

inline void require_frames(const char* function, Eigen::Index frames) {
  constexpr Eigen::Index limit = kMaxGridSide;
  require(frames > 0 && frames <= limit, function, "frames", frames, "in [1, ", limit, "]");
}

/// A scale or a rate: > 0, and within what keeps 2^20 positions exact.
inline void require_scale(const char* function, const char* parameter, double value) {
  require(is_finite(value) && value >= 0x1p-20 && value <= 0x1p20, function, parameter, value, "in [2^-20, 2^20]");
}

/// Frames of a video whose tokens, on three axes, fit in memory's index type.
inline void require_video(const char* function, Eigen::Index frames, const GridShape& picture) {
  require_frames(function, frames);
  const std::int64_t patches = std::int64_t{picture.height()} * picture.width();
  require_size(function, "frames", frames, 3 * patches, sizeof(std::int64_t));
}

/// Rows that are appended one after the other; those left over are zeros, tokens that are not rotated.
template <typename Scalar = std::int64_t>
class LatentRows {
 public:
  LatentRows(const char* function, std::int64_t tokens, Eigen::Index axes) {
    require_size(function, "number of tokens", tokens, axes, sizeof(Scalar));
    ids_.resize(static_cast<Eigen::Index>(tokens), axes);
    std::fill_n(ids_.data(), ids_.size(), Scalar(0));
  }
  /// `count` tokens at first, first + 1, ... on one axis and at 0 on the others.
  void append_text(std::int64_t count, Eigen::Index axis, std::int64_t first) {
    for (std::int64_t i = 0; i < count; ++i) ids_(row_++, axis) = static_cast<Scalar>(first + i);
  }
  /// A picture at (t, y0 + y, x0 + x) on the first three axes.
  void append_picture(const GridShape& picture, std::int64_t t, std::int64_t y0 = 0, std::int64_t x0 = 0) {
    for (Eigen::Index y = 0; y < picture.height(); ++y) {
      for (Eigen::Index x = 0; x < picture.width(); ++x, ++row_) {
        ids_(row_, 0) = static_cast<Scalar>(t);
        ids_(row_, 1) = static_cast<Scalar>(y0 + y);
        ids_(row_, 2) = static_cast<Scalar>(x0 + x);
      }
    }
  }
  /// `count` tokens at zeros.
  void skip(std::int64_t count) { row_ += static_cast<Eigen::Index>(count); }
  /// `count` tokens at first, first + 1, ... on all axes.
  void append_diagonal(std::int64_t count, std::int64_t first) {
    for (std::int64_t i = 0; i < count; ++i, ++row_) {
      for (Eigen::Index axis = 0; axis < ids_.cols(); ++axis) ids_(row_, axis) = static_cast<Scalar>(first + i);
    }
  }
  /// Writes one axis of the `count` tokens appended last.
  void set_last(std::int64_t count, Eigen::Index axis, std::int64_t value) {
    for (std::int64_t i = 1; i <= count; ++i) {
      ids_(row_ - static_cast<Eigen::Index>(i), axis) = static_cast<Scalar>(value);
    }
  }
  /// The matrix, which is moved out.
  AxisPositionMatrix<Scalar> take() { return std::move(ids_); }

 private:
  AxisPositionMatrix<Scalar> ids_;
  Eigen::Index row_ = 0;
};

/// Tokens of several pictures, whose positions on `axes` axes fit in memory's index type.
template <typename Pictures>
std::int64_t tokens_of(const char* function, const Pictures& pictures, Eigen::Index axes) {
  std::int64_t tokens = 0;
  for (const GridShape& picture : pictures) {
    tokens += std::int64_t{picture.height()} * picture.width();
    require_size(function, "number of tokens", tokens, axes, sizeof(std::int64_t));
  }
  return tokens;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_DETAIL_LATENT_ROWS_HPP
