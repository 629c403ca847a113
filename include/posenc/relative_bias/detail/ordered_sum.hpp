// SPDX-License-Identifier: MIT
/// @file
/// A sum whose bits do not depend on where its values lie.
#ifndef POSENC_RELATIVE_BIAS_DETAIL_ORDERED_SUM_HPP
#define POSENC_RELATIVE_BIAS_DETAIL_ORDERED_SUM_HPP

#include "posenc/detail/abi.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The sum of a row. Eigen sums what it can address from the first aligned value on, so that the order, and with it
/// the rounding, follows the address; what it has to compute it sums from the first value on.
template <typename Row>
typename Row::Scalar ordered_sum(const Row& row) {
  return (row * typename Row::Scalar(1)).sum();
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_DETAIL_ORDERED_SUM_HPP
