// SPDX-License-Identifier: MIT
/// @file
/// Positions: where tokens are, in text, padded and packed batches, grids and prompts with pictures.
#ifndef POSENC_POSITIONS_HPP
#define POSENC_POSITIONS_HPP

// Of tokens, for any call.
#include "posenc/positions/each_sequence.hpp"   // batches stacked in one matrix
#include "posenc/positions/position_list.hpp"   // a number for each token
#include "posenc/positions/position_range.hpp"  // first, first + 1, ...

// Of text.
#include "posenc/positions/fairseq_positions.hpp"    // OPT and RoBERTa
#include "posenc/positions/long_text_positions.hpp"  // Self-Extend, a cache that evicts
#include "posenc/positions/random_positions.hpp"     // for training on short text
#include "posenc/positions/shard_positions.hpp"      // split among devices
#include "posenc/positions/text_positions.hpp"       // padded, packed, in chunks

// Of pictures and of prompts with pictures.
#include "posenc/positions/grid_axis.hpp"
#include "posenc/positions/grid_positions.hpp"
#include "posenc/positions/grid_shape.hpp"
#include "posenc/positions/image_latents.hpp"
#include "posenc/positions/mrope_positions.hpp"
#include "posenc/positions/mrope_segment.hpp"
#include "posenc/positions/video_latents.hpp"

#endif  // POSENC_POSITIONS_HPP
