// SPDX-License-Identifier: MIT
/// @file
/// FrequencyTable: cosine and sine of position * inv_freq, one row per position.
#ifndef POSENC_FREQUENCY_FREQUENCY_TABLE_HPP
#define POSENC_FREQUENCY_FREQUENCY_TABLE_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/scalar.hpp"
#include "posenc/detail/sin_cos.hpp"
#include "posenc/detail/temporary.hpp"
#include "posenc/frequency/frequency_table_view.hpp"
#include "posenc/frequency/table_options.hpp"
#include "posenc/frequency/table_rotation.hpp"

#include <algorithm>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// Cosine and sine of position * inv_freq, one row per position, one entry per pair, both times the magnitude A.
///
/// Owns its numbers, in rows that are padded and aligned to Eigen's widest packet. make_table() makes one, fill_table()
/// writes it anew. A table that was moved from has no rows. Const access from many threads is safe.
///
/// With options.num_heads > 1 each head has angles of its own, and a row holds one part for each head:
///
///     position 0:  head 0   c0 c1 .. | s0 s1 ..       table.head(0), row 0
///                  head 1   c0 c1 .. | s0 s1 ..       table.head(1), row 0
///     position 1:  head 0   c0 c1 .. | s0 s1 ..       table.head(0), row 1
///                  ...
template <typename Scalar>
class FrequencyTable : public FrequencyTableBase<FrequencyTable<Scalar>, Scalar> {
  using Base = FrequencyTableBase<FrequencyTable<Scalar>, Scalar>;
  using Numbers = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

 public:
  /// A table of zeros for fill_table() to write.
  /// @param num_pairs  Pairs of a head.
  /// @throws std::invalid_argument  rows < 0; num_pairs <= 0; options.storage other than cos_sin, paired or repeated;
  ///                                options.num_heads <= 0; more than 2^23 pairs in all heads.
  /// @throws std::length_error      the table does not fit into memory's index type.
  FrequencyTable(detail::Size rows, detail::Size num_pairs, TableOptions options = {})
      : FrequencyTable(rows, num_pairs, options, Unset{}) {
    numbers_.setZero();
  }

  FrequencyTable(const FrequencyTable&) = default;
  FrequencyTable(FrequencyTable&&) = default;
  FrequencyTable& operator=(const FrequencyTable&) = default;
  FrequencyTable& operator=(FrequencyTable&& other) noexcept {
    FrequencyTable taken(std::move(other));
    numbers_.swap(taken.numbers_);
    this->facts_ = taken.facts_;
    sin_offset_ = taken.sin_offset_;
    return *this;
  }

  Eigen::Index rows() const { return numbers_.rows(); }
  /// Where the cosine of pair 0 of a position is; those of other pairs are each pair_stride() further.
  /// @param row  >= 0 and < rows(): not checked.
  const Scalar* cos_data(detail::Size row) const& { return numbers_.data() + row * this->row_stride(); }
  /// The same of the sines.
  /// @param row  >= 0 and < rows(): not checked.
  const Scalar* sin_data(detail::Size row) const& { return numbers_.data() + sin_offset_ + row * this->row_stride(); }
  template <typename Number = Scalar>
  const Number* cos_data(Eigen::Index) const&& {
    return detail::of_temporary<Number>();
  }
  template <typename Number = Scalar>
  const Number* sin_data(Eigen::Index) const&& {
    return detail::of_temporary<Number>();
  }

  /// All cosines, rows x num_pairs, whatever the storage. No copy: it refers to the table.
  /// @throws std::invalid_argument  heads have angles of their own: head(h).cos().
  typename Base::ConstMap cos() const& { return Base::cos(); }
  /// All sines, rows x num_pairs, whatever the storage. No copy: it refers to the table.
  /// @throws std::invalid_argument  heads have angles of their own: head(h).sin().
  typename Base::ConstMap sin() const& { return Base::sin(); }
  /// @overload
  /// Of a temporary table: a copy.
  Numbers cos() const&& { return Base::cos(); }
  /// @overload
  /// Of a temporary table: a copy.
  Numbers sin() const&& { return Base::sin(); }

  /// A view of all of the table. The table must outlive it.
  FrequencyTableView<Scalar> view() const& {
    return {this->facts_, cos_data(0), rows() == 0 ? cos_data(0) : sin_data(0), rows()};
  }
  template <typename Number = Scalar>
  FrequencyTableView<Number> view() const&& {
    const Number* const none = detail::of_temporary<Number>();
    return {none, none, 0, 1, 1, 1, 1};
  }
  /// The angles of one head: a view of one head. The table must outlive it.
  /// @param head  >= 0 and < num_heads().
  /// @throws std::out_of_range  there is no such head.
  FrequencyTableView<Scalar> head(detail::Size head) const& { return view().head(head); }
  template <typename Number = Scalar>
  FrequencyTableView<Number> head(detail::Size) const&& {
    const Number* const none = detail::of_temporary<Number>();
    return {none, none, 0, 1, 1, 1, 1};
  }
  /// The gradient of the rotation A R(t) by the table's angles t: A R(-t), for apply_rope(), which takes dL/d(output)
  /// to dL/d(input) with it. It refers to the table.
  TableRotation<RotationSense::backward, FrequencyTableView<Scalar>> adjoint() const& { return view().adjoint(); }
  /// @overload
  /// Of a temporary: the result keeps the table.
  TableRotation<RotationSense::backward, FrequencyTable> adjoint() && { return {std::move(*this), 1.0, false}; }
  /// The inverse of the rotation, R(-t) / A, for apply_rope(). Equal to the adjoint only for A = 1. Refers to the
  /// table.
  /// @throws std::invalid_argument  magnitude() is 0: xPos, FoPE, sequences of different magnitudes.
  TableRotation<RotationSense::backward, FrequencyTableView<Scalar>> inverse() const& { return view().inverse(); }
  /// @overload
  /// Of a temporary: the result keeps the table.
  TableRotation<RotationSense::backward, FrequencyTable> inverse() && {
    const double scale = this->inverse_scale();
    return {std::move(*this), scale, true};
  }

 private:
  /// A table whose numbers, padding included, have not been written yet.
  struct Unset {};
  FrequencyTable(Eigen::Index rows, Eigen::Index num_pairs, TableOptions options, Unset) {
    const char* const function = "FrequencyTable";
    detail::require(rows >= 0, function, "rows", rows, ">= 0");
    detail::require_num_pairs(function, num_pairs);
    const bool paired = options.storage == CosSinStorage::paired;
    const bool repeated = options.storage == CosSinStorage::repeated;
    detail::require(paired || repeated || options.storage == CosSinStorage::cos_sin, function, "options.storage",
                    detail::name_of(options.storage), "cos_sin, paired or repeated");
    detail::require_named(function, "options.angles", options.angles, AngleMode::float32);
    const Eigen::Index num_heads = options.num_heads;
    detail::require(num_heads > 0 && num_heads <= detail::kMaxPairs / num_pairs, function, "options.num_heads",
                    num_heads, "> 0 and at most ", detail::kMaxPairs / num_pairs, " for heads of ", num_pairs,
                    " pairs");
    const Eigen::Index plane = padded(num_pairs) * (paired || repeated ? 2 : 1);
    sin_offset_ = paired ? 1 : plane;
    this->facts_.num_pairs = num_pairs;
    const Eigen::Index head_row = paired ? plane : 2 * plane;
    detail::require_size(function, "rows", rows, head_row * num_heads, sizeof(Scalar));
    this->facts_.num_heads = num_heads;
    this->facts_.head_stride = num_heads == 1 ? 0 : head_row;
    this->facts_.row_stride = head_row * num_heads;
    this->facts_.pair_stride = paired || repeated ? 2 : 1;
    this->facts_.storage = options.storage;
    this->facts_.angles = options.angles;
    numbers_.resize(rows, this->facts_.row_stride);
  }

  static constexpr Eigen::Index kPadded = (std::max)(static_cast<Eigen::Index>(EIGEN_MAX_ALIGN_BYTES / sizeof(Scalar)),
                                                     static_cast<Eigen::Index>(detail::kAngleBlock));
  static Eigen::Index padded(Eigen::Index size) { return (size + kPadded - 1) / kPadded * kPadded; }

  friend struct detail::TableWriter;

  Eigen::Index sin_offset_ = 0;
  Numbers numbers_;
};

namespace detail {

/// Whether T is a FrequencyTable or a FrequencyTableView: what functions that read a table take, as `const T&`.
template <typename T>
inline constexpr bool is_frequency_table = false;
template <typename Scalar>
inline constexpr bool is_frequency_table<FrequencyTable<Scalar>> = true;
template <typename Scalar>
inline constexpr bool is_frequency_table<FrequencyTableView<Scalar>> = true;

}  // namespace detail

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_FREQUENCY_TABLE_HPP
