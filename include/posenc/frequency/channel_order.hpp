// SPDX-License-Identifier: MIT
/// @file
/// ChannelOrder: where sines and cosines stand in a row.
#ifndef POSENC_FREQUENCY_CHANNEL_ORDER_HPP
#define POSENC_FREQUENCY_CHANNEL_ORDER_HPP

#include "posenc/detail/abi.hpp"

namespace posenc {
inline namespace POSENC_ABI {

/// Where sines and cosines stand in a row of `width` channels.
enum class ChannelOrder {
  interleaved,  ///< s0 c0 s1 c1 ..       the paper
  sin_cos,      ///< s0 s1 .. | c0 c1 ..  tensor2tensor and most of its descendants
  cos_sin       ///< c0 c1 .. | s0 s1 ..  Stable Diffusion, ggml
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_FREQUENCY_CHANNEL_ORDER_HPP
