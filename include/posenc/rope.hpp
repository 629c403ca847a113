// SPDX-License-Identifier: MIT
/// @file
/// Rotary position embedding: turns queries and keys, so that their scores depend on distance.
#ifndef POSENC_ROPE_HPP
#define POSENC_ROPE_HPP

#include "posenc/frequency.hpp"

#include "posenc/rope/apply.hpp"       // apply_rope, its inverse and its adjoint
#include "posenc/rope/heads_view.hpp"  // raw buffers: [B,L,H,D], [B,H,L,D], packed
#include "posenc/rope/layout.hpp"      // which channels pair up

#endif  // POSENC_ROPE_HPP
