// SPDX-License-Identifier: MIT
/// @file
/// Where strided numbers lie in memory, whether two of them share bytes, and whether one shares bytes with itself.
#ifndef POSENC_DETAIL_MEMORY_EXTENT_HPP
#define POSENC_DETAIL_MEMORY_EXTENT_HPP

#include "posenc/detail/check.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/detail/vector_code.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

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

/// Of an object for which has_memory holds.
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

/// Whether element (i, j, k) of one lies where element (i, j, k) of the other does, for all of them.
inline bool is_same(const MemoryExtent& a, const MemoryExtent& b) {
  bool same = a.first == b.first && a.bytes == b.bytes;
  for (int i = 0; i < 3; ++i) same = same && a.counts[i] == b.counts[i] && a.steps[i] == b.steps[i];
  return same;
}

/// The bytes from `first` up to `last`, which is behind them.
struct MemorySpan {
  std::int64_t first, last;
};

/// Where an object that is not empty begins and ends.
EIGEN_ALWAYS_INLINE MemorySpan span_of(const MemoryExtent& x) {
  MemorySpan span{x.first, x.first + x.bytes};
  const auto extend = [&](std::int64_t by) { (by < 0 ? span.first : span.last) += by; };
  extend((x.counts[0] - 1) * x.steps[0]);  // not a loop, so that a short call keeps all of it in registers
  extend((x.counts[1] - 1) * x.steps[1]);
  extend((x.counts[2] - 1) * x.steps[2]);
  return span;
}

/// Whether one ends before the other begins, which is quick to find, and true of most.
EIGEN_ALWAYS_INLINE bool lie_apart(const MemorySpan& a, const MemorySpan& b) {
  return a.last <= b.first || b.last <= a.first;
}

/// Whether two objects share a byte. Exact for blocks of one matrix; in doubt the answer is yes.
POSENC_NOINLINE inline bool overlap(const MemoryExtent& a, const MemoryExtent& b) {
  if (a.empty() || b.empty() || lie_apart(span_of(a), span_of(b))) return false;
  // The bytes that the axes cover whose steps are no multiple of `period`.
  const auto span = [](const MemoryExtent& x, std::int64_t period) {
    MemorySpan bytes{x.first, x.first + x.bytes};
    for (int i = 0; i < 3; ++i) {
      if (x.steps[i] % period == 0) continue;
      (x.steps[i] < 0 ? bytes.first : bytes.last) += (x.counts[i] - 1) * x.steps[i];
    }
    return bytes;
  };
  // Side by side in the rows of one matrix (q and k of a packed projection): disjoint in every period of a common step.
  for (int i = 0; i < 3; ++i) {
    const std::int64_t period = a.steps[i] < 0 ? -a.steps[i] : a.steps[i];
    if (period == 0 || a.steps[i] != b.steps[i]) continue;
    const MemorySpan one_a = span(a, period);
    const MemorySpan one_b = span(b, period);
    const std::int64_t shift = ((one_b.first - one_a.first) % period + period) % period;
    if (shift >= one_a.last - one_a.first && shift + (one_b.last - one_b.first) <= period) return false;
  }
  return true;
}

/// A number of elements and the way from one to the next, under the name that a message gives to the way.
struct StridedAxis {
  const char* name;
  Eigen::Index count;
  Eigen::Index stride;
};

inline std::uint64_t distance_of(Eigen::Index stride) {
  return stride < 0 ? 0 - static_cast<std::uint64_t>(stride) : static_cast<std::uint64_t>(stride);
}

/// Elements of what is written to may not lie in one another: each stride must reach past what the smaller ones cover,
/// beginning with `covered` numbers that are contiguous.
template <std::size_t Count>
POSENC_NOINLINE void require_nested_strides(const char* function, const char* parameter, StridedAxis (&axes)[Count],
                                            Eigen::Index contiguous) {
  for (const StridedAxis& axis : axes) {
    if (axis.count == 0) return;
  }
  for (std::size_t end = Count; end > 1; --end) {  // by distance
    for (std::size_t i = 0; i + 1 < end; ++i) {
      if (distance_of(axes[i + 1].stride) < distance_of(axes[i].stride)) std::swap(axes[i], axes[i + 1]);
    }
  }
  std::uint64_t covered = static_cast<std::uint64_t>(contiguous);
  for (const StridedAxis& axis : axes) {
    if (axis.count == 1) continue;
    const std::uint64_t distance = distance_of(axis.stride);
    if (distance < covered) {
      refuse<std::invalid_argument>(function, joined(parameter, axis.name), axis.stride, "at least ", covered,
                                    " forwards or backwards (what is written to may not overlap itself)");
    }
    covered += (static_cast<std::uint64_t>(axis.count) - 1) * distance;
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_MEMORY_EXTENT_HPP
