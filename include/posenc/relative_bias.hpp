// SPDX-License-Identifier: MIT
/// @file
/// Relative biases: added to attention logits (and, for Shaw, to values).
#ifndef POSENC_RELATIVE_BIAS_HPP
#define POSENC_RELATIVE_BIAS_HPP

#include "posenc/relative_bias/attention_span.hpp"  // which queries meet which keys
#include "posenc/relative_bias/workspace.hpp"       // scratch memory that the caller keeps

// By distance alone: one number per head and distance.
#include "posenc/relative_bias/alibi.hpp"
#include "posenc/relative_bias/bias_mlp.hpp"
#include "posenc/relative_bias/distance_table.hpp"
#include "posenc/relative_bias/fire.hpp"
#include "posenc/relative_bias/kerple.hpp"
#include "posenc/relative_bias/sandwich.hpp"
#include "posenc/relative_bias/t5.hpp"

// In windows of an image.
#include "posenc/relative_bias/decomposed.hpp"
#include "posenc/relative_bias/grid_alibi.hpp"
#include "posenc/relative_bias/resize_window.hpp"
#include "posenc/relative_bias/swin_v2.hpp"
#include "posenc/relative_bias/window_bias.hpp"

// By content.
#include "posenc/relative_bias/cope.hpp"
#include "posenc/relative_bias/deberta.hpp"
#include "posenc/relative_bias/forgetting.hpp"
#include "posenc/relative_bias/relative_logits.hpp"
#include "posenc/relative_bias/shaw.hpp"
#include "posenc/relative_bias/transformer_xl.hpp"

#endif  // POSENC_RELATIVE_BIAS_HPP
