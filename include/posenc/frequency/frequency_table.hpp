// SPDX-License-Identifier: MIT
/// @file
/// FrequencyTable: cosine and sine of position * inv_freq, one row per position.
#ifndef POSENC_FREQUENCY_FREQUENCY_TABLE_HPP
#define POSENC_FREQUENCY_FREQUENCY_TABLE_HPP

#include "posenc/detail/angles.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/scalar.hpp"
#include "posenc/frequency/frequencies.hpp"
#include "posenc/positions/position_range.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

struct TableWriter;

/// A count that is 0 once it was moved from, as the storage that it counts then is gone.
class MovedCount {
 public:
  MovedCount(Eigen::Index count) : count_(count) {}
  MovedCount(const MovedCount&) = default;
  MovedCount(MovedCount&& other) noexcept : count_(std::exchange(other.count_, 0)) {}
  MovedCount& operator=(const MovedCount&) = default;
  MovedCount& operator=(MovedCount&& other) noexcept {
    count_ = std::exchange(other.count_, 0);
    return *this;
  }
  operator Eigen::Index() const { return count_; }

 private:
  Eigen::Index count_;
};

}  // namespace detail

/// How one row of a table lies in memory. The numbers are the same; kernels differ in what they load fastest.
///
///     split     c0 c1 c2 .. | s0 s1 s2 ..            default: best for half-split RoPE, good for interleaved
///     paired    c0 s0 c1 s1 c2 s2 ..                 best for interleaved RoPE: complex numbers
///     doubled   c0 c0 c1 c1 .. | s0 s0 s1 s1 ..      for kernels of one's own: x * cos + swapped(x) * (-+ sin)
enum class TableLayout { split, paired, doubled };

/// How the angle position * inv_freq is formed.
enum class AngleMode {
  exact,   ///< In double: right at any position.
  float32  ///< In float, as Hugging Face, vLLM and their kin do: to reproduce their numbers, errors included.
};

/// What make_table() makes, and fill_table() keeps.
struct TableOptions {
  TableLayout layout = TableLayout::split;
  AngleMode angles = AngleMode::exact;
};

/// Cosine and sine of position * inv_freq, one row per position, one entry per pair, both times the magnitude A.
///
/// Either owns its numbers, in rows padded and aligned to Eigen's widest packet (from make_table()), or refers to a
/// caller's cos/sin cache, which must outlive it (from wrap_cache() and wrap_cos_sin()). Copying copies the numbers
/// in the first case and the reference in the second; a table that was moved from has no rows. Const access from many
/// threads is safe.
/// @tparam Scalar_  float, double, Eigen::half or Eigen::bfloat16.
template <typename Scalar_>
class FrequencyTable {
  static_assert(detail::is_storage<Scalar_>,
                "posenc: a FrequencyTable holds float, double, Eigen::half or Eigen::bfloat16");

 public:
  using Scalar = Scalar_;
  using ConstMap = Eigen::Map<const Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>,
                              Eigen::Unaligned, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;

  /// A table of zeros for fill_table() to write, in the layout and with the angles of `options`.
  /// @throws std::invalid_argument  rows < 0; num_pairs <= 0 or > 2^23.
  /// @throws std::length_error      the table does not fit into memory's index type.
  FrequencyTable(Eigen::Index rows, Eigen::Index num_pairs, TableOptions options = {})
      : FrequencyTable(rows, num_pairs, options, Unset{}) {
    storage_.setZero();
  }

  /// Refers to cos and sin that lie elsewhere: entry (row, pair) at row * row_stride + pair * pair_stride of each.
  /// wrap_cache() and wrap_cos_sin() are the friendlier way in.
  /// @throws std::invalid_argument  a null pointer with rows > 0; rows < 0; num_pairs <= 0 or > 2^23; magnitude not >
  ///                                0; pair_stride not 1 or 2; rows that overlap.
  /// @throws std::length_error      rows that do not fit into memory's index type.
  FrequencyTable(const Scalar* cos, const Scalar* sin, Eigen::Index rows, Eigen::Index num_pairs,
                 Eigen::Index row_stride, Eigen::Index pair_stride, double magnitude)
      : rows_(rows),
        num_pairs_(num_pairs),
        row_stride_(row_stride),
        pair_stride_(pair_stride),
        layout_(pair_stride == 1                   ? TableLayout::split
                : cos != nullptr && sin == cos + 1 ? TableLayout::paired
                                                   : TableLayout::doubled),
        magnitude_(magnitude),
        cos_(cos),
        sin_(sin) {
    const char* const function = "FrequencyTable";
    detail::require(rows >= 0, function, "rows", rows, ">= 0");
    detail::require_num_pairs(function, num_pairs);
    detail::require(pair_stride == 1 || pair_stride == 2, function, "pair_stride", pair_stride, "1 or 2");
    detail::require(rows <= 1 || row_stride >= (num_pairs - 1) * pair_stride + 1, function, "row_stride", row_stride,
                    "at least ", (num_pairs - 1) * pair_stride + 1);
    if (rows > 1) detail::require_size(function, "rows", rows, row_stride, sizeof(Scalar));
    detail::require(rows == 0 || cos != nullptr, function, "cos", "null", "a valid pointer");
    detail::require(rows == 0 || sin != nullptr, function, "sin", "null", "a valid pointer");
    detail::require(detail::is_finite(magnitude) && magnitude > 0, function, "magnitude", magnitude, "finite and > 0");
  }

  Eigen::Index rows() const { return rows_; }
  Eigen::Index num_pairs() const { return num_pairs_; }
  /// Number of channels that turn: 2 num_pairs.
  Eigen::Index rotary_dim() const { return 2 * num_pairs_; }
  TableLayout layout() const { return layout_; }
  /// How make_table() formed the angles and fill_table() will. Nothing is known of a wrapped cache: exact.
  AngleMode angles() const { return angles_; }
  /// A, which cos and sin have been multiplied by; 0 when the factor differs from entry to entry (xPos).
  double magnitude() const { return magnitude_; }
  /// Identity of the frequencies and axes that it was made of; 0 when unknown, as for a wrapped cache. A float32 table
  /// has another one than the exact table of the same frequencies: its angles do not add up.
  std::uint64_t id() const { return id_; }
  /// Whether the numbers are the table's own.
  bool owns_data() const { return cos_ == nullptr; }

  /// All cosines, rows x num_pairs, whatever the layout. No copy.
  ConstMap cos() const { return map(cos_data(0)); }
  /// All sines, rows x num_pairs, whatever the layout. No copy.
  ConstMap sin() const { return map(rows_ == 0 ? cos_data(0) : sin_data(0)); }

  /// Entry (row, pair) lies at cos_data(row)[pair * pair_stride()], and likewise the sine.
  const Scalar* cos_data(Eigen::Index row) const { return cos_base() + row * row_stride_; }
  const Scalar* sin_data(Eigen::Index row) const {
    return (owns_data() ? storage_.data() + sin_offset_ : sin_) + row * row_stride_;
  }
  Eigen::Index row_stride() const { return row_stride_; }
  Eigen::Index pair_stride() const { return pair_stride_; }

 private:
  using Storage = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  /// A table whose numbers are yet to be written, padding included.
  struct Unset {};
  FrequencyTable(Eigen::Index rows, Eigen::Index num_pairs, TableOptions options, Unset)
      : rows_(rows), num_pairs_(num_pairs), layout_(options.layout), angles_(options.angles) {
    const char* const function = "FrequencyTable";
    detail::require(rows >= 0, function, "rows", rows, ">= 0");
    detail::require_num_pairs(function, num_pairs);
    const Eigen::Index plane = padded(num_pairs) * (layout_ == TableLayout::split ? 1 : 2);
    row_stride_ = layout_ == TableLayout::paired ? plane : 2 * plane;
    pair_stride_ = layout_ == TableLayout::split ? 1 : 2;
    sin_offset_ = layout_ == TableLayout::paired ? 1 : plane;
    detail::require_size(function, "rows", rows, row_stride_, sizeof(Scalar));
    storage_.resize(rows, row_stride_);
  }

  static Eigen::Index padded(Eigen::Index size) {
    constexpr Eigen::Index packet = (std::max)(static_cast<Eigen::Index>(EIGEN_MAX_ALIGN_BYTES / sizeof(Scalar)),
                                               static_cast<Eigen::Index>(detail::kAngleBlock));
    return (size + packet - 1) / packet * packet;
  }
  const Scalar* cos_base() const { return owns_data() ? storage_.data() : cos_; }
  ConstMap map(const Scalar* data) const {
    return ConstMap(data, rows_, num_pairs_, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(row_stride_, pair_stride_));
  }

  friend struct detail::TableWriter;

  detail::MovedCount rows_;
  Eigen::Index num_pairs_;
  Eigen::Index row_stride_ = 0;
  Eigen::Index pair_stride_ = 1;
  Eigen::Index sin_offset_ = 0;
  TableLayout layout_;
  AngleMode angles_ = AngleMode::exact;
  double magnitude_ = 1.0;
  std::uint64_t id_ = 0;
  const Scalar* cos_ = nullptr;
  const Scalar* sin_ = nullptr;
  Storage storage_;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_FREQUENCY_TABLE_HPP
