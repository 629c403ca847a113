// SPDX-License-Identifier: MIT
/// @file
/// Sinusoidal encodings: fixed tables that are added to token embeddings.
#ifndef POSENC_SINUSOIDAL_HPP
#define POSENC_SINUSOIDAL_HPP

#include "posenc/frequency.hpp"

#include "posenc/sinusoidal/encode.hpp"        // write, add
#include "posenc/sinusoidal/encoding.hpp"      // which sinusoid stands in which channel
#include "posenc/sinusoidal/grid.hpp"          // ... on several axes
#include "posenc/sinusoidal/grid_presets.hpp"  // MAE, MoCo-v3, DETR, tensor2tensor, video, NeRF
#include "posenc/sinusoidal/presets.hpp"       // the conventions of the projects in use

#endif  // POSENC_SINUSOIDAL_HPP
