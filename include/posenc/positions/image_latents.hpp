// SPDX-License-Identifier: MIT
/// @file
/// Where text, picture and references are in the diffusion models of pictures: Qwen-Image, Z-Image, Lumina,
/// ERNIE-Image, Ideogram. FLUX and the models of its form are in flux_latents.hpp.
///
/// Below, i counts the tokens of text, y and x the rows and columns of a picture, and r the pictures, all from 0.
/// Channels pair up interleaved unless a model says half_split.
#ifndef POSENC_POSITIONS_IMAGE_LATENTS_HPP
#define POSENC_POSITIONS_IMAGE_LATENTS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/positions/detail/latent_rows.hpp"
#include "posenc/positions/grid_positions.hpp"
#include "posenc/positions/grid_shape.hpp"
#include "posenc/positions/mrope_segment.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {
namespace presets {

/// Positions of Qwen-Image: text, then pictures whose middle is at 0.
///
///     text         (m + i, m + i, m + i)    m = the largest of floor(height / 2), floor(width / 2)
///     picture r    (r, y - ceil(height / 2), x - ceil(width / 2))
///
/// For axial_frequencies({8, 28, 28}, 1e4).
/// @param text_tokens  >= 0.
/// @param pictures     Patches (pixels / 16) of the picture and of those that it is to follow (Edit), at least one.
/// @returns            tokens x 3.
/// @throws std::invalid_argument  no picture; text_tokens negative or beyond 2^40.
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     three stores for each token; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][latents].
/// Matches:  QwenEmbedRope of diffusers with scale_rope; of one picture NucleusMoEEmbedRope.
inline AxisPositionMatrix<std::int64_t> qwen_image_positions(detail::Size text_tokens,
                                                             const std::vector<GridShape>& pictures) {
  const char* const function = "presets::qwen_image_positions";
  detail::require_text_tokens(function, text_tokens);
  detail::require(!pictures.empty(), function, "pictures.size()", pictures.size(), "> 0");
  detail::LatentRows rows(function, text_tokens + detail::tokens_of(function, pictures, 3), 3);
  std::int64_t first = 0;
  for (const GridShape& p : pictures) first = (std::max)(first, std::int64_t{(std::max)(p.height(), p.width()) / 2});
  rows.append_diagonal(text_tokens, first);
  std::int64_t index = 0;
  for (const GridShape& p : pictures) {
    rows.append_picture(p, index++, p.height() / 2 - p.height(), p.width() / 2 - p.width());
  }
  return rows.take();
}

/// Positions of Qwen-Image 2.1: text and pictures in the order of the prompt, the new picture last. Every picture is
/// centered, at the place on the first axis that text has reached, and takes up max(h, w) places there.
///
///     text     (p, p, p)                                 p grows by 1 with each token
///     picture  (p, y - ceil(h / 2), x - ceil(w / 2))     p grows by max(h, w) behind it
///
/// For axial_frequencies({8, 28, 28}, 1e4).
/// @param segments  MropeSegment::text(tokens) and MropeSegment::image(height, width) of latents, in order.
/// @returns         tokens x 3.
/// @throws std::invalid_argument  a segment of another kind: a video, a picture with a time, audio or padding; otherwise
///                                as mrope_positions().
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     three stores for each token; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][latents].
/// Matches:  QwenImage21Rope of diffusers.
inline AxisPositionMatrix<std::int64_t> qwen_image21_positions(const std::vector<MropeSegment>& segments) {
  const char* const function = "presets::qwen_image21_positions";
  detail::LatentRows rows(function, detail::require_segments(function, segments), 3);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const MropeSegment& s = segments[i];
    const bool fits = s.frames <= 1 && !s.time.is_given() && !s.has_audio && s.pad_tokens == 0;
    if (fits) continue;
    detail::refuse<std::invalid_argument>(function, detail::element("segments", static_cast<Eigen::Index>(i)),
                                          "another kind of segment",
                                          "MropeSegment::text(tokens) or MropeSegment::image(height, width)");
  }
  std::int64_t next = 0;
  for (const MropeSegment& s : segments) {
    rows.append_diagonal(s.text_tokens, next);
    next += s.text_tokens;
    if (s.frames == 0 || s.height == 0 || s.width == 0) continue;
    const GridShape picture(s.height, s.width);
    rows.append_picture(picture, next, picture.height() / 2 - picture.height(), picture.width() / 2 - picture.width());
    next += (std::max)(picture.height(), picture.width());
  }
  return rows.take();
}

/// Positions of Z-Image: the picture, then text; both filled up to a multiple of 32 tokens.
///
///     picture  (n + 1, y, x)     n = text_tokens, filled up
///     fill     (0, 0, 0)         of the picture
///     text     (i + 1, 0, 0)     i < n: the fill of text is counted like text
///
/// For axial_frequencies({16, 24, 24}, 256).
/// @param text_tokens  >= 0.
/// @param picture      Its patches: pixels / 16.
/// @returns            tokens x 3, the fill included.
/// @throws std::invalid_argument  text_tokens negative or beyond 2^40.
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     three stores for each token; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][latents].
/// Matches:  ZImageTransformer2DModel of diffusers, basic mode.
inline AxisPositionMatrix<std::int64_t> z_image_positions(detail::Size text_tokens, const GridShape& picture) {
  const char* const function = "presets::z_image_positions";
  detail::require_text_tokens(function, text_tokens);
  const auto filled = [](std::int64_t tokens) { return (tokens + 31) / 32 * 32; };
  const std::int64_t text = filled(text_tokens);
  const std::int64_t patches = std::int64_t{picture.height()} * picture.width();
  detail::LatentRows rows(function, filled(patches) + text, 3);
  rows.append_picture(picture, text + 1);
  rows.skip(filled(patches) - patches);
  rows.append_text(text, 0, 1);
  return rows.take();
}

/// Positions of Ideogram 4: text, then the picture, which begins at 65,536 on every axis however long the text is.
///
///     text     (i, i, i)
///     picture  (65536, 65536 + y, 65536 + x)
///
/// For geometric_frequencies(256, 5e6) and interleaved_axes({88, 20, 20}), half_split.
/// @param text_tokens  >= 0, without padding: pads of a batch are in front, and masked.
/// @param picture      Its patches: pixels / 16.
/// @returns            tokens x 3.
/// @throws std::invalid_argument  text_tokens negative or beyond 2^40.
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     three stores for each token; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][latents].
/// Matches:  Ideogram4Pipeline of diffusers.
inline AxisPositionMatrix<std::int64_t> ideogram4_positions(detail::Size text_tokens, const GridShape& picture) {
  const char* const function = "presets::ideogram4_positions";
  constexpr std::int64_t first = 65536;
  detail::require_text_tokens(function, text_tokens);
  detail::LatentRows rows(function, text_tokens + std::int64_t{picture.height()} * picture.width(), 3);
  rows.append_diagonal(text_tokens, 0);
  rows.append_picture(picture, first, first, first);
  return rows.take();
}

/// Positions of Lumina Image 2.0: text, then the picture.
///
///     text     (i, 0, 0)
///     picture  (text_tokens, y, x)
///
/// For axial_frequencies({16, 16, 16}, 1e4).
/// @param text_tokens  >= 0, without padding.
/// @param picture      Its patches: pixels / 16.
/// @returns            tokens x 3.
/// @throws             as ideogram4_positions().
/// Cost:     three stores for each token; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][latents].
/// Matches:  Lumina2RotaryPosEmbed of diffusers.
inline AxisPositionMatrix<std::int64_t> lumina2_positions(detail::Size text_tokens, const GridShape& picture) {
  const char* const function = "presets::lumina2_positions";
  detail::require_text_tokens(function, text_tokens);
  detail::LatentRows rows(function, text_tokens + std::int64_t{picture.height()} * picture.width(), 3);
  rows.append_text(text_tokens, 0, 0);
  rows.append_picture(picture, text_tokens);
  return rows.take();
}

/// Positions of ERNIE-Image: the picture, then text.
///
///     picture  (text_tokens, y, x)
///     text     (i, 0, 0)
///
/// For presets::ernie_image_frequencies({32, 48, 48}, 256) and apply_channel_angles(), which is no rotation.
/// @param text_tokens  >= 0, without padding: pads of a batch are behind, and go on counting.
/// @param picture      Its patches.
/// @returns            tokens x 3.
/// @throws             as ideogram4_positions().
/// Cost:     three stores for each token; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][latents].
/// Matches:  ErnieImageTransformer2DModel of diffusers.
inline AxisPositionMatrix<std::int64_t> ernie_image_positions(detail::Size text_tokens, const GridShape& picture) {
  const char* const function = "presets::ernie_image_positions";
  detail::require_text_tokens(function, text_tokens);
  detail::LatentRows rows(function, text_tokens + std::int64_t{picture.height()} * picture.width(), 3);
  rows.append_picture(picture, text_tokens);
  rows.append_text(text_tokens, 0, 0);
  return rows.take();
}

}  // namespace presets
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_IMAGE_LATENTS_HPP
