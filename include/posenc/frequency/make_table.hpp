// SPDX-License-Identifier: MIT
/// @file
/// make_table() and fill_table(): frequencies meet positions.
#ifndef POSENC_FREQUENCY_MAKE_TABLE_HPP
#define POSENC_FREQUENCY_MAKE_TABLE_HPP

#include "posenc/detail/angles.hpp"
#include "posenc/detail/cast.hpp"
#include "posenc/detail/vector_code.hpp"
#include "posenc/frequency/frequency_table.hpp"
#include "posenc/positions/position_list.hpp"
#include "posenc/positions/position_range.hpp"

namespace posenc {
inline namespace POSENC_ABI {

class AxisMap;

namespace detail {

/// Whether fill_table() may write `rows` positions, named `count`, into `table`.
template <typename Scalar>
void require_fillable(const FrequencyTable<Scalar>& table, const Frequencies& frequencies, const char* count,
                      Eigen::Index rows) {
  const char* const function = "fill_table";
  require(table.num_pairs() == frequencies.num_pairs(), function, "frequencies.num_pairs()", frequencies.num_pairs(),
          "table.num_pairs() ", table.num_pairs());
  require(table.rows() == rows, function, count, rows, "table.rows() ", table.rows());
}

struct TableWriter {
  /// Writes whole blocks: rows are padded for it. `Storage` is fixed so that the loops become plain vector stores.
  template <CosSinStorage Storage, typename Scalar>
  static void write_block(Scalar* row, Eigen::Index sin_offset, Eigen::Index pair, const double* cosine,
                          const double* sine) {
    constexpr int step = Storage == CosSinStorage::cos_sin ? 1 : 2;
    Scalar* const to_cos = row + step * pair;
    Scalar* const to_sin = row + sin_offset + step * pair;
    if constexpr (Storage == CosSinStorage::cos_sin) {
      cast_block<kAngleBlock>(to_cos, cosine);
      cast_block<kAngleBlock>(to_sin, sine);
    } else {
      Scalar c[kAngleBlock];  // rounded before memory is touched: every loop becomes vector code
      Scalar s[kAngleBlock];
      cast_block<kAngleBlock>(c, cosine);
      cast_block<kAngleBlock>(s, sine);
      constexpr bool paired = Storage == CosSinStorage::paired;
      POSENC_VECTOR_LOOP
      for (int i = 0; i < kAngleBlock; ++i) {
        to_cos[2 * i] = c[i];
        to_cos[2 * i + 1] = paired ? s[i] : c[i];
      }
      if (paired) return;
      POSENC_VECTOR_LOOP
      for (int i = 0; i < kAngleBlock; ++i) to_sin[2 * i] = to_sin[2 * i + 1] = s[i];
    }
  }

  /// One block of a row, for other writers.
  template <typename Scalar>
  static void write_block(FrequencyTable<Scalar>& table, Eigen::Index row, Eigen::Index pair, const double* cosine,
                          const double* sine) {
    Scalar* const data = table.numbers_.data() + row * table.row_stride();
    switch (table.storage()) {
      case CosSinStorage::cos_sin:
        return write_block<CosSinStorage::cos_sin>(data, table.sin_offset_, pair, cosine, sine);
      case CosSinStorage::paired:
        return write_block<CosSinStorage::paired>(data, table.sin_offset_, pair, cosine, sine);
      default: return write_block<CosSinStorage::repeated>(data, table.sin_offset_, pair, cosine, sine);
    }
  }

  /// Zeros where no block of fill() comes.
  template <typename Scalar>
  static void clear_padding(FrequencyTable<Scalar>& table) {
    const Eigen::Index planes = table.storage() == CosSinStorage::paired ? 1 : 2;
    const Eigen::Index plane = table.row_stride() / planes;
    const Eigen::Index blocks = (table.num_pairs() + kAngleBlock - 1) / kAngleBlock;
    const Eigen::Index written = blocks * kAngleBlock * (table.storage() == CosSinStorage::cos_sin ? 1 : 2);
    for (Eigen::Index i = 0; i < planes; ++i) {
      table.numbers_.middleCols(i * plane + written, plane - written).setZero();
    }
  }

  /// What the table was made of.
  template <typename Scalar>
  static void set_origin(FrequencyTable<Scalar>& table, double magnitude, std::uint64_t id,
                         std::optional<std::int64_t> first_position = std::nullopt) {
    table.facts_.first_position = first_position;
    table.facts_.magnitude = magnitude;
    table.facts_.id = id != 0 && table.angles() == AngleMode::float32 ? mix_id(id, std::uint64_t(32)) : id;
  }

  template <CosSinStorage Storage, typename Scalar, typename Positions>
  POSENC_KERNEL static void fill(FrequencyTable<Scalar>& table, const Frequencies& frequencies,
                                 const Positions& positions) {
    Scalar* const data = table.numbers_.data();
    const Eigen::Index row_stride = table.row_stride();
    const Eigen::Index sin_offset = table.sin_offset_;
    const auto sink = [=](Eigen::Index row, Eigen::Index pair, int, const double* cosine, const double* sine) {
      write_block<Storage>(data + row * row_stride, sin_offset, pair, cosine, sine);
    };
    if (table.angles() == AngleMode::exact) {
      for_each_angle(frequencies, frequencies.magnitude(), positions, sink);
    } else {
      for_each_float32_angle(frequencies.inv_freq().data(), frequencies.num_pairs(), frequencies.magnitude(), positions,
                             sink);
    }
    if constexpr (std::is_same_v<Positions, RangePositions>) {
      set_origin(table, frequencies.magnitude(), frequencies.id(), positions[0]);
    } else {
      set_origin(table, frequencies.magnitude(), frequencies.id());
    }
  }

  template <typename Scalar, typename Positions>
  static void fill(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const Positions& positions) {
    switch (table.storage()) {
      case CosSinStorage::cos_sin: return fill<CosSinStorage::cos_sin>(table, frequencies, positions);
      case CosSinStorage::paired: return fill<CosSinStorage::paired>(table, frequencies, positions);
      default: return fill<CosSinStorage::repeated>(table, frequencies, positions);
    }
  }

  template <typename Scalar, typename Positions>
  static void checked_fill(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const Positions& positions) {
    require_fillable(table, frequencies, positions.kCount, positions.rows());
    fill(table, frequencies, positions);
  }

  /// On several axes: make_axis_table.hpp.
  template <typename Scalar, typename Derived>
  static void fill_axes(FrequencyTable<Scalar>& table, const Frequencies& frequencies, const AxisMap& axes,
                        const Derived& positions);

  template <typename Scalar, typename Positions>
  static FrequencyTable<Scalar> make(const Frequencies& frequencies, const Positions& positions, TableOptions options) {
    FrequencyTable<Scalar> table(positions.rows(), frequencies.num_pairs(), options,
                                 typename FrequencyTable<Scalar>::Unset{});
    clear_padding(table);
    fill(table, frequencies, positions);
    return table;
  }
};

}  // namespace detail

/// Makes the table of a run of positions: row i stands at position p = positions.first + i and holds
///
///     A cos(p inv_freq[j]),  A sin(p inv_freq[j])        j < num_pairs,  A = frequencies.magnitude()
///
/// The numbers of a position do not depend on the run it is in: chunks of a sequence equal the whole, bit for bit.
/// @tparam Scalar     float, double, Eigen::half or Eigen::bfloat16; each value is formed in double and rounded once.
/// @param positions   {first, count}; first may be negative or beyond 2^31.
/// @param options     Row layout, and exact or float32 angles.
/// @throws std::invalid_argument  positions.count < 0.
/// @throws std::out_of_range      first + count overflows.
/// @throws std::length_error      the table does not fit into memory's index type.
/// Cost:     two multiply-adds and a store for each value; one allocation.
/// Accuracy: float |error| <= u / 2 + A (2^-40 + |p inv_freq| 2^-51) with u the ulp of float just below A, 2^-24 for
///           A = 1; double <= A (2^-50 + |p inv_freq| 2^-51).
/// Source:   angle addition, cos(a + b) = cos a cos b - sin a sin b, on exact values at every 16th position.
/// Matches:  AngleMode::exact is what the formula says; AngleMode::float32 what Hugging Face, vLLM, ONNX exporters and
///           CTranslate2 compute, given their float inv_freq: exact to the bit for a correctly rounded cos and sin,
///           where long double is wider than double (see Frequencies).
template <typename Scalar>
FrequencyTable<Scalar> make_table(const Frequencies& frequencies, PositionRange positions, TableOptions options = {}) {
  return detail::TableWriter::make<Scalar>(frequencies, detail::RangePositions(positions), options);
}

/// @overload
/// Row i stands at positions(i): integer ids (`position_ids`), or real numbers. A matrix of ids is read along its rows.
/// @throws std::invalid_argument  a real position is NaN or infinite.
template <typename Scalar, typename Derived>
FrequencyTable<Scalar> make_table(const Frequencies& frequencies, const Eigen::DenseBase<Derived>& positions,
                                  TableOptions options = {}) {
  return detail::TableWriter::make<Scalar>(frequencies,
                                           detail::ListPositions<Derived>("make_table", positions.derived()), options);
}

/// Writes new positions (and frequencies) into a table that make_table() made, without an allocation: the call for a
/// decode loop, which needs one row for each new token. Layout and AngleMode stay those of the table.
/// @throws std::invalid_argument  another number of rows or pairs than the table has; a table that wraps a cache.
/// @throws std::out_of_range      first + count overflows.
template <typename Scalar>
void fill_table(FrequencyTable<Scalar>& table, const Frequencies& frequencies, PositionRange positions) {
  detail::TableWriter::checked_fill(table, frequencies, detail::RangePositions(positions));
}

/// @overload
template <typename Scalar, typename Derived>
void fill_table(FrequencyTable<Scalar>& table, const Frequencies& frequencies,
                const Eigen::DenseBase<Derived>& positions) {
  detail::TableWriter::checked_fill(table, frequencies,
                                    detail::ListPositions<Derived>("fill_table", positions.derived()));
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_MAKE_TABLE_HPP
