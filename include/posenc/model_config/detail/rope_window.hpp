// SPDX-License-Identifier: MIT
/// @file
/// RopeWindow: the channels of a head that rotate, and the layout that says so.
#ifndef POSENC_MODEL_CONFIG_DETAIL_ROPE_WINDOW_HPP
#define POSENC_MODEL_CONFIG_DETAIL_ROPE_WINDOW_HPP

#include "posenc/rope/rope_layout.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// The channels offset ... offset + rotary_dim - 1 of a head.
struct RopeWindow {
  Eigen::Index head_dim = 0;
  Eigen::Index offset = 0;
  Eigen::Index rotary_dim = 0;
};

inline RopeLayout layout_of(RopePairs pairs, const RopeWindow& window) {
  return RopeLayout(pairs, window.head_dim).window(window.offset, window.rotary_dim);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_ROPE_WINDOW_HPP
