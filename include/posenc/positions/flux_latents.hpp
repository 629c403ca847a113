// SPDX-License-Identifier: MIT
/// @file
/// Where text, picture and references are in FLUX and the diffusion models that follow its form: Krea, Ovis, LongCat.
///
/// Below, i counts the tokens of text, y and x the rows and columns of a picture, and r the references, all from 0. The
/// frequencies of each model are named beside its positions; all of these models pair channels interleaved.
#ifndef POSENC_POSITIONS_FLUX_LATENTS_HPP
#define POSENC_POSITIONS_FLUX_LATENTS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/positions/detail/latent_rows.hpp"
#include "posenc/positions/grid_positions.hpp"
#include "posenc/positions/grid_shape.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

/// On which axes the references of flux_positions() differ from one another.
enum class FluxReferences {
  by_index,  ///< The first axis: reference r is at r + 1, from row and column 0.
  by_offset  ///< Rows and columns: all are at 1 on the first axis, each to the right of those before it, or below them
             ///< where that is less far.
};

namespace presets {

/// Positions of FLUX.1: text, the picture, then the pictures that it is to follow (Kontext).
///
///     text         (0, 0, 0)
///     picture      (0, y, x)
///     reference r  (r + 1, y, x)        by_index
///                  (1, y0 + y, x0 + x)  by_offset, (y0, x0) its corner: (0, 0) of the first reference
///
/// For axial_frequencies({8, 28, 28}, 1e4).
/// @param text_tokens  >= 0.
/// @param picture      Its patches: pixels / 16.
/// @param references   Their patches.
/// @param placement    On which axes references differ.
/// @returns            tokens x 3.
/// @throws std::invalid_argument  text_tokens negative or beyond 2^40; an enumerator that is none.
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     three stores for each token; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][latents].
/// Matches:  FluxPipeline and FluxKontextPipeline, ChromaPipeline, BriaPipeline, BriaFiboPipeline of diffusers; by_offset
///           stable-diffusion.cpp; without references Krea2Pipeline, for axial_frequencies({16, 24, 24}, 1e3);
///           JoyImageEditPlusTransformer3DModel of pictures, whose text does not rotate either.
inline AxisPositionMatrix<std::int64_t> flux_positions(detail::Size text_tokens, const GridShape& picture,
                                                       const std::vector<GridShape>& references = {},
                                                       FluxReferences placement = FluxReferences::by_index) {
  const char* const function = "presets::flux_positions";
  detail::require_named(function, "placement", placement, FluxReferences::by_offset);
  detail::require_text_tokens(function, text_tokens);
  const std::int64_t pictures =
      std::int64_t{picture.height()} * picture.width() + detail::tokens_of(function, references, 3);
  detail::LatentRows rows(function, text_tokens + pictures, 3);
  rows.skip(text_tokens);
  rows.append_picture(picture, 0);
  std::int64_t index = 0;
  std::int64_t bottom = 0;
  std::int64_t right = 0;
  for (const GridShape& reference : references) {
    if (placement == FluxReferences::by_index) {
      rows.append_picture(reference, ++index);
      continue;
    }
    const bool beside = reference.height() + bottom > reference.width() + right;
    const std::int64_t y = beside ? 0 : bottom;
    const std::int64_t x = beside ? right : 0;
    rows.append_picture(reference, 1, y, x);
    bottom = (std::max)(bottom, y + reference.height());
    right = (std::max)(right, x + reference.width());
  }
  return rows.take();
}

/// Positions of FLUX.2 on four axes: text, the picture, then its references.
///
///     text         (0, 0, 0, i)
///     picture      (0, y, x, 0)
///     reference r  (10 (r + 1), y, x, 0)
///
/// For axial_frequencies({16, 16, 16, 16}, 2000).
/// @param text_tokens  >= 0.
/// @param picture      Its patches: pixels / 16.
/// @param references   Their patches.
/// @returns            tokens x 4.
/// @throws             as flux_positions().
/// Cost:     four stores for each token; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][latents].
/// Matches:  Flux2Pipeline and Flux2KleinPipeline of diffusers.
inline AxisPositionMatrix<std::int64_t> flux2_positions(detail::Size text_tokens, const GridShape& picture,
                                                        const std::vector<GridShape>& references = {}) {
  const char* const function = "presets::flux2_positions";
  detail::require_text_tokens(function, text_tokens);
  const std::int64_t pictures =
      std::int64_t{picture.height()} * picture.width() + detail::tokens_of(function, references, 4);
  detail::LatentRows rows(function, text_tokens + pictures, 4);
  rows.append_text(text_tokens, 3, 0);
  rows.append_picture(picture, 0);
  std::int64_t time = 0;
  for (const GridShape& reference : references) rows.append_picture(reference, time += 10);
  return rows.take();
}

/// Positions of FLUX.3 on four axes: text, the picture, then its references. A patch is half a position.
///
///     text         (0, 0, 0, i)
///     picture      (0, y / 2, x / 2, 0)
///     reference r  (0, y / 2, x / 2, -(r + 1))
///
/// For axial_frequencies({16, 16, 16, 16}, 1e4).
/// @param text_tokens  >= 0.
/// @param picture      Its patches.
/// @param references   Their patches.
/// @returns            tokens x 4.
/// @throws             as flux_positions().
/// Cost:     four stores for each token, and two products; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][latents].
/// Matches:  Flux3PrepareLatentsStep, Flux3TextRoPEInputsStep and Flux3PrepareImageCondLatentsStep of diffusers, with
///           image_rope_scale 0.5.
inline AxisPositionMatrix<double> flux3_positions(detail::Size text_tokens, const GridShape& picture,
                                                  const std::vector<GridShape>& references = {}) {
  const char* const function = "presets::flux3_positions";
  detail::require_text_tokens(function, text_tokens);
  const std::int64_t pictures =
      std::int64_t{picture.height()} * picture.width() + detail::tokens_of(function, references, 4);
  detail::LatentRows<double> rows(function, text_tokens + pictures, 4);
  rows.append_text(text_tokens, 3, 0);
  rows.append_picture(picture, 0);
  std::int64_t index = 0;
  for (const GridShape& reference : references) {
    rows.append_picture(reference, 0);
    rows.set_last(reference.tokens(), 3, --index);
  }
  AxisPositionMatrix<double> positions = rows.take();
  for (Eigen::Index token = 0; token < positions.rows(); ++token) {
    for (const int axis : {1, 2}) positions(token, axis) *= 0.5;
  }
  return positions;
}

/// Positions of Ovis-Image: text on the axes of the picture, then the picture.
///
///     text     (0, i, i)
///     picture  (0, y, x)
///
/// For axial_frequencies({8, 28, 28}, 1e4).
/// @param text_tokens  >= 0.
/// @param picture      Its patches: pixels / 16.
/// @returns            tokens x 3.
/// @throws             as flux_positions().
/// Cost:     three stores for each token; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][latents].
/// Matches:  OvisImagePipeline of diffusers.
inline AxisPositionMatrix<std::int64_t> ovis_image_positions(detail::Size text_tokens, const GridShape& picture) {
  const char* const function = "presets::ovis_image_positions";
  detail::require_text_tokens(function, text_tokens);
  detail::LatentRows rows(function, text_tokens + std::int64_t{picture.height()} * picture.width(), 3);
  rows.append_diagonal(text_tokens, 0);
  rows.set_last(text_tokens, 0, 0);
  rows.append_picture(picture, 0);
  return rows.take();
}

/// Positions of LongCat-Image: text on the axes of the picture, then pictures that begin where text ends.
///
///     text       (0, i, i)
///     picture r  (r + 1, n + y, n + x)        n = text_tokens
///
/// For axial_frequencies({8, 28, 28}, 1e4).
/// @param text_tokens  >= 0, its padding included: 512 to make a picture.
/// @param pictures     Patches (pixels / 16) of the picture and of the one that it is to follow (Edit), at least one.
/// @returns            tokens x 3.
/// @throws std::invalid_argument  no picture; text_tokens negative or beyond 2^40.
/// @throws std::length_error      more tokens than memory's index type counts.
/// Cost:     three stores for each token; one allocation (bench_frequency: positions).
/// Accuracy: exact [positions][latents].
/// Matches:  LongCatImagePipeline and LongCatImageEditPipeline of diffusers.
inline AxisPositionMatrix<std::int64_t> longcat_image_positions(detail::Size text_tokens,
                                                                const std::vector<GridShape>& pictures) {
  const char* const function = "presets::longcat_image_positions";
  detail::require_text_tokens(function, text_tokens);
  detail::require(!pictures.empty(), function, "pictures.size()", pictures.size(), "> 0");
  detail::LatentRows rows(function, text_tokens + detail::tokens_of(function, pictures, 3), 3);
  rows.append_diagonal(text_tokens, 0);
  rows.set_last(text_tokens, 0, 0);
  std::int64_t index = 0;
  for (const GridShape& picture : pictures) rows.append_picture(picture, ++index, text_tokens, text_tokens);
  return rows.take();
}

}  // namespace presets
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_FLUX_LATENTS_HPP
