// SPDX-License-Identifier: MIT
/// @file
/// TableHead: one head of a table of biases, for logits of one head.
#ifndef POSENC_RELATIVE_BIAS_TABLE_HEAD_HPP
#define POSENC_RELATIVE_BIAS_TABLE_HEAD_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"

namespace posenc {
inline namespace POSENC_ABI {

/// One head of a DistanceTable or WindowTable, by reference: what table.head(h) returns. Heads may be worked on in
/// different threads at the same time.
/// @tparam Table  The table's type, const where it is only read.
template <typename Table>
class TableHead {
 public:
  /// @throws std::out_of_range  head is not in [0, table.num_heads()).
  TableHead(Table& table, detail::Size head) : table_(&table), head_(head) {
    detail::require_in_range(head >= 0 && head < table.num_heads(), "TableHead", "head", head, "in [0, ",
                             table.num_heads(), ")");
  }

  Table& table() const { return *table_; }
  Eigen::Index head() const { return head_; }
  Eigen::Index num_heads() const { return 1; }

 private:
  Table* table_;
  Eigen::Index head_;
};

namespace detail {

/// The heads first, ..., first + count - 1 of a table, for functions that take a table or one head of it.
template <typename Table>
struct TableHeads {
  Table& table;
  Eigen::Index first;
  Eigen::Index count;
};

template <typename Table>
TableHeads<Table> heads_of(Table& table) {
  return {table, 0, table.num_heads()};
}
template <typename Table>
TableHeads<Table> heads_of(const TableHead<Table>& head) {
  return {head.table(), head.head(), 1};
}
template <typename Table>
TableHeads<Table> heads_of(TableHead<Table>& head) {
  return {head.table(), head.head(), 1};
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_TABLE_HEAD_HPP
