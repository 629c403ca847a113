// SPDX-License-Identifier: MIT
/// @file
/// What a parameter is declared as where bare braces may be typed: `add_learned(x, table, {7, 9})` reaches a sentence.
#ifndef POSENC_DETAIL_POSITIONS_IN_BRACES_HPP
#define POSENC_DETAIL_POSITIONS_IN_BRACES_HPP

#include "posenc/detail/abi.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Made from anything in braces. Any other argument fits a template better.
struct PositionsInBraces {
  template <typename... Numbers>
  PositionsInBraces(const Numbers&...) {}
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_POSITIONS_IN_BRACES_HPP
