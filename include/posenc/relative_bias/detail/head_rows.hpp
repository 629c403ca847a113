// SPDX-License-Identifier: MIT
/// @file
/// Which rows of a parameter belong to a head: all of them for every head, or a block for each head, stacked.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_HEAD_ROWS_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_HEAD_ROWS_HPP

#include "posenc/detail/check.hpp"

#include <string>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Which rows of a table a head has: all `each` rows, which all heads share, or a block of `each` rows of its own.
class HeadRows {
 public:
  /// Refuses a table of other sizes. `rule` says in words where `each` comes from. Where there are no heads to count
  /// (num_heads = 0, without tokens), any number of blocks is accepted.
  HeadRows(const char* function, const char* parameter, Eigen::Index rows, Eigen::Index each, Eigen::Index num_heads,
           const char* rule)
      : each_(each), stacked_(rows != each) {
    if (rows == each) return;
    const bool whole = each != 0 && rows % each == 0;
    if (whole && (num_heads == 0 || rows / each == num_heads)) return;
    const std::string name = joined(parameter, ".rows()");
    if (num_heads <= 1) refuse<std::invalid_argument>(function, name, rows, each, rule);
    refuse<std::invalid_argument>(function, name, rows, each, rule, ", once for all heads or once for each of ",
                                  num_heads);
  }

  Eigen::Index each() const { return each_; }

  /// The rows of one head.
  template <typename Table>
  auto of(Table& table, Eigen::Index head) const {
    return table.middleRows(stacked_ ? head * each_ : 0, each_);
  }

 private:
  Eigen::Index each_;
  bool stacked_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_HEAD_ROWS_HPP
