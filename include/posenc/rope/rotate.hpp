// SPDX-License-Identifier: MIT
/// @file
/// The rotation kernels: all heads of one token, contiguous in memory, by one row of a table.
///
/// Eigen expressions of fixed size reach the speed of an in-place scale from the second-level cache on (benchmarks/).
/// Four heads are turned at a time: the cosines and sines then stay in registers, which is worth 10 to 30 % in the
/// first-level cache. Interleaved pairs are complex numbers, and Eigen has packets for those.
#ifndef POSENC_ROPE_ROTATE_HPP
#define POSENC_ROPE_ROTATE_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/frequency/table.hpp"
#include "posenc/rope/layout.hpp"

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
inline constexpr int kBlocksTogether = 4;
inline constexpr Eigen::Index kRowChunk = 128;  // pairs of a table row prepared at a time, on the stack

#if defined(__clang__)
#define POSENC_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define POSENC_UNROLL _Pragma("GCC unroll 8")
#else
#define POSENC_UNROLL
#endif

#if defined(EIGEN_VECTORIZE)
inline constexpr bool kHasPackets = true;
#else
inline constexpr bool kHasPackets = false;
#endif

template <int Width, typename Number, typename Scalar>
EIGEN_ALWAYS_INLINE auto load(const Scalar* data) {
  using Stored = Eigen::Map<const Eigen::Array<Scalar, Width, 1>>;
  return Eigen::Array<Number, Width, 1>(Stored(data).template cast<Number>());
}

template <typename Scalar, typename Number, int Width>
EIGEN_ALWAYS_INLINE void store(Scalar* data, const Eigen::Array<Number, Width, 1>& values) {
  if constexpr (is_half<Scalar> && std::is_same_v<Number, double>) {
    for (int i = 0; i < Width; ++i) data[i] = round_to<Scalar>(values[i]);
  } else {
    Eigen::Map<Eigen::Array<Scalar, Width, 1>>{data} = values.template cast<Scalar>();
  }
}

// The kernels are plain loops in plain functions of pointers and sizes. Lambdas that capture those by reference make
// compilers reload them after every store (a stored float may have changed them for all they know), and a remainder
// loop in the same function takes the registers: each cost a quarter of the speed in the first-level cache. Straight
// code for a whole head of 128 channels (with AVX-512) is worth 10 to 25 % in memory: more cache lines are on their way
// at once.

/// Blocks * Width pairs in `Heads` heads. `cos` and `sin` hold one value per pair; `half` is the distance of partners.
template <int Heads, int Blocks, int Width, typename Number, typename Out, typename In>
EIGEN_ALWAYS_INLINE void rotate_half_split(Out* out, Eigen::Index out_stride, const In* in, Eigen::Index in_stride,
                                           Eigen::Index half, const Number* cos, const Number* sin) {
  using Block = Eigen::Array<Number, Width, 1>;
  POSENC_UNROLL
  for (int i = 0; i < Blocks * Width; i += Width) {
    const Block c = load<Width, Number>(cos + i);
    const Block s = load<Width, Number>(sin + i);
    POSENC_UNROLL
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

/// The same for pairs of neighbours. `cos_sin` holds c0 s0 c1 s1 ...
template <int Heads, int Blocks, int Width, typename Number, typename Out, typename In>
EIGEN_ALWAYS_INLINE void rotate_interleaved(Out* out, Eigen::Index out_stride, const In* in, Eigen::Index in_stride,
                                            const Number* cos_sin) {
  using Complex = Eigen::Array<std::complex<Number>, Width, 1>;
  using Reals = Eigen::Array<Number, 2 * Width, 1>;
  POSENC_UNROLL
  for (int i = 0; i < Blocks * Width; i += Width) {
    if constexpr (kHasPackets && Width > 1) {
      const Complex turn = Eigen::Map<const Complex>(reinterpret_cast<const std::complex<Number>*>(cos_sin + 2 * i));
      POSENC_UNROLL
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

template <bool HalfSplit, int Blocks, int Width, typename Number, typename Out, typename In>
void rotate_heads_rest(Out* out, Eigen::Index out_stride, const In* in, Eigen::Index in_stride, Eigen::Index num_heads,
                       Eigen::Index half, const Number* turns, const Number* sines, Eigen::Index count);

template <bool HalfSplit, int Heads, int Blocks, int Width, typename Number, typename Out, typename In>
EIGEN_ALWAYS_INLINE void rotate_blocks(Out* out, Eigen::Index out_stride, const In* in, Eigen::Index in_stride,
                                       Eigen::Index half, const Number* turns, const Number* sines,
                                       Eigen::Index count) {
  for (Eigen::Index i = 0; i < count; i += Blocks * Width) {
    if constexpr (HalfSplit) {
      rotate_half_split<Heads, Blocks, Width>(out + i, out_stride, in + i, in_stride, half, turns + i, sines + i);
    } else {
      rotate_interleaved<Heads, Blocks, Width>(out + 2 * i, out_stride, in + 2 * i, in_stride, turns + 2 * i);
    }
  }
}

/// Turns `count` pairs of all heads of a token: Blocks * Width pairs at a time, four heads together, then what is left
/// in one block, then in blocks of 4 pairs, then pair by pair. Few steps, because each is compiled code.
/// `turns` holds c.. and `sines` s.., or, for pairs of neighbours, `turns` holds c0 s0 c1 s1 ..
template <bool HalfSplit, int Blocks, int Width, typename Number, typename Out, typename In>
EIGEN_ALWAYS_INLINE void rotate_heads(Out* out, Eigen::Index out_stride, const In* in, Eigen::Index in_stride,
                                      Eigen::Index num_heads, Eigen::Index half, const Number* turns,
                                      const Number* sines, Eigen::Index count) {
  constexpr Eigen::Index step = Blocks * Width;
  const Eigen::Index whole = count / step * step;
  Eigen::Index head = 0;
  if constexpr (Width > 1) {
    for (; head + kHeadsTogether <= num_heads; head += kHeadsTogether) {
      rotate_blocks<HalfSplit, kHeadsTogether, Blocks, Width>(
          out + head * out_stride, out_stride, in + head * in_stride, in_stride, half, turns, sines, whole);
    }
  }
  for (; head < num_heads; ++head) {
    rotate_blocks<HalfSplit, 1, Blocks, Width>(out + head * out_stride, out_stride, in + head * in_stride, in_stride,
                                               half, turns, sines, whole);
  }
  if constexpr (step > 1) {
    if (whole < count) {
      constexpr int width = Blocks > 1 ? Width : Width > 4 ? 4 : 1;
      const Eigen::Index channels = HalfSplit ? whole : 2 * whole;
      rotate_heads_rest<HalfSplit, 1, width>(out + channels, out_stride, in + channels, in_stride, num_heads, half,
                                             turns + channels, sines + whole, count - whole);
    }
  }
}

template <bool HalfSplit, int Blocks, int Width, typename Number, typename Out, typename In>
POSENC_NOINLINE void rotate_heads_rest(Out* out, Eigen::Index out_stride, const In* in, Eigen::Index in_stride,
                                       Eigen::Index num_heads, Eigen::Index half, const Number* turns,
                                       const Number* sines, Eigen::Index count) {
  rotate_heads<HalfSplit, Blocks, Width>(out, out_stride, in, in_stride, num_heads, half, turns, sines, count);
}

/// `Count` table numbers, times a factor, as the kernels read them: c0 s0 c1 s1 .. from `to` on, or cosines there and
/// sines from to + kRowChunk on. The table's pairs are Step apart.
template <bool Interleave, int Step, int Count, typename Number, typename TableScalar, typename Factor>
EIGEN_ALWAYS_INLINE void prepare_block(Number* to, const TableScalar* cos, const TableScalar* sin, Factor cos_factor,
                                       Factor sin_factor) {
  Number c[Count];  // local copies cannot overlap the table: the loops become vector code
  Number s[Count];
  for (int i = 0; i < Count; ++i) c[i] = static_cast<Number>(static_cast<Factor>(cos[i * Step]) * cos_factor);
  for (int i = 0; i < Count; ++i) s[i] = static_cast<Number>(static_cast<Factor>(sin[i * Step]) * sin_factor);
  if constexpr (Interleave) {
    for (int i = 0; i < Count; ++i) {
      to[2 * i] = c[i];
      to[2 * i + 1] = s[i];
    }
  } else {
    for (int i = 0; i < Count; ++i) to[i] = c[i];
    for (int i = 0; i < Count; ++i) to[kRowChunk + i] = s[i];
  }
}

template <bool Interleave, int Step, typename Number, typename TableScalar, typename Factor>
void prepare_row(Number* to, const TableScalar* cos, const TableScalar* sin, Factor cos_factor, Factor sin_factor,
                 Eigen::Index count) {
  constexpr int block = 16;
  constexpr int width = Interleave ? 2 : 1;
  Eigen::Index i = 0;
  for (; i + block <= count; i += block) {
    prepare_block<Interleave, Step, block>(to + i * width, cos + i * Step, sin + i * Step, cos_factor, sin_factor);
  }
  for (; i < count; ++i) {
    prepare_block<Interleave, Step, 1>(to + i * width, cos + i * Step, sin + i * Step, cos_factor, sin_factor);
  }
}

/// The same for either step of the table. Signs are exact in any type; other factors are applied in double.
template <bool Interleave, typename Number, typename TableScalar>
void prepare_row(Number* to, const TableScalar* cos, const TableScalar* sin, Eigen::Index step, Turn turn,
                 Eigen::Index count) {
  const auto prepare = [&](auto factor) {
    const auto sin_factor = turn.backwards ? -factor : factor;
    if (step == 1) {
      prepare_row<Interleave, 1>(to, cos, sin, factor, sin_factor, count);
    } else {
      prepare_row<Interleave, 2>(to, cos, sin, factor, sin_factor, count);
    }
  };
  if (turn.scale == 1.0) {
    prepare(Number(1));
  } else {
    prepare(turn.scale);
  }
}

/// The window of head 0 of token 0, and the way to the next head and to the next token.
template <typename Scalar>
struct TokenRows {
  Scalar* data;
  Eigen::Index head_stride;
  Eigen::Index token_stride;
};

/// Turns the window of every head of one token by table row `row`. A function of its own, so that callers which choose
/// rows in different ways share its code.
template <bool HalfSplit, bool InPlace, typename Out, typename In, typename TableScalar>
POSENC_NOINLINE void rotate_token(Out* out, Eigen::Index out_stride, const In* in, Eigen::Index in_stride,
                                  Eigen::Index num_heads, const FrequencyTable<TableScalar>& table, Eigen::Index row,
                                  Turn turn) {
  using Wider = std::conditional_t<std::is_same_v<Out, double>, double, TableScalar>;
  using Number = ArithmeticScalar<In, Wider>;
  constexpr int width = HalfSplit ? kPacket<Number> : kPacket<Number> / 2;
  constexpr int blocks = HalfSplit ? kBlocksTogether : 2 * kBlocksTogether;  // as many channels
  const Eigen::Index half = table.num_pairs();
  const Eigen::Index step = table.pair_stride();
  const bool fitting = HalfSplit ? step == 1 : table.layout() == TableLayout::paired;
  const bool direct = fitting && std::is_same_v<TableScalar, Number> && !turn.backwards && turn.scale == 1.0;

  alignas(64) Number buffer[2 * kRowChunk];
  for (Eigen::Index first = 0; first < half; first += kRowChunk) {
    const Eigen::Index count = (std::min)(kRowChunk, half - first);
    const Eigen::Index channel = HalfSplit ? first : 2 * first;
    const TableScalar* const cos = table.cos_data(row) + first * step;
    const TableScalar* const sin = table.sin_data(row) + first * step;
    const Number* turns = buffer;
    const Number* sines = buffer + kRowChunk;
    if (!direct) {
      prepare_row<!HalfSplit>(buffer, cos, sin, step, turn, count);
    } else if constexpr (std::is_same_v<TableScalar, Number>) {
      turns = cos;
      sines = sin;
    }
    if constexpr (InPlace) {  // one set of addresses leaves enough registers for four heads
      rotate_heads<HalfSplit, blocks, width>(out + channel, out_stride, out + channel, out_stride, num_heads, half,
                                             turns, sines, count);
    } else {
      rotate_heads<HalfSplit, blocks, width>(out + channel, out_stride, in + channel, in_stride, num_heads, half, turns,
                                             sines, count);
    }
  }
}

/// Turns the window of every head of all tokens. `in` and `out` are the same, as with InPlace they must be, or apart.
template <bool InPlace, typename Out, typename In, typename TableScalar, typename Rows>
void rotate_tokens(TokenRows<Out> out, TokenRows<const In> in, Eigen::Index tokens, Eigen::Index num_heads,
                   const FrequencyTable<TableScalar>& table, const Rows& rows, RopePairs pairs, Turn turn) {
  for (Eigen::Index token = 0; token < tokens; ++token) {
    Out* const to = out.data + token * out.token_stride;
    const In* const from = in.data + token * in.token_stride;
    if (pairs == RopePairs::half_split) {
      rotate_token<true, InPlace>(to, out.head_stride, from, in.head_stride, num_heads, table, rows(token), turn);
    } else {
      rotate_token<false, InPlace>(to, out.head_stride, from, in.head_stride, num_heads, table, rows(token), turn);
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_ROTATE_HPP
