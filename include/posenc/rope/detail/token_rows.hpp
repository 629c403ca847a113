// SPDX-License-Identifier: MIT
/// @file
/// Which table row a token takes: a run from `first_row`, or a list with one row for each token.
#ifndef POSENC_ROPE_DETAIL_TOKEN_ROWS_HPP
#define POSENC_ROPE_DETAIL_TOKEN_ROWS_HPP

#include "posenc/detail/eigen.hpp"

#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Token i takes row first + i. Made only when all of them exist.
class RowRun {
 public:
  RowRun(const char* function, Eigen::Index first, Eigen::Index tokens, Eigen::Index table_rows) : first_(first) {
    require_in_range(first >= 0, function, "first_row", first, ">= 0");
    require_in_range(tokens <= table_rows, function, "table.rows()", table_rows, "at least ", tokens, " (tokens)");
    require_in_range(first <= table_rows - tokens, function, "first_row", first, "at most ", table_rows - tokens, " (",
                     table_rows, " rows of the table - ", tokens, " tokens)");
  }
  Eigen::Index operator()(Eigen::Index token) const { return first_ + token; }
  const RowRun& from(Eigen::Index) const { return *this; }  // every sequence of a batch takes the same rows

 private:
  Eigen::Index first_;
};

/// Token i takes row rows(i), the list read along its rows. Made only when all of them exist.
template <typename Derived>
class RowList {
 public:
  RowList(const char* function, const Eigen::DenseBase<Derived>& rows, Eigen::Index tokens, Eigen::Index table_rows)
      : rows_(rows.derived()) {
    static_assert(Eigen::NumTraits<typename Derived::Scalar>::IsInteger,
                  "posenc: rows of a table are given by integers: a first row, or a list with one for each token");
    require(rows.size() == tokens, function, "rows.size()", rows.size(), "the number of tokens ", tokens);
    for (Eigen::Index i = 0; i < tokens; ++i) {
      const Eigen::Index row = (*this)(i);
      if (row < 0 || row >= table_rows) {
        refuse<std::out_of_range>(function, element("rows", i), row, "in [0, ", table_rows, ") (rows of the table)");
      }
    }
  }
  Eigen::Index operator()(Eigen::Index i) const {
    const Eigen::Index columns = rows_.cols();
    const Eigen::Index at = first_ + i;
    return static_cast<Eigen::Index>(columns == 1 ? rows_.coeff(at, 0) : rows_.coeff(at / columns, at % columns));
  }
  /// The list without its first entries.
  RowList from(Eigen::Index first) const {
    RowList rest = *this;
    rest.first_ = first_ + first;
    return rest;
  }

 private:
  const Derived& rows_;
  Eigen::Index first_ = 0;
};

/// RowRun for an integer, RowList for an Eigen expression of integers.
template <typename Rows>
auto make_rows(const char* function, const Rows& rows, Eigen::Index tokens, Eigen::Index table_rows) {
  if constexpr (std::is_integral_v<Rows>) {
    return RowRun(function, static_cast<Eigen::Index>(rows), tokens, table_rows);
  } else {
    static_assert(is_dense<Rows>, "posenc: `rows` must be an integer (the first row) or an Eigen vector of integers");
    return RowList(function, rows, tokens, table_rows);  // of a base class for v.head(n)
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_DETAIL_TOKEN_ROWS_HPP
