// SPDX-License-Identifier: MIT
/// @file
/// Fixed encodings that are added to token embeddings: sines and cosines; integers and digits to compare them with;
/// Fourier features, one-blob codes and spherical harmonics of coordinates.
#ifndef POSENC_SINUSOIDAL_HPP
#define POSENC_SINUSOIDAL_HPP

#include "posenc/frequency.hpp"

// On a line.

#include "posenc/sinusoidal/sinusoidal_options.hpp"  // every convention in which projects differ

#include "posenc/sinusoidal/sinusoidal_encoding.hpp"  // an encoding of a given width

#include "posenc/sinusoidal/presets.hpp"  // the encodings of the projects in use

#include "posenc/sinusoidal/add_sinusoidal.hpp"  // write, add

#include "posenc/sinusoidal/add_kept_sinusoids.hpp"  // write, add from a table that is kept

// Simpler codes, to compare sinusoids with.

#include "posenc/sinusoidal/encode_integers.hpp"  // the position itself

#include "posenc/sinusoidal/encode_digits.hpp"  // its digits, binary or in any other base

// On several axes.

#include "posenc/sinusoidal/sinusoidal_grid_encoding.hpp"  // an encoding of tokens with several positions

#include "posenc/sinusoidal/grid_presets.hpp"  // pictures and videos: MAE, MoCo-v3, timm, DETR, diffusers

#include "posenc/sinusoidal/axes_presets.hpp"  // any number of axes: tatp22, tensor2tensor, NeRF

#include "posenc/sinusoidal/model_presets.hpp"  // MusicGen, XGLM, NeMo, Marian, pi0, GLIGEN, DAB-DETR, Perceiver

#include "posenc/sinusoidal/unpaired_presets.hpp"  // older projects whose sines and cosines make no pairs

#include "posenc/sinusoidal/detr_positions.hpp"  // DETR's count of valid pixels

#include "posenc/sinusoidal/add_grid_sinusoids.hpp"  // write, add

// Features of coordinates and of directions in space.

#include "posenc/sinusoidal/fourier_options.hpp"  // conventions and presets of Fourier features

#include "posenc/sinusoidal/pixel_centers.hpp"  // coordinates of a picture

#include "posenc/sinusoidal/encode_fourier.hpp"  // write

#include "posenc/sinusoidal/fourier_backward.hpp"  // gradients

#include "posenc/sinusoidal/one_blob.hpp"  // soft one-hot codes of coordinates, and their gradient

#include "posenc/sinusoidal/spherical_harmonics.hpp"  // directions in space, and their gradient

#endif  // POSENC_SINUSOIDAL_HPP
