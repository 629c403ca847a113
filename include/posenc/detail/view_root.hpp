// SPDX-License-Identifier: MIT
/// @file
/// Views that pick rows and columns of a matrix (index views, reversed ones, blocks of them): which ones they pick.
#ifndef POSENC_DETAIL_VIEW_ROOT_HPP
#define POSENC_DETAIL_VIEW_ROOT_HPP

#include "posenc/detail/eigen.hpp"

#include <cstdint>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// How a view picks from what it views: element (i, j) is element (row(x, i), column(x, j)) of x.nestedExpression(), or
/// element (j, i) where it transposes.
template <typename View>
struct Picking {
  static constexpr bool known = false;
};

struct PickingAll {
  static constexpr bool known = true;
  static constexpr bool transposes = false;
  template <typename View>
  static Eigen::Index row(const View&, Eigen::Index i) {
    return i;
  }
  template <typename View>
  static Eigen::Index column(const View&, Eigen::Index j) {
    return j;
  }
};

template <typename Nested>
struct Picking<Eigen::ArrayWrapper<Nested>> : PickingAll {};
template <typename Nested>
struct Picking<Eigen::MatrixWrapper<Nested>> : PickingAll {};

template <typename Nested>
struct Picking<Eigen::Transpose<Nested>> : PickingAll {
  static constexpr bool transposes = true;
};

template <typename Nested, int Rows, int Columns, bool InnerPanel>
struct Picking<Eigen::Block<Nested, Rows, Columns, InnerPanel>> : PickingAll {
  template <typename View>
  static Eigen::Index row(const View& x, Eigen::Index i) {
    return x.startRow() + i;
  }
  template <typename View>
  static Eigen::Index column(const View& x, Eigen::Index j) {
    return x.startCol() + j;
  }
};

template <typename Nested, int Direction>
struct Picking<Eigen::Reverse<Nested, Direction>> : PickingAll {
  template <typename View>
  static Eigen::Index row(const View& x, Eigen::Index i) {
    return Direction == Eigen::Horizontal ? i : x.rows() - 1 - i;
  }
  template <typename View>
  static Eigen::Index column(const View& x, Eigen::Index j) {
    return Direction == Eigen::Vertical ? j : x.cols() - 1 - j;
  }
};

template <typename Nested, typename RowIndices, typename ColumnIndices>
struct Picking<Eigen::IndexedView<Nested, RowIndices, ColumnIndices>> : PickingAll {
  template <typename View>
  static Eigen::Index row(const View& x, Eigen::Index i) {
    return entry_of(x.rowIndices(), i);
  }
  template <typename View>
  static Eigen::Index column(const View& x, Eigen::Index j) {
    return entry_of(x.colIndices(), j);
  }

 private:
  template <typename List>
  static Eigen::Index entry_of(const List& list, Eigen::Index i) {
    return static_cast<Eigen::Index>(list[static_cast<decltype(list.size())>(i)]);
  }
};

template <typename View>
using NestedOf = std::decay_t<decltype(std::declval<const View&>().nestedExpression())>;

/// Whether x picks from an object in memory, its root, through views that are known. An object in memory that picks
/// from nothing is its own root.
template <typename View>
constexpr bool find_root() {
  if constexpr (Picking<View>::known) {
    return find_root<NestedOf<View>>();
  } else {
    return has_memory<View>;
  }
}
template <typename View>
inline constexpr bool has_root = find_root<View>();

template <typename View>
constexpr bool find_transposed() {
  if constexpr (Picking<View>::known) {
    return Picking<View>::transposes != find_transposed<NestedOf<View>>();
  } else {
    return false;
  }
}
/// Whether rows of the root are columns of x.
template <typename View>
inline constexpr bool is_transposed = find_transposed<View>();

template <typename View>
const auto& root_of(const View& x) {
  if constexpr (Picking<View>::known) {
    return root_of(x.nestedExpression());
  } else {
    return x;
  }
}

/// The root's row that row i of x lies in (column i, where x is transposed).
template <typename View>
Eigen::Index root_row(const View& x, Eigen::Index i) {
  if constexpr (Picking<View>::known) {
    constexpr bool by_columns = is_transposed<View>;
    return root_row(x.nestedExpression(), Picking<View>::transposes ? i
                                          : by_columns              ? Picking<View>::column(x, i)
                                                                    : Picking<View>::row(x, i));
  } else {
    return i;
  }
}

/// The root's column that column j of x lies in (row j, where x is transposed).
template <typename View>
Eigen::Index root_column(const View& x, Eigen::Index j) {
  if constexpr (Picking<View>::known) {
    constexpr bool by_rows = is_transposed<View>;
    return root_column(x.nestedExpression(), Picking<View>::transposes ? j
                                             : by_rows                 ? Picking<View>::row(x, j)
                                                                       : Picking<View>::column(x, j));
  } else {
    return j;
  }
}

/// A list of rows (or columns) of a root: `count` of them, row(i) of each.
template <typename View, bool Rows>
struct PickedLines {
  const View& x;
  Eigen::Index count() const { return is_transposed<View> == Rows ? x.cols() : x.rows(); }
  Eigen::Index operator[](Eigen::Index i) const {
    if constexpr (Rows) {
      return root_row(x, i);
    } else {
      return root_column(x, i);
    }
  }
};

/// A set of line numbers below `bound`, a window of them at a time on the stack, so that nothing is allocated.
class LineSet {
 public:
  static constexpr Eigen::Index kWindow = 1 << 15;

  explicit LineSet(Eigen::Index first) : first_(first) {}
  bool contains(Eigen::Index line) const { return inside(line) && (word(line) & bit(line)) != 0; }
  void insert(Eigen::Index line) {
    if (inside(line)) words_[(line - first_) / 64] |= bit(line);
  }

 private:
  bool inside(Eigen::Index line) const { return line >= first_ && line < first_ + kWindow; }
  std::uint64_t word(Eigen::Index line) const { return words_[(line - first_) / 64]; }
  std::uint64_t bit(Eigen::Index line) const { return std::uint64_t{1} << ((line - first_) % 64); }

  Eigen::Index first_;
  std::uint64_t words_[kWindow / 64] = {};
};

/// Whether two lists of lines below `bound` have one in common.
template <typename A, typename B>
bool intersect(const A& a, const B& b, Eigen::Index bound) {
  for (Eigen::Index first = 0; first < bound; first += LineSet::kWindow) {
    LineSet lines(first);
    for (Eigen::Index i = 0; i < a.count(); ++i) lines.insert(a[i]);
    for (Eigen::Index i = 0; i < b.count(); ++i) {
      if (lines.contains(b[i])) return true;
    }
  }
  return false;
}

/// The place in the list of a line that is in it for the second time; -1 when there is none.
template <typename Lines>
Eigen::Index find_repeated(const Lines& lines, Eigen::Index bound) {
  for (Eigen::Index first = 0; first < bound; first += LineSet::kWindow) {
    LineSet seen(first);
    for (Eigen::Index i = 0; i < lines.count(); ++i) {
      if (seen.contains(lines[i])) return i;
      seen.insert(lines[i]);
    }
  }
  return -1;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_VIEW_ROOT_HPP
