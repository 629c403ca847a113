// SPDX-License-Identifier: MIT
/// @file
/// mrope_positions(): time, height and width of text with pictures and videos in it.
#ifndef POSENC_POSITIONS_MROPE_POSITIONS_HPP
#define POSENC_POSITIONS_MROPE_POSITIONS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/position_scalar.hpp"
#include "posenc/positions/grid_positions.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// When the frames of a video are on the time axis, as an exact ratio of integers:
///
///     frame f is at floor(f * positions_per_second * seconds / frames)
///
/// All of it in integers, because frames fall on whole positions: 25 positions per second at 2/3 s a frame are 50 at
/// frame 3, and 49 in floating point.
struct VideoTime {
  std::int64_t positions_per_second = 1;  ///< `tokens_per_second` of the config: 2 or 25 in Qwen2.5-VL.
  std::int64_t frames = 1;                ///< Frames of the video, after temporal merging.
  std::int64_t seconds = 1;               ///< How long they last: 3 frames in 2 s, 15000 frames in 1001 s.
};

/// A run of a multimodal prompt: text, or a picture or video.
struct MropeSegment {
  /// `tokens` of text, >= 0.
  static MropeSegment text(detail::Size tokens) { return {tokens, 0, 0, 0, {}}; }
  /// A picture of height x width tokens (after spatial merging), >= 0.
  static MropeSegment image(detail::Size height, detail::Size width) { return {0, 1, height, width, {}}; }
  /// A video of frames x height x width tokens, >= 0, whose frames are at `time`. Left out: one position for each
  /// frame, as in Qwen2-VL.
  static MropeSegment video(detail::Size frames, detail::Size height, detail::Size width, VideoTime time = {}) {
    return {0, frames, height, width, time};
  }

  Eigen::Index text_tokens = 0;
  Eigen::Index frames = 0;
  Eigen::Index height = 0;
  Eigen::Index width = 0;
  VideoTime time = {};
};

/// What mrope_positions() returns. make_table() takes it as positions.
struct MropePositions {
  AxisPositionMatrix<std::int64_t> ids;  ///< tokens x 3: time, height, width.
  std::int64_t next_position = 0;        ///< On all axes, of the first token to be decoded.
  std::int64_t rope_delta = 0;  ///< next_position - (first_position + tokens): cache length + this is a position.
};

namespace detail {

/// Position of a frame after that of frame 0. Each factor is at most kMaxGridSide, so that the product fits.
inline std::int64_t time_of_frame(const VideoTime& time, std::int64_t frame) {
  return frame * (time.positions_per_second * time.seconds) / time.frames;
}

/// Checks a prompt and returns its number of tokens.
inline std::int64_t require_segments(const char* function, const std::vector<MropeSegment>& segments) {
  constexpr std::int64_t most = kMaxGridSide;
  std::int64_t tokens = 0;
  std::int64_t span = 0;  // what positions can grow by
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const MropeSegment& s = segments[i];
    const auto require_count = [&](const char* field, std::int64_t value, std::int64_t least, std::int64_t greatest) {
      if (value >= least && value <= greatest) return;
      refuse<std::invalid_argument>(function, element("segments", static_cast<Eigen::Index>(i)) + field, value, "in [",
                                    least, ", ", greatest, "]");
    };
    require_count(".text_tokens", s.text_tokens, 0, kMaxSeqLen);
    require_count(".frames", s.frames, 0, most);
    require_count(".height", s.height, 0, most);
    require_count(".width", s.width, 0, most);
    require_count(".time.positions_per_second", s.time.positions_per_second, 0, most);
    require_count(".time.frames", s.time.frames, 1, most);
    require_count(".time.seconds", s.time.seconds, 0, most);
    const std::int64_t of_segment = s.text_tokens + std::int64_t{s.frames} * s.height * s.width;
    require_size(function, "number of tokens", 1, of_segment, 3 * sizeof(std::int64_t));
    tokens += of_segment;
    require_size(function, "number of tokens", 1, tokens, 3 * sizeof(std::int64_t));
    span += s.text_tokens + time_of_frame(s.time, s.frames) + s.height + s.width;
    require_in_range(span <= kMaxPosition, function, "span of the positions", span, "at most 2^57");
  }
  return tokens;
}

}  // namespace detail

/// Positions on three axes (time, height, width) of a prompt that mixes text with pictures and videos.
///
/// Text is at the same position on all axes and advances by 1. Token (f, y, x) of a picture or video that begins at s is
/// at (s + t(f), s + y, s + x), with t(f) of VideoTime, and what follows begins one after the largest of these: a
/// picture advances by the larger of height and width, not by its number of tokens.
///
///     text text | image of 2 x 3          | text
///     t   0 1   | 2 2 2 2 2 2             | 5
///     h   0 1   | 2 2 2 3 3 3             | 5
///     w   0 1   | 2 3 4 2 3 4             | 5
///
/// @param segments        The prompt in order.
/// @param first_position  Of the first token: `next_position` of what came before, or 0.
/// @returns               ids, tokens x 3, and where decoding goes on.
/// @throws std::invalid_argument  a negative count, or one beyond 2^20 (2^40 of text tokens); a VideoTime of no frame.
/// @throws std::out_of_range      first_position beyond +-2^57, or positions that grow by more than 2^57.
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     three stores for each token; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][mrope].
/// Source:   Wang et al. 2024 (Qwen2-VL), arXiv:2409.12191, section 2.1.
/// Matches:  get_rope_index of Qwen2-VL and Qwen2.5-VL with its rope_deltas. Qwen3-VL gives each frame of a video as a
///           picture of its own between time stamps.
inline MropePositions mrope_positions(const std::vector<MropeSegment>& segments,
                                      detail::WholeNumber first_position = 0) {
  const char* const function = "mrope_positions";
  detail::require_position(function, "first_position", std::int64_t{first_position});
  const std::int64_t tokens = detail::require_segments(function, segments);

  MropePositions result;
  result.ids.resize(static_cast<Eigen::Index>(tokens), 3);
  std::int64_t next = first_position;
  Eigen::Index row = 0;
  for (const MropeSegment& s : segments) {
    for (Eigen::Index t = 0; t < s.text_tokens; ++t) result.ids.row(row++).setConstant(next++);
    const std::int64_t start = next;
    for (Eigen::Index frame = 0; frame < s.frames; ++frame) {
      const std::int64_t time = start + detail::time_of_frame(s.time, frame);
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
