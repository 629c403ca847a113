// SPDX-License-Identifier: MIT
/// @file
/// The rotation kernels: all heads of one token, contiguous in memory, by one row of a table.
///
/// Eigen expressions of fixed size reach the speed of an in-place scale from the second-level cache on (benchmarks/).
/// Four heads are turned at a time: the cosines and sines then stay in registers, which is worth 10 to 30 % in the
/// first-level cache. Interleaved pairs are complex numbers, and Eigen has packets for those.
#ifndef POSENC_DETAIL_ROTATE_HPP
#define POSENC_DETAIL_ROTATE_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/frequency/table.hpp"

#include <algorithm>
#include <complex>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Forward A R(t); adjoint A R(-t); inverse R(-t) / A. `scale` is a factor on the table's numbers, which hold A.
struct Turn {
  bool backwards = false;
  double scale = 1.0;
};

/// Values in one vector register of the widest kind that Eigen uses.
template <typename Scalar>
inline constexpr int kPacket = (EIGEN_MAX_ALIGN_BYTES > 16 ? EIGEN_MAX_ALIGN_BYTES : 16) /
                               static_cast<int>(sizeof(Scalar));

inline constexpr int kHeadsTogether = 4;
inline constexpr Eigen::Index kRowChunk = 128;  // pairs of a table row prepared at a time, on the stack

template <int Width, typename Number, typename Scalar>
auto load(const Scalar* data) {
  using Stored = Eigen::Map<const Eigen::Array<Scalar, Width, 1>>;
  return Eigen::Array<Number, Width, 1>(Stored(data).template cast<Number>());
}

template <typename Scalar, typename Number, int Width>
void store(Scalar* data, const Eigen::Array<Number, Width, 1>& values) {
  if constexpr (is_half<Scalar> && std::is_same_v<Number, double>) {
    for (int i = 0; i < Width; ++i) data[i] = round_to<Scalar>(values[i]);
  } else {
    Eigen::Map<Eigen::Array<Scalar, Width, 1>>{data} = values.template cast<Scalar>();
  }
}

// The kernels are plain loops in plain functions of pointers and sizes. Lambdas that capture those by reference make
// compilers reload them after every store (a stored float may have changed them for all they know), and a remainder
// loop in the same function takes the registers: each cost a quarter of the speed in the first-level cache.

/// `blocks` blocks of Width pairs in `Heads` heads. `cos` and `sin` hold one value per pair; `half` is the distance of
/// partners.
template <int Heads, int Width, typename Number, typename Out, typename In>
void rotate_half_split(Out* out, Eigen::Index out_stride, const In* in, Eigen::Index in_stride, Eigen::Index half,
                       const Number* cos, const Number* sin, Eigen::Index blocks) {
  using Block = Eigen::Array<Number, Width, 1>;
  for (Eigen::Index i = 0; i < blocks * Width; i += Width) {
    const Block c = load<Width, Number>(cos + i);
    const Block s = load<Width, Number>(sin + i);
    for (int head = 0; head < Heads; ++head) {
      const In* const from = in + head * in_stride + i;
      Out* const to = out + head * out_stride + i;
      const Block a = load<Width, Number>(from);
      const Block b = load<Width, Number>(from + half);
      store(to, Block(a * c - b * s));
      store(to + half, Block(a * s + b * c));
    }
  }
}

#if defined(EIGEN_VECTORIZE)
inline constexpr bool kHasPackets = true;
#else
inline constexpr bool kHasPackets = false;
#endif

/// The same for pairs of neighbours. `cos_sin` holds c0 s0 c1 s1 ...
template <int Heads, int Width, typename Number, typename Out, typename In>
void rotate_interleaved(Out* out, Eigen::Index out_stride, const In* in, Eigen::Index in_stride, const Number* cos_sin,
                        Eigen::Index blocks) {
  using Complex = Eigen::Array<std::complex<Number>, Width, 1>;
  using Reals = Eigen::Array<Number, 2 * Width, 1>;
  for (Eigen::Index i = 0; i < blocks * Width; i += Width) {
    if constexpr (kHasPackets && Width > 1) {
      const Complex turn = Eigen::Map<const Complex>(reinterpret_cast<const std::complex<Number>*>(cos_sin + 2 * i));
      for (int head = 0; head < Heads; ++head) {
        const In* const from = in + head * in_stride + 2 * i;
        Out* const to = out + head * out_stride + 2 * i;
        if constexpr (std::is_same_v<In, Number> && std::is_same_v<Out, Number>) {
          Eigen::Map<Complex>{reinterpret_cast<std::complex<Number>*>(to)} =
              turn * Eigen::Map<const Complex>(reinterpret_cast<const std::complex<Number>*>(from));
        } else {
          Reals values = load<2 * Width, Number>(from);
          Eigen::Map<Complex> numbers(reinterpret_cast<std::complex<Number>*>(values.data()));
          numbers = (turn * numbers).eval();
          store(to, values);
        }
      }
    } else {
      for (int head = 0; head < Heads; ++head) {
        for (Eigen::Index k = 2 * i; k < 2 * (i + Width); k += 2) {
          const Number a = convert<Number>(in[head * in_stride + k]);
          const Number b = convert<Number>(in[head * in_stride + k + 1]);
          out[head * out_stride + k] = convert<Out>(Number(a * cos_sin[k] - b * cos_sin[k + 1]));
          out[head * out_stride + k + 1] = convert<Out>(Number(a * cos_sin[k + 1] + b * cos_sin[k]));
        }
      }
    }
  }
}

template <bool HalfSplit, int Width, typename Number, typename Out, typename In>
void rotate_rest(Out* out, Eigen::Index out_stride, const In* in, Eigen::Index in_stride, Eigen::Index num_heads,
                 Eigen::Index half, const Number* turns, const Number* sines, Eigen::Index count);

/// Turns `count` pairs of all heads: blocks of Width pairs, then what is left in blocks of halves of it down to 1.
/// `turns` holds c.. and `sines` s.., or, for pairs of neighbours, `turns` holds c0 s0 c1 s1 ..
template <bool HalfSplit, int Width, typename Number, typename Out, typename In>
void rotate_heads(Out* out, Eigen::Index out_stride, const In* in, Eigen::Index in_stride, Eigen::Index num_heads,
                  Eigen::Index half, const Number* turns, const Number* sines, Eigen::Index count) {
  const Eigen::Index blocks = count / Width;
  Eigen::Index head = 0;
  for (; head + kHeadsTogether <= num_heads; head += kHeadsTogether) {
    Out* const to = out + head * out_stride;
    const In* const from = in + head * in_stride;
    if constexpr (HalfSplit) {
      rotate_half_split<kHeadsTogether, Width>(to, out_stride, from, in_stride, half, turns, sines, blocks);
    } else {
      rotate_interleaved<kHeadsTogether, Width>(to, out_stride, from, in_stride, turns, blocks);
    }
  }
  for (; head < num_heads; ++head) {
    Out* const to = out + head * out_stride;
    const In* const from = in + head * in_stride;
    if constexpr (HalfSplit) {
      rotate_half_split<1, Width>(to, out_stride, from, in_stride, half, turns, sines, blocks);
    } else {
      rotate_interleaved<1, Width>(to, out_stride, from, in_stride, turns, blocks);
    }
  }
  if constexpr (Width > 1) {
    const Eigen::Index done = blocks * Width;
    if (done < count) {
      const Eigen::Index channels = HalfSplit ? done : 2 * done;
      rotate_rest<HalfSplit, Width / 2>(out + channels, out_stride, in + channels, in_stride, num_heads, half,
                                        turns + channels, sines + done, count - done);
    }
  }
}

template <bool HalfSplit, int Width, typename Number, typename Out, typename In>
POSENC_NOINLINE void rotate_rest(Out* out, Eigen::Index out_stride, const In* in, Eigen::Index in_stride,
                                 Eigen::Index num_heads, Eigen::Index half, const Number* turns, const Number* sines,
                                 Eigen::Index count) {
  rotate_heads<HalfSplit, Width>(out, out_stride, in, in_stride, num_heads, half, turns, sines, count);
}

/// Table numbers times a factor, as the kernels read them: pair i goes to to_cos[i * ToStep], and comes from cos[i * Step].
template <int ToStep, int Step, typename Number, typename TableScalar, typename Factor>
void prepare_row(Number* to_cos, Number* to_sin, const TableScalar* cos, const TableScalar* sin, Factor cos_factor,
                 Factor sin_factor, Eigen::Index count) {
  constexpr int block = 16;
  Eigen::Index i = 0;
  for (; i + block <= count; i += block) {  // a constant trip count: vector code from -O2 on
    for (Eigen::Index k = i; k < i + block; ++k) {
      to_cos[k * ToStep] = static_cast<Number>(static_cast<Factor>(cos[k * Step]) * cos_factor);
      to_sin[k * ToStep] = static_cast<Number>(static_cast<Factor>(sin[k * Step]) * sin_factor);
    }
  }
  for (; i < count; ++i) {
    to_cos[i * ToStep] = static_cast<Number>(static_cast<Factor>(cos[i * Step]) * cos_factor);
    to_sin[i * ToStep] = static_cast<Number>(static_cast<Factor>(sin[i * Step]) * sin_factor);
  }
}

/// The same for either step of the table. Signs are exact in any type; other factors are applied in double.
template <int ToStep, typename Number, typename TableScalar>
void prepare_row(Number* to_cos, Number* to_sin, const TableScalar* cos, const TableScalar* sin, Eigen::Index step,
                 Turn turn, Eigen::Index count) {
  const auto prepare = [&](auto factor) {
    const auto sin_factor = turn.backwards ? -factor : factor;
    if (step == 1) {
      prepare_row<ToStep, 1>(to_cos, to_sin, cos, sin, factor, sin_factor, count);
    } else {
      prepare_row<ToStep, 2>(to_cos, to_sin, cos, sin, factor, sin_factor, count);
    }
  };
  if (turn.scale == 1.0) {
    prepare(Number(1));
  } else {
    prepare(turn.scale);
  }
}

/// Turns the window of every head of one token by table row `row`. `in` and `out` point to the window of head 0 and are
/// the same or do not overlap.
template <typename Out, typename In, typename TableScalar>
void rotate_token(Out* out, Eigen::Index out_stride, const In* in, Eigen::Index in_stride, Eigen::Index num_heads,
                  const FrequencyTable<TableScalar>& table, Eigen::Index row, bool half_split, Turn turn) {
  using Wider = std::conditional_t<std::is_same_v<Out, double>, double, TableScalar>;
  using Number = ArithmeticScalar<In, Wider>;
  const Eigen::Index half = table.num_pairs();
  const Eigen::Index step = table.pair_stride();
  const bool as_stored = std::is_same_v<TableScalar, Number> && !turn.backwards && turn.scale == 1.0;

  constexpr int width = kPacket<Number>;
  alignas(64) Number buffer[2 * kRowChunk];
  for (Eigen::Index first = 0; first < half; first += kRowChunk) {
    const Eigen::Index count = (std::min)(kRowChunk, half - first);
    const TableScalar* const table_cos = table.cos_data(row) + first * step;
    const TableScalar* const table_sin = table.sin_data(row) + first * step;
    const Number* turns = buffer;
    const Number* sines = buffer + kRowChunk;
    const bool direct = as_stored && (half_split ? step == 1 : table.layout() == TableLayout::paired);
    if constexpr (std::is_same_v<TableScalar, Number>) {
      if (direct) turns = table_cos;
      if (direct) sines = table_sin;
    }
    if (half_split) {
      if (!direct) prepare_row<1>(buffer, buffer + kRowChunk, table_cos, table_sin, step, turn, count);
      if constexpr (std::is_same_v<In, Out>) {
        if (in == out && in_stride == out_stride) {  // one set of addresses: enough registers for four heads
          rotate_heads<true, width>(out + first, out_stride, out + first, out_stride, num_heads, half, turns, sines,
                                    count);
          continue;
        }
      }
      rotate_heads<true, width>(out + first, out_stride, in + first, in_stride, num_heads, half, turns, sines, count);
    } else {
      if (!direct) prepare_row<2>(buffer, buffer + 1, table_cos, table_sin, step, turn, count);
      rotate_heads<false, width / 2>(out + 2 * first, out_stride, in + 2 * first, in_stride, num_heads, half, turns,
                                     sines, count);
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_ROTATE_HPP
