// SPDX-License-Identifier: MIT
/// @file
/// Writes and adds the rows of a kept cos/sin table in the channel order of an encoding.
#ifndef POSENC_SINUSOIDAL_DETAIL_WRITE_TABLE_ROWS_HPP
#define POSENC_SINUSOIDAL_DETAIL_WRITE_TABLE_ROWS_HPP

#include "posenc/detail/row.hpp"
#include "posenc/detail/vector_code.hpp"
#include "posenc/sinusoidal/detail/encoding_positions.hpp"
#include "posenc/sinusoidal/kernels/interleave_kernels.hpp"

#include <algorithm>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The new number of a channel: the value, or scale x + value, formed in the arithmetic type and rounded once.
template <bool Add, typename Scalar, typename Value>
Scalar combine(const Scalar& x, const Value& value, double scale) {
  if constexpr (Add) {
    using Number = ArithmeticScalar<Scalar, Value>;
    return convert<Scalar>(Number(Number(scale) * convert<Number>(x) + convert<Number>(value)));
  } else {
    return convert<Scalar>(value);
  }
}

/// combine() for contiguous values that are disjoint from x.
template <bool Add, typename Scalar, typename Value>
void combine_row(Scalar* x, const Value* values, Eigen::Index count, double scale) {
  if constexpr (!Add) {
    store_row(x, values, count);
  } else if (scale == 1) {
    add_row(x, values, count);
  } else {
    for (Eigen::Index i = 0; i < count; ++i) x[i] = combine<true>(x[i], values[i], scale);
  }
}

/// combine() for values with a stride, which are first gathered in blocks on the stack.
template <bool Add, typename Scalar, typename Value>
void combine_strided(Scalar* x, const Value* values, Eigen::Index stride, Eigen::Index count, double scale) {
  if (stride == 1) return combine_row<Add>(x, values, count, scale);
  Value block[kRowBlock];
  for (Eigen::Index first = 0; first < count; first += kRowBlock) {
    const Eigen::Index size = (std::min)(Eigen::Index(kRowBlock), count - first);
    for (Eigen::Index i = 0; i < size; ++i) block[i] = values[(first + i) * stride];
    combine_row<Add>(x + first, block, size, scale);
  }
}

/// combine_row() for `Count` values, a length that the compiler knows.
template <bool Add, int Count, typename Scalar, typename Value>
EIGEN_ALWAYS_INLINE void combine_block(Scalar* x, const Value* values, double scale) {
  if constexpr (std::is_same_v<Scalar, Value> && std::is_same_v<Scalar, ArithmeticScalar<Scalar, Value>>) {
    using Block = Eigen::Array<Scalar, Count, 1>;
    if constexpr (!Add) {
      Eigen::Map<Block>{x} = Eigen::Map<const Block>(values);
      return;
    } else if (scale == 1) {
      Eigen::Map<Block>{x} += Eigen::Map<const Block>(values);
      return;
    }
  }
  combine_row<Add>(x, values, Count, scale);
}

/// Sines and cosines in turn, s0 c0 s1 c1 ..., for `count` pairs.
template <bool Add, typename Scalar, typename Value>
void combine_interleaved(Scalar* x, const Value* sines, const Value* cosines, Eigen::Index stride, Eigen::Index count,
                         double scale) {
#if POSENC_HAS_LEVELS
  if constexpr (std::is_same_v<Scalar, float> && std::is_same_v<Value, float>) {
    const bool neighbors = stride == 2 && sines == cosines + 1;
    if ((stride == 1 || neighbors) && (!Add || scale == 1)) {
      const InterleaveKernels kernels = interleave_kernels<Add>(level_of_machine());
      return neighbors ? kernels.neighbors(x, cosines, count)
                       : kernels.rows({x, x + 1, 0, sines, cosines, 0, count, 1, false});
    }
  }
#endif
  Value block[2 * kRowBlock];
  Eigen::Index first = 0;
  if (stride == 1) {
    for (; first + kRowBlock <= count; first += kRowBlock) {
      POSENC_VECTOR_LOOP
      for (int i = 0; i < kRowBlock; ++i) {
        block[2 * i] = sines[first + i];
        block[2 * i + 1] = cosines[first + i];
      }
      combine_block<Add, 2 * kRowBlock>(x + 2 * first, block, scale);
    }
  }
  for (; first < count; first += kRowBlock) {
    const Eigen::Index size = (std::min)(Eigen::Index(kRowBlock), count - first);
    for (Eigen::Index i = 0; i < size; ++i) {
      block[2 * i] = sines[(first + i) * stride];
      block[2 * i + 1] = cosines[(first + i) * stride];
    }
    combine_row<Add>(x + 2 * first, block, 2 * size, scale);
  }
}

/// Asks for `bytes` bytes that are read soon.
inline void ask_for(const void* from, Eigen::Index bytes) {
#if defined(__GNUC__)
  const char* const first = static_cast<const char*>(from);
  for (Eigen::Index i = 0; i < bytes; i += 64) __builtin_prefetch(first + i);
#else
  static_cast<void>(from);
  static_cast<void>(bytes);
#endif
}

/// Whether rows are read in order before they are used, or asked for; `bytes` are those of a row of sines. Sines and
/// cosines of a row follow one another, and are read in turn or in the other order, which processors do not foresee where
/// they change within a page. Rows that the caches hold would only be read once more.
inline bool asks_for_rows(Eigen::Index rows, Eigen::Index bytes) {
  return bytes <= 4096 && rows > (Eigen::Index(1) << 19) / bytes;
}

#if POSENC_HAS_LEVELS
/// write_contiguous_rows() for floats that are as many sines as cosines.
template <typename Table, typename Rows>
POSENC_NOINLINE void write_row_pairs(RowPairsKernel kernel, float* x, Eigen::Index tokens, Eigen::Index x_stride,
                                     const Table& table, const SinusoidalEncoding& encoding, const Rows& rows) {
  const SinusoidColumns columns = columns_of(encoding);
  const Eigen::Index pairs = encoding.num_sines();
  // Blocks gain by it only where rows are as many again.
  const Eigen::Index read_in_turn = columns.step == 2 ? tokens : tokens / 2;
  const bool touch = asks_for_rows(read_in_turn, pairs * Eigen::Index(sizeof(float)));
  rows.for_each_run([&](Eigen::Index token, Eigen::Index count, Eigen::Index row) {
    float* const to = x + token * x_stride;
    kernel({to + columns.first_sine, to + columns.first_cosine, x_stride, table.sin_data(row), table.cos_data(row),
            table.row_stride(), pairs, count, touch});
  });
}
#endif

/// Writes x, a matrix in memory with contiguous rows: token t gets row rows(t) of the table, but padding where that is
/// `padding_row`.
template <bool Add, typename Scalar, typename Table, typename Rows>
POSENC_KERNEL void write_contiguous_rows(Scalar* x, Eigen::Index tokens, Eigen::Index x_stride, const Table& table,
                                         const SinusoidalEncoding& encoding, const Rows& rows,
                                         Eigen::Index padding_row) {
  using Value = typename Table::Scalar;
  const SinusoidColumns columns = columns_of(encoding);
  const double scale = encoding.options().embedding_scale;
  const Eigen::Index num_sines = encoding.num_sines();
  const Eigen::Index num_cosines = encoding.num_cosines();
  const Eigen::Index stride = table.pair_stride();
  const Eigen::Index bytes = num_sines * stride * static_cast<Eigen::Index>(sizeof(Value));
  const bool ask = asks_for_rows(tokens, bytes);
#if POSENC_HAS_LEVELS
  if constexpr (std::is_same_v<Scalar, float> && std::is_same_v<Value, float>) {
    const bool all_pairs = num_sines == num_cosines && 2 * num_sines == encoding.width();
    if (stride == 1 && all_pairs && padding_row < 0 && (!Add || scale == 1)) {
      RowPairsKernel kernel = nullptr;
      if (columns.step == 2) {
        kernel = interleave_kernels<Add>(level_of_machine()).rows;
      } else if (Add && num_sines >= kLeastAdded) {
        kernel = add_blocks_kernel<RowPairs>(level_of_machine());
      }
      if (kernel != nullptr) return write_row_pairs(kernel, x, tokens, x_stride, table, encoding, rows);
    }
  }
#endif
  const auto write = [&](Scalar* to, Eigen::Index row) {
    if (ask) {
      ask_for(table.cos_data(row), bytes);
      if (stride == 1) ask_for(table.sin_data(row), bytes);
    }
    Eigen::Index written = 0;
    if (row != padding_row) {
      const Value* const sines = table.sin_data(row);
      const Value* const cosines = table.cos_data(row);
      written = num_sines + num_cosines;
      if (columns.step == 2) {
        combine_interleaved<Add>(to, sines, cosines, stride, num_cosines, scale);
        const Eigen::Index rest = num_sines - num_cosines;
        if (rest != 0) combine_strided<Add>(to + 2 * num_cosines, sines + num_cosines * stride, stride, rest, scale);
      } else {
        combine_strided<Add>(to + columns.first_sine, sines, stride, num_sines, scale);
        combine_strided<Add>(to + columns.first_cosine, cosines, stride, num_cosines, scale);
      }
    }
    for (Eigen::Index channel = written; channel < encoding.width(); ++channel) {
      to[channel] = combine<Add>(to[channel], Value(0), scale);
    }
  };
  rows.for_each_run([&](Eigen::Index token, Eigen::Index count, Eigen::Index row) {
    for (Eigen::Index i = 0; i < count; ++i) write(x + (token + i) * x_stride, row + i);
  });
}

/// Writes any other x, column by column, as Eigen's default storage lies in memory.
template <bool Add, typename X, typename Table, typename Rows>
void write_table_rows(X& x, const Table& table, const SinusoidalEncoding& encoding, const Rows& row_of,
                      Eigen::Index padding_row) {
  if constexpr (has_rows_in_memory<X>) {
    if (has_contiguous_rows(x)) {
      return write_contiguous_rows<Add>(x.data(), x.rows(), x.outerStride(), table, encoding, row_of, padding_row);
    }
  }
  using Value = typename Table::Scalar;
  const SinusoidColumns columns = columns_of(encoding);
  const double scale = encoding.options().embedding_scale;
  const auto write_column = [&](Eigen::Index column, auto&& value_of) {
    for (Eigen::Index token = 0; token < x.rows(); ++token) {
      const Eigen::Index row = row_of(token);
      auto& target = x.coeffRef(token, column);
      target = combine<Add>(target, row == padding_row ? Value(0) : value_of(row), scale);
    }
  };
  const Eigen::Index stride = table.pair_stride();
  for (Eigen::Index pair = 0; pair < encoding.num_sines(); ++pair) {
    write_column(columns.sine(pair), [&](Eigen::Index row) { return table.sin_data(row)[pair * stride]; });
  }
  for (Eigen::Index pair = 0; pair < encoding.num_cosines(); ++pair) {
    write_column(columns.cosine(pair), [&](Eigen::Index row) { return table.cos_data(row)[pair * stride]; });
  }
  for (Eigen::Index column = encoding.num_sines() + encoding.num_cosines(); column < encoding.width(); ++column) {
    write_column(column, [](Eigen::Index) { return Value(0); });
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_DETAIL_WRITE_TABLE_ROWS_HPP
