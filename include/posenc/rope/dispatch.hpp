// SPDX-License-Identifier: MIT
/// @file
/// What stands behind every apply_rope...(): the checks, then the kernel or the element-wise path.
#ifndef POSENC_ROPE_DISPATCH_HPP
#define POSENC_ROPE_DISPATCH_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/detail/overlap.hpp"
#include "posenc/frequency/table.hpp"
#include "posenc/rope/heads_view.hpp"
#include "posenc/rope/layout.hpp"
#include "posenc/rope/rotate.hpp"
#include "posenc/rope/rotate_columns.hpp"
#include "posenc/rope/rows.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

template <typename TableScalar>
void require_window(const char* function, const RopeLayout& layout, const FrequencyTable<TableScalar>& table) {
  require(table.rotary_dim() <= layout.head_dim() - layout.offset(), function, "table.rotary_dim()", table.rotary_dim(),
          "at most ", layout.head_dim() - layout.offset(), " (head_dim ", layout.head_dim(), " - offset ",
          layout.offset(), ")");
}

/// Turns one pair of elements at a time: any Eigen expression, any scalar, any stride.
template <typename Out, typename In, typename TableScalar, typename Rows>
void rotate_elements(Out& out, const In& in, const FrequencyTable<TableScalar>& table, const RopeLayout& layout,
                     const Rows& rows, Turn turn) {
  using OutScalar = typename Out::Scalar;
  using Number = RotationScalar<OutScalar, typename In::Scalar, TableScalar>;
  const Eigen::Index pairs = table.num_pairs();
  const bool half_split = layout.pairs() == RopePairs::half_split;
  const double sin_scale = turn.backwards ? -turn.scale : turn.scale;
  const auto cos = table.cos();
  const auto sin = table.sin();
  const auto turn_pair = [&](Eigen::Index token, Eigen::Index first_column, Eigen::Index pair) {
    const Eigen::Index column_a = first_column + (half_split ? pair : 2 * pair);
    const Eigen::Index column_b = column_a + (half_split ? pairs : 1);
    const Eigen::Index row = rows(token);
    const Number c = Number(static_cast<double>(cos(row, pair)) * turn.scale);
    const Number s = Number(static_cast<double>(sin(row, pair)) * sin_scale);
    const Number a = convert<Number>(in.coeff(token, column_a));
    const Number b = convert<Number>(in.coeff(token, column_b));
    out.coeffRef(token, column_a) = convert<OutScalar>(Number(a * c - b * s));
    out.coeffRef(token, column_b) = convert<OutScalar>(Number(a * s + b * c));
  };
  const Eigen::Index tokens = in.rows();
  const Eigen::Index head_dim = layout.head_dim();
  if constexpr (bool(Out::IsRowMajor)) {
    for (Eigen::Index token = 0; token < tokens; ++token) {
      for (Eigen::Index head = layout.offset(); head < in.cols(); head += head_dim) {
        for (Eigen::Index pair = 0; pair < pairs; ++pair) turn_pair(token, head, pair);
      }
    }
  } else {
    for (Eigen::Index head = layout.offset(); head < in.cols(); head += head_dim) {
      for (Eigen::Index pair = 0; pair < pairs; ++pair) {
        for (Eigen::Index token = 0; token < tokens; ++token) turn_pair(token, head, pair);
      }
    }
  }
}

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
void rope_matrix(const char* function, Out& out, const In& in, const FrequencyTable<TableScalar>& table,
                 const RopeLayout& layout, const Rows& row_choice, Turn turn) {
  require_window(function, layout, table);
  const Eigen::Index num_heads = in.cols() / layout.head_dim();
  require(num_heads * layout.head_dim() == in.cols(), function, "x.cols()", in.cols(), "a multiple of head_dim ",
          layout.head_dim());
  require_data(function, "x", in);
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
void rope_in_place(const char* function, Eigen::DenseBase<Derived>& x, const FrequencyTable<TableScalar>& table,
                   const RopeLayout& layout, const Rows& rows, Turn turn) {
  rope_matrix(function, x.derived(), x.derived(), table, layout, rows, turn);
}

template <typename DerivedOut, typename Derived, typename TableScalar, typename Rows>
void rope_into(const char* function, Eigen::DenseBase<DerivedOut>& out, const Eigen::DenseBase<Derived>& x,
               const FrequencyTable<TableScalar>& table, const RopeLayout& layout, const Rows& rows, Turn turn) {
  require_shape(function, "out", out, x.rows(), x.cols());
  require(!overlap_partially(out, x), function, "out", "overlapping memory", "x itself or apart from it");
  const auto& in = evaluated(x);
  rope_matrix(function, out.derived(), in, table, layout, rows, turn);
  copy_unturned(out.derived(), in, table.rotary_dim(), layout);
}

template <typename Scalar>
void require_view(const char* function, const char* parameter, const HeadsView<Scalar>& x, const RopeLayout& layout) {
  const std::string name = parameter;
  const auto at_least_zero = [&](const char* field, Eigen::Index value) {
    if (value < 0) refuse<std::invalid_argument>(function, name + field, value, ">= 0");
  };
  at_least_zero(".batch", x.batch);
  at_least_zero(".seq_len", x.seq_len);
  at_least_zero(".num_heads", x.num_heads);
  if (x.head_dim != layout.head_dim()) {
    refuse<std::invalid_argument>(function, name + ".head_dim", x.head_dim, "layout.head_dim() ", layout.head_dim());
  }
  if (x.data == nullptr && x.batch > 0 && x.seq_len > 0 && x.num_heads > 0) {
    refuse<std::invalid_argument>(function, name + ".data", "null", "a valid pointer");
  }
}

/// Heads of a view that is written to may not lie in one another: each would turn more than once. Each stride must reach
/// past what the smaller ones cover; one that was left out is 0.
template <typename Scalar>
void require_heads_apart(const char* function, const char* parameter, const HeadsView<Scalar>& x) {
  if (x.batch == 0 || x.seq_len == 0 || x.num_heads == 0) return;
  struct Axis {
    const char* stride_name;
    const char* count_name;
    Eigen::Index count;
    Eigen::Index stride;
    std::uint64_t distance() const {
      return stride < 0 ? 0 - static_cast<std::uint64_t>(stride) : std::uint64_t(stride);
    }
  };
  Axis axes[] = {{".head_stride", ".num_heads", x.num_heads, x.head_stride},
                 {".token_stride", ".seq_len", x.seq_len, x.token_stride},
                 {".batch_stride", ".batch", x.batch, x.batch_stride}};
  for (const int i : {0, 1, 0}) {  // by distance
    if (axes[i + 1].distance() < axes[i].distance()) std::swap(axes[i], axes[i + 1]);
  }
  constexpr std::uint64_t limit =
      static_cast<std::uint64_t>((std::numeric_limits<std::ptrdiff_t>::max)()) / sizeof(Scalar);
  std::uint64_t covered = static_cast<std::uint64_t>(x.head_dim);
  for (const Axis& axis : axes) {
    if (axis.count <= 1) continue;
    if (axis.distance() < covered) {
      refuse<std::invalid_argument>(function, parameter + std::string(axis.stride_name), axis.stride, "at least ",
                                    covered, " forwards or backwards (what lies within)");
    }
    const std::uint64_t most = (limit - covered) / axis.distance();
    if (static_cast<std::uint64_t>(axis.count) - 1 > most) {
      refuse<std::length_error>(function, parameter + std::string(axis.count_name), axis.count, "at most ", most + 1,
                                " for a stride of ", axis.stride);
    }
    covered += (static_cast<std::uint64_t>(axis.count) - 1) * axis.distance();
  }
}

template <typename Scalar>
MemoryExtent extent_of(const HeadsView<Scalar>& x) {
  MemoryExtent extent;
  extent.first = reinterpret_cast<std::intptr_t>(x.data);
  extent.bytes = static_cast<std::intptr_t>(x.head_dim) * static_cast<std::intptr_t>(sizeof(Scalar));
  extent.set_axis(0, x.batch, x.batch_stride, sizeof(Scalar));
  extent.set_axis(1, x.seq_len, x.token_stride, sizeof(Scalar));
  extent.set_axis(2, x.num_heads, x.head_stride, sizeof(Scalar));
  return extent;
}

/// A list of rows holds one for each token of a sequence, shared by the batch, or one for each token of the batch.
template <bool InPlace, typename Out, typename In, typename TableScalar, typename Rows>
void rope_view(const char* function, const HeadsView<Out>& out, const HeadsView<In>& in,
               const FrequencyTable<TableScalar>& table, const RopeLayout& layout, const Rows& row_choice, Turn turn) {
  static_assert(!std::is_const_v<Out>, "posenc: the view that is written to must not hold const values");
  static_assert(is_storage<std::remove_const_t<Out>> && is_storage<std::remove_const_t<In>>,
                "posenc: a HeadsView holds float, double, Eigen::half or Eigen::bfloat16");
  require_view(function, "x", in, layout);
  if constexpr (!InPlace) require_view(function, "out", out, layout);
  require_heads_apart(function, InPlace ? "x" : "out", out);
  require(out.batch == in.batch, function, "out.batch", out.batch, "x.batch ", in.batch);
  require(out.seq_len == in.seq_len, function, "out.seq_len", out.seq_len, "x.seq_len ", in.seq_len);
  require(out.num_heads == in.num_heads, function, "out.num_heads", out.num_heads, "x.num_heads ", in.num_heads);
  require(!overlap_partially(extent_of(out), extent_of(in), std::is_same_v<Out, std::remove_const_t<In>>), function,
          "out", "overlapping memory", "x itself or apart from it");
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

#endif  // POSENC_ROPE_DISPATCH_HPP
