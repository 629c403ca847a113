// SPDX-License-Identifier: MIT
/// @file
/// The kernels that write and add rows of a trained table.
#ifndef POSENC_LEARNABLE_DETAIL_WRITE_LEARNED_HPP
#define POSENC_LEARNABLE_DETAIL_WRITE_LEARNED_HPP

#include "posenc/detail/overlap.hpp"
#include "posenc/detail/row.hpp"
#include "posenc/learnable/detail/lookup.hpp"

#include <algorithm>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Column `column` of what the position reads, computed in Number.
template <typename Number, typename Table>
Number learned_value(const Table& table, TableRow at, Eigen::Index column, Number ratio) {
  if (at.row < 0) return Number(0);
  const Number value = convert<Number>(table.row_data(at.row)[column]);
  if (at.outer == 0) return value;
  return value +
         ratio * (convert<Number>(table.row_data(at.outer)[column]) - convert<Number>(table.row_data(0)[column]));
}

/// One row of x, contiguous in memory.
template <bool Add, typename Scalar, typename Table>
void write_learned_row(Scalar* x, const Table& table, TableRow at, double ratio) {
  const Eigen::Index width = table.width();
  if (at.row < 0) {
    if constexpr (!Add) std::fill(x, x + width, Scalar(0));
  } else if (at.outer == 0) {
    if constexpr (Add) {
      add_row(x, table.row_data(at.row), width);
    } else {
      store_row(x, table.row_data(at.row), width);
    }
  } else {
    using Number = ArithmeticScalar<Scalar, typename Table::Scalar>;
    for (Eigen::Index i = 0; i < width; ++i) {
      const Number value = learned_value(table, at, i, static_cast<Number>(ratio));
      x[i] = convert<Scalar>(Add ? convert<Number>(x[i]) + value : value);
    }
  }
}

template <bool Add, typename X, typename Table, typename Positions>
void write_learned(X& x, const Table& table, const Lookup& lookup, const Positions& positions) {
  using Scalar = typename X::Scalar;
  if constexpr (has_rows_in_memory<X>) {
    if (has_contiguous_rows(x)) {
      for (Eigen::Index row = 0; row < x.rows(); ++row) {
        write_learned_row<Add>(x.data() + row * x.outerStride(), table, lookup(positions[row]), lookup.ratio());
      }
      return;
    }
  }
  using Number = ArithmeticScalar<Scalar, typename Table::Scalar>;
  const Number ratio = Number(lookup.ratio());
  for (Eigen::Index row = 0; row < x.rows(); ++row) {
    const TableRow at = lookup(positions[row]);
    for (Eigen::Index column = 0; column < x.cols(); ++column) {
      const Number value = learned_value(table, at, column, ratio);
      Scalar& target = x.coeffRef(row, column);
      if constexpr (Add) {
        target = convert<Scalar>(Number(convert<Number>(target) + value));
      } else {
        target = convert<Scalar>(value);
      }
    }
  }
}

/// encode_learned() and add_learned(): checks all arguments, then writes or adds.
template <bool Add, typename X, typename Table, typename Given>
void apply_learned(const char* function, const char* parameter, X& x, const Table& table, const Given& given) {
  require_width(function, parameter, x, "table.width()", table.width());
  require_data(function, parameter, x);
  require_no_self_overlap(function, parameter, x);
  require_disjoint(function, parameter, x, table.values());
  require_disjoint_list(function, parameter, x, given);
  const Lookup lookup(table.options(), table.rows());
  with_table_positions(function, parameter, given, x.rows(), lookup,
                       [&](const auto& positions) { write_learned<Add>(x, table, lookup, positions); });
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_DETAIL_WRITE_LEARNED_HPP
