// SPDX-License-Identifier: MIT
/// @file
/// Relative biases: added to attention logits (and, for Shaw, to values).
#ifndef POSENC_RELATIVE_BIAS_HPP
#define POSENC_RELATIVE_BIAS_HPP

// Which queries meet which keys, and at which distances.
#include "posenc/relative_bias/distance_range.hpp"

#include "posenc/relative_bias/attention_span.hpp"

// By distance alone: one number per head and distance.
#include "posenc/relative_bias/distance_table.hpp"  // the numbers
#include "posenc/relative_bias/table_head.hpp"      // one head of them

#include "posenc/relative_bias/add_distance_bias.hpp"    // added to logits
#include "posenc/relative_bias/gated_distance_bias.hpp"  // with a gate for each query

#include "posenc/relative_bias/alibi.hpp"
#include "posenc/relative_bias/kerple.hpp"
#include "posenc/relative_bias/sandwich.hpp"
#include "posenc/relative_bias/t5.hpp"

// By distance, from a small network.
#include "posenc/relative_bias/bias_mlp.hpp"  // the network

#include "posenc/relative_bias/fire.hpp"
#include "posenc/relative_bias/mlp_table.hpp"

// By distance between any positions.
#include "posenc/relative_bias/segment_pairs.hpp"  // tokens of different segments

#include "posenc/relative_bias/bucket_bias.hpp"

// In windows of an image.
#include "posenc/relative_bias/window_index.hpp"
#include "posenc/relative_bias/window_table.hpp"  // the numbers

#include "posenc/relative_bias/add_window_bias.hpp"  // added to logits

#include "posenc/relative_bias/video_window.hpp"  // of three axes

#include "posenc/relative_bias/decomposed.hpp"
#include "posenc/relative_bias/grid_alibi.hpp"
#include "posenc/relative_bias/resize_window.hpp"
#include "posenc/relative_bias/swin_v2.hpp"

// By content: the attention around a scheme, then the schemes.
#include "posenc/relative_bias/content_attention.hpp"
#include "posenc/relative_bias/workspace.hpp"  // scratch memory that the caller keeps

#include "posenc/relative_bias/relative_gradients.hpp"  // what a backward adds into

#include "posenc/relative_bias/cope.hpp"
#include "posenc/relative_bias/forgetting.hpp"

#include "posenc/relative_bias/distance_clip.hpp"

#include "posenc/relative_bias/shaw.hpp"
#include "posenc/relative_bias/shaw_values.hpp"

#include "posenc/relative_bias/banded_logits.hpp"
#include "posenc/relative_bias/relative_logits.hpp"
#include "posenc/relative_bias/relative_shift.hpp"
#include "posenc/relative_bias/relative_sinusoids.hpp"
#include "posenc/relative_bias/transformer_xl.hpp"

#include "posenc/relative_bias/deberta_buckets.hpp"
#include "posenc/relative_bias/deberta_terms.hpp"  // their tables

#include "posenc/relative_bias/deberta.hpp"

#endif  // POSENC_RELATIVE_BIAS_HPP
