// SPDX-License-Identifier: MIT
/// @file
/// The rows of a table that tokens take, as runs or as a list, and the check that the table has them.
#ifndef POSENC_FREQUENCY_DETAIL_ROW_RESOLVER_HPP
#define POSENC_FREQUENCY_DETAIL_ROW_RESOLVER_HPP

#include "posenc/detail/check.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename Integer>
constexpr bool is_negative(Integer value) {
  if constexpr (std::is_signed_v<Integer>) {
    return value < 0;
  } else {
    return false;
  }
}

/// The tokens that need a row each: `batch` sequences of `seq_len` tokens. Messages name them `parameter`, and the
/// number of tokens of a sequence `count`.
struct TokenGrid {
  const char* parameter;  ///< "x"
  const char* count;      ///< "x.rows()" of a matrix, "x.seq_len()" of a view
  Eigen::Index batch;
  Eigen::Index seq_len;

  Eigen::Index tokens() const { return batch * seq_len; }
};

/// Sequences of `seq_len` tokens: token t of sequence b takes row first(b) + t. Made after the check that these rows
/// exist.
template <typename First>
class RowRuns {
 public:
  RowRuns(Eigen::Index seq_len, Eigen::Index sequences, First first)
      : seq_len_(seq_len), sequences_(sequences), first_(std::move(first)) {}

  /// The row of a token, counted over all sequences.
  Eigen::Index operator()(Eigen::Index token) const { return first_(token / seq_len_) + token % seq_len_; }
  /// Calls run(first token, number of tokens, row of the first token) for all tokens in order.
  template <typename Run>
  EIGEN_ALWAYS_INLINE void for_each_run(const Run& run) const {
    for (Eigen::Index b = 0; b < sequences_; ++b) run(b * seq_len_, seq_len_, first_(b));
  }

 private:
  Eigen::Index seq_len_;
  Eigen::Index sequences_;
  First first_;
};

/// A list with a row for each token, or for each token of a sequence, which all sequences then share. Made after the
/// check that these rows exist.
template <typename RowAt>
class ListedRows {
 public:
  ListedRows(Eigen::Index listed, Eigen::Index tokens, RowAt row_at)
      : listed_(listed), tokens_(tokens), row_at_(std::move(row_at)) {}

  Eigen::Index operator()(Eigen::Index token) const { return row_at_(token < listed_ ? token : token % listed_); }
  template <typename Run>
  void for_each_run(const Run& run) const {
    for (Eigen::Index token = 0; token < tokens_; ++token) run(token, Eigen::Index(1), (*this)(token));
  }

 private:
  Eigen::Index listed_;
  Eigen::Index tokens_;
  RowAt row_at_;
};

/// Whether tokens take rows that a list names one by one.
template <typename Rows>
inline constexpr bool is_listed_rows = false;
template <typename RowAt>
inline constexpr bool is_listed_rows<ListedRows<RowAt>> = true;

/// The name of a number in messages: a name, or an element of a list. The text is formed only when a message needs it.
struct Named {
  const char* name;
  Eigen::Index index = -1;

  std::string text() const { return index < 0 ? name : element(name, index); }
};

/// Resolves what a caller said about rows against a table with `table_rows` rows, the first at `first_position` where
/// that is known.
class RowResolver {
 public:
  RowResolver(const char* function, Eigen::Index table_rows, std::optional<std::int64_t> first_position)
      : function_(function), table_rows_(table_rows), first_position_(first_position) {}

  /// Refuses a table unless it has exactly one row for each token. Without tokens, any table is accepted.
  void require_exact(const TokenGrid& tokens) const {
    if (table_rows_ != tokens.seq_len && tokens.tokens() != 0) refuse_rows(function_, table_rows_, tokens);
  }
  /// By value: a call that refuses nothing then keeps all of it in registers.
  [[noreturn]] POSENC_COLD static void refuse_rows(const char* function, Eigen::Index table_rows, TokenGrid tokens) {
    if (table_rows > tokens.seq_len) {
      fail(Refusal::invalid_argument,
           joined("posenc::", function, ": rows must be given where the table has more of them (", table_rows,
                  ") than ", tokens.parameter, " has tokens (", tokens.seq_len,
                  "), for instance starting_at(cached) or from_row(n)"));
    }
    if (table_rows > 0 && tokens.seq_len % table_rows == 0) {
      refuse<std::invalid_argument>(function, "table.rows()", table_rows, tokens.count, " ", tokens.seq_len,
                                    " (sequences that share the rows of one table: each_sequence(", table_rows, "))");
    }
    refuse<std::invalid_argument>(function, "table.rows()", table_rows, tokens.count, " ", tokens.seq_len);
  }
  void require_exact(Eigen::Index seq_len) const {
    require(table_rows_ == seq_len, function_, "table.rows()", table_rows_, "each_sequence's seq_len ", seq_len,
            ", or a start be given, for instance each_sequence(", seq_len, ", starting_at(cached))");
  }

  /// The row of a position. Refuses one from which the table does not have `count` rows.
  Eigen::Index row_of_position(const Named& what, std::int64_t position, Eigen::Index count) const {
    if (!first_position_) {
      refuse<std::invalid_argument>(function_, what.text(), position,
                                    "a row (from_row(n), rows(list)), because the table does not know its positions");
    }
    require_count(count);
    const std::int64_t last = *first_position_ + static_cast<std::int64_t>(table_rows_) - count;
    if (position < *first_position_ || position > last) {
      refuse<std::out_of_range>(function_, what.text(), position, "in [", *first_position_, ", ", last,
                                "] (the table's ", table_rows_, " rows begin at position ", *first_position_, ", ",
                                count, count == 1 ? " is needed)" : " are needed)");
    }
    return static_cast<Eigen::Index>(position - *first_position_);
  }

  /// Returns `row` as an index. Refuses one from which the table does not have `count` rows.
  template <typename Integer>
  Eigen::Index row(const Named& what, Integer row, Eigen::Index count) const {
    require_count(count);
    const bool negative = is_negative(row);
    const Eigen::Index last = table_rows_ - count;
    if (negative || static_cast<std::uint64_t>(row) > static_cast<std::uint64_t>(last)) {
      refuse<std::out_of_range>(function_, what.text(), row, "in [0, ", last, "] (the table has ", table_rows_,
                                " rows, ", count, count == 1 ? " is needed)" : " are needed)");
    }
    return static_cast<Eigen::Index>(row);
  }

  const char* function() const { return function_; }

 private:
  void require_count(Eigen::Index count) const {
    require_in_range(count <= table_rows_, function_, "table.rows()", table_rows_, "at least ", count,
                     " (one for each token)");
  }

  const char* function_;
  Eigen::Index table_rows_;
  std::optional<std::int64_t> first_position_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_DETAIL_ROW_RESOLVER_HPP
