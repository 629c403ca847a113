// SPDX-License-Identifier: MIT
/// @file
/// Rotary position embedding: turns queries and keys, so that their scores depend on distance.
#ifndef POSENC_ROPE_HPP
#define POSENC_ROPE_HPP

#include "posenc/frequency.hpp"

#include "posenc/rope/apply.hpp"        // apply_rope, its inverse and its adjoint
#include "posenc/rope/cached_keys.hpp"  // keys in a cache: to other positions, to other frequencies
#include "posenc/rope/heads_view.hpp"   // raw buffers: [B,L,H,D], [B,H,L,D], packed
#include "posenc/rope/layout.hpp"       // which channels pair up
#include "posenc/rope/mixed.hpp"        // learned frequencies over several axes
#include "posenc/rope/permute.hpp"      // weights and activations from one layout to another
#include "posenc/rope/xpos.hpp"         // scores that decay with distance

#endif  // POSENC_ROPE_HPP
