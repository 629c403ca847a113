// SPDX-License-Identifier: MIT
/// @file
/// Trained tables: one learned row for each position.
#ifndef POSENC_LEARNABLE_HPP
#define POSENC_LEARNABLE_HPP

#include "posenc/positions.hpp"

// The table and its rows.
#include "posenc/learnable/add_learned.hpp"     // encode_learned, add_learned
#include "posenc/learnable/learned_table.hpp"   // the table, owned or around a caller's weights
#include "posenc/learnable/lookup_options.hpp"  // what lies past the last row

// Training it.
#include "posenc/learnable/initializers.hpp"      // seeded initial values, the same on every platform
#include "posenc/learnable/learned_backward.hpp"  // the table's gradient

// Taking it to another length or grid, and to and from files.
#include "posenc/learnable/npy.hpp"          // .npy files: a table from PyTorch
#include "posenc/learnable/resize_grid.hpp"  // to another grid
#include "posenc/learnable/resize_line.hpp"  // to another length

#endif  // POSENC_LEARNABLE_HPP
