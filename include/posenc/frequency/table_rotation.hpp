// SPDX-License-Identifier: MIT
/// @file
/// TableRotation: a table and the sense in which RoPE rotates by it.
#ifndef POSENC_FREQUENCY_TABLE_ROTATION_HPP
#define POSENC_FREQUENCY_TABLE_ROTATION_HPP

#include "posenc/detail/abi.hpp"

#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// The sign of a rotation's angle.
enum class RotationSense {
  forward,  ///< R(t): position * inv_freq
  backward  ///< R(-t): its negative
};

template <typename Scalar>
class FrequencyTable;
template <typename Scalar>
class FrequencyTableView;
template <RotationSense Sense, typename Table>
class TableRotation;

namespace detail {
template <RotationSense Sense, typename Table>
bool is_inverse(const TableRotation<Sense, Table>& rotation);
}  // namespace detail

/// What adjoint() and inverse() of a table return and apply_rope() takes: rotate by the angles of `table` in the sense
/// `Sense`, and multiply by `scale`.
///
/// It has no cosines and sines of its own: those of `table` are for the forward rotation.
/// @tparam Table  A FrequencyTableView of the table that it came from, or the FrequencyTable itself where that was a
///                temporary.
template <RotationSense Sense, typename Table>
class TableRotation {
 public:
  static constexpr RotationSense sense = Sense;

  /// The table that it came from.
  const Table& table() const { return table_; }
  /// On top of the magnitude A that the table's numbers hold: 1 for the adjoint, 1/A^2 for the inverse.
  double scale() const { return scale_; }

 private:
  template <typename Scalar>
  friend class FrequencyTable;
  template <typename Scalar>
  friend class FrequencyTableView;
  friend bool detail::is_inverse<Sense, Table>(const TableRotation& rotation);
  TableRotation(Table table, double scale, bool inverts) : table_(std::move(table)), scale_(scale), inverts_(inverts) {}

  Table table_;
  double scale_;
  bool inverts_;
};

namespace detail {

/// Whether inverse() returned it. With A = 1 its scale does not tell.
template <RotationSense Sense, typename Table>
bool is_inverse(const TableRotation<Sense, Table>& rotation) {
  return rotation.inverts_;
}

template <typename T>
inline constexpr bool is_table_rotation = false;
template <RotationSense Sense, typename Table>
inline constexpr bool is_table_rotation<TableRotation<Sense, Table>> = true;

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_TABLE_ROTATION_HPP
