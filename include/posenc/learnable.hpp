// SPDX-License-Identifier: MIT
/// @file
/// Trained tables: one learned row for each position.
#ifndef POSENC_LEARNABLE_HPP
#define POSENC_LEARNABLE_HPP

#include "posenc/learnable/backward.hpp"      // the table's gradient, by range and by ids
#include "posenc/learnable/encode.hpp"        // encode_learned, add_learned
#include "posenc/learnable/fourier.hpp"       // Fourier features with learned or random directions
#include "posenc/learnable/initialise.hpp"    // seeded initial values, the same on every platform
#include "posenc/learnable/npy.hpp"           // .npy files: a table from PyTorch
#include "posenc/learnable/overflow.hpp"      // what lies past the last row
#include "posenc/learnable/position_ids.hpp"  // the ids of OPT and RoBERTa
#include "posenc/learnable/resize.hpp"        // to another length
#include "posenc/learnable/resize_grid.hpp"   // to another grid
#include "posenc/learnable/table.hpp"         // PositionTable, owned or around a caller's weights

#endif  // POSENC_LEARNABLE_HPP
