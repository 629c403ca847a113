// SPDX-License-Identifier: MIT
/// @file
/// The check that encode_digits() and encode_integers() share, and their compile-time messages for wrong arguments.
#ifndef POSENC_SINUSOIDAL_DETAIL_EXPLAIN_CODE_HPP
#define POSENC_SINUSOIDAL_DETAIL_EXPLAIN_CODE_HPP

#include "posenc/detail/overlap.hpp"
#include "posenc/detail/positions_in_braces.hpp"
#include "posenc/positions/each_sequence.hpp"
#include "posenc/sinusoidal/detail/require_encoded.hpp"

#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Refuses an `out` that overlaps itself or the positions.
template <typename Out, typename Given>
void require_writable_code(const char* function, const Out& out, const Given& given) {
  require_data(function, "out", out);
  require_no_self_overlap(function, "out", out);
  require_disjoint_list(function, "out", out, given);
}

/// False where the arguments are there but out of order, which the caller reports; other faults are reported here.
template <typename First = void, typename Second = void, typename Third = void, typename... More>
constexpr bool explain_code() {
  constexpr bool has_matrix = is_dense<First>;
  constexpr bool is_pointer = std::is_pointer_v<First> || (is_number_range<First> && !is_dense<First>);
  static_assert(!is_pointer, "posenc: out must be an Eigen object: wrap a raw buffer with Eigen::Map");
  constexpr bool number_alone = has_matrix && std::is_arithmetic_v<Second> && std::is_void_v<Third>;
  static_assert(
      !number_alone,
      "posenc: positions are missing: starting_at(first), PositionRange(first, count), or a list with one for "
      "each token");
  return is_pointer || number_alone;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_DETAIL_EXPLAIN_CODE_HPP
