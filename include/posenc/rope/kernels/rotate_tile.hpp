// SPDX-License-Identifier: MIT
/// @file
/// The innermost rotation: some pairs of one token in all of its heads, by cosines and sines that stay in registers.
///
/// Eigen expressions of fixed size. Interleaved pairs are complex numbers, and Eigen has packets for those.
#ifndef POSENC_ROPE_KERNELS_ROTATE_TILE_HPP
#define POSENC_ROPE_KERNELS_ROTATE_TILE_HPP

#include "posenc/detail/vector_code.hpp"
#include "posenc/rope/kernels/rotation.hpp"

#include <complex>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Pairs of a tile: four registers of them, with AVX-512 all of a head of 128 channels. Code without a loop over the
/// tile keeps more cache lines in flight; a larger tile does not fit into the registers.
template <typename Number>
inline constexpr int kTilePairs = 4 * kPacket<Number>;

/// The first channel of a tile in head 0, and the distance to the next head.
template <typename Scalar>
struct HeadChannels {
  Scalar* data;
  Eigen::Index stride;

  HeadChannels from(Eigen::Index channel) const { return {data + channel, stride}; }
  HeadChannels head(Eigen::Index i) const { return {data + i * stride, stride}; }
};

// A tile of `Pairs` pairs in every head. All of a head's tile is loaded before any of it is stored: `in` may be `out`.

/// `half` is the distance of partners. `cos` and `sin` hold one value per pair.
template <bool Backward, int Pairs, typename Number, typename Out, typename In>
EIGEN_ALWAYS_INLINE void rotate_half_split(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads,
                                           Eigen::Index half, const Number* cos, const Number* sin) {
  const auto c = load<Pairs, Number>(cos);
  const auto s = load<Pairs, Number>(sin);
  for (Eigen::Index head = 0; head < num_heads; ++head) {
    const auto a = load<Pairs, Number>(in.data);
    const auto b = load<Pairs, Number>(in.data + half);
    store(out.data, rotated_first<Backward>(a, b, c, s));
    store(out.data + half, rotated_second<Backward>(a, b, c, s));
    in.data += in.stride;
    out.data += out.stride;
  }
}

/// Pairs of neighbors. `cos_sin` holds c0 s0 c1 s1 ...
template <bool Backward, int Pairs, typename Number, typename Out, typename In>
EIGEN_ALWAYS_INLINE void rotate_interleaved(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads,
                                            const Number* cos_sin) {
  using Complex = Eigen::Array<std::complex<Number>, Pairs, 1>;
  const auto reals = load<2 * Pairs, Number>(cos_sin);
  Complex rotation = Eigen::Map<const Complex>(reinterpret_cast<const std::complex<Number>*>(reals.data()));
  if constexpr (Backward) rotation = rotation.conjugate().eval();
  for (Eigen::Index head = 0; head < num_heads; ++head) {
    auto channels = load<2 * Pairs, Number>(in.data);
    if constexpr (kHasPackets && Pairs > 1) {
      Eigen::Map<Complex> numbers(reinterpret_cast<std::complex<Number>*>(channels.data()));
      numbers = rotation * numbers;
    } else {
      for (int k = 0; k < 2 * Pairs; k += 2) {
        const Number a = channels[k];
        const Number b = channels[k + 1];
        channels[k] = rotated_first<Backward>(a, b, reals[k], reals[k + 1]);
        channels[k + 1] = rotated_second<Backward>(a, b, reals[k], reals[k + 1]);
      }
    }
    store(out.data, channels);
    in.data += in.stride;
    out.data += out.stride;
  }
}

/// The kind of a rotation of rows, for which each kernel is compiled.
template <bool HalfSplit_, bool Backward_>
struct RotationKind {
  static constexpr bool half_split = HalfSplit_;
  static constexpr bool backward = Backward_;
};

template <typename Kind, int Pairs, typename Number, typename Out, typename In>
void rotate_rest(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads, Eigen::Index half,
                 const Number* cosines, const Number* sines, Eigen::Index count);

/// `count` pairs in every head, in tiles of `Pairs` pairs and the rest in smaller ones: four registers, one, then 4
/// pairs, then pair by pair. Few sizes, because each is compiled separately.
/// `cosines` holds c0 c1 .. and `sines` s0 s1 ..; for pairs of neighbors `cosines` holds c0 s0 c1 s1 .. alone.
template <typename Kind, int Pairs, typename Number, typename Out, typename In>
EIGEN_ALWAYS_INLINE void rotate_pairs(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads,
                                      Eigen::Index half, const Number* cosines, const Number* sines,
                                      Eigen::Index count) {
  constexpr int channels = Kind::half_split ? Pairs : 2 * Pairs;
  for (; count >= Pairs; count -= Pairs) {
    if constexpr (Kind::half_split) {
      rotate_half_split<Kind::backward, Pairs>(out, in, num_heads, half, cosines, sines);
    } else {
      rotate_interleaved<Kind::backward, Pairs>(out, in, num_heads, cosines);
    }
    out = out.from(channels);
    in = in.from(channels);
    cosines += channels;
    sines += Pairs;
  }
  if constexpr (Pairs > 1) {
    constexpr int packet = Kind::half_split ? kPacket<Number> : kPacket<Number> / 2;
    constexpr int smaller = Pairs > packet ? packet : Pairs > 4 ? 4 : 1;
    if (count > 0) rotate_rest<Kind, smaller>(out, in, num_heads, half, cosines, sines, count);
  }
}

/// The pairs that fill no whole tile, which common widths do not have. Not inlined, so that the code of whole tiles
/// stays short.
template <typename Kind, int Pairs, typename Number, typename Out, typename In>
POSENC_KERNEL void rotate_rest(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads,
                               Eigen::Index half, const Number* cosines, const Number* sines, Eigen::Index count) {
  rotate_pairs<Kind, Pairs>(out, in, num_heads, half, cosines, sines, count);
}

/// The tiles of rotate_pairs(), in `together` heads at a time: in all of them, or in one, so that memory is read in order.
/// The halves of a head, two places, are then asked for in order.
template <typename Kind, typename Number, typename Out, typename In>
EIGEN_ALWAYS_INLINE void rotate_heads_in_order(HeadChannels<Out> out, HeadChannels<const In> in, Eigen::Index num_heads,
                                               Eigen::Index together, Eigen::Index half, const Number* cosines,
                                               const Number* sines, Eigen::Index count) {
  constexpr Eigen::Index line = 64 / static_cast<Eigen::Index>(sizeof(In));
  for (Eigen::Index head = 0; head < num_heads; head += together) {
    const HeadChannels<const In> from = in.head(head);
    if (Kind::half_split && together < num_heads) {
      for (Eigen::Index i = 0; i < half + count; i += line) POSENC_PREFETCH(from.data + i);
    }
    rotate_pairs<Kind, kTilePairs<Number>>(out.head(head), from, together, half, cosines, sines, count);
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_KERNELS_ROTATE_TILE_HPP
