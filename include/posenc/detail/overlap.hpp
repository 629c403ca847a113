// SPDX-License-Identifier: MIT
/// @file
/// Whether what is written lies in the memory of what is read.
#ifndef POSENC_DETAIL_OVERLAP_HPP
#define POSENC_DETAIL_OVERLAP_HPP

#include "posenc/detail/check.hpp"
#include "posenc/detail/eigen.hpp"

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// In 64 bits on every machine, so that no sum of an address and an extent overflows.
inline std::int64_t address_of(const void* data) {
  return static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(data));
}

/// Where an object lies: element (i, j, k) covers `bytes` bytes from first + i steps[0] + j steps[1] + k steps[2].
struct MemoryExtent {
  std::int64_t first = 0;
  std::int64_t bytes = 0;
  std::int64_t counts[3] = {1, 1, 1};
  std::int64_t steps[3] = {0, 0, 0};

  void set_axis(int axis, Eigen::Index count, Eigen::Index stride, std::size_t scalar_bytes) {
    counts[axis] = static_cast<std::int64_t>(count);
    steps[axis] = count > 1 ? static_cast<std::int64_t>(stride) * static_cast<std::int64_t>(scalar_bytes) : 0;
  }
  bool empty() const { return counts[0] == 0 || counts[1] == 0 || counts[2] == 0; }
};

template <typename Derived>
MemoryExtent extent_of(const Eigen::DenseBase<Derived>& x) {
  using Scalar = typename Derived::Scalar;
  MemoryExtent extent;
  extent.first = address_of(x.derived().data());
  extent.bytes = sizeof(Scalar);
  extent.set_axis(0, x.rows(), x.derived().rowStride(), sizeof(Scalar));
  extent.set_axis(1, x.cols(), x.derived().colStride(), sizeof(Scalar));
  return extent;
}

/// Whether two objects share a byte without being the very same one.
inline bool overlap_partially(const MemoryExtent& a, const MemoryExtent& b, bool same_scalar) {
  if (a.empty() || b.empty()) return false;
  bool same = same_scalar && a.first == b.first;
  for (int i = 0; i < 3; ++i) same = same && a.counts[i] == b.counts[i] && a.steps[i] == b.steps[i];
  if (same) return false;

  struct Span {
    std::int64_t first, last;
  };
  // The bytes that the axes cover whose steps are no multiple of `period`; 0 takes every axis.
  const auto span = [](const MemoryExtent& x, std::int64_t period) {
    Span bytes{x.first, x.first + x.bytes};
    for (int i = 0; i < 3; ++i) {
      if (period != 0 && x.steps[i] % period == 0) continue;
      (x.steps[i] < 0 ? bytes.first : bytes.last) += (x.counts[i] - 1) * x.steps[i];
    }
    return bytes;
  };
  const Span all_a = span(a, 0);
  const Span all_b = span(b, 0);
  if (all_a.last <= all_b.first || all_b.last <= all_a.first) return false;
  // Side by side in the rows of one matrix (q and k of a packed projection): apart in every period of a common step.
  for (int i = 0; i < 3; ++i) {
    const std::int64_t period = a.steps[i] < 0 ? -a.steps[i] : a.steps[i];
    if (period == 0 || a.steps[i] != b.steps[i]) continue;
    const Span one_a = span(a, period);
    const Span one_b = span(b, period);
    const std::int64_t shift = ((one_b.first - one_a.first) % period + period) % period;
    if (shift >= one_a.last - one_a.first && shift + (one_b.last - one_b.first) <= period) return false;
  }
  return true;
}

/// The same for Eigen objects; an expression that is not in memory is taken to lie apart.
template <typename DerivedA, typename DerivedB>
bool overlap_partially(const Eigen::DenseBase<DerivedA>& a, const Eigen::DenseBase<DerivedB>& b) {
  if constexpr (has_memory<DerivedA> && has_memory<DerivedB>) {
    return overlap_partially(extent_of(a), extent_of(b),
                             std::is_same_v<typename DerivedA::Scalar, typename DerivedB::Scalar>);
  } else {
    return false;
  }
}

/// overlap_partially(), or the very same first element.
template <typename DerivedA, typename DerivedB>
bool share_memory(const Eigen::DenseBase<DerivedA>& a, const Eigen::DenseBase<DerivedB>& b) {
  if constexpr (has_memory<DerivedA> && has_memory<DerivedB>) {
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

#endif  // POSENC_DETAIL_OVERLAP_HPP
