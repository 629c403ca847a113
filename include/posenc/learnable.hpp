// SPDX-License-Identifier: MIT
/// @file
/// Trained tables: one learned row for each position.
#ifndef POSENC_LEARNABLE_HPP
#define POSENC_LEARNABLE_HPP

// Positions that every lookup takes; posenc/positions.hpp has the others.
#include "posenc/positions/position_range.hpp"  // first, first + 1, ...

#include "posenc/positions/position_list.hpp"  // a number for each token

#include "posenc/positions/each_sequence.hpp"  // batches stacked in one matrix

#include "posenc/positions/grid_shape.hpp"  // rows and columns

// The table and its rows.
#include "posenc/learnable/lookup_options.hpp"  // what lies past the last row

#include "posenc/learnable/learned_table.hpp"  // the table

#include "posenc/learnable/learned_table_view.hpp"  // a table around a caller's weights

#include "posenc/learnable/add_learned.hpp"  // write, add

// Training it.
#include "posenc/learnable/initializers.hpp"  // rules for initial values

#include "posenc/learnable/fill.hpp"  // initial values, the same on every platform

#include "posenc/learnable/learned_backward.hpp"  // the table's gradient

// Taking it to another length or grid, and to and from files.
#include "posenc/learnable/resize_rules.hpp"  // rules for another length or grid

#include "posenc/learnable/resize.hpp"  // another length or grid, and the gradient back

#include "posenc/learnable/npy.hpp"  // .npy files: a table from PyTorch

#endif  // POSENC_LEARNABLE_HPP
