// SPDX-License-Identifier: MIT
// Compiled with other flags and another end of its names for each: see bench_flags.cpp.
#include "flags/rotate.hpp"

#include "posenc/frequency.hpp"
#include "posenc/rope.hpp"

#define POSENC_BENCH_JOIN(name, flags) name##_##flags
#define POSENC_BENCH_NAMED(name, flags) POSENC_BENCH_JOIN(name, flags)

namespace posenc_benchmarks {

namespace {

template <typename Scalar>
using Rows = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <typename Out, typename In>
void rotate(const Rotated& x) {
  const auto layout = x.half_split ? posenc::RopeLayout::half_split(128) : posenc::RopeLayout::interleaved(128);
  const auto table = posenc::wrap_cache(x.cos, x.sin, x.tokens, 128, posenc::CosSinStorage::cos_sin, 1.0);
  Eigen::Map<Rows<Out>> out(static_cast<Out*>(x.out), x.tokens, 32 * 128);
  if (x.in == x.out) {
    posenc::apply_rope(out, table, layout);
  } else {
    posenc::apply_rope(out, Eigen::Map<const Rows<In>>(static_cast<const In*>(x.in), x.tokens, 32 * 128), table,
                       layout);
  }
}

}  // namespace

void POSENC_BENCH_NAMED(rotate, POSENC_BENCH_UNIT)(const Rotated& x) {
  if (x.in_type == Rotated::float32 && x.out_type == Rotated::half) return rotate<Eigen::half, float>(x);
  if (x.in_type == Rotated::float32 && x.out_type == Rotated::bfloat16) return rotate<Eigen::bfloat16, float>(x);
  if (x.in_type == Rotated::half) return rotate<Eigen::half, Eigen::half>(x);
  if (x.in_type == Rotated::bfloat16) return rotate<Eigen::bfloat16, Eigen::bfloat16>(x);
  rotate<float, float>(x);
}

void POSENC_BENCH_NAMED(scale, POSENC_BENCH_UNIT)(float* x, std::ptrdiff_t size, float a) {
  Eigen::Map<Eigen::ArrayXf>(x, size) *= a;
}

}  // namespace posenc_benchmarks
