// SPDX-License-Identifier: MIT
/// @file
/// Lists of one number for each head: a row, a column or a matrix of any real scalar.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_LIST_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_LIST_HPP

#include "posenc/detail/eigen.hpp"

#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Number i of a list, in double.
template <typename Derived>
double number_at(const Eigen::DenseBase<Derived>& list, Eigen::Index i) {
  return static_cast<double>(list.derived().reshaped()(i));
}

/// target += value, rounded once.
template <typename Target>
void add_in_double(Target& target, double value) {
  target = convert<Target>(static_cast<double>(target) + value);
}

/// list[i] += value, rounded once.
template <typename List>
void add_to_entry(List& list, Eigen::Index i, double value) {
  add_in_double(entry(list, i), value);
}

template <typename Derived>
void require_finite_list(const char* function, const char* parameter, const Eigen::DenseBase<Derived>& list) {
  for (Eigen::Index i = 0; i < list.size(); ++i) {
    const double value = number_at(list, i);
    if (!is_finite(value)) refuse<std::invalid_argument>(function, element(parameter, i), value, "finite");
  }
}

/// A list that is written has one number for each head.
template <typename List>
void require_list_size(const char* function, const char* parameter, const List& list, Eigen::Index num_heads) {
  if (list.size() != num_heads) {
    refuse<std::invalid_argument>(function, joined(parameter, ".size()"), list.size(), "num_heads ", num_heads);
  }
  require_data(function, parameter, list);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_LIST_HPP
