// SPDX-License-Identifier: MIT
// RoPE as most programs compile it, -O2 for any x86-64, beside the same for this machine: kernels choose their level of
// instructions at run time, so both should take as long. The column "naive" is the build for this machine: 1 is its
// speed.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "posenc/frequency.hpp"

#include "flags/rotate.hpp"
#include "support/measure.hpp"

namespace {

using posenc_benchmarks::Rotated;

/// Where POSENC_BENCH_STRICT is set, as ctest's label perf sets it, a case that takes 15 % longer than the build for this
/// machine is an error.
constexpr double kLeastOfNative = 0.85;

using Rotate = void (*)(const Rotated&);

/// How many times as fast as the build for this machine `rotate` is.
double measure_flags(Rotate rotate, const std::string& name, Rotated::Type out_type, Rotated::Type in_type,
                     bool half_split, std::ptrdiff_t tokens) {
  const auto size = static_cast<std::size_t>(tokens) * 32 * 128;
  std::vector<float> in(size, 0.5f);
  std::vector<float> out(size, 0.5f);
  if (out_type != Rotated::float32) {  // halves of 16 bits that are no subnormal numbers, however often they rotate
    const std::uint32_t half = out_type == Rotated::half ? 0x38003800u : 0x3f003f00u;
    for (float& pair : out) std::memcpy(&pair, &half, sizeof half);
  }
  const auto table = posenc::make_table<float>(posenc::geometric_frequencies(128, 10000),
                                               posenc::PositionRange(0, static_cast<Eigen::Index>(tokens)));
  using Rows = Eigen::Array<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Rows cos = table.cos();
  const Rows sin = table.sin();
  const void* const read = in_type == out_type ? static_cast<const void*>(out.data()) : in.data();
  const Rotated x{out_type, in_type, half_split, tokens, out.data(), read, cos.data(), sin.data()};
  const std::size_t out_bytes = out_type == Rotated::float32 ? 4 : 2;
  const std::size_t in_bytes = in_type == Rotated::float32 ? 4 : 2;
  std::vector<float> scaled(size * (out_bytes + in_bytes) / 8, 1.0f);  // the same bytes, read and written
  volatile float one = 1.0f;
  const auto measured = posenc_benchmarks::measure(
      name + (half_split ? "/half_split/" : "/interleaved/") + std::to_string(tokens),
      static_cast<double>(size * (out_bytes + in_bytes)), [&] { rotate(x); },
      [&] { posenc_benchmarks::scale_native(scaled.data(), static_cast<std::ptrdiff_t>(scaled.size()), one); },
      [&] { posenc_benchmarks::rotate_native(x); });
  return measured.times_naive;
}

/// -O2 for any x86-64 beside the build for this machine.
void measure_baseline(const std::string& name, Rotated::Type out_type, Rotated::Type in_type, bool half_split,
                      std::ptrdiff_t tokens) {
  const double times_native =
      measure_flags(posenc_benchmarks::rotate_baseline, "flags/" + name, out_type, in_type, half_split, tokens);
  if (std::getenv("POSENC_BENCH_STRICT") != nullptr) CHECK(times_native >= kLeastOfNative);
}

}  // namespace

TEST_CASE("whatever the flags") {
  for (const std::ptrdiff_t tokens : {1, 64, 1024}) {
    for (const bool half_split : {true, false}) {
      measure_baseline("float", Rotated::float32, Rotated::float32, half_split, tokens);
      measure_baseline("half", Rotated::half, Rotated::half, half_split, tokens);
      measure_baseline("bfloat16", Rotated::bfloat16, Rotated::bfloat16, half_split, tokens);
      measure_baseline("float_into_half", Rotated::half, Rotated::float32, half_split, tokens);
      measure_baseline("float_into_bfloat16", Rotated::bfloat16, Rotated::float32, half_split, tokens);
    }
  }
}

#if defined(POSENC_BENCH_LEVELS)

TEST_CASE("lower levels of instructions") {
  for (const std::ptrdiff_t tokens : {1, 64, 1024, 4096}) {
    for (const bool half_split : {true, false}) {
      measure_flags(posenc_benchmarks::rotate_sse2, "levels/sse2/float", Rotated::float32, Rotated::float32, half_split,
                    tokens);
      measure_flags(posenc_benchmarks::rotate_avx2, "levels/avx2/float", Rotated::float32, Rotated::float32, half_split,
                    tokens);
      measure_flags(posenc_benchmarks::rotate_avx2, "levels/avx2/half", Rotated::half, Rotated::half, half_split,
                    tokens);
      measure_flags(posenc_benchmarks::rotate_avx2, "levels/avx2/bfloat16", Rotated::bfloat16, Rotated::bfloat16,
                    half_split, tokens);
    }
  }
}

#endif
