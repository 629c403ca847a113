// SPDX-License-Identifier: MIT
/// @file
/// The shared source of angles: frequencies, the rules that extend a context, and the cos/sin table.
#ifndef POSENC_FREQUENCY_HPP
#define POSENC_FREQUENCY_HPP

#include "posenc/frequency/axial.hpp"            // spectra of vision towers
#include "posenc/frequency/axis_map.hpp"         // which of several positions drives which pair: M-RoPE, axial
#include "posenc/frequency/cache.hpp"            // other codebases' cos/sin caches: read in place, written
#include "posenc/frequency/channel_order.hpp"    // where sines and cosines stand in a row
#include "posenc/frequency/frequencies.hpp"      // one angular frequency per pair: geometric, spaced, a list
#include "posenc/frequency/grid_positions.hpp"   // positions of pictures and videos
#include "posenc/frequency/make_axis_table.hpp"  // ... with a position for each axis
#include "posenc/frequency/make_table.hpp"       // frequencies x positions -> table
#include "posenc/frequency/mrope_positions.hpp"  // positions of text with pictures in it
#include "posenc/frequency/position_ids.hpp"     // positions of padded, packed and chunked text
#include "posenc/frequency/positions.hpp"        // a range, integer ids, real numbers
#include "posenc/frequency/scale_linear.hpp"     // position interpolation, a factor per pair, proportional
#include "posenc/frequency/scale_llama3.hpp"     // Llama 3
#include "posenc/frequency/scale_longrope.hpp"   // LongRoPE (Phi-3)
#include "posenc/frequency/scale_ntk.hpp"        // NTK-aware, dynamic, fixed, mixed
#include "posenc/frequency/scale_yarn.hpp"       // YaRN, with DeepSeek's mscale
#include "posenc/frequency/table.hpp"            // cos and sin, one row per position

#endif  // POSENC_FREQUENCY_HPP
