// SPDX-License-Identifier: MIT
/// @file
/// Rotary position embedding: rotates queries and keys, so that their scores depend on distance.
#ifndef POSENC_ROPE_HPP
#define POSENC_ROPE_HPP

#include "posenc/frequency.hpp"

// The rotation.
#include "posenc/rope/rope_layout.hpp"  // which channels rotate, and how they pair up

#include "posenc/rope/rms_norm.hpp"  // normalized in the same pass

#include "posenc/rope/cache_rows.hpp"  // written to the rows of a paged cache

#include "posenc/rope/apply_rope.hpp"  // queries and keys by a table, its adjoint or its inverse

// Raw buffers.
#include "posenc/rope/heads_shape.hpp"  // sizes and strides by name

#include "posenc/rope/heads_view.hpp"  // [B,L,H,D], [B,H,L,D], packed, strided

#include "posenc/rope/half_bits.hpp"  // 16-bit numbers of other libraries

// Keys that are rotated already.
#include "posenc/rope/cached_keys.hpp"  // to other positions, to other frequencies

// Training, beside table.adjoint().
#include "posenc/rope/rope_backward.hpp"  // the gradients of a norm and a rotation

#include "posenc/rope/mixed_table_backward.hpp"  // the gradient of learned frequencies

// Checkpoints.
#include "posenc/rope/permute_channels.hpp"  // weights and activations from one layout to another

// An angle for each channel, which is no rotation: V-JEPA 2.
#include "posenc/rope/apply_channel_angles.hpp"

#endif  // POSENC_ROPE_HPP
