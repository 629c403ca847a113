// SPDX-License-Identifier: MIT
/// @file
/// Whether what is written lies in the memory of what is read.
#ifndef POSENC_DETAIL_SHARE_MEMORY_HPP
#define POSENC_DETAIL_SHARE_MEMORY_HPP

#include "posenc/detail/eigen.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// overlap_partially(), or the very same first element.
template <typename DerivedA, typename DerivedB>
bool share_memory(const Eigen::DenseBase<DerivedA>& a, const Eigen::DenseBase<DerivedB>& b) {
  if constexpr ((DerivedA::Flags & Eigen::DirectAccessBit) != 0 && (DerivedB::Flags & Eigen::DirectAccessBit) != 0) {
    if (a.size() == 0 || b.size() == 0) return false;
    const bool same = static_cast<const void*>(a.derived().data()) == static_cast<const void*>(b.derived().data());
    return same || overlap_partially(a, b);
  } else {
    return false;
  }
}

template <typename DerivedOut, typename DerivedIn>
void require_apart(const char* function, const char* parameter, const Eigen::DenseBase<DerivedOut>& out,
                   const Eigen::DenseBase<DerivedIn>& in) {
  require(!share_memory(out, in), function, parameter, "overlapping memory", "apart from what is read");
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_SHARE_MEMORY_HPP
