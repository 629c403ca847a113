// SPDX-License-Identifier: MIT
/// @file
/// FrequencyTableView: a table of cosines and sines in memory that it does not own; and what all tables have in common.
#ifndef POSENC_FREQUENCY_FREQUENCY_TABLE_VIEW_HPP
#define POSENC_FREQUENCY_FREQUENCY_TABLE_VIEW_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/scalar.hpp"
#include "posenc/frequency/frequencies.hpp"
#include "posenc/frequency/table_options.hpp"
#include "posenc/frequency/table_rotation.hpp"

#include <cstdint>
#include <optional>

namespace posenc {
inline namespace POSENC_ABI {

template <typename Scalar>
class FrequencyTable;
template <typename Scalar>
class FrequencyTableView;

namespace detail {

struct TableWriter;
struct CacheReader;

/// What a table knows about its numbers, whether it owns them or not.
struct TableFacts {
  Eigen::Index num_pairs = 0;
  Eigen::Index row_stride = 0;
  Eigen::Index pair_stride = 1;
  Eigen::Index num_heads = 1;
  Eigen::Index head_stride = 0;
  Eigen::Index num_sequences = 1;
  CosSinStorage storage = CosSinStorage::cos_sin;
  AngleMode angles = AngleMode::exact;
  double magnitude = 1;
  bool of_channels = false;
  std::uint64_t id = 0;
  std::optional<std::int64_t> first_position = {};
};

}  // namespace detail

/// What FrequencyTable and FrequencyTableView have in common: rows x num_heads x num_pairs cosines and sines.
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

  /// Number of pairs of a head.
  Eigen::Index num_pairs() const { return facts_.num_pairs; }
  /// Number of heads that have angles of their own; 1 where all heads share them.
  Eigen::Index num_heads() const { return facts_.num_heads; }
  /// Number of channels of a head that rotate: 2 num_pairs.
  Eigen::Index rotary_dim() const { return 2 * facts_.num_pairs; }
  CosSinStorage storage() const { return facts_.storage; }
  /// Number of sequences that have frequencies and rows of their own, stacked one after the other; 1 where all share
  /// the rows.
  Eigen::Index num_sequences() const { return facts_.num_sequences; }
  /// How make_table() formed the angles and fill_table() will form them. A wrapped cache, of which this is not known,
  /// says exact.
  AngleMode angles() const { return facts_.angles; }
  /// A, which cos and sin have been multiplied by; 0 when the factor differs from entry to entry (xPos, FoPE,
  /// sequences of different magnitudes).
  double magnitude() const { return facts_.magnitude; }
  /// Whether the angles are those of channels (Frequencies::for_channels()): for apply_channel_angles() alone.
  bool of_channels() const { return facts_.of_channels; }
  /// Identity of the frequencies and axes that the table was made of; 0 when unknown, as for a wrapped cache or for one
  /// head of several. A float32 table has another id than the exact table of the same frequencies: its angles are
  /// rounded, so that keys that it rotated cannot be moved by a table of differences.
  std::uint64_t id() const { return facts_.id; }
  /// The position of row 0 in a table that was made of consecutive positions: row r holds position *first_position() +
  /// r. Empty for lists of positions, for several axes, for sequences with frequencies of their own and for a wrapped
  /// cache.
  std::optional<std::int64_t> first_position() const { return facts_.first_position; }

  /// All cosines, rows x num_pairs, whatever the storage. No copy: it refers to the table.
  /// @throws std::invalid_argument  heads have angles of their own: head(h).cos().
  ConstMap cos() const { return map("FrequencyTable::cos", table().cos_data(0)); }
  /// All sines, rows x num_pairs, whatever the storage. No copy: it refers to the table.
  /// @throws std::invalid_argument  heads have angles of their own: head(h).sin().
  ConstMap sin() const {
    return map("FrequencyTable::sin", table().rows() == 0 ? table().cos_data(0) : table().sin_data(0));
  }

  /// Entry (row, head, pair) is at cos_data(row)[head * head_stride() + pair * pair_stride()], and likewise for the
  /// sine.
  Eigen::Index row_stride() const { return facts_.row_stride; }
  /// 0 where all heads share the angles.
  Eigen::Index head_stride() const { return facts_.head_stride; }
  Eigen::Index pair_stride() const { return facts_.pair_stride; }

 protected:
  FrequencyTableBase() = default;
  explicit FrequencyTableBase(const detail::TableFacts& facts) : facts_(facts) {}

  double inverse_scale() const {
    const double a = magnitude();
    detail::require(a > 0, "FrequencyTable::inverse", "magnitude()", a,
                    "> 0 (the inverse of an xPos table is the adjoint of its counterpart; sequences of other "
                    "magnitudes are inverted one by one)");
    return 1.0 / (a * a);
  }

  detail::TableFacts facts_;

 private:
  const Table& table() const { return static_cast<const Table&>(*this); }
  ConstMap map(const char* function, const Scalar* data) const {
    detail::require(num_heads() == 1, function, "num_heads()", num_heads(), "1, or a head be named: head(h)");
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
  /// Where the cosine of pair 0 of a position is; those of other pairs are each pair_stride() further.
  /// @param row  >= 0 and < rows(): not checked.
  const Scalar* cos_data(detail::Size row) const { return cos_ + row * this->row_stride(); }
  /// The same of the sines.
  /// @param row  >= 0 and < rows(): not checked.
  const Scalar* sin_data(detail::Size row) const { return sin_ + row * this->row_stride(); }

  /// This view, so that code for either kind of table can call view().
  FrequencyTableView view() const { return *this; }
  /// The angles of one head, as a view that rotates that head, or several that share its angles.
  /// @param head  >= 0 and < num_heads().
  /// @throws std::out_of_range  there is no such head.
  FrequencyTableView head(detail::Size head) const {
    const auto num_heads = this->num_heads();
    detail::require_in_range(head >= 0 && head < num_heads, "FrequencyTable::head", "head", head, "in [0, num_heads() ",
                             num_heads, ")");
    if (num_heads == 1) return *this;
    detail::TableFacts facts = this->facts_;
    facts.num_heads = 1;
    facts.head_stride = 0;
    facts.id = 0;
    const Eigen::Index offset = rows_ == 0 ? Eigen::Index(0) : head * this->head_stride();
    return {facts, cos_ + offset, sin_ + offset, rows_};
  }
  /// The gradient of the rotation A R(t) by the table's angles t: A R(-t), for apply_rope(), which takes dL/d(output)
  /// to dL/d(input) with it.
  TableRotation<RotationSense::backward, FrequencyTableView> adjoint() const { return {*this, 1.0, false}; }
  /// The inverse of the rotation, R(-t) / A, for apply_rope(). Equal to the adjoint only for A = 1.
  /// @throws std::invalid_argument  magnitude() is 0: xPos, FoPE, sequences of different magnitudes.
  TableRotation<RotationSense::backward, FrequencyTableView> inverse() const {
    return {*this, this->inverse_scale(), true};
  }

 private:
  friend class FrequencyTable<Scalar>;
  friend struct detail::CacheReader;
  FrequencyTableView(const detail::TableFacts& facts, const Scalar* cos, const Scalar* sin, Eigen::Index rows)
      : Base(facts), rows_(rows), cos_(cos), sin_(sin) {}

  Eigen::Index rows_;
  const Scalar* cos_;
  const Scalar* sin_;
};

namespace detail {

/// Refuses a table whose heads have angles of their own, for callers that read one set of angles in a row.
template <typename Table>
void require_shared_angles(const char* function, const Table& table) {
  require(table.num_heads() == 1, function, "table.num_heads()", table.num_heads(),
          "1: angles that all heads share, or those of one head, table.head(h)");
}

}  // namespace detail

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_FREQUENCY_TABLE_VIEW_HPP
