// SPDX-License-Identifier: MIT
/// @file
/// Whether what is written lies in the memory of what is read, or in itself: for matrices, maps and blocks, for views
/// without data() (index views, reversed ones), and for what is computed from them.
#ifndef POSENC_DETAIL_OVERLAP_HPP
#define POSENC_DETAIL_OVERLAP_HPP

#include "posenc/detail/check.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/detail/memory_extent.hpp"
#include "posenc/detail/view_root.hpp"

#include <cstdint>
#include <iterator>
#include <string>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename T, typename = void>
inline constexpr bool has_nested = false;
template <typename T>
inline constexpr bool has_nested<T, std::void_t<decltype(std::declval<const T&>().nestedExpression())>> = true;

template <typename T, typename = void>
inline constexpr bool has_operands = false;
template <typename T>
inline constexpr bool
    has_operands<T, std::void_t<decltype(std::declval<const T&>().lhs()), decltype(std::declval<const T&>().rhs())>> =
        true;

template <typename T, typename = void>
inline constexpr bool has_arguments = false;
template <typename T>
inline constexpr bool has_arguments<
    T, std::void_t<decltype(std::declval<const T&>().arg1()), decltype(std::declval<const T&>().arg3())>> = true;

template <typename T, typename = void>
inline constexpr bool has_branches = false;
template <typename T>
inline constexpr bool has_branches<
    T, std::void_t<decltype(std::declval<const T&>().thenMatrix()), decltype(std::declval<const T&>().elseMatrix())>> =
    true;

/// Whether f(leaf) holds for an object in memory that the expression is made of. An expression of a kind that is not
/// known, such as a user's own, is taken to have none.
template <typename Expression, typename Predicate>
bool any_leaf(const Expression& x, const Predicate& f) {
  if constexpr (!is_dense<Expression>) {
    return false;
  } else if constexpr (has_memory<Expression>) {
    return f(x);
  } else if constexpr (has_nested<Expression>) {
    return any_leaf(x.nestedExpression(), f);
  } else if constexpr (has_operands<Expression>) {
    return any_leaf(x.lhs(), f) || any_leaf(x.rhs(), f);
  } else if constexpr (has_arguments<Expression>) {
    return any_leaf(x.arg1(), f) || any_leaf(x.arg2(), f) || any_leaf(x.arg3(), f);
  } else if constexpr (has_branches<Expression>) {
    return any_leaf(x.conditionMatrix(), f) || any_leaf(x.thenMatrix(), f) || any_leaf(x.elseMatrix(), f);
  } else {
    return false;
  }
}

/// Whether element (i, j) is computed from element (i, j) of its operands alone: a sum, a cast, a multiple.
template <typename Expression>
inline constexpr bool is_elementwise = false;
template <typename Function, typename Nested>
inline constexpr bool is_elementwise<Eigen::CwiseUnaryOp<Function, Nested>> = true;
template <typename Function, typename Left, typename Right>
inline constexpr bool is_elementwise<Eigen::CwiseBinaryOp<Function, Left, Right>> = true;

/// Whether two views pick from one root, and so can be compared line by line.
template <typename A, typename B>
bool have_same_root(const A& a, const B& b) {
  return is_same(extent_of(root_of(a)), extent_of(root_of(b)));
}

/// Where a view lies: itself, or in doubt all of its root.
template <typename View>
MemoryExtent extent_around(const View& x) {
  if constexpr (has_memory<View>) {
    return extent_of(x);
  } else {
    return extent_of(root_of(x));
  }
}

template <typename A, typename B>
bool share_elements(const A& a, const B& b) {
  if (a.size() == 0 || b.size() == 0 || !overlap(extent_around(a), extent_around(b))) return false;
  if (!have_same_root(a, b)) return true;
  const auto& root = root_of(a);
  return intersect(PickedLines<A, true>{a}, PickedLines<B, true>{b}, root.rows()) &&
         intersect(PickedLines<A, false>{a}, PickedLines<B, false>{b}, root.cols());
}

/// Whether element (i, j) of one view is element (i, j) of the other, for all of them.
template <typename A, typename B>
bool are_same_elements(const A& a, const B& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols() || is_transposed<A> != is_transposed<B>) return false;
  if (!have_same_root(a, b)) return false;
  const auto equal = [](const auto& lines, const auto& others) {
    for (Eigen::Index i = 0; i < lines.count(); ++i) {
      if (lines[i] != others[i]) return false;
    }
    return true;
  };
  return equal(PickedLines<A, true>{a}, PickedLines<B, true>{b}) &&
         equal(PickedLines<A, false>{a}, PickedLines<B, false>{b});
}

template <typename A, typename B>
bool share_memory_impl(const A& a, const B& b) {
  if constexpr (has_memory<A> && has_memory<B>) {
    return overlap(extent_of(a), extent_of(b));
  } else if constexpr (has_root<A> && has_root<B>) {
    return share_elements(a, b);
  } else if constexpr (is_elementwise<B> && has_nested<B>) {
    return share_memory_impl(a, b.nestedExpression());
  } else if constexpr (is_elementwise<B>) {
    return share_memory_impl(a, b.lhs()) || share_memory_impl(a, b.rhs());
  } else {
    return any_leaf(b, [&](const auto& in_b) {
      return any_leaf(a, [&](const auto& in_a) { return overlap(extent_of(in_a), extent_of(in_b)); });
    });
  }
}

/// Whether `out` lies in memory that `in` reads. In doubt (a view of a map and the matrix that it maps) the answer is
/// yes.
template <typename Out, typename In>
bool share_memory(const Eigen::DenseBase<Out>& out, const Eigen::DenseBase<In>& in) {
  return share_memory_impl(out.derived(), in.derived());
}

template <typename A, typename B>
bool overlap_partially_impl(const A& a, const B& b) {
  if constexpr (has_memory<A> && has_memory<B>) {
    const MemoryExtent extent_a = extent_of(a);
    const MemoryExtent extent_b = extent_of(b);
    const bool same = std::is_same_v<typename A::Scalar, typename B::Scalar> && is_same(extent_a, extent_b);
    return !same && overlap(extent_a, extent_b);
  } else if constexpr (has_root<A> && has_root<B>) {
    return share_elements(a, b) && !are_same_elements(a, b);
  } else if constexpr (is_elementwise<B> && has_nested<B>) {
    return overlap_partially_impl(a, b.nestedExpression());
  } else if constexpr (is_elementwise<B>) {
    return overlap_partially_impl(a, b.lhs()) || overlap_partially_impl(a, b.rhs());
  } else {
    return share_memory_impl(a, b);
  }
}

/// Whether writing an element of `out` may change another element of `in` that is still to be read: they share memory,
/// and `in` is not `out` itself or computed from it element by element.
template <typename Out, typename In>
bool overlap_partially(const Eigen::DenseBase<Out>& out, const Eigen::DenseBase<In>& in) {
  return overlap_partially_impl(out.derived(), in.derived());
}

template <typename Out, typename In>
void require_disjoint(const char* function, const char* parameter, const Eigen::DenseBase<Out>& out,
                      const Eigen::DenseBase<In>& in) {
  require(!share_memory(out, in), function, parameter, "overlapping memory", "disjoint from what is read");
}

template <typename T, typename = void>
inline constexpr bool has_start = false;
template <typename T>
inline constexpr bool has_start<T, std::void_t<decltype(std::declval<const T&>().start())>> = true;

template <typename T, typename = void>
inline constexpr bool has_list = false;
template <typename T>
inline constexpr bool has_list<T, std::void_t<decltype(std::declval<const T&>().list())>> = true;

template <typename T, typename = void>
inline constexpr bool has_numbers = false;
template <typename T>
inline constexpr bool has_numbers<
    T, std::void_t<decltype(std::data(std::declval<const T&>())), decltype(std::size(std::declval<const T&>()))>> =
    true;

/// Whether f(extent) holds for memory that positions or rows are read from, as a caller gives them: a list, rows(list),
/// or one of these behind each_sequence(). A range has no memory.
template <typename Given, typename Predicate>
bool any_memory_of_list(const Given& given, const Predicate& f) {
  if constexpr (is_dense<Given>) {
    return any_leaf(given.derived(), [&](const auto& leaf) { return f(extent_of(leaf)); });
  } else if constexpr (has_start<Given>) {
    return any_memory_of_list(given.start(), f);
  } else if constexpr (has_list<Given>) {
    return any_memory_of_list(given.list(), f);
  } else if constexpr (has_numbers<Given>) {
    MemoryExtent extent;
    extent.first = address_of(std::data(given));
    extent.bytes = static_cast<std::int64_t>(std::size(given)) * static_cast<std::int64_t>(sizeof(*std::data(given)));
    extent.counts[0] = extent.bytes == 0 ? 0 : 1;
    return f(extent);
  } else {
    return false;
  }
}

/// Positions and rows that a caller lists may not lie in what is written.
template <typename Out, typename Given>
void require_disjoint_list(const char* function, const char* parameter, const Eigen::DenseBase<Out>& out,
                           const Given& given) {
  const bool overlapping = any_memory_of_list(given, [&](const MemoryExtent& list) {
    return any_leaf(out.derived(), [&](const auto& leaf) { return overlap(extent_of(leaf), list); });
  });
  require(!overlapping, function, parameter, "overlapping memory", "disjoint from what is read");
}

/// What is written to may not name an element more than once: a Map whose rows overlap, an index view with a row
/// repeated.
template <typename View>
EIGEN_ALWAYS_INLINE void require_no_self_overlap_impl(const char* function, const char* parameter, const View& x) {
  if constexpr (has_memory<View>) {
    constexpr bool by_rows = bool(View::IsRowMajor);
    if (x.innerStride() == 1 && x.outerStride() >= (by_rows ? x.cols() : x.rows()))
      return;  // a whole matrix or a block
    StridedAxis axes[] = {{".innerStride()", by_rows ? x.cols() : x.rows(), x.innerStride()},
                          {".outerStride()", by_rows ? x.rows() : x.cols(), x.outerStride()}};
    require_nested_strides(function, parameter, axes, 1);
  } else if constexpr (has_root<View>) {
    const auto& root = root_of(x);
    const auto check = [&](const char* what, const auto& lines, Eigen::Index bound) {
      const Eigen::Index repeated = find_repeated(lines, bound);
      if (repeated < 0) return;
      refuse<std::invalid_argument>(function, parameter, what + std::to_string(lines[repeated]) + " more than once",
                                    "a view that names each row and column once, as it is written to");
    };
    if (x.size() == 0) return;
    check("row ", PickedLines<View, true>{x}, root.rows());
    check("column ", PickedLines<View, false>{x}, root.cols());
    require_no_self_overlap_impl(function, parameter, root);
  } else if constexpr (has_nested<View>) {
    require_no_self_overlap_impl(function, parameter, x.nestedExpression());
  }
}

template <typename Out>
EIGEN_ALWAYS_INLINE void require_no_self_overlap(const char* function, const char* parameter,
                                                 const Eigen::DenseBase<Out>& out) {
  require_no_self_overlap_impl(function, parameter, out.derived());
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_DETAIL_OVERLAP_HPP
