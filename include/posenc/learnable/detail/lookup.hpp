// SPDX-License-Identifier: MIT
/// @file
/// Which rows of a trained table a position takes, and the checks of positions against the table.
#ifndef POSENC_LEARNABLE_DETAIL_LOOKUP_HPP
#define POSENC_LEARNABLE_DETAIL_LOOKUP_HPP

#include "posenc/detail/check.hpp"
#include "posenc/learnable/lookup_options.hpp"
#include "posenc/positions/each_sequence.hpp"

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The rows that one position reads: P[row] + ratio (P[outer] - P[0]). `outer` is 0 except for hierarchical positions;
/// `row` is -1 where the position reads zeros.
struct TableRow {
  Eigen::Index row;
  Eigen::Index outer;
};

/// Finds the rows that a position reads. Hierarchical: a u[o] + (1 - a) u[i] = P[i] + ratio (P[o] - P[0]), ratio = a /
/// (1 - a).
class Lookup {
 public:
  Lookup(const LookupOptions& options, Eigen::Index rows)
      : overflow_(options.overflow), rows_(rows), ratio_(options.alpha / (1 - options.alpha)) {}

  double ratio() const { return ratio_; }

  TableRow operator()(std::int64_t position) const {
    if (position < rows_) return {static_cast<Eigen::Index>(position), 0};
    if (overflow_ == Overflow::clamp) return {static_cast<Eigen::Index>(rows_ - 1), 0};
    if (overflow_ == Overflow::zero) return {-1, 0};
    return {static_cast<Eigen::Index>(position % rows_), static_cast<Eigen::Index>(position / rows_)};
  }

  bool has(std::int64_t position) const {
    if (position < 0) return false;
    if (position < rows_ || overflow_ == Overflow::clamp || overflow_ == Overflow::zero) return true;
    return overflow_ == Overflow::hierarchical && position / rows_ < rows_;
  }

  /// Refuses a position that the table does not have. name() gives the parameter's name for the message.
  template <typename Name>
  void require_position(const char* function, std::int64_t position, Name&& name) const {
    if (!has(position)) refuse_position(function, name(), position);
  }

 private:
  [[noreturn]] POSENC_COLD void refuse_position(const char* function, const std::string& name,
                                                std::int64_t position) const {
    if (position < 0) refuse<std::out_of_range>(function, name, position, ">= 0");
    const bool squared = overflow_ == Overflow::hierarchical;
    refuse<std::out_of_range>(function, name, position, "less than ", rows_, squared ? "^2" : "",
                              squared ? " (rows of the table, squared)" : " (rows of the table)");
  }

  Overflow overflow_;
  std::int64_t rows_;
  double ratio_;
};

/// Refuses positions first, ..., first + count - 1 unless the table has all of them.
inline void require_run(const char* function, const Lookup& lookup, std::int64_t first, Eigen::Index count) {
  if (count == 0) return;
  lookup.require_position(function, first, [] { return "the first position"; });
  lookup.require_position(function, first + count - 1, [] { return "the last position"; });
}

inline void require_in_table(const char* function, const Lookup& lookup, const RangePositions& positions) {
  require_run(function, lookup, positions.rows() == 0 ? 0 : positions[0], positions.rows());
}

inline void require_in_table(const char* function, const Lookup& lookup, const SequencePositions& positions) {
  if (positions.rows() > 0) require_run(function, lookup, positions[0], positions.seq_len());
}

template <typename List>
void require_in_table(const char* function, const Lookup& lookup, const ListPositions<List>& positions) {
  for (Eigen::Index i = 0; i < positions.rows(); ++i) {
    lookup.require_position(function, positions[i], [i] { return element("positions", i); });
  }
}

template <typename List>
void require_in_table(const char* function, const Lookup& lookup, const RaggedPositions<List>& positions) {
  const Eigen::Index seq_len = positions.seq_len();
  for (Eigen::Index i = 0; i < positions.rows(); i += seq_len) {
    const std::string name = element("starts", i / seq_len);
    lookup.require_position(function, positions[i], [&] { return name; });
    lookup.require_position(function, positions[i + seq_len - 1],
                            [&] { return name + " + " + std::to_string(seq_len - 1); });
  }
}

/// Checks `given` against the tokens of `parameter` and against the table, then calls action(positions).
template <typename Given, typename Action>
void with_table_positions(const char* function, const char* parameter, const Given& given, Eigen::Index rows,
                          const Lookup& lookup, Action&& action) {
  with_token_positions(function, parameter, given, rows, [&](const auto& positions) {
    using Position = std::decay_t<decltype(positions[0])>;
    static_assert(std::is_integral_v<Position>,
                  "posenc: positions in a trained table are its rows: they must be integers, not float or double");
    if constexpr (std::is_integral_v<Position>) {
      require_in_table(function, lookup, positions);
      action(positions);
    }
  });
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_DETAIL_LOOKUP_HPP
