// SPDX-License-Identifier: MIT
/// @file
/// Writes and adds the rows of a trained table.
#ifndef POSENC_LEARNABLE_ADD_LEARNED_HPP
#define POSENC_LEARNABLE_ADD_LEARNED_HPP

#include "posenc/detail/overlap.hpp"
#include "posenc/learnable/detail/lookup.hpp"
#include "posenc/learnable/learned_table.hpp"

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Entry (row, column) of what the lookup found, in Number.
template <typename Number, typename TableScalar>
Number learned_value(const PositionTable<TableScalar>& table, TableRow at, Eigen::Index column, Number ratio) {
  if (at.row < 0) return Number(0);
  const Number value = convert<Number>(table.row_data(at.row)[column]);
  if (at.outer == 0) return value;
  return value +
         ratio * (convert<Number>(table.row_data(at.outer)[column]) - convert<Number>(table.row_data(0)[column]));
}

/// One row of x that lies in memory.
template <bool kAdd, typename Scalar, typename TableScalar>
void write_learned_row(Scalar* x, const PositionTable<TableScalar>& table, TableRow at, double ratio) {
  const Eigen::Index width = table.width();
  if (at.row < 0) {
    if constexpr (!kAdd) std::fill(x, x + width, Scalar(0));
  } else if (at.outer == 0) {
    if constexpr (kAdd) {
      add_row(x, table.row_data(at.row), width);
    } else {
      store_row(x, table.row_data(at.row), width);
    }
  } else {
    using Number = ArithmeticScalar<Scalar, TableScalar>;
    for (Eigen::Index i = 0; i < width; ++i) {
      const Number value = learned_value(table, at, i, static_cast<Number>(ratio));
      x[i] = convert<Scalar>(kAdd ? convert<Number>(x[i]) + value : value);
    }
  }
}

template <bool kAdd, typename Derived, typename TableScalar, typename Positions>
void write_learned(Derived& x, const PositionTable<TableScalar>& table, const Lookup& lookup,
                   const Positions& positions) {
  using Scalar = typename Derived::Scalar;
  if constexpr (has_rows_in_memory<Derived>) {
    if (has_contiguous_rows(x)) {
      for (Eigen::Index row = 0; row < x.rows(); ++row) {
        write_learned_row<kAdd>(x.data() + row * x.outerStride(), table, lookup(positions[row]), lookup.ratio());
      }
      return;
    }
  }
  using Number = ArithmeticScalar<Scalar, TableScalar>;
  const Number ratio = Number(lookup.ratio());
  const auto write = [&](Eigen::Index row, Eigen::Index column, TableRow at) {
    const Number value = learned_value(table, at, column, ratio);
    Scalar& target = x.coeffRef(row, column);
    if constexpr (kAdd) {
      target = convert<Scalar>(Number(convert<Number>(target) + value));
    } else {
      target = convert<Scalar>(value);
    }
  };
  for (Eigen::Index row = 0; row < x.rows(); ++row) {
    const TableRow at = lookup(positions[row]);
    for (Eigen::Index column = 0; column < x.cols(); ++column) write(row, column, at);
  }
}

template <bool kAdd, typename Derived, typename TableScalar, typename Positions>
void apply_learned(const char* function, const char* parameter, Eigen::DenseBase<Derived>& x,
                   const PositionTable<TableScalar>& table, const Positions& given) {
  if (x.cols() != table.width()) {
    refuse<std::invalid_argument>(function, std::string(parameter) + ".cols()", x.cols(), "table.width() ",
                                  table.width());
  }
  require_data(function, parameter, x);
  require_disjoint(function, parameter, x, table.values());
  const Lookup lookup(table.options(), table.rows());
  with_positions(function, parameter, given, x.rows(), lookup,
                 [&](const auto& positions) { write_learned<kAdd>(x.derived(), table, lookup, positions); });
}

}  // namespace detail

/// Writes the table's row of each token's position into `out`: out[t] = P[position of t].
///
/// @param[out] out   tokens x table.width(): any writable dense Eigen object, row- or column-major, of any real scalar.
/// @param table      What lies past its last row is its own choice, see Overflow.
/// @param positions  An integer: the position of row 0 (0 when left out), the others follow. Or a PositionRange: `out`
///                   holds sequences of `count` rows, each of which starts at `first`. Or an Eigen vector of integers,
///                   one for each row; a [batch, length] matrix of ids is read along its rows. Models that begin
///                   elsewhere: opt_positions(), roberta_positions(); BART is first position + 2.
/// @throws std::invalid_argument  out.cols() is not the table's width; another number of positions than rows; a number
///                                of rows that `count` does not divide; memory shared with the table.
/// @throws std::out_of_range      a position < 0, or one that the table and its Overflow do not have. `out` is
///                                unchanged whenever one is thrown.
/// Cost:     a copy of each row; hierarchical positions past the table one multiplication and two additions for each
///           value. No allocation. Column-major and strided `out` element by element.
/// Accuracy: table rows exactly, rounded once where `out` has another scalar. Hierarchical: 3 roundings of the largest
///           term, half types in float.
/// Threads:  blocks of rows of one `out` may be written at the same time.
/// Source:   Gehring et al. 2017, arXiv:1705.03122, section 3.1; Devlin et al. 2018, arXiv:1810.04805. Hierarchical:
///           Su 2020, kexue.fm/archives/7947.
/// Matches:  nn.Embedding(positions) of PyTorch, PositionEmbedding of bert4keras, PositionEmbedding of CTranslate2.
template <typename Out, typename Scalar, typename Positions = std::int64_t>
void encode_learned(Out&& out, const PositionTable<Scalar>& table, const Positions& positions = 0) {
  detail::apply_learned<false>("encode_learned", "out", detail::written(std::forward<Out>(out)), table, positions);
}

/// Adds the table's row of each token's position to token embeddings, in place: x[t] += P[position of t].
///
/// Parameters and errors are those of encode_learned().
/// Cost:     that of x += y. No allocation.
/// Accuracy: one rounding; half types are added in float, and a double table or x makes the addition double.
template <typename X, typename Scalar, typename Positions = std::int64_t>
void add_learned(X&& x, const PositionTable<Scalar>& table, const Positions& positions = 0) {
  detail::apply_learned<true>("add_learned", "x", detail::written(std::forward<X>(x)), table, positions);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_ADD_LEARNED_HPP
