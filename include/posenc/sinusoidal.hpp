// SPDX-License-Identifier: MIT
/// @file
/// Sinusoidal encodings: fixed tables that are added to token embeddings.
#ifndef POSENC_SINUSOIDAL_HPP
#define POSENC_SINUSOIDAL_HPP

#include "posenc/frequency.hpp"

// On a line.
#include "posenc/sinusoidal/add_sinusoidal.hpp"       // write, add
#include "posenc/sinusoidal/presets.hpp"              // the conventions of the projects in use
#include "posenc/sinusoidal/sinusoidal_encoding.hpp"  // which sinusoid is in which channel

// On several axes.
#include "posenc/sinusoidal/grid_presets.hpp"     // MAE, MoCo-v3, DETR, tensor2tensor, video, NeRF
#include "posenc/sinusoidal/sinusoidal_grid.hpp"  // pictures, videos

// With directions of any kind.
#include "posenc/sinusoidal/fourier_features.hpp"  // Fourier features, learned or random

#endif  // POSENC_SINUSOIDAL_HPP
