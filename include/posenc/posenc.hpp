// SPDX-License-Identifier: MIT
/// @file
/// posenc: Transformer positional encodings on Eigen. This header is the table of contents.
///
/// Conventions: a row is a token, its columns are heads side by side, and what is written is the first argument. make_
/// returns a new table, fill_ and encode_ overwrite what exists, apply_ rotates queries or keys, add_ adds into
/// embeddings, logits or outputs. A gradient drops the verb and ends in _backward. An overload that "says what is
/// missing" takes arguments that fit no other, and stops the compiler with a sentence that says what to write.
#ifndef POSENC_HPP
#define POSENC_HPP

#include "posenc/version.hpp"

// Where tokens are, and the angles that positions become.
#include "posenc/positions.hpp"

#include "posenc/frequency.hpp"  // frequencies x positions = table of cos and sin

// Added to token embeddings.
#include "posenc/learnable.hpp"   // trained tables
#include "posenc/sinusoidal.hpp"  // fixed encodings

// In attention.
#include "posenc/relative_bias.hpp"  // adds to logits
#include "posenc/rope.hpp"           // rotates queries and keys

// A published config, and what its model does with positions.
#include "posenc/model_config.hpp"

#endif  // POSENC_HPP
