// SPDX-License-Identifier: MIT
/// @file
/// Writes and adds the sinusoids of an encoding on a line, straight from the generator of angles.
#ifndef POSENC_SINUSOIDAL_DETAIL_WRITE_ENCODING_HPP
#define POSENC_SINUSOIDAL_DETAIL_WRITE_ENCODING_HPP

#include "posenc/detail/angles.hpp"
#include "posenc/detail/cast.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/detail/vector_code.hpp"
#include "posenc/sinusoidal/detail/encoding_positions.hpp"
#include "posenc/sinusoidal/sinusoidal_encoding.hpp"

#include <algorithm>
#include <cstdint>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Stores the values, one by one or a block in memory: encode_sinusoidal().
template <typename Scalar>
struct StoreElement {
  static void apply(Scalar& target, double value, double) { target = convert<Scalar>(value); }

  template <int Count>
  static void apply_block(Scalar* target, const double* values, double) {
    cast_block<Count>(target, values);
  }
};

/// Adds the values to `embedding_scale` times what is there: add_sinusoidal().
template <typename Scalar>
struct AddElement {
  static void apply(Scalar& target, double value, double embedding_scale) {
    if constexpr (is_storage<Scalar>) {
#if POSENC_HAS_LEVELS
      const volatile double scaled = static_cast<double>(target) * embedding_scale;  // rounded, as kernels do
      target = round_to<Scalar>(scaled + value);
#else
      target = round_to<Scalar>(static_cast<double>(target) * embedding_scale + value);
#endif
    } else {
      target = target * Scalar(embedding_scale) + Scalar(value);
    }
  }

  template <int Count>
  static void apply_block(Scalar* target, const double* values, double embedding_scale) {
    if constexpr (is_half<Scalar>) {
      double sums[Count];
      cast_block<Count>(sums, target);
      POSENC_VECTOR_LOOP
      for (int i = 0; i < Count; ++i) sums[i] = sums[i] * embedding_scale + values[i];
      cast_block<Count>(target, sums);
    } else {
      POSENC_VECTOR_LOOP
      for (int i = 0; i < Count; ++i) apply(target[i], values[i], embedding_scale);
    }
  }
};

/// Writes a whole block of sines and cosines into a row in memory.
template <typename Element, bool Interleave, typename Scalar>
void write_sinusoids(Scalar* sines, Scalar* cosines, const double* sine, const double* cosine, double scale) {
  if constexpr (Interleave &&
                std::is_same_v<Element, StoreElement<Scalar>>) {  // rounded first: half the bytes to put in order
    Scalar s[kAngleBlock];
    Scalar c[kAngleBlock];
    cast_block<kAngleBlock>(s, sine);
    cast_block<kAngleBlock>(c, cosine);
    POSENC_VECTOR_LOOP
    for (int i = 0; i < kAngleBlock; ++i) {
      sines[2 * i] = s[i];
      sines[2 * i + 1] = c[i];
    }
  } else if constexpr (Interleave) {  // put in order first, then added to contiguous memory
    double values[2 * kAngleBlock];
    POSENC_VECTOR_LOOP
    for (int i = 0; i < kAngleBlock; ++i) {
      values[2 * i] = sine[i];
      values[2 * i + 1] = cosine[i];
    }
    Element::template apply_block<2 * kAngleBlock>(sines, values, scale);
  } else {
    Element::template apply_block<kAngleBlock>(sines, sine, scale);
    Element::template apply_block<kAngleBlock>(cosines, cosine, scale);
  }
}

/// Some of the rows of positions, as for_each_angle() reads them.
template <typename Positions>
struct SomePositions {
  const Positions& all;
  Eigen::Index first;
  Eigen::Index count;

  Eigen::Index rows() const { return count; }
  auto operator[](Eigen::Index i) const { return all[first + i]; }
};

/// for_each_angle() takes some pairs of all rows after another. Where that is more memory than caches hold, it gets so
/// many rows at a time; the sines of 17 positions, which it then computes again, cost less (bench_sinusoidal,
/// 16384_rows).
inline constexpr Eigen::Index kRowsAtATime = 512;

/// Writes the sinusoids of pairs 0 ... count - 1, a multiple of kAngleBlock, in all rows that are not padding. `data`
/// is a matrix in memory with contiguous rows.
template <typename Element, bool Interleave, typename Scalar, typename Positions>
void write_whole_blocks(Scalar* data, Eigen::Index row_stride, const SinusoidalEncoding& encoding, Eigen::Index count,
                        const Positions& positions) {
  const SinusoidColumns columns = columns_of(encoding);
  const double scale = encoding.options().embedding_scale;
  const double amplitude = encoding.options().amplitude;
  const PaddingRows<Positions> is_padding(encoding, positions);
  const Eigen::Index rows = positions.rows();
  const bool in_parts =
      count > kAngleChunk && std::int64_t(rows) * 2 * count * std::int64_t(sizeof(Scalar)) > kBytesInCache;
  const Eigen::Index at_once = in_parts ? kRowsAtATime : rows;
  for (Eigen::Index first = 0; first < rows; first += at_once) {
    const SomePositions<Positions> some{positions, first, (std::min)(at_once, rows - first)};
    Scalar* const first_row = data + first * row_stride;
#if POSENC_HAS_LEVELS
    constexpr bool adds = std::is_same_v<Element, AddElement<Scalar>>;
    const AngleKernel kernel = angle_kernel<angle_format<Scalar>, adds>(level_of_machine());
    const Eigen::Index row_bytes = row_stride * static_cast<Eigen::Index>(sizeof(Scalar));
    const Eigen::Index ahead = in_parts ? kAnchorStep * row_bytes : 0;
    constexpr AngleOrder order = Interleave ? AngleOrder::in_turn : AngleOrder::split;
    const auto chunk = [&](const double* frequency, Eigen::Index pair, int pairs) {
      Scalar* const at = first_row + pair * (Interleave ? 2 : 1);
      const auto run = [&](const AngleTerms& terms, const AngleRun& all) {
        AngleRun part = all;
        for (; part.first < all.first + all.count; part.first += part.count, part.offset += 1) {
          part.count = is_padding.exists ? 1 : all.count;
          if (is_padding(first + part.first)) continue;
          Scalar* const row = at + part.first * row_stride;
          AngleRows call =
              rows_of_run(terms, part, row + columns.first_cosine, row + columns.first_sine, row_stride, order, scale);
          call.ahead = ahead;
          if constexpr (Interleave) put_sines_first<Scalar>(call);
          kernel(call);
        }
      };
      for_each_angle_run(frequency, pairs, encoding.frequencies().fastest(), amplitude, some, run);
    };
    for_each_angle_chunk(encoding.frequencies(), 0, count, chunk);
#else
    const auto sink = [&](Eigen::Index row, Eigen::Index pair, int, const double* cosine, const double* sine) {
      if (is_padding(first + row)) return;
      Scalar* const at = first_row + row * row_stride + pair * (Interleave ? 2 : 1);
      write_sinusoids<Element, Interleave>(at + columns.first_sine, at + columns.first_cosine, sine, cosine, scale);
    };
    for_each_angle(encoding.frequencies(), 0, count, amplitude, some, sink);
#endif
  }
}

/// Writes all rows of x: row i is the encoding of positions[i], to which first_position was added.
template <template <typename> class Element, typename X, typename Positions>
void write_encoding(X& x, const SinusoidalEncoding& encoding, const Positions& positions) {
  using Write = Element<typename X::Scalar>;
  const SinusoidalOptions& options = encoding.options();
  const SinusoidColumns columns = columns_of(encoding);
  const double scale = options.embedding_scale;
  const PaddingRows<Positions> is_padding(encoding, positions);

  Eigen::Index written_pairs = 0;
  if constexpr (has_rows_in_memory<X>) {
    if (has_contiguous_rows(x)) {
      written_pairs = encoding.num_cosines() / kAngleBlock * kAngleBlock;
      if (columns.step == 2) {
        write_whole_blocks<Write, true>(x.data(), x.outerStride(), encoding, written_pairs, positions);
      } else {
        write_whole_blocks<Write, false>(x.data(), x.outerStride(), encoding, written_pairs, positions);
      }
    }
  }
  const auto sink = [&](Eigen::Index row, Eigen::Index pair, int count, const double* cosine, const double* sine) {
    if (is_padding(row)) return;
    const Eigen::Index first_sine = columns.first_sine + pair * columns.step;
    const Eigen::Index first_cosine = columns.first_cosine + pair * columns.step;
    const int num_cosines = static_cast<int>((std::min)(Eigen::Index(count), encoding.num_cosines() - pair));
    for (int i = 0; i < count; ++i) Write::apply(x.coeffRef(row, first_sine + i * columns.step), sine[i], scale);
    for (int i = 0; i < num_cosines; ++i) {
      Write::apply(x.coeffRef(row, first_cosine + i * columns.step), cosine[i], scale);
    }
  };
  for_each_angle(encoding.frequencies(), written_pairs, encoding.num_sines(), options.amplitude, positions, sink);

  const Eigen::Index written = encoding.num_sines() + encoding.num_cosines();
  for (Eigen::Index row = 0; row < x.rows(); ++row) {
    for (Eigen::Index channel = is_padding(row) ? 0 : written; channel < encoding.width(); ++channel) {
      Write::apply(x.coeffRef(row, channel), 0.0, scale);
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_DETAIL_WRITE_ENCODING_HPP
