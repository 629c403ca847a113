// SPDX-License-Identifier: MIT
/// What bench_flags measures, compiled as most programs are (-O2, any x86-64), for this machine, and, where there are
/// levels of instructions, for each lower one.
#ifndef POSENC_BENCHMARKS_FLAGS_ROTATE_HPP
#define POSENC_BENCHMARKS_FLAGS_ROTATE_HPP

#include <cstddef>

namespace posenc_benchmarks {

/// Heads of 128 channels, 32 to a token. `out` and `in` are one buffer where the types are.
struct Rotated {
  enum Type { float32, half, bfloat16 } out_type, in_type;
  bool half_split;
  std::ptrdiff_t tokens;
  void* out;
  const void* in;
  const float* cos;  // 64 cosines for each token, and sines
  const float* sin;
};

void rotate_baseline(const Rotated& x);
void rotate_native(const Rotated& x);
void rotate_sse2(const Rotated& x);
void rotate_avx2(const Rotated& x);
void scale_baseline(float* x, std::ptrdiff_t size, float a);
void scale_native(float* x, std::ptrdiff_t size, float a);

}  // namespace posenc_benchmarks

#endif  // POSENC_BENCHMARKS_FLAGS_ROTATE_HPP
