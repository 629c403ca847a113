// SPDX-License-Identifier: MIT
/// @file
/// Positions: where tokens are, in text, padded and packed batches, grids, prompts with pictures, and latents.
#ifndef POSENC_POSITIONS_HPP
#define POSENC_POSITIONS_HPP

// What every call takes as positions.
#include "posenc/positions/position_range.hpp"  // first, first + 1, ...

#include "posenc/positions/position_list.hpp"  // a number for each token

#include "posenc/positions/each_sequence.hpp"  // batches stacked in one matrix

// Of text.
#include "posenc/positions/text_positions.hpp"  // padded, packed, in chunks

#include "posenc/positions/fairseq_positions.hpp"  // OPT and RoBERTa

#include "posenc/positions/shard_positions.hpp"  // split among devices

#include "posenc/positions/long_text_positions.hpp"  // Self-Extend, a cache that evicts

#include "posenc/positions/seed.hpp"  // what random numbers begin from

#include "posenc/positions/random_positions.hpp"  // for training on short text

// Of pictures.
#include "posenc/positions/grid_shape.hpp"  // rows and columns

#include "posenc/positions/grid_positions.hpp"  // of every cell

#include "posenc/positions/grid_axis.hpp"  // coordinates along one side, and of every cell by them

// Of prompts with pictures, videos and sound.
#include "posenc/positions/mrope_segment.hpp"  // a run of a prompt

#include "posenc/positions/mrope_positions.hpp"  // time, height and width of every token

// Of text and latents in diffusion models.
#include "posenc/positions/flux_latents.hpp"  // FLUX and models of its form

#include "posenc/positions/image_latents.hpp"  // Qwen-Image, Z-Image, Lumina and others

#include "posenc/positions/video_latents.hpp"  // Wan, HunyuanVideo, CogVideoX and others

#endif  // POSENC_POSITIONS_HPP
