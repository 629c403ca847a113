// SPDX-License-Identifier: MIT
/// @file
/// The check of memory that every function of the family makes before it writes.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_WRITTEN_ARGUMENT_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_WRITTEN_ARGUMENT_HPP

#include "posenc/detail/overlap.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Refuses a `target` that overlaps itself or shares memory with any of `others`, which are read or written too.
template <typename Target, typename... Others>
void require_target(const char* function, const char* parameter, const Target& target, const Others&... others) {
  require_no_self_overlap(function, parameter, target);
  (require_disjoint(function, parameter, target, others), ...);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_WRITTEN_ARGUMENT_HPP
