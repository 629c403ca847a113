// SPDX-License-Identifier: MIT
/// @file
/// The shared source of angles: frequencies, the rules that extend a context, and the cos/sin table.
#ifndef POSENC_FREQUENCY_HPP
#define POSENC_FREQUENCY_HPP

// Positions that every table takes; posenc/positions.hpp has the others.
#include "posenc/positions/position_range.hpp"  // first, first + 1, ...

#include "posenc/positions/position_list.hpp"  // a number for each token

#include "posenc/positions/each_sequence.hpp"  // batches stacked in one matrix

#include "posenc/positions/grid_positions.hpp"  // of every cell of a grid

// How fast each pair rotates.
#include "posenc/frequency/frequencies.hpp"  // geometric, spaced, a list

// Rules that extend the context.
#include "posenc/frequency/scale_linear.hpp"  // position interpolation, a factor per pair, proportional

#include "posenc/frequency/scale_ntk.hpp"  // NTK-aware, dynamic, fixed, mixed

#include "posenc/frequency/scale_yarn.hpp"  // YaRN, with DeepSeek's mscale

#include "posenc/frequency/scale_llama3.hpp"  // Llama 3

#include "posenc/frequency/scale_longrope.hpp"  // LongRoPE (Phi-3)

#include "posenc/frequency/scale_periodic.hpp"  // every pair returns after a period: seamless pictures

// The cos/sin table.
#include "posenc/frequency/make_table.hpp"  // frequencies x positions -> table

#include "posenc/frequency/table_options.hpp"  // how cosines and sines lie in memory

#include "posenc/frequency/frequency_table.hpp"  // cos and sin, one row per position

#include "posenc/frequency/frequency_table_view.hpp"  // the same, in memory that lies elsewhere

#include "posenc/frequency/table_rotation.hpp"  // a table, its adjoint or its inverse

#include "posenc/frequency/table_rows.hpp"  // which row of a table each token takes

#include "posenc/frequency/cos_sin_cache.hpp"  // other codebases' cos/sin caches: read in place, written

#include "posenc/frequency/channel_order.hpp"  // where sinusoids have their sines and cosines

// Frequencies of each sequence of a batch.
#include "posenc/frequency/make_sequence_table.hpp"

// Several axes.
#include "posenc/frequency/axis_map.hpp"  // which of several positions drives which pair: M-RoPE, axial

#include "posenc/frequency/axial_frequencies.hpp"  // spectra of vision towers

#include "posenc/frequency/make_axis_table.hpp"  // a table with a position for each axis

#include "posenc/frequency/mixed_frequencies.hpp"  // learned frequencies, every axis contributing to every pair

// Of models with a rule of their own.
#include "posenc/frequency/rope_presets.hpp"  // nanochat, modded-nanogpt, V-JEPA 2, ERNIE-Image

// Tables by other rules.
#include "posenc/frequency/xpos.hpp"  // scores that decay with distance

#include "posenc/frequency/fope.hpp"  // cosines and sines that are sums over frequencies

#endif  // POSENC_FREQUENCY_HPP
