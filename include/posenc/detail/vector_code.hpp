// SPDX-License-Identifier: MIT
/// @file
/// What compilers must be told so that plain loops and Eigen expressions become good vector code.
#ifndef POSENC_DETAIL_VECTOR_CODE_HPP
#define POSENC_DETAIL_VECTOR_CODE_HPP

// In front of a function: one of its own, into which everything is inlined. In a larger one compilers call Eigen's
// assignments of blocks, or keep a block in memory, and how fast it runs depends on the code around the call.
#if defined(__GNUC__)
#define POSENC_KERNEL __attribute__((noinline, flatten))
#define POSENC_NOINLINE __attribute__((noinline))
#define POSENC_INLINE_LAMBDA __attribute__((always_inline))
#else
#define POSENC_KERNEL
#define POSENC_NOINLINE
#define POSENC_INLINE_LAMBDA
#endif

// In front of a function whose calls are short: gcc else brings numbers together in vector registers to store them, and
// these wait for the rotations of the call before.
#if defined(__GNUC__) && !defined(__clang__)
#define POSENC_SCALAR_STORES __attribute__((optimize("no-tree-slp-vectorize")))
#else
#define POSENC_SCALAR_STORES
#endif

// In front of a short loop: gcc unrolls those before it looks for loops to make vector code of.
#if defined(__GNUC__) && !defined(__clang__)
#define POSENC_VECTOR_LOOP _Pragma("GCC unroll 1")
#else
#define POSENC_VECTOR_LOOP
#endif

// Asks for a cache line. Not a function, which gcc drops because it returns and writes nothing.
#if defined(__GNUC__)
#define POSENC_PREFETCH(address) __builtin_prefetch(address)
#else
#define POSENC_PREFETCH(address) static_cast<void>(address)
#endif

#endif  // POSENC_DETAIL_VECTOR_CODE_HPP
