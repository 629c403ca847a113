// SPDX-License-Identifier: MIT
/// @file
/// ChannelOrder: which channels of a row are sines and which are cosines.
#ifndef POSENC_FREQUENCY_CHANNEL_ORDER_HPP
#define POSENC_FREQUENCY_CHANNEL_ORDER_HPP

#include "posenc/detail/abi.hpp"

namespace posenc {
inline namespace POSENC_ABI {

/// The order of sines s and cosines c in a row of sinusoids.
enum class ChannelOrder {
  interleaved,  ///< s0 c0 s1 c1 ..       the paper
  sin_cos,      ///< s0 s1 .. | c0 c1 ..  tensor2tensor and most of its descendants
  cos_sin       ///< c0 c1 .. | s0 s1 ..  Stable Diffusion, ggml
};

namespace detail {

/// The columns of the sine and of the cosine of pair i in a row of sinusoids.
struct SinusoidColumns {
  SinusoidColumns(ChannelOrder order, Eigen::Index num_sines, Eigen::Index num_cosines)
      : step(order == ChannelOrder::interleaved ? 2 : 1),
        first_sine(order == ChannelOrder::cos_sin ? num_cosines : 0),
        first_cosine(order == ChannelOrder::interleaved ? 1
                     : order == ChannelOrder::cos_sin   ? 0
                                                        : num_sines) {}

  Eigen::Index sine(Eigen::Index pair) const { return first_sine + pair * step; }
  Eigen::Index cosine(Eigen::Index pair) const { return first_cosine + pair * step; }

  Eigen::Index step;          ///< Columns from one pair to the next.
  Eigen::Index first_sine;    ///< Column of the sine of pair 0.
  Eigen::Index first_cosine;  ///< Column of the cosine of pair 0.
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_CHANNEL_ORDER_HPP
