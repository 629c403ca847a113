// SPDX-License-Identifier: MIT
/// @file
/// Converts weights, biases and activations from one RopeLayout to another, as converters of Llama checkpoints do.
#ifndef POSENC_ROPE_PERMUTE_CHANNELS_HPP
#define POSENC_ROPE_PERMUTE_CHANNELS_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/detail/overlap.hpp"
#include "posenc/frequency/frequencies.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// Source channel of each channel of a head: new[c] = old[permutation[c]], so that a head in the layout `from` becomes
/// the same head in the layout `to`. Channels that do not rotate keep their order.
///
///     interleaved(8) to half_split(8)    0 2 4 6 1 3 5 7
///
/// @param from, to  Layouts of equal head_dim() and rotary_dim(), which is even; their offsets may differ (a suffix
///                  becomes a prefix).
/// @returns         head_dim source channels.
/// @throws std::invalid_argument  one of these does not hold.
/// Cost:    one assignment for each channel; one allocation (no bench case: it is called once for a checkpoint).
/// Matches: the index that the converters of Hugging Face and llama.cpp reshape by (see permute_rows()).
inline Eigen::Array<Eigen::Index, Eigen::Dynamic, 1> channel_permutation(const RopeLayout& from, const RopeLayout& to) {
  const char* const function = "channel_permutation";
  const Eigen::Index head_dim = from.head_dim();
  const Eigen::Index rotary_dim = from.rotary_dim();
  detail::require_rotary_dim(function, "from.rotary_dim()", rotary_dim);
  detail::require(to.head_dim() == head_dim, function, "to.head_dim()", to.head_dim(), "from.head_dim() ", head_dim);
  detail::require(to.rotary_dim() == rotary_dim, function, "to.rotary_dim()", to.rotary_dim(), "from.rotary_dim() ",
                  rotary_dim);
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
  const auto unrotated = [&](const RopeLayout& layout, Eigen::Index i) {
    return i < layout.offset() ? i : i + rotary_dim;
  };
  for (Eigen::Index i = 0; i < head_dim - rotary_dim; ++i) source[unrotated(to, i)] = unrotated(from, i);
  return source;
}

namespace detail {

/// `names`: what messages call x and its columns.
struct PermutedNames {
  const char* function;
  const char* x;
  const char* columns;
};

template <typename Derived>
void permute_columns(const PermutedNames& names, Eigen::DenseBase<Derived>& x, const RopeLayout& from,
                     const RopeLayout& to) {
  const auto source = channel_permutation(from, to);
  const Eigen::Index head_dim = from.head_dim();
  require(x.cols() % head_dim == 0, names.function, names.columns, x.cols(), "a multiple of from.head_dim() ",
          head_dim);
  require_data(names.function, names.x, x);
  require_no_self_overlap(names.function, names.x, x);
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
/// Rotating and reordering commute: apply_rope(permuted x, to) is the permuted apply_rope(x, from).
/// @param[in,out] x   tokens x (num_heads * head_dim), of any scalar.
/// @param from, to    As in channel_permutation().
/// @throws std::invalid_argument  in addition: x.cols() no multiple of head_dim; null data; an x that overlaps itself.
///                                x is then unchanged.
/// Cost:    one pass over x; two allocations of one head's size (no bench case: it is called once for a checkpoint).
/// Matches: `permute` of Hugging Face's Llama conversion, applied to activations.
template <typename X>
void permute_columns(X&& x, const RopeLayout& from, const RopeLayout& to) {
  detail::permute_columns({"permute_columns", "x", "x.cols()"}, detail::assigned(std::forward<X>(x)), from, to);
}

/// Reorders the output channels of a projection, in place: W_q or W_k of shape (num_heads * head_dim) x inputs as
/// PyTorch keeps it, their biases, and the weights of a norm over a head (one column of head_dim).
///
/// Convert those of queries and of keys alike, each with its own number of heads. Those of values and outputs stay.
/// @param[in,out] weights  (num_heads * head_dim) x anything, of any scalar.
/// @param from, to         As in channel_permutation().
/// @throws std::invalid_argument  in addition: weights.rows() no multiple of head_dim; null data; weights that overlap
///                                themselves. `weights` is then unchanged.
/// Cost:    one pass over weights; two allocations of one head's size (no bench case: it is called once for a
///          checkpoint).
/// Matches: `permute` of Hugging Face's Llama conversion (interleaved to half-split) and of llama.cpp's converter
///          (back).
template <typename Weights>
void permute_rows(Weights&& weights, const RopeLayout& from, const RopeLayout& to) {
  auto columns = detail::assigned(std::forward<Weights>(weights)).transpose();
  detail::permute_columns({"permute_rows", "weights", "weights.rows()"}, columns, from, to);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_PERMUTE_CHANNELS_HPP
