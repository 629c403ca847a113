// SPDX-License-Identifier: MIT
/// @file
/// Weights, biases and activations from one RopeLayout to another: the conversion of Llama checkpoints and its like.
#ifndef POSENC_ROPE_PERMUTE_CHANNELS_HPP
#define POSENC_ROPE_PERMUTE_CHANNELS_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/frequency/frequencies.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// Source channel of each channel of a head: new[c] = old[permutation[c]], so that a head in the layout `from` becomes
/// the same head in the layout `to`. Channels that do not turn keep their order.
///
/// @param from, to    Layouts of equal head_dim; their offsets may differ (a suffix becomes a prefix).
/// @param rotary_dim  Channels that turn: even, > 0, and offset + rotary_dim <= head_dim in both.
/// @throws std::invalid_argument  one of these does not hold.
inline Eigen::Array<Eigen::Index, Eigen::Dynamic, 1> channel_permutation(const RopeLayout& from, const RopeLayout& to,
                                                                         Eigen::Index rotary_dim) {
  const char* const function = "channel_permutation";
  const Eigen::Index head_dim = from.head_dim();
  detail::require_rotary_dim(function, "rotary_dim", rotary_dim);
  detail::require(to.head_dim() == head_dim, function, "to.head_dim()", to.head_dim(), "from.head_dim() ", head_dim);
  detail::require(rotary_dim <= head_dim - from.offset(), function, "rotary_dim", rotary_dim, "at most ",
                  head_dim - from.offset(), " (head_dim ", head_dim, " - offset ", from.offset(), " of from)");
  detail::require(rotary_dim <= head_dim - to.offset(), function, "rotary_dim", rotary_dim, "at most ",
                  head_dim - to.offset(), " (head_dim ", head_dim, " - offset ", to.offset(), " of to)");
  // Channel i of the window belongs to pair i mod n, or i / 2.
  const auto channel = [&](const RopeLayout& layout, Eigen::Index pair, Eigen::Index second) {
    return layout.offset() +
           (layout.pairs() == RopePairs::half_split ? pair + second * rotary_dim / 2 : 2 * pair + second);
  };
  Eigen::Array<Eigen::Index, Eigen::Dynamic, 1> source(head_dim);
  for (Eigen::Index pair = 0; pair < rotary_dim / 2; ++pair) {
    for (Eigen::Index second = 0; second < 2; ++second) {
      source[channel(to, pair, second)] = channel(from, pair, second);
    }
  }
  const auto unturned = [&](const RopeLayout& layout, Eigen::Index i) {
    return i < layout.offset() ? i : i + rotary_dim;
  };
  for (Eigen::Index i = 0; i < head_dim - rotary_dim; ++i) source[unturned(to, i)] = unturned(from, i);
  return source;
}

namespace detail {

template <typename Derived>
void permute_columns(const char* function, Eigen::DenseBase<Derived>& x, const RopeLayout& from, const RopeLayout& to,
                     Eigen::Index rotary_dim, const char* parameter) {
  const auto source = channel_permutation(from, to, rotary_dim);
  const Eigen::Index head_dim = from.head_dim();
  require(x.cols() % head_dim == 0, function, parameter, x.cols(), "a multiple of head_dim ", head_dim);
  Eigen::Array<typename Derived::Scalar, Eigen::Dynamic, 1> head(head_dim);
  for (Eigen::Index row = 0; row < x.rows(); ++row) {
    for (Eigen::Index first = 0; first < x.cols(); first += head_dim) {
      for (Eigen::Index c = 0; c < head_dim; ++c) head[c] = x.derived().coeff(row, first + source[c]);
      for (Eigen::Index c = 0; c < head_dim; ++c) x.derived().coeffRef(row, first + c) = head[c];
    }
  }
}

}  // namespace detail

/// Reorders the channels of every head of queries or keys, in place, from one layout to another.
///
/// Turning and reordering commute: apply_rope(permuted x, to) is the permuted apply_rope(x, from).
/// @param[in,out] x   tokens x (num_heads * head_dim), of any scalar.
/// @param from, to, rotary_dim  As in channel_permutation().
/// @throws std::invalid_argument  besides: x.cols() no multiple of head_dim. x is then unchanged.
/// Cost: one pass over x; two allocations of one head's size.
template <typename X>
void permute_columns(X&& x, const RopeLayout& from, const RopeLayout& to, Eigen::Index rotary_dim) {
  detail::require_written_through<X>();
  detail::permute_columns("permute_columns", detail::assignable(x), from, to, rotary_dim, "x.cols()");
}

/// Reorders the output channels of a projection, in place: W_q or W_k of shape (num_heads * head_dim) x inputs as
/// PyTorch keeps it, their biases, and the weights of a norm over a head (one column of head_dim).
///
/// Do it to queries and keys alike, with their own numbers of heads. Values and the output projection stay.
/// @param[in,out] weights  (num_heads * head_dim) x anything, of any scalar.
/// @throws std::invalid_argument  besides: weights.rows() no multiple of head_dim. `weights` is then unchanged.
/// Cost: one pass over weights; two allocations of one head's size.
/// Matches: `permute` of Hugging Face's Llama conversion (interleaved to half-split) and of llama.cpp's converter
///          (back).
template <typename Weights>
void permute_rows(Weights&& weights, const RopeLayout& from, const RopeLayout& to, Eigen::Index rotary_dim) {
  detail::require_written_through<Weights>();
  auto columns = detail::assignable(weights).transpose();
  detail::permute_columns("permute_rows", columns, from, to, rotary_dim, "weights.rows()");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_PERMUTE_CHANNELS_HPP
