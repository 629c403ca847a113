// SPDX-License-Identifier: MIT
/// @file
/// posenc: Transformer positional encodings on Eigen. This header is the table of contents.
///
/// Conventions: a row is a token, columns are heads side by side; everything that is written is the first argument;
/// make_ returns a new table, apply_ turns q or k in place, add_ adds into embeddings or logits in place.
#ifndef POSENC_HPP
#define POSENC_HPP

#include "posenc/version.hpp"

#include "posenc/frequency.hpp"      // the shared source of angles: frequencies x positions = table of cos and sin
#include "posenc/learnable.hpp"      // trained tables, added to embeddings
#include "posenc/model_config.hpp"   // config.json and GGUF metadata -> what a model does with positions
#include "posenc/relative_bias.hpp"  // adds to attention logits
#include "posenc/rope.hpp"           // turns queries and keys
#include "posenc/sinusoidal.hpp"     // fixed tables, added to embeddings

#endif  // POSENC_HPP
