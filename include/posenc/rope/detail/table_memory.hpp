// SPDX-License-Identifier: MIT
/// @file
/// Where the numbers of a table lie in memory.
#ifndef POSENC_ROPE_DETAIL_TABLE_MEMORY_HPP
#define POSENC_ROPE_DETAIL_TABLE_MEMORY_HPP

#include "posenc/detail/memory_extent.hpp"
#include "posenc/detail/vector_code.hpp"

#include <cstddef>
#include <cstdint>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Where the cosines or the sines of a table lie that begin at `data`.
template <typename Table>
MemoryExtent extent_of_table(const Table& table, const typename Table::Scalar* data) {
  constexpr std::size_t bytes = sizeof(*data);
  MemoryExtent extent{address_of(data), bytes};
  extent.set_axis(0, table.rows(), table.row_stride(), bytes);
  extent.set_axis(1, table.num_heads(), table.head_stride(), bytes);
  extent.set_axis(2, table.num_pairs(), table.pair_stride(), bytes);
  return extent;
}

/// Whether what is written shares a byte with the cosines or the sines of a table.
template <typename Table>
POSENC_COLD bool overlap_table(const Table& table, const MemoryExtent& written) {
  return overlap(written, extent_of_table(table, table.cos_data(0))) ||
         overlap(written, extent_of_table(table, table.sin_data(0)));
}

/// Where the numbers of a table that has rows begin and end. Not inlined: its caller runs out of registers otherwise, and
/// compilers then keep numbers in vector registers, whose work waits for the rotations of the call before.
template <typename Table>
POSENC_NOINLINE MemorySpan span_of_table(const Table& table) {
  const std::int64_t to_sines = address_of(table.sin_data(0)) - address_of(table.cos_data(0));
  MemorySpan numbers = span_of(extent_of_table(table, table.cos_data(0)));
  (to_sines < 0 ? numbers.first : numbers.last) += to_sines;
  return numbers;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_DETAIL_TABLE_MEMORY_HPP
