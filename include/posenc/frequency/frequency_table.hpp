// SPDX-License-Identifier: MIT
/// @file
/// FrequencyTable and FrequencyTableView: cosine and sine of position * inv_freq, one row per position.
#ifndef POSENC_FREQUENCY_FREQUENCY_TABLE_HPP
#define POSENC_FREQUENCY_FREQUENCY_TABLE_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/scalar.hpp"
#include "posenc/detail/sin_cos.hpp"
#include "posenc/detail/temporary.hpp"
#include "posenc/frequency/frequencies.hpp"
#include "posenc/frequency/table_options.hpp"
#include "posenc/frequency/table_rotation.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

template <typename Scalar>
class FrequencyTable;
template <typename Scalar>
class FrequencyTableView;

namespace detail {

struct TableWriter;
struct CacheReader;

/// What a table knows about its numbers, whoever owns them.
struct TableFacts {
  Eigen::Index num_pairs = 0;
  Eigen::Index row_stride = 0;
  Eigen::Index pair_stride = 1;
  CosSinStorage storage = CosSinStorage::cos_sin;
  AngleMode angles = AngleMode::exact;
  double magnitude = 1;
  std::uint64_t id = 0;
  std::optional<std::int64_t> first_position = {};
};

}  // namespace detail

/// What FrequencyTable and FrequencyTableView have in common: rows x 1 x num_pairs cosines and sines.
///
/// @tparam Table    The type that derives from this one and says where the numbers are.
/// @tparam Scalar_  float, double, Eigen::half or Eigen::bfloat16.
template <typename Table, typename Scalar_>
class FrequencyTableBase {
  static_assert(detail::is_storage<Scalar_>,
                "posenc: a FrequencyTable holds float, double, Eigen::half or Eigen::bfloat16");

 public:
  using Scalar = Scalar_;
  using ConstMap = Eigen::Map<const Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>,
                              Eigen::Unaligned, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;

  Eigen::Index num_pairs() const { return facts_.num_pairs; }
  /// Number of heads that have angles of their own: 1, as all heads share them.
  Eigen::Index num_heads() const { return 1; }
  /// Number of channels that rotate: 2 num_pairs.
  Eigen::Index rotary_dim() const { return 2 * facts_.num_pairs; }
  CosSinStorage storage() const { return facts_.storage; }
  /// How make_table() formed the angles and fill_table() will; exact for a wrapped cache, of which nothing is known.
  AngleMode angles() const { return facts_.angles; }
  /// A, which cos and sin have been multiplied by; 0 when the factor differs from entry to entry (xPos).
  double magnitude() const { return facts_.magnitude; }
  /// Identity of the frequencies and axes that the table was made of; 0 when unknown, as for a wrapped cache. A float32
  /// table has another one than the exact table of the same frequencies, because its angles do not add up.
  std::uint64_t id() const { return facts_.id; }
  /// The position of row 0 in a table that was made of consecutive positions: row r holds position *first_position() +
  /// r. Empty for lists of positions, for several axes and for a wrapped cache.
  std::optional<std::int64_t> first_position() const { return facts_.first_position; }

  /// All cosines, rows x num_pairs, whatever the storage. No copy: it refers to the table.
  ConstMap cos() const { return map(table().cos_data(0)); }
  /// All sines, rows x num_pairs, whatever the storage. No copy: it refers to the table.
  ConstMap sin() const { return map(table().rows() == 0 ? table().cos_data(0) : table().sin_data(0)); }

  /// Entry (row, pair) is at cos_data(row)[pair * pair_stride()], and likewise for the sine.
  Eigen::Index row_stride() const { return facts_.row_stride; }
  Eigen::Index pair_stride() const { return facts_.pair_stride; }

 protected:
  FrequencyTableBase() = default;
  explicit FrequencyTableBase(const detail::TableFacts& facts) : facts_(facts) {}

  double inverse_scale() const {
    const double a = magnitude();
    detail::require(a > 0, "FrequencyTable::inverse", "magnitude()", a,
                    "> 0 (the inverse of an xPos table is the adjoint of its counterpart)");
    return 1.0 / (a * a);
  }

  detail::TableFacts facts_;

 private:
  const Table& table() const { return static_cast<const Table&>(*this); }
  ConstMap map(const Scalar* data) const {
    return ConstMap(data, table().rows(), num_pairs(),
                    Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(row_stride(), pair_stride()));
  }
};

/// Refers to cosines and sines that lie elsewhere: in another codebase's cache (wrap_cache()) or in a FrequencyTable
/// (its view()). Whatever it refers to must outlive it. Copying copies the reference.
template <typename Scalar>
class FrequencyTableView : public FrequencyTableBase<FrequencyTableView<Scalar>, Scalar> {
  using Base = FrequencyTableBase<FrequencyTableView<Scalar>, Scalar>;

 public:
  /// Refers to strided memory: entry (row, pair) at row * row_stride + pair * pair_stride of each pointer. wrap_cache()
  /// takes the usual caches.
  /// @param cos, sin     The cosine and the sine of row 0, pair 0.
  /// @param rows         Positions, >= 0.
  /// @param num_pairs    Pairs of a position, > 0 and at most 2^23.
  /// @param row_stride   [values] From one position to the next: rows may not overlap.
  /// @param pair_stride  [values] From one pair to the next: 1 or 2.
  /// @param magnitude    A, which cos and sin have been multiplied by: finite and > 0.
  /// @throws std::invalid_argument  a null pointer with rows > 0; rows < 0; num_pairs <= 0 or > 2^23; magnitude or
  ///                                pair_stride other than said; rows that overlap.
  /// @throws std::length_error      rows that do not fit into memory's index type.
  FrequencyTableView(const Scalar* cos, const Scalar* sin, detail::Size rows, detail::Size num_pairs,
                     detail::Size row_stride, detail::Size pair_stride, double magnitude)
      : rows_(rows), cos_(cos), sin_(sin) {
    const char* const function = "FrequencyTableView";
    detail::require(rows >= 0, function, "rows", rows, ">= 0");
    detail::require_num_pairs(function, num_pairs);
    detail::require(pair_stride == 1 || pair_stride == 2, function, "pair_stride", pair_stride, "1 or 2");
    detail::require(rows <= 1 || row_stride >= (num_pairs - 1) * pair_stride + 1, function, "row_stride", row_stride,
                    "at least ", (num_pairs - 1) * pair_stride + 1);
    if (rows > 1) detail::require_size(function, "rows", rows, row_stride, sizeof(Scalar));
    detail::require(rows == 0 || cos != nullptr, function, "cos", "null", "a valid pointer");
    detail::require(rows == 0 || sin != nullptr, function, "sin", "null", "a valid pointer");
    detail::require(detail::is_finite(magnitude) && magnitude > 0, function, "magnitude", magnitude, "finite and > 0");
    this->facts_.num_pairs = num_pairs;
    this->facts_.row_stride = row_stride;
    this->facts_.pair_stride = pair_stride;
    this->facts_.storage = pair_stride == 1                   ? CosSinStorage::cos_sin
                           : cos != nullptr && sin == cos + 1 ? CosSinStorage::paired
                                                              : CosSinStorage::repeated;
    this->facts_.magnitude = magnitude;
  }

  Eigen::Index rows() const { return rows_; }
  const Scalar* cos_data(detail::Size row) const { return cos_ + row * this->row_stride(); }
  const Scalar* sin_data(detail::Size row) const { return sin_ + row * this->row_stride(); }

  /// Itself, so that code for either kind of table can ask for a view.
  FrequencyTableView view() const { return *this; }
  /// The gradient of the rotation, A R(-t), for apply_rope(): takes dL/d(output) to dL/d(input).
  TableRotation<RotationSense::backward, FrequencyTableView> adjoint() const { return {*this, 1.0}; }
  /// The inverse of the rotation, R(-t) / A, for apply_rope(). Equal to the adjoint only for A = 1.
  /// @throws std::invalid_argument  magnitude() is 0: an xPos table.
  TableRotation<RotationSense::backward, FrequencyTableView> inverse() const { return {*this, this->inverse_scale()}; }

 private:
  friend class FrequencyTable<Scalar>;
  friend struct detail::CacheReader;
  FrequencyTableView(const detail::TableFacts& facts, const Scalar* cos, const Scalar* sin, Eigen::Index rows)
      : Base(facts), rows_(rows), cos_(cos), sin_(sin) {}

  Eigen::Index rows_;
  const Scalar* cos_;
  const Scalar* sin_;
};

/// Cosine and sine of position * inv_freq, one row per position, one entry per pair, both times the magnitude A.
///
/// Owns its numbers, in rows that are padded and aligned to Eigen's widest packet. make_table() makes one, fill_table()
/// writes it anew. A table that was moved from has no rows. Const access from many threads is safe.
template <typename Scalar>
class FrequencyTable : public FrequencyTableBase<FrequencyTable<Scalar>, Scalar> {
  using Base = FrequencyTableBase<FrequencyTable<Scalar>, Scalar>;
  using Numbers = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

 public:
  /// A table of zeros for fill_table() to write.
  /// @throws std::invalid_argument  rows < 0; num_pairs <= 0 or > 2^23; options.storage other than cos_sin, paired or
  ///                                repeated; options.num_heads other than 1.
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
  const Scalar* cos_data(detail::Size row) const& { return numbers_.data() + row * this->row_stride(); }
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
  typename Base::ConstMap cos() const& { return Base::cos(); }
  /// All sines, rows x num_pairs, whatever the storage. No copy: it refers to the table.
  typename Base::ConstMap sin() const& { return Base::sin(); }
  /// @overload
  /// Of a temporary: a copy, because the table goes.
  Numbers cos() const&& { return Base::cos(); }
  /// @overload
  /// Of a temporary: a copy, because the table goes.
  Numbers sin() const&& { return Base::sin(); }

  /// A view of all of the table, which must outlive it.
  FrequencyTableView<Scalar> view() const& {
    return {this->facts_, cos_data(0), rows() == 0 ? cos_data(0) : sin_data(0), rows()};
  }
  FrequencyTableView<Scalar> view() const&& = delete;
  /// The gradient of the rotation, A R(-t), for apply_rope(): takes dL/d(output) to dL/d(input). Refers to the table.
  TableRotation<RotationSense::backward, FrequencyTableView<Scalar>> adjoint() const& { return view().adjoint(); }
  /// @overload
  /// Of a temporary: the result keeps the table.
  TableRotation<RotationSense::backward, FrequencyTable> adjoint() && { return {std::move(*this), 1.0}; }
  /// The inverse of the rotation, R(-t) / A, for apply_rope(). Equal to the adjoint only for A = 1. Refers to the
  /// table.
  /// @throws std::invalid_argument  magnitude() is 0: an xPos table.
  TableRotation<RotationSense::backward, FrequencyTableView<Scalar>> inverse() const& { return view().inverse(); }
  /// @overload
  /// Of a temporary: the result keeps the table.
  TableRotation<RotationSense::backward, FrequencyTable> inverse() && {
    const double scale = this->inverse_scale();
    return {std::move(*this), scale};
  }

 private:
  /// A table whose numbers are yet to be written, padding included.
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
    detail::require(options.num_heads == 1, function, "options.num_heads", options.num_heads,
                    "1 (angles of each head's own are not implemented)");
    const Eigen::Index plane = padded(num_pairs) * (paired || repeated ? 2 : 1);
    sin_offset_ = paired ? 1 : plane;
    this->facts_.num_pairs = num_pairs;
    this->facts_.row_stride = paired ? plane : 2 * plane;
    this->facts_.pair_stride = paired || repeated ? 2 : 1;
    this->facts_.storage = options.storage;
    this->facts_.angles = options.angles;
    detail::require_size(function, "rows", rows, this->facts_.row_stride, sizeof(Scalar));
    numbers_.resize(rows, this->facts_.row_stride);
  }

  static Eigen::Index padded(Eigen::Index size) {
    constexpr Eigen::Index packet = (std::max)(static_cast<Eigen::Index>(EIGEN_MAX_ALIGN_BYTES / sizeof(Scalar)),
                                               static_cast<Eigen::Index>(detail::kAngleBlock));
    return (size + packet - 1) / packet * packet;
  }

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
