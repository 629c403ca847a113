// SPDX-License-Identifier: MIT
/// @file
/// from_row() and rows(): which row of a cos/sin table each token takes. Tables that know the positions of their rows
/// take positions as well.
#ifndef POSENC_FREQUENCY_TABLE_ROWS_HPP
#define POSENC_FREQUENCY_TABLE_ROWS_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/vector_code.hpp"
#include "posenc/frequency/detail/row_resolver.hpp"
#include "posenc/positions/each_sequence.hpp"
#include "posenc/positions/position_list.hpp"
#include "posenc/positions/position_range.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// What from_row() returns: row, row + 1, ..., as many as there are tokens.
class FromRow {
 public:
  /// See from_row().
  explicit FromRow(detail::Size row) : row_(row) {}
  Eigen::Index row() const { return row_; }

 private:
  Eigen::Index row_;
};

/// What rows() returns: a list of rows.
template <typename List>
class TableRows {
 public:
  /// See rows().
  template <typename Given>
  TableRows(std::in_place_t, Given&& list) : list_(std::forward<Given>(list)) {}
  const std::remove_reference_t<List>& list() const { return list_; }

 private:
  List list_;
};

/// The rows row, row + 1, ... of a table, one for each token of the call: for a table that does not know the positions
/// of its rows, such as a wrapped cache. Where it knows them, starting_at(position) finds the row.
///
/// @param row  Row of the first token, an integer of any type.
/// @throws std::out_of_range  row < 0 or beyond what an index holds.
template <typename Integer>
FromRow from_row(Integer row) {
  static_assert(detail::is_integer<Integer>, "posenc: from_row(row) takes an integer");
  const bool negative = detail::is_negative(row);
  const bool fits = !negative && static_cast<std::uint64_t>(row) <=
                                     static_cast<std::uint64_t>((std::numeric_limits<Eigen::Index>::max)());
  detail::require_in_range(fits, "from_row", "row", row, negative ? ">= 0" : "an index");
  return FromRow(static_cast<Eigen::Index>(row));
}

/// The rows of a table that a list names, one for each token; in each_sequence(seq_len, rows(list)) the first row of
/// each sequence.
///
/// @param list  Integers of any type: an Eigen vector or matrix (read along its rows), std::vector, std::array, a span.
///              A list that is a variable must outlive the call.
template <typename List>
auto rows(List&& list) {
  constexpr bool is_list = detail::is_list<std::decay_t<List>> || detail::is_list<std::remove_reference_t<List>>;
  static_assert(is_list,
                "posenc: rows(list) takes a list of integers, one row for each token; for one run of rows write "
                "from_row(first)");
  if constexpr (is_list) return TableRows<detail::Kept<List>>(std::in_place, std::forward<List>(list));
}

namespace detail {

/// Stands for an argument that was left out: token i takes row i, and the table has exactly as many rows.
struct OneRowForEachToken {};

template <typename T>
inline constexpr bool is_table_rows = false;
template <typename List>
inline constexpr bool is_table_rows<TableRows<List>> = true;
/// False where rows() has already refused its argument at compile time, so that no second error follows.
template <typename Rows>
inline constexpr bool are_listed =
    is_list<std::remove_cv_t<std::remove_reference_t<decltype(std::declval<Rows>().list())>>>;

template <typename List>
constexpr void require_integer_list() {
  static_assert(Eigen::NumTraits<ListScalar<List>>::IsInteger && !std::is_same_v<ListScalar<List>, bool>,
                "posenc: a table has rows at whole numbers: give integers here, or make a table at these positions");
}

/// Calls action(rows) with the rows of a list: of rows where `ByRow` holds, else of positions.
template <bool ByRow, typename List, typename Action>
void with_listed_rows(const RowResolver& resolver, const char* name, const char* size_name, const List& given,
                      const TokenGrid& tokens, const Action& action) {
  require_integer_list<List>();
  if constexpr (Eigen::NumTraits<ListScalar<List>>::IsInteger) {
    const auto& given_list = as_list(given);
    const auto& list = evaluated(given_list);
    const Eigen::Index size = list.size();
    require(size == tokens.seq_len || size == tokens.tokens(), resolver.function(), size_name, size, tokens.count, " ",
            tokens.seq_len, tokens.batch == 1 ? "" : ", or as many for each sequence");
    const auto row_at = [&](Eigen::Index i) {
      if constexpr (ByRow) {
        return resolver.row({name, i}, list_entry(list, i), 1);
      } else {
        const auto position = list_entry(list, i);
        if (!is_position(position)) require_position(resolver.function(), element(name, i), position);
        return resolver.row_of_position({name, i}, static_cast<std::int64_t>(position), 1);
      }
    };
    for (Eigen::Index i = 0; i < size; ++i) row_at(i);
    std::int64_t first = 0;  // the position of row 0
    if (!ByRow && size > 0) first = static_cast<std::int64_t>(list_entry(list, 0)) - row_at(0);
    action(ListedRows(size, tokens.tokens(), [&list, first](Eigen::Index i) {
      return static_cast<Eigen::Index>(static_cast<std::int64_t>(list_entry(list, i)) - first);
    }));
  }
}

/// Calls action(rows) for sequences of `seq_len` tokens that begin where `start` says.
template <typename Start, typename Action>
void with_sequence_rows(const RowResolver& resolver, const Start& start, Eigen::Index seq_len, Eigen::Index sequences,
                        const Action& action) {
  const auto constant = [&](Eigen::Index row) {
    action(RowRuns(seq_len, sequences, [row](Eigen::Index) { return row; }));
  };
  const auto require_one_for_each = [&](const char* name, Eigen::Index size) {
    require(size == sequences, resolver.function(), name, size, "the number of sequences ", sequences);
  };
  if constexpr (std::is_same_v<Start, FirstRow>) {
    resolver.require_exact(seq_len);
    constant(0);
  } else if constexpr (std::is_same_v<Start, StartingAt>) {
    constant(resolver.row_of_position({"starting_at()"}, start.first(), seq_len));
  } else if constexpr (std::is_same_v<Start, FromRow>) {
    constant(resolver.row({"from_row()"}, start.row(), seq_len));
  } else if constexpr (is_table_rows<Start>) {
    using List = std::remove_cv_t<std::remove_reference_t<decltype(start.list())>>;
    require_integer_list<List>();
    const auto& given_list = as_list(start.list());
    const auto& list = evaluated(given_list);
    require_one_for_each("rows.size()", list.size());
    for (Eigen::Index b = 0; b < sequences; ++b) resolver.row({"rows", b}, list_entry(list, b), seq_len);
    action(RowRuns(seq_len, sequences,
                   [&list](Eigen::Index b) { return static_cast<Eigen::Index>(list_entry(list, b)); }));
  } else if constexpr (is_list<Start>) {
    require_integer_list<Start>();
    const auto& given_list = as_list(start);
    const auto& list = evaluated(given_list);
    require_one_for_each("starts.size()", list.size());
    std::int64_t first_position = 0;
    for (Eigen::Index b = 0; b < sequences; ++b) {
      const auto position = list_entry(list, b);
      if (!is_position(position)) require_position(resolver.function(), element("starts", b), position);
      const auto integer = static_cast<std::int64_t>(position);
      first_position = integer - resolver.row_of_position({"starts", b}, integer, seq_len);
    }
    action(RowRuns(seq_len, sequences, [&list, first_position](Eigen::Index b) {
      return static_cast<Eigen::Index>(static_cast<std::int64_t>(list_entry(list, b)) - first_position);
    }));
  } else {
    static_assert(
        is_list<Start>,
        "posenc: after each_sequence(seq_len, ...) write starting_at(first), a list with the first position of "
        "each sequence, from_row(n), or rows(list) with one for each sequence");
  }
}

/// Calls action(rows), with rows(token) the row of the table that each token takes, as the caller gave them: nothing
/// (OneRowForEachToken), positions, rows, or each_sequence(). All of them are checked before.
template <typename Table, typename Given, typename Action>
EIGEN_ALWAYS_INLINE void with_table_rows(const char* function, const Table& table, const Given& given,
                                         const TokenGrid& tokens, const Action& action) {
  const RowResolver resolver(function, table.rows(), table.first_position());
  const auto run = [&](Eigen::Index row) POSENC_INLINE_LAMBDA {
    action(RowRuns((std::max)(tokens.seq_len, Eigen::Index(1)), tokens.seq_len == 0 ? 0 : tokens.batch,
                   [row](Eigen::Index) { return row; }));
  };
  if constexpr (std::is_same_v<Given, OneRowForEachToken>) {
    resolver.require_exact(tokens);
    run(0);
  } else if constexpr (std::is_same_v<Given, StartingAt>) {
    run(resolver.row_of_position({"starting_at()"}, given.first(), tokens.seq_len));
  } else if constexpr (std::is_same_v<Given, PositionRange>) {
    require(given.count() == tokens.seq_len, function, "positions.count()", given.count(), tokens.count, " ",
            tokens.seq_len);
    run(resolver.row_of_position({"positions.first()"}, given.first(), tokens.seq_len));
  } else if constexpr (std::is_same_v<Given, FromRow>) {
    run(resolver.row({"from_row()"}, given.row(), tokens.seq_len));
  } else if constexpr (is_table_rows<Given>) {
    if constexpr (are_listed<Given>) {
      with_listed_rows<true>(resolver, "rows", "rows.size()", given.list(), tokens, action);
    }
  } else if constexpr (is_list<Given>) {
    with_listed_rows<false>(resolver, "positions", "positions.size()", given, tokens, action);
  } else if constexpr (is_each_sequence<Given>) {
    using Start = std::remove_cv_t<std::remove_reference_t<decltype(given.start())>>;
    const Eigen::Index seq_len = given.seq_len();
    require(tokens.batch == 1 || tokens.seq_len == seq_len, function, "each_sequence's seq_len", seq_len, tokens.count,
            " ", tokens.seq_len);
    require(tokens.tokens() % seq_len == 0, function, tokens.count, tokens.seq_len,
            "a multiple of each_sequence's seq_len ", seq_len);
    with_sequence_rows<Start>(resolver, given.start(), seq_len, tokens.tokens() / seq_len, action);
  } else if constexpr (std::is_arithmetic_v<Given>) {
    static_assert(!std::is_arithmetic_v<Given>,
                  "posenc: a bare number is neither a position nor a row: write starting_at(3) for position 3, or "
                  "from_row(3) for row 3 of the table");
  } else {
    static_assert(is_list<Given>,
                  "posenc: the last argument says which row of the table each token takes: starting_at(first), a list "
                  "of positions, from_row(n), rows(list), or each_sequence(seq_len, ...)");
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_TABLE_ROWS_HPP
