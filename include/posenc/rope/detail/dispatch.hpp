// SPDX-License-Identifier: MIT
/// @file
/// What stands behind every apply_rope...(): checks, then the kernel that fits the strides.
#ifndef POSENC_ROPE_DETAIL_DISPATCH_HPP
#define POSENC_ROPE_DETAIL_DISPATCH_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/detail/overlap.hpp"
#include "posenc/frequency/frequency_table.hpp"
#include "posenc/rope/detail/require_views.hpp"
#include "posenc/rope/detail/token_rows.hpp"
#include "posenc/rope/heads_view.hpp"
#include "posenc/rope/kernels/rotate_columns.hpp"
#include "posenc/rope/kernels/rotate_elements.hpp"
#include "posenc/rope/kernels/rotate_rows.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// out = the channels of `in` that do not turn.
template <typename Out, typename In>
void copy_unturned(Out& out, const In& in, Eigen::Index rotary_dim, const RopeLayout& layout) {
  for (Eigen::Index token = 0; token < in.rows(); ++token) {
    for (Eigen::Index head = 0; head < in.cols(); head += layout.head_dim()) {
      for (Eigen::Index i = 0; i < layout.head_dim(); ++i) {
        if (i == layout.offset()) i += rotary_dim;
        if (i == layout.head_dim()) break;
        out.coeffRef(token, head + i) = convert<typename Out::Scalar>(in.coeff(token, head + i));
      }
    }
  }
}

/// All checks, then the rotation of `in` into `out`, which are one object or apart.
template <typename Out, typename In, typename TableScalar, typename Rows>
void rope_matrix(const char* function, Out& out, const In& in, const FrequencyTableView<TableScalar>& table,
                 const RopeLayout& layout, const Rows& row_choice, Turn turn) {
  require_window(function, layout, table);
  const Eigen::Index num_heads = in.cols() / layout.head_dim();
  require(num_heads * layout.head_dim() == in.cols(), function, "x.cols()", in.cols(), "a multiple of head_dim ",
          layout.head_dim());
  require_data(function, "x", in);
  require_no_self_overlap(function, static_cast<const void*>(&out) == static_cast<const void*>(&in) ? "x" : "out", out);
  const auto rows = make_rows(function, row_choice, in.rows(), table.rows());
  if (in.size() == 0) return;
  if constexpr (is_in_memory<Out> && is_in_memory<In>) {
    using OutScalar = typename Out::Scalar;
    using InScalar = const typename In::Scalar;
    const Eigen::Index offset = layout.offset();
    if (out.colStride() == 1 && in.colStride() == 1) {  // a token's channels follow one another
      const TokenRows<OutScalar> to{out.data() + offset, layout.head_dim(), out.rowStride()};
      const TokenRows<InScalar> from{in.data() + offset, layout.head_dim(), in.rowStride()};
      rotate_tokens(to, from, in.rows(), num_heads, table, rows, layout.pairs(), turn);
      return;
    }
    if (out.rowStride() == 1 && in.rowStride() == 1) {  // a channel's tokens do
      const ChannelColumns<OutScalar> to{out.data() + offset * out.colStride(), out.colStride()};
      const ChannelColumns<InScalar> from{in.data() + offset * in.colStride(), in.colStride()};
      rotate_columns(to, from, in.rows(), num_heads, table, layout, rows, turn);
      return;
    }
  }
  rotate_elements(out, in, table, layout, rows, turn);
}

template <typename Derived, typename TableScalar, typename Rows>
void rope_in_place(const char* function, Eigen::DenseBase<Derived>& x, const FrequencyTableView<TableScalar>& table,
                   const RopeLayout& layout, const Rows& rows, Turn turn) {
  rope_matrix(function, x.derived(), x.derived(), table, layout, rows, turn);
}

template <typename DerivedOut, typename Derived, typename TableScalar, typename Rows>
void rope_into(const char* function, Eigen::DenseBase<DerivedOut>& out, const Eigen::DenseBase<Derived>& x,
               const FrequencyTableView<TableScalar>& table, const RopeLayout& layout, const Rows& rows, Turn turn) {
  require_shape(function, "out", out, x.rows(), x.cols());
  const auto& in = evaluated(x);
  require(!overlap_partially(out, in), function, "out", "overlapping memory", "x itself or disjoint from it");
  rope_matrix(function, out.derived(), in, table, layout, rows, turn);
  copy_unturned(out.derived(), in, table.rotary_dim(), layout);
}

/// A list of rows holds one for each token of a sequence, shared by the batch, or one for each token of the batch.
template <bool InPlace, typename Out, typename In, typename TableScalar, typename Rows>
void rope_view(const char* function, const HeadsView<Out>& out, const HeadsView<In>& in,
               const FrequencyTableView<TableScalar>& table, const RopeLayout& layout, const Rows& row_choice,
               Turn turn) {
  static_assert(!std::is_const_v<Out>, "posenc: the view that is written to must not hold const values");
  static_assert(is_storage<std::remove_const_t<Out>> && is_storage<std::remove_const_t<In>>,
                "posenc: a HeadsView holds float, double, Eigen::half or Eigen::bfloat16");
  require_view(function, "x", in, layout);
  if constexpr (!InPlace) require_view(function, "out", out, layout);
  require_heads_apart(function, InPlace ? "x" : "out", out);
  require(out.batch == in.batch, function, "out.batch", out.batch, "x.batch ", in.batch);
  require(out.seq_len == in.seq_len, function, "out.seq_len", out.seq_len, "x.seq_len ", in.seq_len);
  require(out.num_heads == in.num_heads, function, "out.num_heads", out.num_heads, "x.num_heads ", in.num_heads);
  const bool same = std::is_same_v<Out, std::remove_const_t<In>> && is_same(extent_of(out), extent_of(in));
  require(same || !overlap(extent_of(out), extent_of(in)), function, "out", "overlapping memory",
          "x itself or disjoint from it");
  require_window(function, layout, table);
  bool row_for_each_token = false;
  if constexpr (!std::is_integral_v<Rows>) row_for_each_token = row_choice.size() != in.seq_len;
  const Eigen::Index listed = row_for_each_token ? in.batch * in.seq_len : in.seq_len;
  const auto rows = make_rows(function, row_choice, listed, table.rows());
  using ConstIn = const std::remove_const_t<In>;
  if (in.seq_len == 0 || in.num_heads == 0) return;  // data may be null then
  for (Eigen::Index b = 0; b < in.batch; ++b) {
    const TokenRows<Out> to_rows{out.data + b * out.batch_stride + layout.offset(), out.head_stride, out.token_stride};
    const TokenRows<ConstIn> from_rows{in.data + b * in.batch_stride + layout.offset(), in.head_stride,
                                       in.token_stride};
    rotate_tokens(to_rows, from_rows, in.seq_len, in.num_heads, table,
                  rows.from(row_for_each_token ? b * in.seq_len : 0), layout.pairs(), turn);
    if (InPlace) continue;
    for (Eigen::Index t = 0; t < in.seq_len; ++t) {
      ConstIn* const from = in.data + b * in.batch_stride + t * in.token_stride;
      Out* const to = out.data + b * out.batch_stride + t * out.token_stride;
      for (Eigen::Index head = 0; head < in.num_heads; ++head) {
        const auto copy = [&](Eigen::Index begin, Eigen::Index end) {
          for (Eigen::Index i = begin; i < end; ++i) {
            to[head * out.head_stride + i] = convert<Out>(from[head * in.head_stride + i]);
          }
        };
        copy(0, layout.offset());
        copy(layout.offset() + table.rotary_dim(), layout.head_dim());
      }
    }
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_DETAIL_DISPATCH_HPP
