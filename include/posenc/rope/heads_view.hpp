// SPDX-License-Identifier: MIT
/// @file
/// HeadsView: queries or keys in a buffer that somebody else owns.
#ifndef POSENC_ROPE_HEADS_VIEW_HPP
#define POSENC_ROPE_HEADS_VIEW_HPP

#include "posenc/detail/abi.hpp"

#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

/// Queries or keys in a raw buffer: channel c of head h of token t of sequence b lies at
///
///     data[b * batch_stride + t * token_stride + h * head_stride + c]
///
/// A plain description that owns nothing; apply_rope() checks it. For strides of one's own, fill the fields in: where
/// something is written, heads may not lie in one another, and each stride reaches past what the smaller ones cover.
/// @tparam Scalar  float, double, Eigen::half or Eigen::bfloat16; const for what is only read.
template <typename Scalar>
struct HeadsView {
  Scalar* data = nullptr;
  Eigen::Index batch = 0;      ///< Number of sequences, >= 0.
  Eigen::Index seq_len = 0;    ///< Tokens of each sequence, >= 0.
  Eigen::Index num_heads = 0;  ///< Heads of each token, >= 0.
  Eigen::Index head_dim = 0;   ///< Channels of each head, > 0, contiguous.
  Eigen::Index batch_stride = 0;
  Eigen::Index token_stride = 0;
  Eigen::Index head_stride = 0;
};

namespace detail {

template <typename T>
inline constexpr bool is_heads_view = false;
template <typename Scalar>
inline constexpr bool is_heads_view<HeadsView<Scalar>> = true;

/// int for what is no HeadsView, which has overloads of its own.
template <typename X>
using IfNoView = std::enable_if_t<!is_heads_view<std::decay_t<X>>, int>;

}  // namespace detail

/// [batch, seq_len, num_heads, head_dim]: flash-attention, vLLM, what a projection puts out.
/// @param data  batch * seq_len * num_heads * head_dim numbers without gaps; const for what is only read.
template <typename Scalar>
HeadsView<Scalar> view_blhd(Scalar* data, Eigen::Index batch, Eigen::Index seq_len, Eigen::Index num_heads,
                            Eigen::Index head_dim) {
  const Eigen::Index token = num_heads * head_dim;
  return {data, batch, seq_len, num_heads, head_dim, seq_len * token, token, head_dim};
}

/// [batch, num_heads, seq_len, head_dim]: Hugging Face, ONNX 4-D, CTranslate2.
/// @param data  As for view_blhd(), in that order.
template <typename Scalar>
HeadsView<Scalar> view_bhld(Scalar* data, Eigen::Index batch, Eigen::Index num_heads, Eigen::Index seq_len,
                            Eigen::Index head_dim) {
  const Eigen::Index head = seq_len * head_dim;
  return {data, batch, seq_len, num_heads, head_dim, num_heads * head, head_dim, head};
}

/// [tokens, num_heads * head_dim], sequences packed one after the other: vLLM, flash-attention varlen.
/// @param data  As for view_blhd() with a batch of one.
template <typename Scalar>
HeadsView<Scalar> view_packed(Scalar* data, Eigen::Index tokens, Eigen::Index num_heads, Eigen::Index head_dim) {
  return view_blhd(data, 1, tokens, num_heads, head_dim);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_HEADS_VIEW_HPP
