// SPDX-License-Identifier: MIT
/// @file
/// apply_rope() with a norm: each token is read once from memory, and a second time from the first-level cache.
#ifndef POSENC_ROPE_DETAIL_NORM_HEADS_HPP
#define POSENC_ROPE_DETAIL_NORM_HEADS_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/rope/detail/head_rotations.hpp"
#include "posenc/rope/detail/heads_operand.hpp"
#include "posenc/rope/kernels/rotate_rows.hpp"
#include "posenc/rope/rms_norm.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <cmath>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// A norm, and what the rotation before it multiplies squares by: its magnitude squared, and 1 where it comes after.
struct NormOfCall {
  const RmsNorm& norm;
  double gain;

  bool over_token() const { return norm.over() == NormOver::token; }
  bool after() const { return norm.order() == NormOrder::after_rotation; }
  bool has_weights() const { return norm.factors().size() > 0; }
};

/// 1 / sqrt(mean square + eps) of the heads [first, first + count) of a token, with sums in double or wider.
template <typename Number, typename In>
Number norm_factor(const In& in, Eigen::Index token, Eigen::Index first, Eigen::Index count, const NormOfCall& call,
                   const RopeLayout& layout) {
  using Sum = std::conditional_t<is_storage<Number>, double, Number>;
  Sum sum(0);
  for (Eigen::Index head = first; head < first + count; ++head) {
    for (Eigen::Index i = 0; i < layout.head_dim(); ++i) {
      const Sum value = convert<Sum>(in.get(token, head, i));
      const bool rotates = i >= layout.offset() && i < layout.offset() + layout.rotary_dim();
      sum += rotates ? Sum(value * value * Sum(call.gain)) : Sum(value * value);
    }
  }
  using std::sqrt;
  const Sum divisor = Sum(static_cast<double>(count) * static_cast<double>(layout.head_dim()));
  return convert<Number>(Sum(Sum(1) / sqrt(Sum(sum / divisor + Sum(call.norm.eps())))));
}

/// The norm and the rotation element by element.
template <typename Out, typename In, typename TableScalar, typename RowOf>
void norm_elements(const Out& out, const In& in, const HeadRotations<TableScalar>& rotations, const RopeLayout& layout,
                   const RowOf& row_of, const NormOfCall& call) {
  using OutScalar = typename Out::Scalar;
  using Number = RotationScalar<OutScalar, typename In::Scalar, TableScalar>;
  const Eigen::Index num_heads = in.num_heads();
  const Eigen::Index pairs = layout.rotary_dim() / 2;
  const bool half_split = layout.pairs() == RopePairs::half_split;
  for (Eigen::Index token = 0; token < in.tokens(); ++token) {
    Number factor(0);
    if (call.over_token()) factor = norm_factor<Number>(in, token, 0, num_heads, call, layout);
    for (Eigen::Index head = 0; head < num_heads; ++head) {
      if (!call.over_token()) factor = norm_factor<Number>(in, token, head, 1, call, layout);
      const Rotation<TableScalar> table = rotations.of(rotations.shared() ? 0 : head);
      const Eigen::Index row = row_of(token);
      const auto normed = [&](Number value, Eigen::Index channel) {
        const Eigen::Index weight = channel + (call.over_token() ? head * layout.head_dim() : 0);
        return call.has_weights() ? Number(Number(value * factor) * Number(call.norm.factors()[weight]))
                                  : Number(value * factor);
      };
      for (Eigen::Index pair = 0; pair < pairs; ++pair) {
        const Eigen::Index first = layout.offset() + (half_split ? pair : 2 * pair);
        const Eigen::Index second = first + (half_split ? pairs : 1);
        const Number c = Number(static_cast<double>(table.cos(row)[pair * table.pair_stride]));
        const Number s = Number(static_cast<double>(table.sin(row)[pair * table.pair_stride]));
        Number a = convert<Number>(in.get(token, head, first));
        Number b = convert<Number>(in.get(token, head, second));
        if (!call.after()) {
          a = normed(a, first);
          b = normed(b, second);
        }
        Number to_a = Number(a * c - b * s);
        Number to_b = Number(a * s + b * c);
        if (call.after()) {
          to_a = normed(to_a, first);
          to_b = normed(to_b, second);
        }
        out.set(token, head, first, convert<OutScalar>(to_a));
        out.set(token, head, second, convert<OutScalar>(to_b));
      }
      for (Eigen::Index i = 0; i < layout.head_dim(); ++i) {
        if (i == layout.offset()) i += layout.rotary_dim();
        if (i >= layout.head_dim()) break;
        out.set(token, head, i, convert<OutScalar>(normed(convert<Number>(in.get(token, head, i)), i)));
      }
    }
  }
}

#if POSENC_HAS_LEVELS

/// Whether the kernels read the table, as it is or with its row brought into their form on the stack.
template <typename TableScalar>
bool reads_table(const Rotation<TableScalar>& table) {
  return (std::is_same_v<TableScalar, float> && table.pair_stride == 1) || table.num_pairs <= kRowChunk;
}

/// Tokens whose channels are contiguous, by the kernel of the machine's level.
template <typename Out, typename In, typename TableScalar, typename ToRows, typename FromRows, typename Rows>
void norm_strided(const ToRows& out, const FromRows& in, Eigen::Index tokens, Eigen::Index num_heads,
                  const HeadRotations<TableScalar>& rotations, const RopeLayout& layout, const Rows& rows,
                  const NormOfCall& norm) {
  constexpr StoredAs to = stored_as<Out>;
  constexpr StoredAs from = stored_as<In>;
  const Level level = level_of_machine();
  const bool half_split = layout.pairs() == RopePairs::half_split;
  const RowKernel<NormedRowCall> kernel =
      half_split ? norm_kernel<to, from, true>(level) : norm_kernel<to, from, false>(level);
  const bool shared = rotations.shared();
  NormedRowCall call{};
  call.partner = call.out_partner = layout.rotary_dim() / 2;
  call.pairs = layout.rotary_dim() / 2;
  call.offset = layout.offset();
  call.rotary_dim = layout.rotary_dim();
  call.head_dim = layout.head_dim();
  call.weight_head_stride = norm.over_token() ? layout.head_dim() : 0;
  call.gain = static_cast<float>(norm.gain);
  const double numbers =
      static_cast<double>(layout.head_dim()) * static_cast<double>(norm.over_token() ? num_heads : 1);
  call.share = static_cast<float>(1 / numbers);
  call.eps = static_cast<float>(norm.norm.eps());
  call.all_heads = tokens * num_heads;
  call.over_token = norm.over_token();
  call.after = norm.after();
  alignas(64) float prepared[2 * kRowChunk];
  rows.for_each_run([&](Eigen::Index first, Eigen::Index count, Eigen::Index first_row) {
    const Rotation<TableScalar> of_all = rotations.of(0);
    bool direct = false;
    if constexpr (std::is_same_v<TableScalar, float>) {
      call.paired = !half_split && reads_paired<to, from>(level) && of_all.is_paired();
      direct = call.paired || of_all.pair_stride == 1;
    }
    const Eigen::Index at_once = direct && shared && !is_scattered_rows<ToRows> ? count : 1;
    for (Eigen::Index i = 0; i < count; i += at_once) {
      const TokenRows<Out> write = out.at(first + i, 0);
      const auto read = in.at(first + i, 0);
      call.tokens = at_once;
      call.out_head_stride = write.head_stride;
      call.out_token_stride = write.token_stride;
      call.in_head_stride = read.head_stride;
      call.in_token_stride = read.token_stride;
      call.ahead = i + at_once < count ? read.token_stride : 0;
      const Eigen::Index together = shared ? num_heads : 1;
      for (Eigen::Index head = 0; head < num_heads; head += together) {
        const Rotation<TableScalar> table = rotations.of(shared ? 0 : head);
        const TableScalar* const cos = table.cos(first_row + i);
        const TableScalar* const sin = table.sin(first_row + i);
        call.num_heads = together;
        call.out = write.data + head * write.head_stride;
        call.in = read.data + head * read.head_stride;
        call.weight = norm.has_weights() ? norm.norm.float_factors().data() + head * call.weight_head_stride : nullptr;
        call.cos = prepared;
        call.sin = prepared + kRowChunk;
        if constexpr (std::is_same_v<TableScalar, float>) {
          if (direct) {
            call.cos = cos;
            call.sin = sin;
            call.row_stride = table.row_stride;
          }
        }
        if (!direct) prepare_row<false>(prepared, cos, sin, table.pair_stride, 1.0, table.num_pairs);
        kernel(call);
      }
    }
  });
}

#endif  // POSENC_HAS_LEVELS

/// The norm and the rotation of every head of all tokens; token i by the table's row rows(i). `in` and `out` are the
/// same or disjoint.
template <typename Out, typename In, typename TableScalar, typename Rows>
void norm_heads(const Out& out, const In& in, const HeadRotations<TableScalar>& rotations, const RopeLayout& layout,
                const Rows& rows, const NormOfCall& call) {
#if POSENC_HAS_LEVELS
  using OutScalar = typename Out::Scalar;
  using InScalar = typename In::Scalar;
  if constexpr (Out::kMayHaveStrides && In::kMayHaveStrides && has_levels<OutScalar, InScalar, TableScalar>) {
    // The mean of a token whose heads have tables of their own is of more heads than rotate at a time.
    const bool at_once = rotations.shared() || !call.over_token();
    if (out.has_strides() && in.has_strides() && reads_table(rotations.first) && at_once) {
      return norm_strided<OutScalar, InScalar>(out.strides(), in.strides(), in.tokens(), in.num_heads(), rotations,
                                               layout, rows, call);
    }
  }
#endif
  norm_elements(out, in, rotations, layout, rows, call);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_DETAIL_NORM_HEADS_HPP
