// SPDX-License-Identifier: MIT
/// @file
/// RopeLayout: which channels of a head turn, and which two of them make a pair.
#ifndef POSENC_ROPE_ROPE_LAYOUT_HPP
#define POSENC_ROPE_ROPE_LAYOUT_HPP

#include "posenc/detail/abi.hpp"
#include "posenc/detail/check.hpp"

namespace posenc {
inline namespace POSENC_ABI {

/// How two channels of a head form a pair.
enum class RopePairs {
  half_split,  ///< Channels i and i + rotary_dim/2: GPT-NeoX, Hugging Face rotate_half, ggml NEOX.
  interleaved  ///< Channels 2i and 2i + 1: GPT-J, Meta's Llama code, ggml NORMAL, MLX traditional=True.
};

/// Which channels of a head turn, and which two of them make a pair: a constant of a checkpoint.
///
/// Channels offset ... offset + rotary_dim - 1 of every head turn, where rotary_dim is the table's; the others stay.
/// With head_dim 8 and rotary_dim 6 (digit = pair, . = unchanged):
///
///     half_split(8)      0 1 2 0 1 2 . .      a prefix: GPT-NeoX, Phi
///     half_split(8, 2)   . . 0 1 2 0 1 2      a suffix: DeepSeek
///     interleaved(8)     0 0 1 1 2 2 . .      a prefix: GPT-J, GLM
///
/// There is no default. Weights trained with one layout give wrong results with the other, and nothing can detect it:
/// norms stay, and position 0 is even right.
class RopeLayout {
 public:
  /// @param head_dim  Columns of one head, > 0: with partial rotary more than the table's rotary_dim.
  /// @param offset    First channel that turns, in [0, head_dim). Not rotary_dim: how many turn, the table says.
  /// @throws std::invalid_argument  one of these does not hold.
  static RopeLayout half_split(Eigen::Index head_dim, Eigen::Index offset = 0) {
    return RopeLayout("RopeLayout::half_split", RopePairs::half_split, head_dim, offset);
  }
  /// @copydoc half_split
  static RopeLayout interleaved(Eigen::Index head_dim, Eigen::Index offset = 0) {
    return RopeLayout("RopeLayout::interleaved", RopePairs::interleaved, head_dim, offset);
  }

  RopePairs pairs() const { return pairs_; }
  Eigen::Index head_dim() const { return head_dim_; }
  Eigen::Index offset() const { return offset_; }

 private:
  RopeLayout(const char* function, RopePairs pairs, Eigen::Index head_dim, Eigen::Index offset)
      : pairs_(pairs), head_dim_(head_dim), offset_(offset) {
    detail::require(head_dim > 0, function, "head_dim", head_dim, "> 0");
    detail::require(offset >= 0 && offset < head_dim, function, "offset", offset, "in [0, head_dim ", head_dim, ")");
  }

  RopePairs pairs_;
  Eigen::Index head_dim_;
  Eigen::Index offset_;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_ROPE_LAYOUT_HPP
