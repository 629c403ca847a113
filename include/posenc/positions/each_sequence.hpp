// SPDX-License-Identifier: MIT
/// @file
/// Batches whose sequences are stacked in one matrix: each_sequence(seq_len, start).
#ifndef POSENC_POSITIONS_EACH_SEQUENCE_HPP
#define POSENC_POSITIONS_EACH_SEQUENCE_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/positions/position_list.hpp"
#include "posenc/positions/position_range.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// The start of each_sequence(seq_len): a table that holds exactly one row for each token of a sequence.
struct FirstRow {};

/// An argument that is kept: an lvalue by reference, a temporary by value.
template <typename T>
using Kept = std::conditional_t<std::is_lvalue_reference_v<T>, const std::remove_reference_t<T>&, std::decay_t<T>>;

template <typename Integer>
constexpr void require_seq_len() {
  static_assert(is_integer<Integer>, "posenc: each_sequence(seq_len) takes an integer: the tokens of each sequence");
}

}  // namespace detail

/// What each_sequence() returns: sequences of one length, stacked in a (batch * seq_len) x channels matrix.
template <typename Start>
class EachSequence {
 public:
  /// See each_sequence().
  /// @throws std::invalid_argument  seq_len <= 0.
  template <typename Given>
  EachSequence(Eigen::Index seq_len, Given&& start) : seq_len_(seq_len), start_(std::forward<Given>(start)) {
    detail::require(seq_len > 0, "each_sequence", "seq_len", seq_len, "> 0");
  }
  /// Tokens of a sequence.
  Eigen::Index seq_len() const { return seq_len_; }
  /// Where the sequences begin.
  const std::remove_reference_t<Start>& start() const { return start_; }

 private:
  Eigen::Index seq_len_;
  Start start_;
};

/// Sequences of `seq_len` tokens, stacked one after the other, that share the rows of one table: token t of every
/// sequence takes row t, and the table has exactly `seq_len` rows. A table whose sequences have frequencies of their own
/// has as many for each sequence, and each takes its own.
///
/// @param seq_len  Tokens of each sequence, > 0.
/// @throws std::invalid_argument  seq_len <= 0.
template <typename Integer>
EachSequence<detail::FirstRow> each_sequence(Integer seq_len) {
  detail::require_seq_len<Integer>();
  return {detail::Size(seq_len), detail::FirstRow{}};
}

/// @overload
/// Sequences whose first positions are given: token t of a sequence is at the first position of that sequence, plus t.
///
/// @param seq_len  Tokens of each sequence, > 0: 1 in a decode step.
/// @param start    starting_at(first), the same for all sequences; or a list with the first position of each (a ragged
///                 batch). Where rows of a table are chosen, also from_row(n), or rows(list) with the first row of
///                 each. A list that is a variable is referred to: it must outlive what is returned.
/// @throws std::invalid_argument  seq_len <= 0.
template <typename Integer, typename Start>
EachSequence<detail::Kept<Start>> each_sequence(Integer seq_len, Start&& start) {
  detail::require_seq_len<Integer>();
  static_assert(!std::is_arithmetic_v<std::decay_t<Start>>,
                "posenc: a bare number is neither a position nor a row: write each_sequence(seq_len, starting_at(3))");
  return {detail::Size(seq_len), std::forward<Start>(start)};
}

/// @overload
/// Says what is missing.
template <typename... Arguments>
EachSequence<detail::FirstRow> each_sequence(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: seq_len is missing: write each_sequence(seq_len), or each_sequence(seq_len, start)");
  std::abort();
}

namespace detail {

template <typename T>
inline constexpr bool is_each_sequence = false;
template <typename Start>
inline constexpr bool is_each_sequence<EachSequence<Start>> = true;

/// Stacked sequences that all begin at `first`.
class SequencePositions {
 public:
  SequencePositions(std::int64_t first, Eigen::Index seq_len, Eigen::Index rows)
      : first_(first), seq_len_(seq_len), rows_(rows) {}
  Eigen::Index rows() const { return rows_; }
  Eigen::Index seq_len() const { return seq_len_; }
  Eigen::Index batch() const { return rows_ / seq_len_; }
  std::int64_t operator[](Eigen::Index i) const { return first_ + i % seq_len_; }

 private:
  std::int64_t first_;
  Eigen::Index seq_len_;
  Eigen::Index rows_;
};

/// Stacked sequences of which sequence b begins at element b of a list.
template <typename List>
class RaggedPositions {
 public:
  RaggedPositions(const ListPositions<List>& starts, Eigen::Index seq_len) : starts_(starts), seq_len_(seq_len) {}
  Eigen::Index rows() const { return starts_.rows() * seq_len_; }
  Eigen::Index seq_len() const { return seq_len_; }
  auto operator[](Eigen::Index i) const {
    using Position = typename ListPositions<List>::Position;
    return static_cast<Position>(starts_[i / seq_len_] + static_cast<Position>(i % seq_len_));
  }

 private:
  const ListPositions<List>& starts_;
  Eigen::Index seq_len_;
};

/// `rows` tokens are whole sequences of `seq_len`.
inline Eigen::Index require_whole_sequences(const char* function, const char* parameter, Eigen::Index rows,
                                            Eigen::Index seq_len) {
  if (rows % seq_len != 0) {
    refuse<std::invalid_argument>(function, joined(parameter, ".rows()"), rows,
                                  "a multiple of each_sequence's seq_len ", seq_len);
  }
  return rows / seq_len;
}

/// Calls action(positions), with one position for each of the `rows` tokens of `parameter`, as an encoder was given
/// them: starting_at(), a PositionRange, a list, or each_sequence() with a start.
template <typename Given, typename Action>
void with_token_positions(const char* function, const char* parameter, const Given& given, Eigen::Index rows,
                          Action&& action) {
  if constexpr (std::is_same_v<Given, StartingAt>) {
    action(RangePositions(PositionRange(given.first(), rows)));
  } else if constexpr (std::is_same_v<Given, PositionRange>) {
    require(given.count() == rows, function, "positions.count()", given.count(), parameter, ".rows() ", rows);
    action(RangePositions(given));
  } else if constexpr (is_list<Given>) {
    const ListPositions<Given> positions(function, given);
    require(positions.rows() == rows, function, "positions.size()", positions.rows(), parameter, ".rows() ", rows);
    action(positions);
  } else if constexpr (is_each_sequence<Given>) {
    using Start = std::remove_cv_t<std::remove_reference_t<decltype(given.start())>>;
    const Eigen::Index batch = require_whole_sequences(function, parameter, rows, given.seq_len());
    if constexpr (std::is_same_v<Start, StartingAt>) {
      PositionRange(given.start().first(), given.seq_len());  // refuses positions that do not exist
      action(SequencePositions(given.start().first(), given.seq_len(), rows));
    } else if constexpr (is_list<Start>) {
      const ListPositions<Start> starts(function, given.start());
      require(starts.rows() == batch, function, "starts.size()", starts.rows(), "the number of sequences ", batch);
      if constexpr (std::is_same_v<typename ListPositions<Start>::Position, std::int64_t>) {
        for (Eigen::Index b = 0; b < batch; ++b) {
          const std::int64_t last = kMaxPosition - (given.seq_len() - 1);
          if (starts[b] > last) {
            refuse<std::out_of_range>(function, element("starts", b), std::int64_t{starts[b]}, "at most ", last,
                                      " for sequences of ", given.seq_len());
          }
        }
      }
      action(RaggedPositions<Start>(starts, given.seq_len()));
    } else {
      static_assert(is_list<Start>,
                    "posenc: each_sequence(seq_len) needs the first position here: write each_sequence(seq_len, "
                    "starting_at(0)), or a list with the first position of each sequence");
    }
  } else if constexpr (std::is_arithmetic_v<Given>) {
    static_assert(!std::is_arithmetic_v<Given>,
                  "posenc: a bare number is neither a position nor a row: write starting_at(3)");
  } else {
    static_assert(is_list<Given>,
                  "posenc: positions must be starting_at(first), PositionRange(first, count), a list with one for each "
                  "token (an Eigen vector, std::vector, ...), or each_sequence(seq_len, starting_at(first))");
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_EACH_SEQUENCE_HPP
