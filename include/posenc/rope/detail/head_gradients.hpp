// SPDX-License-Identifier: MIT
/// @file
/// The gradients of a norm and a rotation by the kernels of the machine's level, head by head on the stack.
#ifndef POSENC_ROPE_DETAIL_HEAD_GRADIENTS_HPP
#define POSENC_ROPE_DETAIL_HEAD_GRADIENTS_HPP

#include "posenc/detail/cast.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/rope/detail/head_rotations.hpp"
#include "posenc/rope/detail/norm_heads.hpp"
#include "posenc/rope/kernels/gradient_kernels.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Weights whose gradients are summed on the stack at a time.
inline constexpr Eigen::Index kWeightGroup = 2048;

#if POSENC_HAS_LEVELS

/// Channels of the largest head that the kernels take.
inline constexpr Eigen::Index kGradientChannels = 512;

/// Where the channels of a head lie for the kernels: those that rotate, which half-split are two pieces, then the others.
class HeadPieces {
 public:
  static constexpr Eigen::Index kMostNumbers = kGradientChannels + 4 * kGradientStep;
  struct Piece {
    Eigen::Index channel, count, at;
  };

  explicit HeadPieces(const RopeLayout& layout) {
    const bool half_split = layout.pairs() == RopePairs::half_split;
    const Eigen::Index rotary_dim = layout.rotary_dim();
    const Eigen::Index behind = layout.offset() + rotary_dim;
    const Eigen::Index first = half_split ? rotary_dim / 2 : rotary_dim;
    add(layout.offset(), first);
    add(layout.offset() + first, rotary_dim - first);
    rotating_ = size_;
    add(0, layout.offset());
    add(behind, layout.head_dim() - behind);
  }

  Eigen::Index rotating() const { return rotating_; }
  Eigen::Index size() const { return size_; }
  /// Whether the channels lie in memory as kernels read them.
  bool is_whole() const {
    for (const Piece& piece : pieces_) {
      if (piece.count > 0 && (piece.channel != piece.at || piece.count % kGradientStep != 0)) return false;
    }
    return true;
  }
  const Piece* begin() const { return pieces_; }
  const Piece* end() const { return pieces_ + 4; }

 private:
  void add(Eigen::Index channel, Eigen::Index count) {
    pieces_[number_++] = {channel, count, size_};
    size_ += (count + kGradientStep - 1) / kGradientStep * kGradientStep;
  }

  Piece pieces_[4];
  int number_ = 0;
  Eigen::Index rotating_ = 0, size_ = 0;
};

/// The numbers of a head, whose first channel is column `first`, in the order of its pieces: where they lie, or in
/// `buffer`.
template <typename Number, typename X>
Number* head_numbers(Number* buffer, X& x, Eigen::Index token, Eigen::Index first, const HeadPieces& pieces) {
  if constexpr (is_in_memory<std::remove_const_t<X>> &&
                std::is_same_v<std::remove_const_t<Number>, typename X::Scalar>) {
    if (x.colStride() == 1 && pieces.is_whole()) return x.data() + token * x.rowStride() + first;
  }
  return buffer;
}

/// to[i] = from[i], rounded once.
template <typename To, typename From>
void cast_numbers(To* to, const From* from, Eigen::Index count) {
  if constexpr (is_half<From> && std::is_same_v<To, float>) {
    return read_half_type_kernel<angle_format<From>>(level_of_machine())(to, from, count);
  } else if constexpr (std::is_same_v<From, double> && is_half<To>) {
    if (write_half_type_kernel<angle_format<To>>(level_of_machine())(to, from, count)) return;
  }
  constexpr int block = 16;
  Eigen::Index i = 0;
  for (; i + block <= count; i += block) cast_block<block>(to + i, from + i);
  for (; i < count; ++i) to[i] = cast_scalar<To>(from[i]);
}

/// Reads a head: its numbers lie in `buffer` unless kernels read them where they are.
template <typename Number, typename X>
const Number* read_head(Number* buffer, const X& x, Eigen::Index token, Eigen::Index first, const HeadPieces& pieces) {
  const Number* const numbers = head_numbers<const Number>(buffer, x, token, first, pieces);
  if (numbers != buffer) return numbers;
  for (const auto& piece : pieces) {
    const Eigen::Index column = first + piece.channel;
    Number* const to = buffer + piece.at;
    if constexpr (is_in_memory<X>) {
      if (x.colStride() == 1) {
        cast_numbers(to, x.data() + token * x.rowStride() + column, piece.count);
        continue;
      }
    }
    for (Eigen::Index i = 0; i < piece.count; ++i) to[i] = convert<Number>(x.coeff(token, column + i));
  }
  return buffer;
}

/// Writes the numbers of a head from the buffer, each rounded once.
template <typename Number, typename X>
void write_head(X& x, const Number* buffer, Eigen::Index token, Eigen::Index first, const HeadPieces& pieces) {
  for (const auto& piece : pieces) {
    const Eigen::Index column = first + piece.channel;
    const Number* const from = buffer + piece.at;
    if constexpr (is_in_memory<X>) {
      if (x.colStride() == 1) {
        cast_numbers(x.data() + token * x.rowStride() + column, from, piece.count);
        continue;
      }
    }
    for (Eigen::Index i = 0; i < piece.count; ++i) {
      x.coeffRef(token, column + i) = convert<typename X::Scalar>(from[i]);
    }
  }
}

/// The table's row as the kernels read it.
template <typename TableScalar>
void read_rotation(double* cos, double* sin, const Rotation<TableScalar>& table, Eigen::Index row, bool half_split) {
  for (Eigen::Index pair = 0; pair < table.num_pairs; ++pair) {
    const double c = static_cast<double>(table.cos(row)[pair * table.pair_stride]);
    const double s = static_cast<double>(table.sin(row)[pair * table.pair_stride]);
    const Eigen::Index at = half_split ? pair : 2 * pair;
    cos[at] = c;
    sin[at] = s;
    if (half_split) continue;
    cos[at + 1] = c;
    sin[at + 1] = -s;
  }
}

/// norm_gradients() for heads of at most kGradientChannels channels; some 40 KiB of the stack. A token whose mean is of
/// all its heads is read a second time when the mean is known.
template <typename GradX, typename GradWeight, typename GradOut, typename X, typename TableScalar, typename RowOf>
void norm_gradients_at_level(GradX& grad_x, GradWeight& grad_weight, const GradOut& grad_out, const X& x,
                             const HeadRotations<TableScalar>& rotations, const RopeLayout& layout, const RowOf& row_of,
                             const NormOfCall& call) {
  using GradScalar = typename GradX::Scalar;
  constexpr bool in_double =
      std::is_same_v<typename X::Scalar, double> || std::is_same_v<typename GradOut::Scalar, double>;
  using In = std::conditional_t<in_double, double, float>;
  using Out = std::conditional_t<std::is_same_v<GradScalar, float>, float, double>;
  constexpr Eigen::Index most = HeadPieces::kMostNumbers;
  const Level level = level_of_machine();
  const GradientKernels<In, Out> kernels =
      call.after() ? gradient_kernels<In, Out, true>(level) : gradient_kernels<In, Out, false>(level);
  const HeadPieces pieces(layout);
  const Eigen::Index size = pieces.size();
  const Eigen::Index head_dim = layout.head_dim();
  const Eigen::Index num_heads = x.cols() / head_dim;
  const Eigen::Index together = call.over_token() ? num_heads : 1;
  const double divisor = static_cast<double>(together) * static_cast<double>(head_dim);
  const bool half_split = layout.pairs() == RopePairs::half_split;
  alignas(64) double cos[most] = {}, sin[most] = {}, weight[most] = {};
  alignas(64) double sums[kWeightGroup];
  alignas(64) In of_x[most] = {}, of_g[most] = {};
  alignas(64) Out of_out[most];
  const auto weights_from = [&](Eigen::Index first) -> const double* {
    if (call.over_token() && call.has_weights() && pieces.is_whole()) return call.norm.factors().data() + first;
    for (const auto& piece : pieces) {
      for (Eigen::Index i = 0; i < piece.count; ++i) {
        weight[piece.at + i] = call.has_weights() ? call.norm.factors()[first + piece.channel + i] : 1;
      }
    }
    return weight;
  };
  const double* of_head = weights_from(0);
  const auto head_of = [&](Eigen::Index token, Eigen::Index h) {
    if (!rotations.shared()) read_rotation(cos, sin, rotations.of(h), row_of(token), half_split);
    if (call.over_token() && call.has_weights()) of_head = weights_from(h * head_dim);
    return HeadGradient<In>{read_head(of_x, x, token, h * head_dim, pieces),
                            read_head(of_g, grad_out, token, h * head_dim, pieces),
                            of_head,
                            cos,
                            sin,
                            pieces.rotating(),
                            size,
                            half_split,
                            call.gain};
  };
  const Eigen::Index weights = call.over_token() ? num_heads : 1;  // heads that have their own
  const Eigen::Index group = (std::min)(kWeightGroup / size, weights);
  for (Eigen::Index begin = 0; begin < weights; begin += group) {
    const Eigen::Index end = (std::min)(begin + group, weights);
    const bool last = end == weights || !call.has_weights();
    std::fill_n(sums, group * size, 0.0);
    for (Eigen::Index token = 0; token < x.rows(); ++token) {
      if (rotations.shared()) read_rotation(cos, sin, rotations.of(0), row_of(token), half_split);
      for (Eigen::Index first = 0; first < num_heads; first += together) {
        NormSums of_all{0, 0};
        HeadGradient<In> head;
        for (Eigen::Index h = first; h < first + together; ++h) {
          head = head_of(token, h);
          const NormSums of_one = kernels.sum(head);
          of_all.product += of_one.product;
          of_all.squares += of_one.squares;
        }
        const double factor = 1 / std::sqrt(of_all.squares / divisor + call.norm.eps());
        const double by_length = of_all.product * factor * factor / divisor;
        for (Eigen::Index h = first; h < first + together; ++h) {
          const Eigen::Index of_weights = call.over_token() ? h : 0;
          const bool summed = of_weights >= begin && of_weights < end && call.has_weights();
          if (!summed && !last) continue;
          if (together > 1) head = head_of(token, h);
          Out* const out = last ? head_numbers(of_out, grad_x, token, h * head_dim, pieces) : of_out;
          kernels.write(head, out, factor, by_length, summed ? sums + (of_weights - begin) * size : nullptr);
          if (last && out == of_out) write_head(grad_x, out, token, h * head_dim, pieces);
        }
      }
    }
    for (Eigen::Index h = begin; h < end && call.has_weights(); ++h) {
      for (const auto& piece : pieces) {
        for (Eigen::Index i = 0; i < piece.count; ++i) {
          auto& sum = entry(grad_weight, h * head_dim + piece.channel + i);
          const double added = sums[(h - begin) * size + piece.at + i];
          sum = static_cast<typename GradWeight::Scalar>(static_cast<double>(sum) + added);
        }
      }
    }
    if (last) return;
  }
}

#endif  // POSENC_HAS_LEVELS

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_DETAIL_HEAD_GRADIENTS_HPP
