// SPDX-License-Identifier: MIT
/// @file
/// The levels of vector instructions that kernels are compiled for, of which the machine's is chosen at run time.
///
/// On x86-64 with gcc 12 or clang: 1 is SSE2, 2 is AVX2 with FMA and F16C, 3 is AVX-512 (F, BW, DQ, VL). A unit has the
/// levels from what its compiler is told up to 3. Define before the first header of posenc, for the whole program or a
/// unit of it:
///
///     POSENC_NO_DISPATCH            what the compiler is told, and nothing else
///     POSENC_PIN_LEVEL=avx2         one level (sse2, avx2, avx512) whatever the machine: the same bits on all that have it
///
/// Elsewhere, and on Windows (whose stack gcc does not align for wide registers): what the compiler is told.
#ifndef POSENC_DETAIL_INSTRUCTION_SETS_HPP
#define POSENC_DETAIL_INSTRUCTION_SETS_HPP

#if defined(__x86_64__) && !defined(EIGEN_DONT_VECTORIZE) && !defined(__CUDACC__) && !defined(__INTEL_COMPILER) && \
    (defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 12))
#define POSENC_HAS_LEVELS 1
#else
#define POSENC_HAS_LEVELS 0
#endif

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define POSENC_TOLD_LEVEL 3
#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define POSENC_TOLD_LEVEL 2
#else
#define POSENC_TOLD_LEVEL 1
#endif

#define POSENC_LEVEL_sse2 1    // NOLINT: as POSENC_PIN_LEVEL spells it
#define POSENC_LEVEL_avx2 2    // NOLINT: as POSENC_PIN_LEVEL spells it
#define POSENC_LEVEL_avx512 3  // NOLINT: as POSENC_PIN_LEVEL spells it
#define POSENC_LEVEL_JOIN(name) POSENC_LEVEL_##name
#define POSENC_LEVEL_NAMED(name) POSENC_LEVEL_JOIN(name)

#if !POSENC_HAS_LEVELS
#define POSENC_LOWEST_LEVEL 0
#define POSENC_HIGHEST_LEVEL 0
#define POSENC_ABI_LEVELS _no_levels
#elif defined(POSENC_PIN_LEVEL)
#define POSENC_LOWEST_LEVEL POSENC_LEVEL_NAMED(POSENC_PIN_LEVEL)
#define POSENC_HIGHEST_LEVEL POSENC_LOWEST_LEVEL
#define POSENC_ABI_PIN_JOIN(name) _pin_##name
#define POSENC_ABI_PIN_NAMED(name) POSENC_ABI_PIN_JOIN(name)
#define POSENC_ABI_LEVELS POSENC_ABI_PIN_NAMED(POSENC_PIN_LEVEL)
#if POSENC_LOWEST_LEVEL == 0
#error "posenc: POSENC_PIN_LEVEL must be sse2, avx2 or avx512"
#elif POSENC_LOWEST_LEVEL < POSENC_TOLD_LEVEL
#error "posenc: POSENC_PIN_LEVEL is below what the compiler is told to use: leave out its -march or -m flags"
#endif
#elif defined(POSENC_NO_DISPATCH) || defined(_WIN32)
#define POSENC_LOWEST_LEVEL POSENC_TOLD_LEVEL
#define POSENC_HIGHEST_LEVEL POSENC_TOLD_LEVEL
#define POSENC_ABI_LEVELS _told
#else
#define POSENC_LOWEST_LEVEL POSENC_TOLD_LEVEL
#define POSENC_HIGHEST_LEVEL 3
#define POSENC_ABI_LEVELS
#endif

// Whether a unit has kernels of a level: 1, 2 or 3.
#define POSENC_HAS_LEVEL(level) (POSENC_LOWEST_LEVEL <= (level) && POSENC_HIGHEST_LEVEL >= (level))

// Between BEGIN and END functions are compiled for a level, templates and lambdas too.
#define POSENC_PRAGMA(...) _Pragma(#__VA_ARGS__)
#if defined(__clang__)
#define POSENC_BEGIN_LEVEL(instructions) \
  POSENC_PRAGMA(clang attribute push(__attribute__((target(instructions))), apply_to = function))
#define POSENC_END_LEVEL POSENC_PRAGMA(clang attribute pop)
#else
#define POSENC_BEGIN_LEVEL(instructions) POSENC_PRAGMA(GCC push_options) POSENC_PRAGMA(GCC target(instructions))
#define POSENC_END_LEVEL POSENC_PRAGMA(GCC pop_options)
#endif
#define POSENC_BEGIN_AVX2 POSENC_BEGIN_LEVEL("avx2,fma,f16c")
#define POSENC_BEGIN_AVX512 POSENC_BEGIN_LEVEL("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")

#endif  // POSENC_DETAIL_INSTRUCTION_SETS_HPP
