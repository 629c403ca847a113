// SPDX-License-Identifier: MIT
/// @file
/// The rotation kernels: all heads of one token, contiguous in memory, by one row of a table.
///
/// Eigen expressions of fixed size, with the cosines and sines of a tile in registers while all heads pass by. That
/// reaches the speed of an in-place scale from the second-level cache on (benchmarks/). Interleaved pairs are complex
/// numbers, and Eigen has packets for those.
#ifndef POSENC_ROPE_KERNELS_ROTATE_ROWS_HPP
#define POSENC_ROPE_KERNELS_ROTATE_ROWS_HPP

#include "posenc/detail/cast.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/detail/vector_code.hpp"
#include "posenc/frequency/frequency_table.hpp"
#include "posenc/rope/detail/token_rows.hpp"
#include "posenc/rope/rope_layout.hpp"

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

/// Pairs of a tile: four registers of them, with AVX-512 a whole head of 128 channels. Straight code for all of it has
/// more cache lines on their way at once. More would not find registers.
template <typename Number>
inline constexpr int kTilePairs = 4 * kPacket<Number>;

inline constexpr Eigen::Index kRowChunk = 128;  // pairs of a table row prepared at a time, on the stack

#if defined(EIGEN_VECTORIZE)
inline constexpr bool kHasPackets = true;
#else
inline constexpr bool kHasPackets = false;
#endif

template <int Count, typename Number, typename Scalar>
EIGEN_ALWAYS_INLINE auto load(const Scalar* data) {
  using Values = Eigen::Array<Number, Count, 1>;
  if constexpr (std::is_same_v<Number, Scalar>) {
    return Values(Eigen::Map<const Values>(data));
  } else {
    Values values;
    cast_block<Count>(values.data(), data);
    return values;
  }
}

template <typename Scalar, typename Values>
EIGEN_ALWAYS_INLINE void store(Scalar* data, const Values& values) {
  constexpr int count = Values::SizeAtCompileTime;
  if constexpr (std::is_same_v<typename Values::Scalar, Scalar>) {
    Eigen::Map<Eigen::Array<Scalar, count, 1>>{data} = values;
  } else {
    const auto numbers = values.eval();
    cast_block<count>(data, numbers.data());
  }
}

/// The first channel of a tile in head 0, and the way to the next head.
template <typename Scalar>
struct HeadChannels {
  Scalar* data;
  Eigen::Index stride;

  HeadChannels from(Eigen::Index channel) const { return {data + channel, stride}; }
};

// A tile of `Pairs` pairs in every head. All of a head's tile is loaded before any of it is stored: `in` may be `out`.

/// `half` is the distance of partners. `cos` and `sin` hold one value per pair.
template <int Pairs, typename Number, typename Out, typename In>
EIGEN_ALWAYS_INLINE void rotate_half_split(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads,
                                           Eigen::Index half, const Number* cos, const Number* sin) {
  const auto c = load<Pairs, Number>(cos);
  const auto s = load<Pairs, Number>(sin);
  for (Eigen::Index head = 0; head < num_heads; ++head) {
    const auto a = load<Pairs, Number>(in.data);
    const auto b = load<Pairs, Number>(in.data + half);
    store(out.data, a * c - b * s);
    store(out.data + half, a * s + b * c);
    in.data += in.stride;
    out.data += out.stride;
  }
}

/// Pairs of neighbours. `cos_sin` holds c0 s0 c1 s1 ...
template <int Pairs, typename Number, typename Out, typename In>
EIGEN_ALWAYS_INLINE void rotate_interleaved(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads,
                                            const Number* cos_sin) {
  using Complex = Eigen::Array<std::complex<Number>, Pairs, 1>;
  const auto reals = load<2 * Pairs, Number>(cos_sin);
  const Complex turn = Eigen::Map<const Complex>(reinterpret_cast<const std::complex<Number>*>(reals.data()));
  for (Eigen::Index head = 0; head < num_heads; ++head) {
    auto channels = load<2 * Pairs, Number>(in.data);
    if constexpr (kHasPackets && Pairs > 1) {
      Eigen::Map<Complex> numbers(reinterpret_cast<std::complex<Number>*>(channels.data()));
      numbers = turn * numbers;
    } else {
      for (int k = 0; k < 2 * Pairs; k += 2) {
        const Number a = channels[k];
        const Number b = channels[k + 1];
        channels[k] = a * reals[k] - b * reals[k + 1];
        channels[k + 1] = a * reals[k + 1] + b * reals[k];
      }
    }
    store(out.data, channels);
    in.data += in.stride;
    out.data += out.stride;
  }
}

template <bool HalfSplit, int Pairs, typename Number, typename Out, typename In>
void rotate_rest(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads, Eigen::Index half,
                 const Number* turns, const Number* sines, Eigen::Index count);

/// `count` pairs in every head, in tiles of `Pairs` pairs and the rest in smaller ones: four registers, one, then 4
/// pairs, then pair by pair. Few steps, because each is compiled code.
/// `turns` holds c.. and `sines` s.., or, for pairs of neighbours, `turns` holds c0 s0 c1 s1 ..
template <bool HalfSplit, int Pairs, typename Number, typename Out, typename In>
EIGEN_ALWAYS_INLINE void rotate_pairs(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads,
                                      Eigen::Index half, const Number* turns, const Number* sines, Eigen::Index count) {
  constexpr int channels = HalfSplit ? Pairs : 2 * Pairs;
  for (; count >= Pairs; count -= Pairs) {
    if constexpr (HalfSplit) {
      rotate_half_split<Pairs>(out, in, num_heads, half, turns, sines);
    } else {
      rotate_interleaved<Pairs>(out, in, num_heads, turns);
    }
    out = out.from(channels);
    in = in.from(channels);
    turns += channels;
    sines += Pairs;
  }
  if constexpr (Pairs > 1) {
    constexpr int packet = HalfSplit ? kPacket<Number> : kPacket<Number> / 2;
    constexpr int smaller = Pairs > packet ? packet : Pairs > 4 ? 4 : 1;
    if (count > 0) rotate_rest<HalfSplit, smaller>(out, in, num_heads, half, turns, sines, count);
  }
}

/// A function of its own: what is left seldom matters, and its code would push the whole tiles out of the way.
template <bool HalfSplit, int Pairs, typename Number, typename Out, typename In>
POSENC_KERNEL void rotate_rest(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads,
                               Eigen::Index half, const Number* turns, const Number* sines, Eigen::Index count) {
  rotate_pairs<HalfSplit, Pairs>(out, in, num_heads, half, turns, sines, count);
}

/// `count` table numbers, times a factor, as the kernels read them: c0 s0 c1 s1 .. from `to` on, or cosines there and
/// sines from to + kRowChunk on. The table's pairs are Step apart. Plain loops: compilers make vector code of them.
template <bool Interleave, int Step, typename Number, typename TableScalar, typename Factor>
void prepare_row(Number* to, const TableScalar* cos, const TableScalar* sin, Factor cos_factor, Factor sin_factor,
                 Eigen::Index count) {
  constexpr int width = Interleave ? 2 : 1;
  constexpr Eigen::Index sines = Interleave ? 1 : kRowChunk;
  for (Eigen::Index i = 0; i < count; ++i) {
    to[width * i] = static_cast<Number>(static_cast<Factor>(cos[i * Step]) * cos_factor);
    to[width * i + sines] = static_cast<Number>(static_cast<Factor>(sin[i * Step]) * sin_factor);
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

/// The type that a rotation is computed in.
template <typename Out, typename In, typename TableScalar>
using RotationScalar = ArithmeticScalar<In, std::conditional_t<std::is_same_v<Out, double>, double, TableScalar>>;

/// The window of head 0 of token 0, and the way to the next head and to the next token.
template <typename Scalar>
struct TokenRows {
  Scalar* data;
  Eigen::Index head_stride;
  Eigen::Index token_stride;

  HeadChannels<Scalar> token(Eigen::Index i) const { return {data + i * token_stride, head_stride}; }
  TokenRows from(Eigen::Index token, Eigen::Index head) const {
    return {data + token * token_stride + head * head_stride, head_stride, token_stride};
  }
};

/// Turns one token by table row `row`, which is brought into the form of the kernels first.
template <bool HalfSplit, typename Out, typename In, typename TableScalar>
POSENC_KERNEL void rotate_token_prepared(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads,
                                         const FrequencyTableView<TableScalar>& table, Eigen::Index row, Turn turn) {
  using Number = RotationScalar<Out, In, TableScalar>;
  const Eigen::Index half = table.num_pairs();
  const Eigen::Index step = table.pair_stride();
  alignas(64) Number turns[2 * kRowChunk];
  for (Eigen::Index first = 0; first < half; first += kRowChunk) {
    const Eigen::Index count = (std::min)(kRowChunk, half - first);
    const Eigen::Index channel = HalfSplit ? first : 2 * first;
    prepare_row<!HalfSplit>(turns, table.cos_data(row) + first * step, table.sin_data(row) + first * step, step, turn,
                            count);
    rotate_pairs<HalfSplit, kTilePairs<Number>>(out.from(channel), in.from(channel), num_heads, half, turns,
                                                turns + kRowChunk, count);
  }
}

/// Whether the table's rows have the form of the kernels.
template <bool HalfSplit, typename Number, typename TableScalar>
bool is_prepared(const FrequencyTableView<TableScalar>& table, Turn turn) {
  const bool fitting = HalfSplit ? table.pair_stride() == 1 : table.storage() == CosSinStorage::paired;
  return std::is_same_v<TableScalar, Number> && fitting && !turn.backwards && turn.scale == 1.0;
}

/// Turns the window of every head of `tokens` tokens by the table's rows from `first_row` on.
template <bool HalfSplit, typename Out, typename In, typename TableScalar>
POSENC_KERNEL void rotate_run(const TokenRows<Out>& out, const TokenRows<const In>& in, Eigen::Index tokens,
                              Eigen::Index num_heads, const FrequencyTableView<TableScalar>& table,
                              Eigen::Index first_row, Turn turn) {
  using Number = RotationScalar<Out, In, TableScalar>;
  if constexpr (std::is_same_v<TableScalar, Number>) {
    if (is_prepared<HalfSplit, Number>(table, turn)) {
      for (Eigen::Index i = 0; i < tokens; ++i) {
        rotate_pairs<HalfSplit, kTilePairs<Number>>(out.token(i), in.token(i), num_heads, table.num_pairs(),
                                                    table.cos_data(first_row + i), table.sin_data(first_row + i),
                                                    table.num_pairs());
      }
      return;
    }
  }
  for (Eigen::Index i = 0; i < tokens; ++i) {
    rotate_token_prepared<HalfSplit>(out.token(i), in.token(i), num_heads, table, first_row + i, turn);
  }
}

/// The same where a head's tokens follow one another ([B, H, L, D]). A token's heads are then a power of two apart, as
/// a rule, and a store to one delays loads from the next: four heads at a time, and few tokens, so that the table's
/// rows stay near (bench_rope, half_split_bhld).
template <bool HalfSplit, typename Out, typename In, typename TableScalar>
void rotate_run_by_heads(const TokenRows<Out>& out, const TokenRows<const In>& in, Eigen::Index tokens,
                         Eigen::Index num_heads, const FrequencyTableView<TableScalar>& table, Eigen::Index first_row,
                         Turn turn) {
  constexpr Eigen::Index some_tokens = 32;
  constexpr Eigen::Index some_heads = 4;
  for (Eigen::Index i = 0; i < tokens; i += some_tokens) {
    for (Eigen::Index head = 0; head < num_heads; head += some_heads) {
      rotate_run<HalfSplit>(out.from(i, head), in.from(i, head), (std::min)(some_tokens, tokens - i),
                            (std::min)(some_heads, num_heads - head), table, first_row + i, turn);
    }
  }
}

/// Turns the window of every head of all tokens. `in` and `out` are the same or apart.
template <bool HalfSplit, typename Out, typename In, typename TableScalar, typename Rows>
void rotate_tokens(const TokenRows<Out>& out, const TokenRows<const In>& in, Eigen::Index tokens,
                   Eigen::Index num_heads, const FrequencyTableView<TableScalar>& table, const Rows& rows, Turn turn) {
  if constexpr (std::is_same_v<Rows, RowRun>) {
    using Number = RotationScalar<Out, In, TableScalar>;
    if (out.token_stride < out.head_stride && is_prepared<HalfSplit, Number>(table, turn)) {
      rotate_run_by_heads<HalfSplit>(out, in, tokens, num_heads, table, rows(0), turn);
    } else {
      rotate_run<HalfSplit>(out, in, tokens, num_heads, table, rows(0), turn);
    }
  } else {
    for (Eigen::Index i = 0; i < tokens; ++i) {
      rotate_run<HalfSplit>(out.from(i, 0), in.from(i, 0), 1, num_heads, table, rows(i), turn);
    }
  }
}

template <typename Out, typename In, typename TableScalar, typename Rows>
void rotate_tokens(const TokenRows<Out>& out, const TokenRows<const In>& in, Eigen::Index tokens,
                   Eigen::Index num_heads, const FrequencyTableView<TableScalar>& table, const Rows& rows,
                   RopePairs pairs, Turn turn) {
  if (pairs == RopePairs::half_split) {
    rotate_tokens<true>(out, in, tokens, num_heads, table, rows, turn);
  } else {
    rotate_tokens<false>(out, in, tokens, num_heads, table, rows, turn);
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_KERNELS_ROTATE_ROWS_HPP
