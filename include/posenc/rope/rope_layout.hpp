// SPDX-License-Identifier: MIT
/// @file
/// RopeLayout: which channels of a head rotate, and which two of them make a pair.
#ifndef POSENC_ROPE_ROPE_LAYOUT_HPP
#define POSENC_ROPE_ROPE_LAYOUT_HPP

#include "posenc/detail/abi.hpp"
#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"

#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

/// How two channels of the window that rotates form a pair.
enum class RopePairs {
  half_split,  ///< Channels i and i + rotary_dim/2: GPT-NeoX, Hugging Face rotate_half, ggml NEOX.
  interleaved  ///< Channels 2i and 2i + 1: GPT-J, Meta's Llama code, ggml NORMAL, MLX traditional=True.
};

/// Which channels of a head rotate, and which two of them make a pair: a constant of a checkpoint.
///
/// A whole head rotates unless a window is named; the channels outside of it stay as they are. With head_dim 8 (digit =
/// pair, . = unchanged):
///
///     half_split(8)               0 1 2 3 0 1 2 3
///     interleaved(8)              0 0 1 1 2 2 3 3
///     half_split(8).prefix(6)     0 1 2 0 1 2 . .     GPT-NeoX, Phi
///     interleaved(8).prefix(6)    0 0 1 1 2 2 . .     GPT-J, GLM
///     interleaved(8).suffix(6)    . . 0 0 1 1 2 2     DeepSeek
///     half_split(8).window(2, 4)  . . 0 1 0 1 . .     one axis of a picture
///
/// There is no default for the pairs. Weights trained with one layout give wrong results with the other, which nothing
/// can detect: norms stay the same, and position 0 is right with both.
class RopeLayout {
 public:
  /// @param pairs     How channels pair up.
  /// @param head_dim  Channels of one head (not of all heads), > 0.
  /// @throws std::invalid_argument  head_dim <= 0; a `pairs` that RopePairs does not name.
  RopeLayout(RopePairs pairs, detail::Size head_dim)
      : pairs_(pairs), head_dim_(checked("RopeLayout", head_dim)), offset_(0), rotary_dim_(head_dim) {
    detail::require_named("RopeLayout", "pairs", pairs, RopePairs::interleaved);
  }
  /// Deleted: how channels pair up has no default.
  template <typename... Size, std::enable_if_t<sizeof...(Size) <= 1 && (std::is_arithmetic_v<Size> && ...), int> = 0>
  explicit RopeLayout(Size...) = delete;

  /// All channels of a head rotate, i with i + head_dim / 2.
  /// @param head_dim  Channels of one head (not of all heads), > 0.
  /// @throws std::invalid_argument  head_dim <= 0.
  static RopeLayout half_split(detail::Size head_dim) {
    return RopeLayout(RopePairs::half_split, checked("RopeLayout::half_split", head_dim));
  }
  /// All channels of a head rotate, 2i with 2i + 1.
  /// @param head_dim  Channels of one head (not of all heads), > 0.
  /// @throws std::invalid_argument  head_dim <= 0.
  static RopeLayout interleaved(detail::Size head_dim) {
    return RopeLayout(RopePairs::interleaved, checked("RopeLayout::interleaved", head_dim));
  }
  /// @overload
  /// Says how the part that rotates is named.
  template <typename... Sizes, std::enable_if_t<sizeof...(Sizes) != 1, int> = 0>
  static RopeLayout half_split(const Sizes&...) {
    return explain_window<Sizes...>();
  }
  /// @overload
  /// Says how the part that rotates is named.
  template <typename... Sizes, std::enable_if_t<sizeof...(Sizes) != 1, int> = 0>
  static RopeLayout interleaved(const Sizes&...) {
    return explain_window<Sizes...>();
  }

  /// The same pairs in the first `width` channels of a head alone.
  /// @param width  Channels that rotate: even, > 0, at most head_dim.
  /// @throws std::invalid_argument  one of these does not hold.
  RopeLayout prefix(detail::Size width) const { return with_window("RopeLayout::prefix", 0, width); }
  /// The same pairs in the last `width` channels of a head alone.
  /// @param width  As in prefix().
  /// @throws std::invalid_argument  as prefix().
  RopeLayout suffix(detail::Size width) const { return with_window("RopeLayout::suffix", head_dim_ - width, width); }
  /// The same pairs in channels offset ... offset + width - 1 of a head alone.
  /// @param offset  First channel that rotates, >= 0.
  /// @param width   Channels that rotate: even, > 0, at most head_dim - offset.
  /// @throws std::invalid_argument  one of these does not hold.
  RopeLayout window(detail::Size offset, detail::Size width) const {
    detail::require(offset >= 0 && offset < head_dim_, "RopeLayout::window", "offset", offset, "in [0, head_dim ",
                    head_dim_, ")");
    return with_window("RopeLayout::window", offset, width);
  }

  RopePairs pairs() const { return pairs_; }
  /// Channels of one head.
  Eigen::Index head_dim() const { return head_dim_; }
  /// First channel of the window that rotates.
  Eigen::Index offset() const { return offset_; }
  /// Channels of the window that rotates: what a table's rotary_dim() must be.
  Eigen::Index rotary_dim() const { return rotary_dim_; }

 private:
  static Eigen::Index checked(const char* function, Eigen::Index head_dim) {
    detail::require(head_dim > 0, function, "head_dim", head_dim, "> 0");
    return head_dim;
  }

  template <typename... Sizes>
  static RopeLayout explain_window() {
    static_assert(sizeof...(Sizes) == 1,
                  "posenc: a layout takes head_dim alone, and says by name which part of a head rotates: write "
                  "half_split(head_dim).prefix(width), .suffix(width) or .window(offset, width)");
    return RopeLayout(RopePairs::half_split, 1);
  }

  RopeLayout with_window(const char* function, Eigen::Index offset, Eigen::Index width) const {
    detail::require(width > 0 && width % 2 == 0, function, "width", width, "even and > 0");
    const Eigen::Index most = offset < 0 ? head_dim_ : head_dim_ - offset;
    detail::require(width <= most, function, "width", width, "at most ", most, " (channels of the head from there on)");
    RopeLayout layout = *this;
    layout.offset_ = offset;
    layout.rotary_dim_ = width;
    return layout;
  }

  RopePairs pairs_;
  Eigen::Index head_dim_;
  Eigen::Index offset_;
  Eigen::Index rotary_dim_;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_ROPE_LAYOUT_HPP
