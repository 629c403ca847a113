// SPDX-License-Identifier: MIT
/// @file
/// TableRotation: a table and the sense in which RoPE rotates by it.
#ifndef POSENC_FREQUENCY_TABLE_ROTATION_HPP
#define POSENC_FREQUENCY_TABLE_ROTATION_HPP

#include "posenc/detail/abi.hpp"

namespace posenc {
inline namespace POSENC_ABI {

/// The sign of a rotation's angle.
enum class RotationSense {
  forward,  ///< R(t): position * inv_freq
  backward  ///< R(-t): its negative
};

/// What adjoint() and inverse() of a table return and apply_rope() takes: rotate by the angles of `table` in the sense
/// `Sense`, and multiply by `scale`.
///
/// It has no cosines and sines of its own: those of `table` are for the forward rotation.
/// @tparam Table  A FrequencyTableView of the table that it came from, or the FrequencyTable itself where that was a
///                temporary.
template <RotationSense Sense, typename Table>
struct TableRotation {
  static constexpr RotationSense sense = Sense;

  Table table;
  double scale;  ///< On top of the magnitude A that the table's numbers hold: 1 for the adjoint, 1/A^2 for the inverse.
  bool inverts = false;  ///< Whether inverse() returned it.
};

namespace detail {

template <typename T>
inline constexpr bool is_table_rotation = false;
template <RotationSense Sense, typename Table>
inline constexpr bool is_table_rotation<TableRotation<Sense, Table>> = true;

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_TABLE_ROTATION_HPP
