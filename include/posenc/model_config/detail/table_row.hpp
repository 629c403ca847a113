// SPDX-License-Identifier: MIT
/// @file
/// with_field(): how the rows of tables are written, as expressions that name what they set.
#ifndef POSENC_MODEL_CONFIG_DETAIL_TABLE_ROW_HPP
#define POSENC_MODEL_CONFIG_DETAIL_TABLE_ROW_HPP

#include "posenc/detail/abi.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The row with one field set.
template <typename Row, typename Value>
constexpr Row with_field(Row row, Value Row::*field, Value value) {
  row.*field = value;
  return row;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_TABLE_ROW_HPP
