// SPDX-License-Identifier: MIT
/// @file
/// The checks that all sinusoidal encoders of tokens on a line make.
#ifndef POSENC_SINUSOIDAL_DETAIL_REQUIRE_ENCODED_HPP
#define POSENC_SINUSOIDAL_DETAIL_REQUIRE_ENCODED_HPP

#include "posenc/detail/overlap.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Refuses an x of another width, without memory, or that overlaps itself.
template <typename X>
void require_encoded(const char* function, const char* parameter, const X& x, Eigen::Index width) {
  require_width(function, parameter, x, "encoding.width()", width);
  require_data(function, parameter, x);
  require_no_self_overlap(function, parameter, x);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_SINUSOIDAL_DETAIL_REQUIRE_ENCODED_HPP
