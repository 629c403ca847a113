// SPDX-License-Identifier: MIT
/// @file
/// MropeSegment: a run of a multimodal prompt.
#ifndef POSENC_POSITIONS_MROPE_SEGMENT_HPP
#define POSENC_POSITIONS_MROPE_SEGMENT_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/limits.hpp"
#include "posenc/detail/position_scalar.hpp"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <type_traits>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// When the frames of a video are on the time axis, as an exact ratio of integers:
///
///     frame f is at floor(f * positions_per_second * seconds / frames)
///
/// It is computed in integers, because frames fall on whole positions: at 25 positions per second and 2/3 s a frame,
/// frame 3 is at 50, and at 49 in floating point. Frames and seconds are a ratio, and need not be those of the whole
/// video.
///
///     VideoTime().positions_per_second(25).frames(3).seconds(2)
///
/// VideoTime() alone is one position for each frame, as in Qwen2-VL; of the three, all are given or none.
class VideoTime {
 public:
  /// @param rate  `tokens_per_second` of the config, >= 0: 2 or 25 in Qwen2.5-VL.
  VideoTime positions_per_second(detail::WholeNumber rate) const { return with(&VideoTime::rate_, rate); }
  /// @overload
  /// Says that a config need not give it.
  template <typename Rate>
  VideoTime positions_per_second(const std::optional<Rate>&) const {
    static_assert(detail::kMisuse<Rate>,
                  "posenc: a config may not say how many positions a second has: write if (set.positions_per_second) "
                  "and VideoTime().positions_per_second(*set.positions_per_second)");
    return *this;
  }
  /// @param count  Frames of the video, after temporal merging, > 0.
  VideoTime frames(detail::WholeNumber count) const { return with(&VideoTime::frames_, count); }
  /// @param time  How long they last, > 0: 3 frames in 2 s, 15000 frames in 1001 s.
  VideoTime seconds(detail::WholeNumber time) const { return with(&VideoTime::seconds_, time); }

  /// What was given, else 1, and likewise below.
  std::int64_t positions_per_second() const { return rate_.value_or(1); }
  std::int64_t frames() const { return frames_.value_or(1); }
  std::int64_t seconds() const { return seconds_.value_or(1); }
  /// Whether one of the three is given.
  bool is_given() const { return rate_.has_value() || frames_.has_value() || seconds_.has_value(); }
  /// Whether all three are given, or none.
  bool is_complete() const {
    return rate_.has_value() == frames_.has_value() && rate_.has_value() == seconds_.has_value();
  }

 private:
  VideoTime with(std::optional<std::int64_t> VideoTime::*number, std::int64_t value) const {
    VideoTime time = *this;
    time.*number = value;
    return time;
  }

  std::optional<std::int64_t> rate_;
  std::optional<std::int64_t> frames_;
  std::optional<std::int64_t> seconds_;
};

/// The sound of a video, and how it lies among the frames, in which models differ:
///
///     VideoSound().tokens(50).positions_per_chunk(50)     Qwen2.5-Omni: the video of a chunk, then its audio
///     VideoSound().tokens(26).by_token()                  Qwen3-Omni: token by token, in the order of time
class VideoSound {
 public:
  /// @param count  Audio tokens, >= 0, each one position: 25 for a second in Qwen2.5-Omni, 13 in Qwen3-Omni.
  VideoSound tokens(detail::Size count) const {
    return VideoSound(Eigen::Index{count}, positions_per_chunk_, by_token_);
  }
  /// The video and the audio of each chunk are one behind the other.
  /// @param count  Positions of a chunk, > 0: position_id_per_seconds * seconds_per_chunk of the config, 50 in
  ///               Qwen2.5-Omni.
  VideoSound positions_per_chunk(detail::Size count) const {
    return VideoSound(tokens_, Eigen::Index{count}, by_token_);
  }
  /// Video and audio lie token by token, in the order of time, video before audio at equal times.
  VideoSound by_token() const { return VideoSound(tokens_, positions_per_chunk_, true); }
  VideoSound() = default;

  Eigen::Index tokens() const { return tokens_.value_or(0); }
  Eigen::Index positions_per_chunk() const { return positions_per_chunk_.value_or(1); }
  bool is_by_token() const { return by_token_; }
  /// Whether the tokens are given, and one of the two orders.
  bool is_complete() const { return tokens_.has_value() && positions_per_chunk_.has_value() != by_token_; }

 private:
  VideoSound(std::optional<Eigen::Index> tokens, std::optional<Eigen::Index> positions_per_chunk, bool by_token)
      : tokens_(tokens), positions_per_chunk_(positions_per_chunk), by_token_(by_token) {}

  std::optional<Eigen::Index> tokens_;
  std::optional<Eigen::Index> positions_per_chunk_;
  bool by_token_ = false;
};

namespace detail {

template <typename... Given>
constexpr bool explain_video() {
  static_assert(
      kMisuse<Given...>,
      "posenc: write MropeSegment::video(frames, height, width, VideoTime()), with a position for each frame, "
      "or VideoTime().positions_per_second(25).frames(3).seconds(2) in place of VideoTime()");
  return true;
}

}  // namespace detail

/// A run of a multimodal prompt: text, a picture, a video, audio, or padding.
struct MropeSegment {
  /// `tokens` of text, >= 0.
  static MropeSegment text(detail::Size tokens) {
    MropeSegment segment;
    segment.text_tokens = tokens;
    return segment;
  }
  /// `tokens` of audio, >= 0, each at the next position on all axes: 40 ms, or 1/25 s, in Qwen2.5-Omni.
  static MropeSegment audio(detail::Size tokens) { return text(tokens); }
  /// A picture of height x width tokens (after spatial merging), >= 0.
  static MropeSegment image(detail::Size height, detail::Size width) { return video(1, height, width, VideoTime()); }
  /// A video of frames x height x width tokens (after temporal and spatial merging), >= 0, whose frames are at `time`.
  /// `time` has no default, because Qwen2-VL and Qwen2.5-VL differ here.
  static MropeSegment video(detail::Size frames, detail::Size height, detail::Size width, const VideoTime& time) {
    MropeSegment segment;
    segment.frames = frames;
    segment.height = height;
    segment.width = width;
    segment.time = time;
    return segment;
  }
  /// @overload
  /// Says how the time is written.
  template <typename Frames, typename Height, typename Width, typename Number,
            std::enable_if_t<std::is_arithmetic_v<Number>, int> = 0>
  static MropeSegment video(const Frames&, const Height&, const Width&, std::initializer_list<Number>) {
    static_assert(detail::explain_video<Number>());
    return {};
  }
  /// @overload
  /// Says what is missing.
  template <typename... Numbers, std::enable_if_t<(std::is_arithmetic_v<Numbers> && ...), int> = 0>
  static MropeSegment video(const Numbers&...) {
    static_assert(detail::explain_video<Numbers...>());
    return {};
  }
  /// A video with its sound, and the two tokens in front that begin video and audio and the two behind that end them,
  /// all four part of the segment. By chunks, where the two in front share a position and so do the two behind:
  ///
  ///     bos bos | video < c | audio < c | video < 2 c | audio < 2 c | ... | eos eos
  ///
  /// By token, where each of the four has a position of its own, with frames at 0, 13, 26:
  ///
  ///     bos bos | frame 0 | audio 0 ... 12 | frame 1 | audio 13 ... 25 | frame 2 | rest of the audio | eos eos
  ///
  /// The eos begin one after the largest position of the last run in front of them, of video or of audio, even where
  /// the other of the two went further.
  /// @param sound  VideoSound().tokens(count).positions_per_chunk(count), whose count of a chunk is c, or
  ///               VideoSound().tokens(count).by_token().
  /// @throws std::invalid_argument  the tokens or the order are not given, or both orders are.
  static MropeSegment video_with_audio(detail::Size frames, detail::Size height, detail::Size width,
                                       const VideoTime& time, const VideoSound& sound) {
    detail::require(sound.is_complete(), "MropeSegment::video_with_audio", "sound", "an incomplete one, or both",
                    "VideoSound().tokens(count) with either positions_per_chunk(count) or by_token()");
    MropeSegment segment = video(frames, height, width, time);
    segment.has_audio = true;
    segment.audio_by_token = sound.is_by_token();
    segment.audio_tokens = sound.tokens();
    segment.positions_per_chunk = sound.positions_per_chunk();
    return segment;
  }
  /// `tokens` of padding, >= 0, all at 1 (`pad_position`) on all axes, which take no positions from the prompt: what is in
  /// front of a left-padded sequence of a batch. Attention must mask them.
  static MropeSegment padding(detail::Size tokens) {
    MropeSegment segment;
    segment.pad_tokens = tokens;
    return segment;
  }

  detail::Size text_tokens = 0;           ///< Of text or audio alone.
  detail::Size frames = 0;                ///< 1 for a picture.
  detail::Size height = 0;                ///< Of a picture or a frame [tokens].
  detail::Size width = 0;                 ///< The same.
  VideoTime time = {};                    ///< When the frames are.
  detail::Switch has_audio = false;       ///< Whether the video has sound.
  detail::Switch audio_by_token = false;  ///< VideoSound::by_token().
  detail::Size audio_tokens = 0;          ///< Of the sound.
  detail::Size positions_per_chunk = 1;   ///< VideoSound::positions_per_chunk().
  detail::Size pad_tokens = 0;            ///< Of padding.
  detail::WholeNumber pad_position = 1;   ///< Where padding is, on all axes.
};

namespace detail {

/// Position of a frame after that of frame 0. Each factor is at most kMaxGridSide, so that the product fits.
inline std::int64_t time_of_frame(const VideoTime& time, std::int64_t frame) {
  return frame * (time.positions_per_second() * time.seconds()) / time.frames();
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
    if (!s.time.is_complete()) {
      refuse<std::invalid_argument>(function, element("segments", static_cast<Eigen::Index>(i)) + ".time", "a part",
                                    "positions_per_second, frames and seconds, or none of them");
    }
    require_count(".time.positions_per_second", s.time.positions_per_second(), 0, most);
    require_count(".time.frames", s.time.frames(), 1, most);
    require_count(".time.seconds", s.time.seconds(), 1, most);
    require_count(".audio_tokens", s.audio_tokens, 0, kMaxSeqLen);
    if (!s.has_audio && s.audio_tokens != 0) {
      refuse<std::invalid_argument>(function, element("segments", static_cast<Eigen::Index>(i)) + ".audio_tokens",
                                    s.audio_tokens, "0 where has_audio is false");
    }
    if (!s.has_audio && s.audio_by_token) {
      refuse<std::invalid_argument>(function, element("segments", static_cast<Eigen::Index>(i)) + ".audio_by_token",
                                    "true", "false where has_audio is false");
    }
    require_count(".positions_per_chunk", s.positions_per_chunk, 1, most);
    if (s.positions_per_chunk != 1 && (!s.has_audio || s.audio_by_token)) {
      refuse<std::invalid_argument>(function,
                                    element("segments", static_cast<Eigen::Index>(i)) + ".positions_per_chunk",
                                    s.positions_per_chunk, "1 where no audio lies among the frames by chunks");
    }
    require_count(".pad_tokens", s.pad_tokens, 0, kMaxSeqLen);
    if (!is_position(std::int64_t{s.pad_position})) {
      require_position(function, element("segments", static_cast<Eigen::Index>(i)) + ".pad_position",
                       std::int64_t{s.pad_position});
    }
    const std::int64_t markers = s.has_audio ? 4 : 0;
    const std::int64_t of_segment = std::int64_t{s.text_tokens} + s.pad_tokens + s.audio_tokens + markers +
                                    std::int64_t{s.frames} * s.height * s.width;
    require_size(function, "number of tokens", 1, of_segment, 3 * sizeof(std::int64_t));
    tokens += of_segment;
    require_size(function, "number of tokens", 1, tokens, 3 * sizeof(std::int64_t));
    span +=
        std::int64_t{s.text_tokens} + s.audio_tokens + markers + time_of_frame(s.time, s.frames) + s.height + s.width;
    require_in_range(span <= kMaxPosition, function, "span of the positions", span, "at most 2^57");
  }
  return tokens;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_MROPE_SEGMENT_HPP
