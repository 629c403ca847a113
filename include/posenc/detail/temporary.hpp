// SPDX-License-Identifier: MIT
/// @file
/// What a table that is a temporary says when it is asked where its numbers are.
#ifndef POSENC_DETAIL_TEMPORARY_HPP
#define POSENC_DETAIL_TEMPORARY_HPP

#include "posenc/detail/check.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// A pointer into a temporary, which must not compile. Called by a member template, so that a class may be instantiated
/// explicitly.
template <typename Number>
const Number* of_temporary() {
  static_assert(kMisuse<Number>,
                "posenc: the table is a temporary, and its numbers would be gone: give it a name first");
  return nullptr;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_TEMPORARY_HPP
