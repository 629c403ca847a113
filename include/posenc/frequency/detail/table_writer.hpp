// SPDX-License-Identifier: MIT
/// @file
/// TableWriter: writes the numbers of a FrequencyTable, for make_table(), fill_table() and the tables by other rules.
#ifndef POSENC_FREQUENCY_DETAIL_TABLE_WRITER_HPP
#define POSENC_FREQUENCY_DETAIL_TABLE_WRITER_HPP

#include "posenc/detail/angles.hpp"
#include "posenc/detail/cast.hpp"
#include "posenc/detail/vector_code.hpp"
#include "posenc/frequency/frequency_table.hpp"
#include "posenc/positions/position_range.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

class AxisMap;

namespace detail {

/// Refuses to fill `table` with other numbers of pairs or rows than it has; messages name the number of rows `count`.
template <typename Scalar>
void require_fillable(const FrequencyTable<Scalar>& table, const Frequencies& frequencies, const char* count,
                      Eigen::Index rows) {
  const char* const function = "fill_table";
  const bool shared = table.num_heads() == 1;
  require(table.num_heads() * table.num_pairs() == frequencies.num_pairs(), function, "frequencies.num_pairs()",
          frequencies.num_pairs(), shared ? "table.num_pairs() " : "table.num_heads() * table.num_pairs() ",
          table.num_heads() * table.num_pairs());
  require(table.rows() == rows, function, count, rows, "table.rows() ", table.rows());
}

struct TableWriter {
  /// Writes a whole block, for which rows are padded. `Storage` is a constant, so that the loops become vector stores.
  template <CosSinStorage Storage, typename Scalar, typename Number>
  static void write_block(Scalar* row, Eigen::Index sin_offset, Eigen::Index pair, const Number* cosine,
                          const Number* sine) {
    constexpr int step = Storage == CosSinStorage::cos_sin ? 1 : 2;
    Scalar* const to_cos = row + step * pair;
    Scalar* const to_sin = row + sin_offset + step * pair;
    if constexpr (Storage == CosSinStorage::cos_sin) {
      cast_block<kAngleBlock>(to_cos, cosine);
      cast_block<kAngleBlock>(to_sin, sine);
    } else if constexpr (!std::is_same_v<Scalar, Number>) {
      Scalar c[kAngleBlock];  // rounded first, so that every loop becomes vector code
      Scalar s[kAngleBlock];
      cast_block<kAngleBlock>(c, cosine);
      cast_block<kAngleBlock>(s, sine);
      write_block<Storage>(row, sin_offset, pair, c, s);
    } else {
      constexpr bool paired = Storage == CosSinStorage::paired;
      POSENC_VECTOR_LOOP
      for (int i = 0; i < kAngleBlock; ++i) {
        to_cos[2 * i] = cosine[i];
        to_cos[2 * i + 1] = paired ? sine[i] : cosine[i];
      }
      if (paired) return;
      POSENC_VECTOR_LOOP
      for (int i = 0; i < kAngleBlock; ++i) to_sin[2 * i] = to_sin[2 * i + 1] = sine[i];
    }
  }

  template <typename Scalar, typename Number>
  static void write_block(CosSinStorage storage, Scalar* row, Eigen::Index sin_offset, Eigen::Index pair,
                          const Number* cosine, const Number* sine) {
    switch (storage) {
      case CosSinStorage::cos_sin: return write_block<CosSinStorage::cos_sin>(row, sin_offset, pair, cosine, sine);
      case CosSinStorage::paired: return write_block<CosSinStorage::paired>(row, sin_offset, pair, cosine, sine);
      default: return write_block<CosSinStorage::repeated>(row, sin_offset, pair, cosine, sine);
    }
  }

  /// Writes one block of a row of a head, for the tables by other rules.
  template <typename Scalar>
  static void write_block(FrequencyTable<Scalar>& table, Eigen::Index row, Eigen::Index head, Eigen::Index pair,
                          const double* cosine, const double* sine) {
    Scalar* const data = table.numbers_.data() + row * table.row_stride() + head * table.head_stride();
    write_block(table.storage(), data, table.sin_offset_, pair, cosine, sine);
  }

  /// Writes zeros to the padding that the blocks of fill() do not reach.
  template <typename Scalar>
  static void clear_padding(FrequencyTable<Scalar>& table) {
    if constexpr (FrequencyTable<Scalar>::kPadded == kAngleBlock) return;
    const Eigen::Index planes = table.num_heads() * (table.storage() == CosSinStorage::paired ? 1 : 2);
    const Eigen::Index plane = table.row_stride() / planes;
    const Eigen::Index blocks = (table.num_pairs() + kAngleBlock - 1) / kAngleBlock;
    const Eigen::Index written = blocks * kAngleBlock * (table.storage() == CosSinStorage::cos_sin ? 1 : 2);
    for (Eigen::Index i = 0; i < planes; ++i) {
      // Not Eigen's setZero(), a function of one name in units for other instructions (tests/two_units).
      for (Eigen::Index row = 0; row < table.numbers_.rows(); ++row) {
        std::fill_n(table.numbers_.data() + row * table.numbers_.outerStride() + i * plane + written, plane - written,
                    Scalar(0));
      }
    }
  }

  /// The first position of a range; none of a list.
  template <typename Positions>
  static std::optional<std::int64_t> first_of(const Positions& positions) {
    if constexpr (std::is_same_v<Positions, RangePositions>) {
      return positions[0];
    } else {
      return std::nullopt;
    }
  }

  /// Records what the table was made of.
  template <typename Scalar>
  static void set_origin(FrequencyTable<Scalar>& table, double magnitude, std::uint64_t id,
                         std::optional<std::int64_t> first_position = std::nullopt) {
    table.facts_.first_position = first_position;
    table.facts_.num_sequences = 1;
    table.facts_.magnitude = magnitude;
    table.facts_.of_channels = false;
    id = id_by_heads(id, table.num_heads());
    table.facts_.id = id != 0 && table.angles() == AngleMode::float32 ? mix_id(id, std::uint64_t(32)) : id;
  }

  /// Fills rows first_row, first_row + 1, ..., one for each position.
  template <typename Scalar, typename Positions>
  static void fill_rows(FrequencyTable<Scalar>& table, Eigen::Index first_row, const Frequencies& frequencies,
                        const Positions& positions) {
    for (Eigen::Index head = 0; head < table.num_heads(); ++head) {
      Scalar* const data = table.numbers_.data() + first_row * table.row_stride() + head * table.head_stride();
      if (table.angles() == AngleMode::exact) {
        fill_exactly(data, table, head * table.num_pairs(), frequencies, positions);
      } else {
        fill_float32(data, table, head * table.num_pairs(), frequencies, positions);
      }
    }
  }

#if POSENC_HAS_LEVELS
  static AngleOrder order_of(CosSinStorage storage) {
    return storage == CosSinStorage::cos_sin  ? AngleOrder::split
           : storage == CosSinStorage::paired ? AngleOrder::in_turn
                                              : AngleOrder::repeated;
  }
#endif

  /// The rows of a head, which begin at `data`, of pairs first_pair, first_pair + 1, ... of `frequencies`.
  template <typename Scalar, typename Positions>
  static void fill_exactly(Scalar* data, const FrequencyTable<Scalar>& table, Eigen::Index first_pair,
                           const Frequencies& frequencies, const Positions& positions) {
    if (positions.rows() == 0) return;
    const Eigen::Index row_stride = table.row_stride();
    const Eigen::Index sin_offset = table.sin_offset_;
    const Eigen::Index end = first_pair + table.num_pairs();
    const CosSinStorage storage = table.storage();
#if POSENC_HAS_LEVELS
    const AngleKernel kernel = angle_kernel<angle_format<Scalar>, false>(level_of_machine());
    const Eigen::Index step = storage == CosSinStorage::cos_sin ? 1 : 2;
    const Eigen::Index row_bytes = row_stride * static_cast<Eigen::Index>(sizeof(Scalar));
    const bool is_cached = std::int64_t(positions.rows()) * row_bytes <= kBytesInCache;
    const Eigen::Index ahead = is_cached ? 0 : kAnchorStep * row_bytes;
    for_each_angle_chunk(frequencies, first_pair, end, [&](const double* frequency, Eigen::Index pair, int count) {
      Scalar* const to = data + step * (pair - first_pair);
      const auto run = [&](const AngleTerms& terms, const AngleRun& rows) {
        Scalar* const row = to + rows.first * row_stride;
        AngleRows call = rows_of_run(terms, rows, row, row + sin_offset, row_stride, order_of(storage), 1);
        call.ahead = ahead;
        kernel(call);
      };
      for_each_angle_run(frequency, count, frequencies.fastest(), frequencies.magnitude(), positions, run);
    });
#else
    for_each_angle(frequencies, first_pair, end, frequencies.magnitude(), positions,
                   [&](Eigen::Index row, Eigen::Index pair, int, const double* cosine, const double* sine) {
                     write_block(storage, data + row * row_stride, sin_offset, pair - first_pair, cosine, sine);
                   });
#endif
  }

  template <typename Scalar, typename Positions>
  static void fill_float32(Scalar* data, const FrequencyTable<Scalar>& table, Eigen::Index first_pair,
                           const Frequencies& frequencies, const Positions& positions) {
    if (positions.rows() == 0) return;
    for_each_float32_angle(
        frequencies.inv_freq().data() + first_pair, table.num_pairs(), frequencies.magnitude(), positions,
        [&](Eigen::Index row, Eigen::Index pair, int, const float* cosine, const float* sine) {
          write_block(table.storage(), data + row * table.row_stride(), table.sin_offset_, pair, cosine, sine);
        });
  }

  template <typename Scalar, typename Positions>
  static void fill(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const Positions& positions) {
    fill_rows(table, 0, frequencies, positions);
    set_origin(table, frequencies.magnitude(), frequencies.id(), first_of(positions));
    table.facts_.of_channels = frequencies.of_channels();
  }

  template <typename Scalar, typename Positions>
  static void checked_fill(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const Positions& positions) {
    require_fillable(table, frequencies, positions.kCount, positions.rows());
    require_finite_angles("fill_table", frequencies.fastest(), table.angles() == AngleMode::float32, positions);
    fill(table, frequencies, positions);
  }

  /// Fills a table with a set of frequencies for each sequence. Defined in make_sequence_table.hpp.
  template <typename Scalar, typename Positions>
  static void fill_sequences(FrequencyTable<Scalar>& table, const std::vector<Frequencies>& frequencies,
                             const Positions& positions, Eigen::Index seq_len);

  /// Fills a table of positions on several axes. Defined in make_axis_table.hpp.
  template <typename Scalar, typename Derived>
  static void fill_axes(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const AxisMap& axes,
                        const Derived& positions);

#if POSENC_HAS_LEVELS
  /// The same for one head, whose rows begin at `data`, on up to kBlendedAxes axes.
  template <typename Scalar, typename Derived>
  static void fill_blended(Scalar* data, const FrequencyTable<Scalar>& table, Eigen::Index first_pair,
                           const Frequencies& frequencies, const AxisMap& axes, const Derived& positions);
#endif

  template <typename Scalar, typename Positions>
  static FrequencyTable<Scalar> make(const Frequencies& frequencies, const Positions& positions, TableOptions options) {
    const Eigen::Index pairs = pairs_of_head("make_table", "frequencies.num_pairs()", frequencies.num_pairs(), options);
    require_finite_angles("make_table", frequencies.fastest(), options.angles == AngleMode::float32, positions);
    FrequencyTable<Scalar> table(positions.rows(), pairs, options, typename FrequencyTable<Scalar>::Unset{});
    clear_padding(table);
    fill(table, frequencies, positions);
    return table;
  }
};

}  // namespace detail

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_DETAIL_TABLE_WRITER_HPP
