// SPDX-License-Identifier: MIT
/// @file
/// Where the patches of a video are in its diffusion models: Wan, HunyuanVideo, Kandinsky, CogVideoX, Cosmos, LTX,
/// Mochi, MiniMax-H3.
///
/// Below, t counts frames, and y and x the rows and columns of a frame, all from 0. Channels pair up interleaved unless
/// a model says half_split.
#ifndef POSENC_POSITIONS_VIDEO_LATENTS_HPP
#define POSENC_POSITIONS_VIDEO_LATENTS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/positions/detail/latent_rows.hpp"
#include "posenc/positions/grid_axis.hpp"
#include "posenc/positions/grid_positions.hpp"
#include "posenc/positions/grid_shape.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace posenc {
inline namespace POSENC_ABI {
namespace presets {

/// Positions of Wan 2.x: (t, y, x), each from 0. Text is in cross attention and has none.
///
/// For axial_frequencies({22, 21, 21}, 1e4).
/// @param frames   Of the latent video, > 0.
/// @param picture  Patches of a frame: pixels / 16.
/// @returns        tokens x 3.
/// @throws std::invalid_argument  frames <= 0 or beyond 2^20.
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     that of grid_positions() (bench_frequency: positions).
/// Accuracy: exact [positions][latents].
/// Matches:  WanRotaryPosEmbed of diffusers, and its like in SkyReels-V2, Sana-Video, SANA-WM, AnyFlow and Wan-Animate;
///           ChronoEdit, whose second frame of two is at 7; HeliosRotaryPosEmbed from frame 0, for
///           axial_frequencies({22, 21, 21}, 1e4), whose compressed history has means of cosines, which no rotation has.
inline AxisPositionMatrix<std::int64_t> wan_positions(detail::Size frames, const GridShape& picture) {
  detail::require_video("presets::wan_positions", frames, picture);
  return grid_positions(
      {static_cast<int>(frames), static_cast<int>(picture.height()), static_cast<int>(picture.width())});
}

/// Positions of HunyuanVideo: the video at (t, y, x), then text at (0, 0, 0), which is not rotated.
///
/// For axial_frequencies({8, 28, 28}, 256).
/// @param frames       Of the latent video, > 0.
/// @param picture      Patches of a frame: pixels / 16.
/// @param text_tokens  >= 0.
/// @returns            tokens x 3.
/// @throws std::invalid_argument  frames <= 0 or beyond 2^20; text_tokens negative or beyond 2^40.
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     three stores for each token; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][latents].
/// Matches:  HunyuanVideoRotaryPosEmbed of diffusers, and its text behind the video; HunyuanVideo15RotaryPosEmbed,
///           MotifVideoRotaryPosEmbed and, of three axes, HunyuanImageRotaryPosEmbed; JoyImageEditTransformer3DModel
///           with base 1e4; of one frame HiDreamImageTransformer2DModel, for axial_frequencies({32, 16, 16}, 1e4).
inline AxisPositionMatrix<std::int64_t> hunyuan_video_positions(detail::Size frames, const GridShape& picture,
                                                                detail::Size text_tokens) {
  const char* const function = "presets::hunyuan_video_positions";
  detail::require_video(function, frames, picture);
  detail::require_text_tokens(function, text_tokens);
  const std::int64_t patches = std::int64_t{picture.height()} * picture.width();
  detail::LatentRows rows(function, frames * patches + text_tokens, 3);
  for (Eigen::Index t = 0; t < frames; ++t) rows.append_picture(picture, t);
  return rows.take();
}

/// Positions of Kandinsky 5: (t, y / scale, x / scale), each from 0. Text has a stream and positions of its own: 0, 1, ...
///
/// For axial_frequencies({8, 12, 12}, 1e4).
/// @param frames   Of the latent video, > 0.
/// @param picture  Patches of a frame: pixels / 16.
/// @param scale    `scale_factor` of height and width, > 0: 2 in videos of 480 lines, 3.16 in larger ones.
/// @returns        tokens x 3.
/// @throws std::invalid_argument  frames <= 0 or beyond 2^20; a scale outside of [2^-20, 2^20].
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     that of grid_positions() (bench_frequency: positions).
/// Accuracy: one ulp of float [positions][latents].
/// Matches:  Kandinsky5RoPE3D and Kandinsky6RoPE3D of diffusers, which divide the angles.
inline AxisPositionMatrix<double> kandinsky5_positions(detail::Size frames, const GridShape& picture, double scale) {
  const char* const function = "presets::kandinsky5_positions";
  detail::require_video(function, frames, picture);
  detail::require_scale(function, "scale", scale);
  return grid_positions({GridAxis::counted(frames), GridAxis::counted(picture.height()).times(1 / scale),
                         GridAxis::counted(picture.width()).times(1 / scale)});
}

/// Positions of CogVideoX 1.0: a grid stretched and cropped to the one that it was trained on. Text, in front of the
/// video, is not rotated.
///
///     t from 0;  y from top to (top + h) (n - 1) / n in n = height steps, x alike
///
/// with h x w the largest size of the video's form that fits into `base`, in whole patches, and
/// top = round((base height - h) / 2), halves to even. For axial_frequencies({d / 8, 3 d / 16, 3 d / 16}, 1e4) and
/// heads of d channels. CogVideoX 1.5 counts from 0: wan_positions().
/// @param frames   Of the latent video, > 0.
/// @param picture  Patches of a frame: pixels / 16.
/// @param base     Patches that it was trained on: GridShape(30, 45).
/// @returns        tokens x 3, without the text.
/// @throws std::invalid_argument  frames <= 0 or beyond 2^20.
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     that of grid_positions() (bench_frequency: positions).
/// Accuracy: one ulp of float [positions][latents].
/// Matches:  get_3d_rotary_pos_embed and get_resize_crop_region_for_grid of diffusers; EasyAnimateRotaryPosEmbed.
inline AxisPositionMatrix<double> cogvideox_positions(detail::Size frames, const GridShape& picture,
                                                      const GridShape& base) {
  detail::require_video("presets::cogvideox_positions", frames, picture);
  const double height = static_cast<double>(picture.height());
  const double width = static_cast<double>(picture.width());
  const double base_height = static_cast<double>(base.height());
  const double base_width = static_cast<double>(base.width());
  const bool tall = height * base_width > base_height * width;
  const double resized_height = tall ? base_height : std::nearbyint(base_width / width * height);
  const double resized_width = tall ? std::nearbyint(base_height / height * width) : base_width;
  const double top = std::nearbyint((base_height - resized_height) / 2);
  const double left = std::nearbyint((base_width - resized_width) / 2);
  const double bottom = (top + resized_height) * (height - 1) / height;
  const double right = (left + resized_width) * (width - 1) / width;
  return grid_positions({GridAxis::counted(frames), GridAxis::linspace(picture.height(), {top, bottom}),
                         GridAxis::linspace(picture.width(), {left, right})});
}

/// Positions of Cosmos: (24 t / frames_per_second, y, x), each from 0.
///
/// half_split, with a base 1e4 s^(d / (d - 2)) for each axis of d channels, s being its entry of `rope_scale`: see
/// axial_frequencies() with a list of bases.
/// @param frames             Of the latent video, > 0.
/// @param picture            Patches of a frame: pixels / 16.
/// @param frames_per_second  > 0. 24, which counts frames, for pictures.
/// @returns                  tokens x 3.
/// @throws std::invalid_argument  frames <= 0 or beyond 2^20; frames_per_second outside of [2^-20, 2^20].
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     that of grid_positions() (bench_frequency: positions).
/// Accuracy: one ulp of float [positions][latents].
/// Matches:  CosmosRotaryPosEmbed of diffusers.
inline AxisPositionMatrix<double> cosmos_positions(detail::Size frames, const GridShape& picture,
                                                   double frames_per_second) {
  const char* const function = "presets::cosmos_positions";
  detail::require_video(function, frames, picture);
  detail::require_scale(function, "frames_per_second", frames_per_second);
  return grid_positions({GridAxis::counted(frames).times(24 / frames_per_second), GridAxis::counted(picture.height()),
                         GridAxis::counted(picture.width())});
}

/// Positions of LTX-Video: seconds and pixels as parts of the largest ones, moved to begin at -1.
///
///     (2 s / 20 - 1, 2 * 32 y / 2048 - 1, 2 * 32 x / 2048 - 1)
///     s = 8 t / frames_per_second;  causal: max(8 t - 7, 0) / frames_per_second, the first frame being one picture
///
/// For frequencies 1e4^(k / (n - 1)) pi / 2, k < n, of pair 3 k + a on axis a. They rotate all heads of a token as one:
/// RopeLayout::interleaved(width).suffix(6 n) with n = floor(width / 6). LTX-2 has other positions, those of the middle
/// of each patch.
/// @param frames             Of the latent video, > 0: one for 8 pictures.
/// @param picture            Patches of a frame: pixels / 32.
/// @param frames_per_second  Of the video, > 0.
/// @param causal             False: LTXPipeline. True: LTXConditionPipeline (0.9.5 and later).
/// @returns                  tokens x 3.
/// @throws std::invalid_argument  frames <= 0 or beyond 2^20; frames_per_second outside of [2^-20, 2^20].
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     that of grid_positions() (bench_frequency: positions).
/// Accuracy: one ulp of float at 1 [positions][latents].
/// Matches:  LTXVideoRotaryPosEmbed of diffusers with the coordinates of its pipelines.
inline AxisPositionMatrix<double> ltx_positions(detail::Size frames, const GridShape& picture, double frames_per_second,
                                                detail::Switch causal) {
  const char* const function = "presets::ltx_positions";
  detail::require_video(function, frames, picture);
  detail::require_scale(function, "frames_per_second", frames_per_second);
  const double frame = 8 / frames_per_second / 20 * 2;
  auto positions = grid_positions({GridAxis::counted(frames).times(frame).from(-1),
                                   GridAxis::counted(picture.height()).times(1.0 / 32).from(-1),
                                   GridAxis::counted(picture.width()).times(1.0 / 32).from(-1)});
  if (causal) {
    const Eigen::Index patches = picture.tokens();
    for (Eigen::Index t = 0; t < frames; ++t) {
      const double pictures = static_cast<double>(t > 0 ? 8 * t - 7 : 0);
      for (Eigen::Index i = 0; i < patches; ++i) {
        positions(t * patches + i, 0) = pictures / frames_per_second / 20 * 2 - 1;
      }
    }
  }
  return positions;
}

/// Positions of Mochi: frames from 0, and rows and columns around 0, scaled to an area of 192 x 192.
///
///     (t, (y - (height - 1) / 2) s, (x - (width - 1) / 2) s)        s = sqrt(192 * 192 / (height width))
///
/// For make_mixed_table() with the trained frequencies of each head. Text, behind the video, is not rotated.
/// @param frames   Of the latent video, > 0.
/// @param picture  Patches of a frame: pixels / 16.
/// @returns        tokens x 3, without the text.
/// @throws std::invalid_argument  frames <= 0 or beyond 2^20.
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     that of grid_positions() (bench_frequency: positions).
/// Accuracy: one ulp of float, of the largest position [positions][latents].
/// Matches:  MochiRoPE of diffusers.
inline AxisPositionMatrix<double> mochi_positions(detail::Size frames, const GridShape& picture) {
  detail::require_video("presets::mochi_positions", frames, picture);
  const double scale = 192 / std::sqrt(static_cast<double>(picture.height()) * static_cast<double>(picture.width()));
  return grid_positions({GridAxis::counted(frames), GridAxis::symmetric(picture.height()).times(scale),
                         GridAxis::symmetric(picture.width()).times(scale)});
}

/// Positions of MiniMax-H3: text, then sound of two channels, the left before the right, then the video. All go on from
/// the end of the text in time; rows and columns share an area of 32 x 32 around (16, 16).
///
///     text   (i, 0, 0)
///     sound  (n + j, 0, x0), then (n + j, 0, x1)      n = text_tokens, x0 and x1 the first and the last column of the video
///     video  (n + 5/3 m, 16 - 16 r + 32 r y / height, 16 - 16 / r + 32 x / (r width))      r = sqrt(height / width)
///            m = the pictures before frame t, of which frames 0, 5, 10, ... are one and the others four:
///            0 1 5 9 13 17 18 22 ...
///
/// half_split, for axial_frequencies({16, 16, 16}, 1e4). A keyframe has the rows and columns of a frame and is in front of
/// the sound: the first at time n, the last at n + 5/3 (pictures - 1).
/// @param text_tokens   >= 0.
/// @param frames        Of the latent video, > 0.
/// @param picture       Patches of a frame.
/// @param audio_tokens  Of each channel, >= 0: 40 in a second.
/// @returns             tokens x 3.
/// @throws std::invalid_argument  frames <= 0 or beyond 2^20; text_tokens or audio_tokens negative or beyond 2^40.
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     three stores for each token; one allocation (bench_frequency: positions).
/// Accuracy: one ulp of float, of 1 where the position is smaller [positions][latents].
/// Matches:  MiniMaxH3PrepareLayoutStep of diffusers without keyframes.
inline AxisPositionMatrix<double> minimax_h3_positions(detail::Size text_tokens, detail::Size frames,
                                                       const GridShape& picture, detail::Size audio_tokens) {
  const char* const function = "presets::minimax_h3_positions";
  constexpr Eigen::Index limit = detail::kMaxSeqLen;
  detail::require_text_tokens(function, text_tokens);
  detail::require(audio_tokens >= 0 && audio_tokens <= limit, function, "audio_tokens", audio_tokens, "in [0, ", limit,
                  "]");
  detail::require_video(function, frames, picture);
  const double ratio = std::sqrt(static_cast<double>(picture.height()) / static_cast<double>(picture.width()));
  const GridAxis y = GridAxis::linspace_without_endpoint(picture.height(), {16 - 16 * ratio, 16 + 16 * ratio});
  const GridAxis x = GridAxis::linspace_without_endpoint(picture.width(), {16 - 16 / ratio, 16 + 16 / ratio});
  const std::int64_t patches = std::int64_t{picture.height()} * picture.width();
  const std::int64_t sound = 2 * std::int64_t{audio_tokens};
  detail::LatentRows<double> rows(function, text_tokens + sound + std::int64_t{frames} * patches, 3);
  rows.append_text(text_tokens, 0, 0);
  AxisPositionMatrix<double> positions = rows.take();
  const double start = static_cast<double>(text_tokens);
  Eigen::Index row = text_tokens;
  for (const double side : {x[0], x[picture.width() - 1]}) {
    for (Eigen::Index j = 0; j < audio_tokens; ++j, ++row) {
      positions(row, 0) = start + static_cast<double>(j);
      positions(row, 2) = side;
    }
  }
  for (Eigen::Index f = 0; f < frames; ++f) {
    const Eigen::Index pictures = f / 5 * 17 + (f % 5 > 0 ? 4 * (f % 5) - 3 : 0);
    for (Eigen::Index i = 0; i < picture.height(); ++i) {
      for (Eigen::Index j = 0; j < picture.width(); ++j, ++row) {
        positions(row, 0) = start + static_cast<double>(5 * pictures) / 3;
        positions(row, 1) = y[i];
        positions(row, 2) = x[j];
      }
    }
  }
  return positions;
}

}  // namespace presets
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_VIDEO_LATENTS_HPP
