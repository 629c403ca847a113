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

inline constexpr Eigen::Index kHeadsTogether = 4;
inline constexpr Eigen::Index kRowChunk = 128;  // pairs of a table row prepared at a time, on the stack

/// body(integral_constant<int, width>, first) over [first, count): blocks of Width, then of halves of it down to 1.
template <int Width, typename Body>
void for_each_block(Eigen::Index first, Eigen::Index count, Body&& body) {
  for (; first + Width <= count; first += Width) body(std::integral_constant<int, Width>{}, first);
  if constexpr (Width > 1) {
    if (first < count) for_each_block<Width / 2>(first, count, body);
  }
}

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

/// One block of pairs in `Heads` heads. `cos` and `sin` hold one value per pair; `half` is the distance of partners.
template <int Heads, typename Number, typename Out, typename In>
void rotate_half_split(Out* out, Eigen::Index out_stride, const In* in, Eigen::Index in_stride, Eigen::Index half,
                       const Number* cos, const Number* sin, Eigen::Index count) {
  for_each_block<kPacket<Number>>(0, count, [&](auto width, Eigen::Index i) {
    using Block = Eigen::Array<Number, width.value, 1>;
    const Block c = load<width.value, Number>(cos + i);
    const Block s = load<width.value, Number>(sin + i);
    for (int head = 0; head < Heads; ++head) {
      const Block a = load<width.value, Number>(in + head * in_stride + i);
      const Block b = load<width.value, Number>(in + head * in_stride + half + i);
      store(out + head * out_stride + i, Block(a * c - b * s));
      store(out + head * out_stride + half + i, Block(a * s + b * c));
    }
  });
}

/// The same for pairs of neighbours. `cos_sin` holds c0 s0 c1 s1 ...
template <int Heads, typename Number, typename Out, typename In>
void rotate_interleaved(Out* out, Eigen::Index out_stride, const In* in, Eigen::Index in_stride, const Number* cos_sin,
                        Eigen::Index count) {
  for_each_block<kPacket<Number> / 2>(0, count, [&](auto width, Eigen::Index i) {
    constexpr int pairs = width.value;
#if defined(EIGEN_VECTORIZE)
    constexpr bool use_packets = pairs > 1;
#else
    constexpr bool use_packets = false;
#endif
    if constexpr (use_packets) {
      using Complex = Eigen::Array<std::complex<Number>, pairs, 1>;
      using Reals = Eigen::Array<Number, 2 * pairs, 1>;
      const auto complex = [](const Number* data) { return reinterpret_cast<const std::complex<Number>*>(data); };
      const Complex turn = Eigen::Map<const Complex>(complex(cos_sin + 2 * i));
      for (int head = 0; head < Heads; ++head) {
        const In* const from = in + head * in_stride + 2 * i;
        Out* const to = out + head * out_stride + 2 * i;
        if constexpr (std::is_same_v<In, Number> && std::is_same_v<Out, Number>) {
          Eigen::Map<Complex>{reinterpret_cast<std::complex<Number>*>(to)} =
              turn * Eigen::Map<const Complex>(complex(from));
        } else {
          Reals values = load<2 * pairs, Number>(from);
          Eigen::Map<Complex> numbers(reinterpret_cast<std::complex<Number>*>(values.data()));
          numbers = (turn * numbers).eval();
          store(to, values);
        }
      }
    } else {
      for (int head = 0; head < Heads; ++head) {
        for (int k = 0; k < pairs; ++k) {
          const Number c = cos_sin[2 * (i + k)];
          const Number s = cos_sin[2 * (i + k) + 1];
          const Number a = convert<Number>(in[head * in_stride + 2 * (i + k)]);
          const Number b = convert<Number>(in[head * in_stride + 2 * (i + k) + 1]);
          out[head * out_stride + 2 * (i + k)] = convert<Out>(a * c - b * s);
          out[head * out_stride + 2 * (i + k) + 1] = convert<Out>(a * s + b * c);
        }
      }
    }
  });
}

/// Calls body(integral_constant<int, heads>, first head): four heads at a time, then one.
template <typename Body>
void for_each_head_group(Eigen::Index num_heads, Body&& body) {
  Eigen::Index head = 0;
  for (; head + kHeadsTogether <= num_heads; head += kHeadsTogether) {
    body(std::integral_constant<int, static_cast<int>(kHeadsTogether)>{}, head);
  }
  for (; head < num_heads; ++head) body(std::integral_constant<int, 1>{}, head);
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
  const TableScalar* const table_cos = table.cos_data(row);
  const TableScalar* const table_sin = table.sin_data(row);
  const bool as_stored = std::is_same_v<TableScalar, Number> && !turn.backwards && turn.scale == 1.0;
  const auto cos_at = [&](Eigen::Index i) {
    return static_cast<Number>(static_cast<double>(table_cos[i * step]) * turn.scale);
  };
  const double sin_scale = turn.backwards ? -turn.scale : turn.scale;
  const auto sin_at = [&](Eigen::Index i) {
    return static_cast<Number>(static_cast<double>(table_sin[i * step]) * sin_scale);
  };

  alignas(64) Number buffer[2 * kRowChunk];
  for (Eigen::Index first = 0; first < half; first += kRowChunk) {
    const Eigen::Index count = (std::min)(kRowChunk, half - first);
    if (half_split) {
      const Number* cos = buffer;
      const Number* sin = buffer + kRowChunk;
      bool direct = false;
      if constexpr (std::is_same_v<TableScalar, Number>) {
        direct = as_stored && step == 1;
        if (direct) cos = table_cos + first;
        if (direct) sin = table_sin + first;
      }
      if (!direct) {
        for (Eigen::Index i = 0; i < count; ++i) buffer[i] = cos_at(first + i);
        for (Eigen::Index i = 0; i < count; ++i) buffer[kRowChunk + i] = sin_at(first + i);
      }
      for_each_head_group(num_heads, [&](auto heads, Eigen::Index head) {
        rotate_half_split<heads.value>(out + head * out_stride + first, out_stride, in + head * in_stride + first,
                                       in_stride, half, cos, sin, count);
      });
    } else {
      const Number* cos_sin = buffer;
      bool direct = false;
      if constexpr (std::is_same_v<TableScalar, Number>) {
        direct = as_stored && table.layout() == TableLayout::paired;
        if (direct) cos_sin = table_cos + 2 * first;
      }
      if (!direct) {
        for (Eigen::Index i = 0; i < count; ++i) {
          buffer[2 * i] = cos_at(first + i);
          buffer[2 * i + 1] = sin_at(first + i);
        }
      }
      for_each_head_group(num_heads, [&](auto heads, Eigen::Index head) {
        rotate_interleaved<heads.value>(out + head * out_stride + 2 * first, out_stride,
                                        in + head * in_stride + 2 * first, in_stride, cos_sin, count);
      });
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_ROTATE_HPP
