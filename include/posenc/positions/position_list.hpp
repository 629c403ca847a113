// SPDX-License-Identifier: MIT
/// @file
/// Lists of numbers, one for each token: any Eigen vector or matrix, or any contiguous range.
///
/// A list is an Eigen object (a [batch, seq_len] matrix is read along its rows) or something that std::data() and
/// std::size() take: std::vector, std::array, a C array, a span. Positions are integers of any type, or float or double.
#ifndef POSENC_POSITIONS_POSITION_LIST_HPP
#define POSENC_POSITIONS_POSITION_LIST_HPP

#include "posenc/detail/check.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/detail/position_scalar.hpp"

#include <cstdint>
#include <iterator>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename T, typename = void>
inline constexpr bool is_number_range = false;
template <typename T>
inline constexpr bool is_number_range<
    T, std::void_t<decltype(std::data(std::declval<const T&>()), std::size(std::declval<const T&>()))>> =
    (std::is_arithmetic_v<std::remove_cv_t<std::remove_pointer_t<decltype(std::data(std::declval<const T&>()))>>> ||
     is_half<std::remove_cv_t<std::remove_pointer_t<decltype(std::data(std::declval<const T&>()))>>>)&&!std::
        is_same_v<const char*, decltype(std::data(std::declval<const T&>()))>;

/// Whether T is a list of numbers: an Eigen object or a contiguous range.
template <typename T>
inline constexpr bool is_list = is_dense<T> || (is_number_range<T> && !is_dense<T>);

/// The list as an Eigen object, without a copy: itself (also where it is given as its base class DenseBase), or a map of
/// a range.
template <typename List>
decltype(auto) as_list(const List& list) {
  static_assert(is_list<List>);
  if constexpr (is_dense<List>) {
    return list.derived();
  } else {
    using Scalar = std::remove_cv_t<std::remove_pointer_t<decltype(std::data(list))>>;
    return Eigen::Map<const Eigen::Array<Scalar, Eigen::Dynamic, 1>>(std::data(list),
                                                                     static_cast<Eigen::Index>(std::size(list)));
  }
}

/// The numbers that a list holds.
template <typename List>
using ListScalar = typename std::decay_t<decltype(as_list(std::declval<const List&>()))>::Scalar;

/// Element i of an Eigen list, counted along its rows: a [batch, seq_len] array gives its tokens in order.
template <typename Derived>
auto list_entry(const Eigen::DenseBase<Derived>& list, Eigen::Index i) {
  const Eigen::Index columns = list.cols();
  return columns == 1 ? list.derived().coeff(i, 0) : list.derived().coeff(i / columns, i % columns);
}

/// The numbers of a list, column by column where it is a matrix. Loops, because compilers take longer over Eigen's
/// expressions.
template <typename Number, typename List>
Eigen::Array<Number, Eigen::Dynamic, 1> copied_list(const List& list) {
  const auto& given = as_list(list);
  const auto& values = evaluated(given);
  Eigen::Array<Number, Eigen::Dynamic, 1> copy(values.size());
  for (Eigen::Index i = 0; i < copy.size(); ++i) {
    copy[i] = static_cast<Number>(values.coeff(i % values.rows(), i / values.rows()));
  }
  return copy;
}

template <typename List>
using NestedList = decltype(evaluated(as_list(std::declval<const List&>())));
/// A list as a class holds it: a reference to an Eigen object, the numbers of a product, a map of a range.
template <typename List>
using HeldList = std::conditional_t<is_dense<List>, NestedList<List>, std::decay_t<NestedList<List>>>;

/// Row i is at list element i. Made only when every element is a position.
template <typename List>
class ListPositions {
 public:
  using Scalar = ListScalar<List>;
  using Position = PositionOf<Scalar>;
  static constexpr const char* kCount = "positions.size()";

  ListPositions(const char* function, const List& list) : list_(as_list(list)) {
    if constexpr (may_be_positions<Scalar>()) {
      for (Eigen::Index i = 0; i < rows(); ++i) {
        if (!is_position(list_entry(list_, i))) {
          require_position(function, element("positions", i), list_entry(list_, i));
        }
      }
    }
  }
  Eigen::Index rows() const { return list_.size(); }
  Position operator[](Eigen::Index i) const {
    if constexpr (std::is_convertible_v<Scalar, Position>) {
      return static_cast<Position>(list_entry(list_, i));
    } else {
      return {};  // the compiler has stopped
    }
  }

 private:
  HeldList<List> list_;
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_POSITIONS_POSITION_LIST_HPP
