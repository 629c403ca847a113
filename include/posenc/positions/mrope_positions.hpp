// SPDX-License-Identifier: MIT
/// @file
/// mrope_positions(): time, height and width of text with pictures and videos in it.
#ifndef POSENC_POSITIONS_MROPE_POSITIONS_HPP
#define POSENC_POSITIONS_MROPE_POSITIONS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/position_scalar.hpp"
#include "posenc/positions/grid_positions.hpp"
#include "posenc/positions/mrope_segment.hpp"

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// What mrope_positions() returns. make_table() takes it as positions.
struct MropePositions {
  AxisPositionMatrix<std::int64_t> ids;  ///< tokens x 3: time, height, width.
  std::int64_t next_position = 0;        ///< On all axes, of the first token to be decoded.
  /// next_position - (first_position + tokens): the length of the cache plus this is the position of the next token.
  std::int64_t rope_delta = 0;
};

namespace detail {

/// Writes the positions of a prompt, segment by segment.
class MropeWriter {
 public:
  MropeWriter(AxisPositionMatrix<std::int64_t>& ids, std::int64_t first)
      : ids_(ids), next_(first), largest_(first - 1) {}

  void append(const MropeSegment& s) {
    for (Eigen::Index i = 0; i < s.pad_tokens; ++i) put(s.pad_position, s.pad_position, s.pad_position);
    for (Eigen::Index i = 0; i < s.text_tokens; ++i) write(next_, next_, next_), ++next_;
    if (s.has_audio && s.audio_by_token) {
      append_audio_by_token(s);
    } else if (s.has_audio) {
      append_with_audio(s);
    } else {
      run_ = next_ - 1;
      append_video(s, next_, 0, std::int64_t{s.frames} * s.height * s.width);
      next_ = run_ + 1;
    }
  }
  /// One after every position so far.
  std::int64_t next_position() const { return largest_ + 1; }

 private:
  void put(std::int64_t t, std::int64_t y, std::int64_t x) {
    ids_(row_, 0) = t;
    ids_(row_, 1) = y;
    ids_(row_, 2) = x;
    ++row_;
  }
  void write(std::int64_t t, std::int64_t y, std::int64_t x) {
    put(t, y, x);
    run_ = (std::max)({run_, t, y, x});
    largest_ = (std::max)(largest_, run_);
  }
  /// Tokens from ... to - 1 of a video that begins at `start`.
  void append_video(const MropeSegment& s, std::int64_t start, std::int64_t from, std::int64_t to) {
    if (from >= to) return;
    const std::int64_t place = from % (std::int64_t{s.height} * s.width);
    std::int64_t row = place / s.width;
    std::int64_t column = place % s.width;
    std::int64_t time = time_of_token(s, from);
    for (std::int64_t token = from; token < to; ++token) {
      write(start + time, start + row, start + column);
      if (++column < s.width) continue;
      column = 0;
      if (++row < s.height) continue;
      row = 0;
      if (token + 1 < to) time = time_of_token(s, token + 1);
    }
  }
  void append_with_audio(const MropeSegment& s) {
    const std::int64_t start = next_ + 1;
    for (int i = 0; i < 2; ++i) write(next_, next_, next_);
    run_ = next_;
    const std::int64_t video_tokens = std::int64_t{s.frames} * s.height * s.width;
    std::int64_t video = 0;
    std::int64_t audio = 0;
    for (std::int64_t chunk = 1; video < video_tokens || audio < s.audio_tokens; ++chunk) {
      const std::int64_t end = chunk * s.positions_per_chunk;
      if (video < video_tokens) {  // a run has a token at least, wherever it is
        const std::int64_t from = video;
        for (++video; video < video_tokens && time_of_token(s, video) < end;) ++video;
        run_ = start - 1;
        append_video(s, start, from, video);
      }
      if (audio < s.audio_tokens) {
        run_ = start - 1;
        const std::int64_t from = audio;
        for (++audio; audio < s.audio_tokens && audio < end;) ++audio;
        for (std::int64_t i = from; i < audio; ++i) write(start + i, start + i, start + i);
      }
    }
    const std::int64_t ends = run_ + 1;
    for (int i = 0; i < 2; ++i) write(ends, ends, ends);
    next_ = ends + 1;
  }
  void append_audio_by_token(const MropeSegment& s) {
    for (int i = 0; i < 2; ++i) write(next_, next_, next_), ++next_;
    run_ = next_ - 1;
    const std::int64_t start = next_;
    const std::int64_t video_tokens = std::int64_t{s.frames} * s.height * s.width;
    std::int64_t video = 0;
    std::int64_t audio = 0;
    const auto append_audio = [&] { write(start + audio, start + audio, start + audio), ++audio; };
    while (video < video_tokens && audio < s.audio_tokens) {
      if (time_of_token(s, video) > audio) {
        append_audio();
      } else {
        append_video(s, start, video, video + 1);
        ++video;
      }
    }
    if (video + audio > 0) run_ = start - 1;  // what is left of the one that goes on longer
    append_video(s, start, video, video_tokens);
    while (audio < s.audio_tokens) append_audio();
    next_ = run_ + 1;
    for (int i = 0; i < 2; ++i) write(next_, next_, next_), ++next_;
  }
  static std::int64_t time_of_token(const MropeSegment& s, std::int64_t token) {
    return time_of_frame(s.time, token / (std::int64_t{s.height} * s.width));
  }

  AxisPositionMatrix<std::int64_t>& ids_;
  Eigen::Index row_ = 0;
  std::int64_t next_;
  std::int64_t largest_;
  std::int64_t run_ = 0;  ///< The largest position of the run that is written.
};

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
/// A left-padded sequence of a batch begins with MropeSegment::padding(): its rope_delta counts the pads as cached.
/// @param segments        The prompt in order.
/// @param first_position  Of the first token: `next_position` of what came before, or 0.
/// @returns               ids, tokens x 3, and where decoding goes on.
/// @throws std::invalid_argument  a negative count, or one beyond 2^20 (2^40 of tokens of text, audio or padding); a
///                                VideoTime of which only a part is given, or of no frame or no second; a chunk of no
///                                position; audio_tokens, audio_by_token or positions_per_chunk without that audio.
/// @throws std::out_of_range      first_position or a pad_position beyond +-2^57, or positions that grow by more than
///                                2^57.
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     three stores for each token, and a few divisions for each frame, of a video with audio for each token; one
///           allocation (bench_frequency: positions).
/// Accuracy: exact [positions][mrope].
/// Source:   Wang et al. 2024 (Qwen2-VL), arXiv:2409.12191, section 2.1.
/// Matches:  get_rope_index of Qwen2-VL, Qwen2.5-VL, Qwen2.5-Omni and Qwen3-Omni (TMRoPE) with its rope_deltas, and of
///           GLM-Image with the pictures that it makes as further ones, the last grid first. Qwen3-VL
///           gives each frame of a video as a picture of its own between time stamps. transformers 5.24 lets text after a
///           video of Qwen2-VL and Qwen2.5-VL begin max(height, width) after the video's start, however long the video
///           is: earlier versions and vLLM begin after its last frame, as here. Its Qwen3-Omni keeps the fraction of a
///           frame's time, which is floored here; at a whole number of positions for each frame there is none.
inline MropePositions mrope_positions(const std::vector<MropeSegment>& segments,
                                      detail::WholeNumber first_position = 0) {
  const char* const function = "mrope_positions";
  detail::require_position(function, "first_position", std::int64_t{first_position});
  const std::int64_t tokens = detail::require_segments(function, segments);

  MropePositions result;
  result.ids.resize(static_cast<Eigen::Index>(tokens), 3);
  detail::MropeWriter writer(result.ids, first_position);
  for (const MropeSegment& segment : segments) writer.append(segment);
  result.next_position = writer.next_position();
  result.rope_delta = result.next_position - (first_position + tokens);
  return result;
}

/// @overload
/// Says that segments are a list.
template <typename Segment, typename... More, std::enable_if_t<std::is_same_v<Segment, MropeSegment>, int> = 0>
MropePositions mrope_positions(const Segment&, const More&...) {
  static_assert(
      detail::kMisuse<Segment>,
      "posenc: segments are a list: write mrope_positions({MropeSegment::text(5), MropeSegment::image(4, 4)}), "
      "in braces or as a std::vector<MropeSegment>");
  return {};
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_MROPE_POSITIONS_HPP
