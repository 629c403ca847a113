// SPDX-License-Identifier: MIT
/// @file
/// HeadsShape and HeadsStrides: the sizes of queries or keys in a raw buffer, by name.
#ifndef POSENC_ROPE_HEADS_SHAPE_HPP
#define POSENC_ROPE_HEADS_SHAPE_HPP

#include "posenc/detail/abi.hpp"
#include "posenc/detail/argument.hpp"

#include <optional>

namespace posenc {
inline namespace POSENC_ABI {

/// The sizes of queries or keys, each by its name and in any order:
///
///     const auto shape = HeadsShape().batch(2).seq_len(16).num_heads(32).head_dim(128);
///
/// A size that is not given is not taken to be 1: a view that needs it is refused, by the name of the size. Only
/// view_packed() needs no batch.
class HeadsShape {
 public:
  /// @param sequences  Number of sequences, >= 0.
  HeadsShape batch(detail::Size sequences) const { return with(&HeadsShape::batch_, sequences); }
  /// @param tokens  Tokens of each sequence, >= 0.
  HeadsShape seq_len(detail::Size tokens) const { return with(&HeadsShape::seq_len_, tokens); }
  /// @param heads  Heads of each token, >= 0.
  HeadsShape num_heads(detail::Size heads) const { return with(&HeadsShape::num_heads_, heads); }
  /// @param channels  Channels of each head, > 0.
  HeadsShape head_dim(detail::Size channels) const { return with(&HeadsShape::head_dim_, channels); }

  std::optional<Eigen::Index> batch() const { return batch_; }
  std::optional<Eigen::Index> seq_len() const { return seq_len_; }
  std::optional<Eigen::Index> num_heads() const { return num_heads_; }
  std::optional<Eigen::Index> head_dim() const { return head_dim_; }

 private:
  using Size = std::optional<Eigen::Index>;

  HeadsShape with(Size HeadsShape::*size, Eigen::Index value) const {
    HeadsShape shape = *this;
    shape.*size = value;
    return shape;
  }

  Size batch_;
  Size seq_len_;
  Size num_heads_;
  Size head_dim_;
};

/// Strides: the distances from one sequence, token or head to the next, in numbers (not bytes), by name and in any
/// order:
///
///     const HeadsView q(data, shape, HeadsStrides().batch(seq_len * row).token(row).head(head_dim));
///
/// for instance is a view of queries in a buffer with keys and values beside them, row = (num_heads + 2 num_kv_heads) *
/// head_dim numbers for each token.
/// A stride may be negative. One that is not given is refused where its axis has more than one element.
class HeadsStrides {
 public:
  /// @param stride  [values] From one sequence to the next.
  HeadsStrides batch(detail::Size stride) const { return with(&HeadsStrides::batch_, stride); }
  /// @param stride  [values] From one token of a sequence to the next.
  HeadsStrides token(detail::Size stride) const { return with(&HeadsStrides::token_, stride); }
  /// @param stride  [values] From one head of a token to the next.
  HeadsStrides head(detail::Size stride) const { return with(&HeadsStrides::head_, stride); }

  std::optional<Eigen::Index> batch() const { return batch_; }
  std::optional<Eigen::Index> token() const { return token_; }
  std::optional<Eigen::Index> head() const { return head_; }

 private:
  using Stride = std::optional<Eigen::Index>;

  HeadsStrides with(Stride HeadsStrides::*stride, Eigen::Index value) const {
    HeadsStrides strides = *this;
    strides.*stride = value;
    return strides;
  }

  Stride batch_;
  Stride token_;
  Stride head_;
};

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_HEADS_SHAPE_HPP
