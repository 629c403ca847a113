// SPDX-License-Identifier: MIT
/// @file
/// POSENC_ABI, the inline namespace that every name of posenc lives in.
///
/// It spells the version and all that changes the code or the layout of a template instance: the vector instruction set,
/// which levels kernels have, Eigen's alignment and major version, fast-math, exceptions, a POSENC_FAIL_HANDLER (not which).
/// Translation units compiled for different ones of those below therefore hold different symbols: they link, and
/// neither runs the other's instructions. Finer steps (the kinds of AVX-512, BMI with AVX2) have one name.
/// Users write `posenc::` and never see it.
///
/// Eigen's own names carry none of this. Units with and without AVX must therefore be optimized, which inlines most of
/// them, and agree on EIGEN_MAX_ALIGN_BYTES (32 for AVX): else Eigen may free a block in another way than it was made.
#ifndef POSENC_DETAIL_ABI_HPP
#define POSENC_DETAIL_ABI_HPP

#include "posenc/version.hpp"

#include "posenc/detail/instruction_sets.hpp"

#include <Eigen/Core>

#if !EIGEN_VERSION_AT_LEAST(3, 4, 0)
#error "posenc needs Eigen 3.4 or later"
#endif

#if defined(__AVX512F__) && POSENC_TOLD_LEVEL == 3
#define POSENC_ABI_ISA avx512
#elif defined(__AVX512F__)
#define POSENC_ABI_ISA avx512f
#elif defined(__AVX2__) && defined(__FMA__)
#define POSENC_ABI_ISA avx2fma
#elif defined(__AVX2__)
#define POSENC_ABI_ISA avx2
#elif defined(__AVX__)
#define POSENC_ABI_ISA avx
#elif defined(__SSE4_1__)
#define POSENC_ABI_ISA sse4
#elif defined(__SSE2__) || defined(_M_X64)
#define POSENC_ABI_ISA sse2
#elif defined(__ARM_NEON) || defined(_M_ARM64)
#define POSENC_ABI_ISA neon
#else
#define POSENC_ABI_ISA generic
#endif

#if defined(__F16C__) || defined(__AVX512F__)
#define POSENC_ABI_HALF _f16c
#else
#define POSENC_ABI_HALF
#endif

#if EIGEN_VERSION_AT_LEAST(5, 0, 0)
#define POSENC_ABI_EIGEN _eigen5
#else
#define POSENC_ABI_EIGEN _eigen3
#endif

#if defined(EIGEN_DONT_VECTORIZE)
#define POSENC_ABI_VECTORS _scalar
#else
#define POSENC_ABI_VECTORS
#endif

#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(_M_FP_FAST)
#define POSENC_ABI_MATH _fast
#else
#define POSENC_ABI_MATH
#endif

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define POSENC_HAS_EXCEPTIONS 1
#define POSENC_ABI_ERRORS
#elif defined(POSENC_FAIL_HANDLER)
#define POSENC_HAS_EXCEPTIONS 0
#define POSENC_ABI_ERRORS _handler
#else
#define POSENC_HAS_EXCEPTIONS 0
#define POSENC_ABI_ERRORS _noexcept
#endif

#define POSENC_ABI_JOIN(major, minor, patch, isa, half, levels, eigen, vectors, align, math, errors) \
  v##major##_##minor##_##patch##_##isa##half##levels##eigen##vectors##_align##align##math##errors
#define POSENC_ABI_EXPAND(major, minor, patch, isa, half, levels, eigen, vectors, align, math, errors) \
  POSENC_ABI_JOIN(major, minor, patch, isa, half, levels, eigen, vectors, align, math, errors)
#define POSENC_ABI                                                                                                     \
  POSENC_ABI_EXPAND(POSENC_VERSION_MAJOR, POSENC_VERSION_MINOR, POSENC_VERSION_PATCH, POSENC_ABI_ISA, POSENC_ABI_HALF, \
                    POSENC_ABI_LEVELS, POSENC_ABI_EIGEN, POSENC_ABI_VECTORS, EIGEN_MAX_ALIGN_BYTES, POSENC_ABI_MATH,   \
                    POSENC_ABI_ERRORS)

#endif  // POSENC_DETAIL_ABI_HPP
