// SPDX-License-Identifier: MIT
/// @file
/// What stands behind the lookups in a trained table: which rows a position takes, and the row kernels.
#ifndef POSENC_LEARNABLE_DETAIL_LOOKUP_HPP
#define POSENC_LEARNABLE_DETAIL_LOOKUP_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/detail/row.hpp"
#include "posenc/learnable/lookup_options.hpp"
#include "posenc/positions/each_sequence.hpp"
#include "posenc/positions/position_list.hpp"
#include "posenc/positions/position_range.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// P[row] + ratio (P[outer] - P[0]); outer is 0 but for hierarchical positions, row is -1 where the answer is zero.
struct TableRow {
  Eigen::Index row;
  Eigen::Index outer;
};

/// Which rows a position takes. Hierarchical: a u[o] + (1 - a) u[i] = P[i] + ratio (P[o] - P[0]), ratio = a / (1 - a).
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

  POSENC_COLD void refuse_position(const char* function, const std::string& parameter, std::int64_t position) const {
    if (position < 0) refuse<std::out_of_range>(function, parameter, position, ">= 0");
    const bool squared = overflow_ == Overflow::hierarchical;
    refuse<std::out_of_range>(function, parameter, position, "less than ", rows_, squared ? "^2" : "",
                              squared ? " (rows of the table, squared)" : " (rows of the table)");
  }

 private:
  Overflow overflow_;
  std::int64_t rows_;
  double ratio_;
};

/// Checks `given` against the rows of `x` and the table, then calls action(positions): SequencePositions for an
/// integer or a PositionRange, ListPositions for an Eigen expression.
template <typename Positions, typename Action>
void with_positions(const char* function, const char* parameter, const Positions& given, Eigen::Index x_rows,
                    const Lookup& lookup, Action&& action) {
  if constexpr (std::is_integral_v<Positions> || std::is_same_v<Positions, PositionRange>) {
    const PositionRange range = [&] {
      if constexpr (std::is_integral_v<Positions>) {
        return PositionRange(given, x_rows);
      } else {
        return given;
      }
    }();
    const RangePositions checked(range);
    if (range.count() == 0 ? x_rows != 0 : x_rows % range.count() != 0) {
      refuse<std::invalid_argument>(function, std::string(parameter) + ".rows()", x_rows,
                                    "a multiple of positions.count() ", range.count());
    }
    if (!lookup.has(range.first())) lookup.refuse_position(function, "positions.first()", range.first());
    if (x_rows == 0) return;
    const std::int64_t last = checked[range.count() - 1];
    if (!lookup.has(last)) lookup.refuse_position(function, "the last position", last);
    action(SequencePositions(range.first(), range.count(), x_rows));
  } else {
    static_assert(std::is_base_of_v<Eigen::EigenBase<Positions>, Positions>,
                  "posenc: positions must be an integer (of the first row), a PositionRange (of each sequence), or an "
                  "Eigen vector of integers");
    static_assert(Eigen::NumTraits<typename Positions::Scalar>::IsInteger,
                  "posenc: positions in a trained table are integers");
    const ListPositions<Positions> positions(function, given);
    if (positions.rows() != x_rows) {
      refuse<std::invalid_argument>(function, "positions.size()", positions.rows(), parameter, ".rows() ", x_rows);
    }
    for (Eigen::Index i = 0; i < x_rows; ++i) {
      if (!lookup.has(positions[i])) lookup.refuse_position(function, element("positions", i), positions[i]);
    }
    action(positions);
  }
}

/// Columns that a row kernel with scratch space on the stack works on at a time.
inline constexpr Eigen::Index kSumChunk = 256;

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_DETAIL_LOOKUP_HPP
