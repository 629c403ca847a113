// SPDX-License-Identifier: MIT
/// @file
/// mrope_positions(): time, height and width of text with pictures and videos in it.
#ifndef POSENC_POSITIONS_MROPE_POSITIONS_HPP
#define POSENC_POSITIONS_MROPE_POSITIONS_HPP

#include "posenc/detail/check.hpp"
#include "posenc/positions/grid_positions.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// A run of a multimodal prompt: text, or a picture or video.
struct MropeSegment {
  /// `tokens` of text, >= 0.
  static MropeSegment text(Eigen::Index tokens) { return {tokens, 0, 0, 0, 0}; }
  /// A picture of height x width tokens (after spatial merging), >= 0.
  static MropeSegment image(Eigen::Index height, Eigen::Index width) { return {0, 1, height, width, 1}; }
  /// A video of frames x height x width tokens, >= 0. Time advances by frame_step for each frame, finite and >= 0:
  /// tokens_per_second times the seconds between two frames in Qwen2.5-VL, 1 in Qwen2-VL.
  static MropeSegment video(Eigen::Index frames, Eigen::Index height, Eigen::Index width, double frame_step = 1) {
    return {0, frames, height, width, frame_step};
  }

  Eigen::Index text_tokens = 0;
  Eigen::Index frames = 0;
  Eigen::Index height = 0;
  Eigen::Index width = 0;
  double frame_step = 1;
};

/// What mrope_positions() returns.
struct MropePositions {
  AxisPositionMatrix<std::int64_t> ids;  ///< tokens x 3: time, height, width.
  std::int64_t next_position = 0;        ///< On all axes, of the first token to be decoded.
  std::int64_t rope_delta = 0;  ///< next_position - (first_position + tokens): cache length + this is a position.
};

/// Positions on three axes (time, height, width) of a prompt that mixes text with pictures and videos.
///
/// Text stands at the same position on all axes and moves on by 1. Token (f, y, x) of a picture or video that starts at
/// s stands at (s + trunc(f frame_step), s + y, s + x), and what follows starts one after the largest of these: a
/// picture moves on by the larger of height and width, not by its number of tokens.
/// @param segments        The prompt in order.
/// @param first_position  Of the first token.
/// @throws std::invalid_argument  a negative count, a frame_step that is negative or not finite.
/// @throws std::out_of_range      first_position beyond +-2^60, or positions that grow beyond 2^62.
/// @throws std::length_error      more tokens than memory's index type counts.
/// Source:   Wang et al. 2024 (Qwen2-VL), arXiv:2409.12191, section 2.1.
/// Matches:  get_rope_index of Qwen2-VL and Qwen2.5-VL with its rope_deltas. Qwen3-VL gives each frame of a video as a
///           picture of its own between time stamps.
inline MropePositions mrope_positions(const std::vector<MropeSegment>& segments, std::int64_t first_position = 0) {
  const char* const function = "mrope_positions";
  constexpr std::int64_t limit = std::int64_t(1) << 60;
  detail::require_in_range(first_position >= -limit && first_position <= limit, function, "first_position",
                           first_position, "within +-2^60");
  // Counts up to 2^20 keep every product within 64 bits: 2^40 tokens to a frame, 2^60 to a video.
  constexpr std::int64_t most = std::int64_t(1) << 20;
  std::int64_t tokens = 0;
  std::int64_t span = 0;  // what positions can grow by
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const MropeSegment& s = segments[i];
    const auto require_count = [&](const char* field, std::int64_t value, std::int64_t limit_of_field) {
      if (value >= 0 && value <= limit_of_field) return;
      detail::refuse<std::invalid_argument>(function, detail::element("segments", static_cast<Eigen::Index>(i)) + field,
                                            value, "in [0, ", limit_of_field, "]");
    };
    require_count(".text_tokens", s.text_tokens, std::int64_t(1) << 40);
    require_count(".frames", s.frames, most);
    require_count(".height", s.height, most);
    require_count(".width", s.width, most);
    if (!(s.frame_step >= 0 && s.frame_step <= static_cast<double>(most))) {
      detail::refuse<std::invalid_argument>(function,
                                            detail::element("segments", static_cast<Eigen::Index>(i)) + ".frame_step",
                                            s.frame_step, "in [0, ", most, "]");
    }
    const std::int64_t of_segment = s.text_tokens + std::int64_t{s.frames} * s.height * s.width;
    detail::require_size(function, "number of tokens", 1, of_segment, 3 * sizeof(std::int64_t));
    tokens += of_segment;
    detail::require_size(function, "number of tokens", 1, tokens, 3 * sizeof(std::int64_t));
    span += s.text_tokens + s.frames * most + s.height + s.width;
    detail::require_in_range(span <= limit, function, "span of the positions", span, "at most 2^60");
  }

  MropePositions result;
  result.ids.resize(static_cast<Eigen::Index>(tokens), 3);
  std::int64_t next = first_position;
  Eigen::Index row = 0;
  for (const MropeSegment& s : segments) {
    for (Eigen::Index t = 0; t < s.text_tokens; ++t) result.ids.row(row++).setConstant(next++);
    const std::int64_t start = next;
    for (Eigen::Index frame = 0; frame < s.frames; ++frame) {
      const std::int64_t time = start + static_cast<std::int64_t>(static_cast<double>(frame) * s.frame_step);
      for (Eigen::Index y = 0; y < s.height; ++y) {
        for (Eigen::Index x = 0; x < s.width; ++x, ++row) {
          result.ids.row(row) << time, start + y, start + x;
          next = (std::max)({next, time + 1, start + y + 1, start + x + 1});
        }
      }
    }
  }
  result.next_position = next;
  result.rope_delta = next - (first_position + tokens);
  return result;
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_MROPE_POSITIONS_HPP
