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

/// The kernels are plain functions of pointers and sizes: with lambdas that capture them by reference, compilers reload
/// both around every store (a float store may change them for all they know), which cost a third in the first-level
/// cache.

/// Pairs first ... count - 1 of `Heads` heads: blocks of Width, then of halves of it down to 1. `cos` and `sin` hold one
/// value per pair; `half` is the distance of partners.
template <int Heads, int Width, typename Number, typename Out, typename In>
void rotate_half_split(Out* out, Eigen::Index out_stride, const In* in, Eigen::Index in_stride, Eigen::Index half,
                       const Number* cos, const Number* sin, Eigen::Index first, Eigen::Index count) {
  using Block = Eigen::Array<Number, Width, 1>;
  Eigen::Index i = first;
  for (; i + Width <= count; i += Width) {
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
  if constexpr (Width > 1) {
    if (i < count) {
      rotate_half_split<Heads, Width / 2>(out, out_stride, in, in_stride, half, cos, sin, i, count);
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
                        Eigen::Index first, Eigen::Index count) {
  Eigen::Index i = first;
  if constexpr (kHasPackets && Width > 1) {
    using Complex = Eigen::Array<std::complex<Number>, Width, 1>;
    using Reals = Eigen::Array<Number, 2 * Width, 1>;
    for (; i + Width <= count; i += Width) {
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
    }
    if (i < count) rotate_interleaved<Heads, Width / 2>(out, out_stride, in, in_stride, cos_sin, i, count);
  } else {
    for (; i < count; ++i) {
      const Number c = cos_sin[2 * i];
      const Number s = cos_sin[2 * i + 1];
      for (int head = 0; head < Heads; ++head) {
        const In* const from = in + head * in_stride + 2 * i;
        Out* const to = out + head * out_stride + 2 * i;
        const Number a = convert<Number>(from[0]);
        const Number b = convert<Number>(from[1]);
        to[0] = convert<Out>(Number(a * c - b * s));
        to[1] = convert<Out>(Number(a * s + b * c));
      }
    }
  }
}

/// Pairs of a table row, scaled, as the kernels read them: cosine i at to_cos[i * ToStep], table entry at cos[i * Step].
template <int ToStep, int Step, typename Number, typename TableScalar>
void prepare_row(Number* to_cos, Number* to_sin, const TableScalar* cos, const TableScalar* sin, double cos_scale,
                 double sin_scale, Eigen::Index count) {
  constexpr int block = 16;
  const auto scaled = [](const TableScalar& value, double scale) {
    return static_cast<Number>(static_cast<double>(value) * scale);
  };
  Eigen::Index i = 0;
  for (; i + block <= count; i += block) {  // a constant trip count: vector code from -O2 on
    for (Eigen::Index k = i; k < i + block; ++k) {
      to_cos[k * ToStep] = scaled(cos[k * Step], cos_scale);
      to_sin[k * ToStep] = scaled(sin[k * Step], sin_scale);
    }
  }
  for (; i < count; ++i) {
    to_cos[i * ToStep] = scaled(cos[i * Step], cos_scale);
    to_sin[i * ToStep] = scaled(sin[i * Step], sin_scale);
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
  const double sin_scale = turn.backwards ? -turn.scale : turn.scale;

  alignas(64) Number buffer[2 * kRowChunk];
  for (Eigen::Index first = 0; first < half; first += kRowChunk) {
    const Eigen::Index count = (std::min)(kRowChunk, half - first);
    const TableScalar* const table_cos = table.cos_data(row) + first * step;
    const TableScalar* const table_sin = table.sin_data(row) + first * step;
    if (half_split) {
      const Number* cos = buffer;
      const Number* sin = buffer + kRowChunk;
      const bool direct = as_stored && step == 1;
      if constexpr (std::is_same_v<TableScalar, Number>) {
        if (direct) cos = table_cos;
        if (direct) sin = table_sin;
      }
      if (!direct) {
        const auto prepare =
            step == 1 ? prepare_row<1, 1, Number, TableScalar> : prepare_row<1, 2, Number, TableScalar>;
        prepare(buffer, buffer + kRowChunk, table_cos, table_sin, turn.scale, sin_scale, count);
      }
      constexpr int width = kPacket<Number>;
      Eigen::Index head = 0;
      for (; head + kHeadsTogether <= num_heads; head += kHeadsTogether) {
        rotate_half_split<kHeadsTogether, width>(out + head * out_stride + first, out_stride,
                                                 in + head * in_stride + first, in_stride, half, cos, sin, 0, count);
      }
      for (; head < num_heads; ++head) {
        rotate_half_split<1, width>(out + head * out_stride + first, out_stride, in + head * in_stride + first,
                                    in_stride, half, cos, sin, 0, count);
      }
    } else {
      const Number* cos_sin = buffer;
      const bool direct = as_stored && table.layout() == TableLayout::paired;
      if constexpr (std::is_same_v<TableScalar, Number>) {
        if (direct) cos_sin = table_cos;
      }
      if (!direct) {
        const auto prepare =
            step == 1 ? prepare_row<2, 1, Number, TableScalar> : prepare_row<2, 2, Number, TableScalar>;
        prepare(buffer, buffer + 1, table_cos, table_sin, turn.scale, sin_scale, count);
      }
      constexpr int width = kPacket<Number> / 2;
      Eigen::Index head = 0;
      for (; head + kHeadsTogether <= num_heads; head += kHeadsTogether) {
        rotate_interleaved<kHeadsTogether, width>(out + head * out_stride + 2 * first, out_stride,
                                                  in + head * in_stride + 2 * first, in_stride, cos_sin, 0, count);
      }
      for (; head < num_heads; ++head) {
        rotate_interleaved<1, width>(out + head * out_stride + 2 * first, out_stride, in + head * in_stride + 2 * first,
                                     in_stride, cos_sin, 0, count);
      }
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_ROTATE_HPP
