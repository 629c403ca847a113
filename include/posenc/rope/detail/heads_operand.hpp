// SPDX-License-Identifier: MIT
/// @file
/// What apply_rope() reads and writes, whether it came as an Eigen object or as a HeadsView.
#ifndef POSENC_ROPE_DETAIL_HEADS_OPERAND_HPP
#define POSENC_ROPE_DETAIL_HEADS_OPERAND_HPP

#include "posenc/detail/cast.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/positions/position_list.hpp"
#include "posenc/rope/heads_view.hpp"
#include "posenc/rope/kernels/rotate_rows.hpp"

#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Heads whose channels are contiguous, as strides: `seq_len` tokens of a sequence, then the next sequence.
template <typename Scalar>
struct StridedHeads {
  Scalar* data;
  Eigen::Index seq_len;
  Eigen::Index batch_stride;
  Eigen::Index token_stride;
  Eigen::Index head_stride;

  /// The rows from a token on, for the kernels. The token is counted over all sequences.
  TokenRows<Scalar> at(Eigen::Index token, Eigen::Index channel) const {
    const Eigen::Index sequence = token < seq_len ? 0 : token / seq_len;  // a division would take as long as a check
    return {data + sequence * batch_stride + (token - sequence * seq_len) * token_stride + channel, head_stride,
            token_stride};
  }
  /// The tokens from `token` to the end of its sequence.
  Eigen::Index left(Eigen::Index token) const { return seq_len - token % seq_len; }
};

/// An Eigen object: channel c of head h of token t is element (t, h * head_dim + c).
template <typename X>
struct MatrixOperand {
  using Scalar = typename X::Scalar;
  static constexpr bool kIsView = false;
  static constexpr bool kScattered = false;
  static constexpr bool kMayHaveStrides = is_in_memory<std::remove_const_t<X>>;
  /// Whether the type tells that channels are contiguous: other kernels are not compiled then.
  static constexpr bool kHasStrides = kMayHaveStrides && bool(X::IsRowMajor) && int(X::InnerStrideAtCompileTime) == 1;
  static constexpr bool kByTokens = bool(X::IsRowMajor);  // whether memory goes token by token

  X& x;
  Eigen::Index head_dim;
  Eigen::Index first_head = 0;
  Eigen::Index all_heads = x.cols() / head_dim;

  Eigen::Index tokens() const { return x.rows(); }
  Eigen::Index num_heads() const { return all_heads - first_head; }
  /// The heads from `head` on.
  MatrixOperand from_head(Eigen::Index head) const { return {x, head_dim, head, all_heads}; }
  Scalar get(Eigen::Index token, Eigen::Index head, Eigen::Index channel) const {
    return x.coeff(token, (first_head + head) * head_dim + channel);
  }
  void set(Eigen::Index token, Eigen::Index head, Eigen::Index channel, const Scalar& value) const {
    x.coeffRef(token, (first_head + head) * head_dim + channel) = value;
  }
  /// Whether channels are contiguous in memory.
  bool has_strides() const {
    if constexpr (kMayHaveStrides) {
      return x.colStride() == 1;
    } else {
      return false;
    }
  }
  auto strides() const {
    using Element = std::remove_pointer_t<decltype(x.data())>;
    return StridedHeads<Element>{x.data(), (x.rows() > 0 ? x.rows() : 1), 0, x.rowStride(), head_dim};
  }
};

/// A view of a raw buffer; its tokens are counted over all sequences.
template <typename Element>
struct ViewOperand {
  using Scalar = std::remove_const_t<Element>;
  static constexpr bool kIsView = true;
  static constexpr bool kScattered = false;
  static constexpr bool kMayHaveStrides = true;
  static constexpr bool kHasStrides = true;
  static constexpr bool kByTokens = true;

  const HeadsView<Element>& x;
  Eigen::Index first_head = 0;

  Eigen::Index tokens() const { return x.batch() * x.seq_len(); }
  Eigen::Index num_heads() const { return x.num_heads() - first_head; }
  /// The heads from `head` on.
  ViewOperand from_head(Eigen::Index head) const { return {x, head}; }
  Scalar get(Eigen::Index token, Eigen::Index head, Eigen::Index channel) const {
    return read_scalar<Buffer::foreign, Scalar>(place(token, head, channel));
  }
  void set(Eigen::Index token, Eigen::Index head, Eigen::Index channel, const Scalar& value) const {
    write_scalar<Buffer::foreign>(place(token, head, channel), value);
  }
  bool has_strides() const { return true; }
  StridedHeads<Element> strides() const {
    return {x.data(), (x.seq_len() > 0 ? x.seq_len() : 1), x.batch_stride(), x.token_stride(), x.head_stride()};
  }

 private:
  Element* place(Eigen::Index token, Eigen::Index head, Eigen::Index channel) const {
    return strides().at(token, channel).from(0, first_head + head).data;
  }
};

/// Rows of a cache as strides: token i is row slots[i].
template <typename Scalar, typename List>
struct ScatteredRows {
  StridedHeads<Scalar> cache;
  const List& slots;

  TokenRows<Scalar> at(Eigen::Index token, Eigen::Index channel) const {
    return cache.at(static_cast<Eigen::Index>(list_entry(slots, token)), channel);
  }
  Eigen::Index left(Eigen::Index token) const { return static_cast<Eigen::Index>(slots.size()) - token; }
};

template <typename T>
inline constexpr bool is_scattered_rows = false;
template <typename Scalar, typename List>
inline constexpr bool is_scattered_rows<ScatteredRows<Scalar, List>> = true;

/// The rows of a cache that a list names, one for each token. `Cache` is the operand of the whole cache.
template <typename Cache, typename List>
struct ScatteredOperand {
  using Scalar = typename Cache::Scalar;
  static constexpr bool kIsView = false;
  static constexpr bool kScattered = true;
  static constexpr bool kMayHaveStrides = Cache::kMayHaveStrides;
  static constexpr bool kHasStrides = Cache::kHasStrides;
  static constexpr bool kByTokens = Cache::kByTokens;

  Cache cache;
  const List& slots;

  Eigen::Index tokens() const { return slots.size(); }
  Eigen::Index num_heads() const { return cache.num_heads(); }
  /// The heads from `head` on.
  ScatteredOperand from_head(Eigen::Index head) const { return {cache.from_head(head), slots}; }
  void set(Eigen::Index token, Eigen::Index head, Eigen::Index channel, const Scalar& value) const {
    cache.set(static_cast<Eigen::Index>(list_entry(slots, token)), head, channel, value);
  }
  bool has_strides() const { return cache.has_strides(); }
  auto strides() const {
    using Element = std::remove_pointer_t<decltype(cache.strides().data)>;
    return ScatteredRows<Element, List>{cache.strides(), slots};
  }
};

template <typename View>
using ElementOf = std::remove_pointer_t<decltype(std::declval<const View&>().data())>;

template <typename X>
auto operand(X& x, Eigen::Index head_dim) {
  using Value = std::remove_const_t<X>;
  if constexpr (is_heads_view<Value>) {
    return ViewOperand<ElementOf<Value>>{x};
  } else {
    return MatrixOperand<X>{x, head_dim};
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_DETAIL_HEADS_OPERAND_HPP
