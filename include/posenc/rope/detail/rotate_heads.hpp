// SPDX-License-Identifier: MIT
/// @file
/// apply_rope() behind its overloads: the checks, then the kernel that fits types and strides.
#ifndef POSENC_ROPE_DETAIL_ROTATE_HEADS_HPP
#define POSENC_ROPE_DETAIL_ROTATE_HEADS_HPP

#include "posenc/frequency/frequency_table.hpp"
#include "posenc/frequency/table_rotation.hpp"
#include "posenc/frequency/table_rows.hpp"
#include "posenc/rope/cache_rows.hpp"
#include "posenc/rope/detail/head_rotations.hpp"
#include "posenc/rope/detail/heads_operand.hpp"
#include "posenc/rope/detail/norm_heads.hpp"
#include "posenc/rope/detail/require_rope.hpp"
#include "posenc/rope/detail/rotate_strided.hpp"
#include "posenc/rope/kernels/rotate_columns.hpp"
#include "posenc/rope/kernels/rotate_elements.hpp"
#include "posenc/rope/kernels/rotate_rows.hpp"
#include "posenc/rope/rms_norm.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <cstdint>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// How a call rotates: forward by a table, or as table.adjoint() and table.inverse() say.
template <typename Table>
struct RopeTable {
  static constexpr bool backward = false;
  static const Table& of(const Table& table) { return table; }
  static double scale(const Table&) { return 1.0; }
};
template <RotationSense Sense, typename Table>
struct RopeTable<TableRotation<Sense, Table>> {
  static constexpr bool backward = Sense == RotationSense::backward;
  static const Table& of(const TableRotation<Sense, Table>& rotation) { return rotation.table(); }
  static double scale(const TableRotation<Sense, Table>& rotation) { return rotation.scale(); }
};

/// Whether apply_rope() may write to an argument of type `X&&`; the compiler stops with the reason where it may not.
template <typename X>
constexpr bool may_write_heads() {
  using Value = std::remove_reference_t<X>;
  if constexpr (is_heads_view<std::remove_const_t<Value>>) {
    constexpr bool is_const = std::is_const_v<std::remove_pointer_t<decltype(std::declval<Value&>().data())>>;
    static_assert(!is_const, "posenc: the view that is written to must not hold const values");
    return !is_const;
  } else {
    return may_write<X>();
  }
}

/// out = the channels of `in` that do not rotate.
template <typename Out, typename In>
void copy_unrotated(const Out& out, const In& in, const RopeLayout& layout) {
  const Eigen::Index behind = layout.offset() + layout.rotary_dim();
  const auto copy = [&](Eigen::Index token, Eigen::Index head, Eigen::Index begin, Eigen::Index end) {
    for (Eigen::Index i = begin; i < end; ++i) {
      out.set(token, head, i, convert<typename Out::Scalar>(in.get(token, head, i)));
    }
  };
  if (layout.rotary_dim() == layout.head_dim()) return;
  const Eigen::Index tokens = in.tokens();
  const Eigen::Index num_heads = in.num_heads();
  for (Eigen::Index token = 0; token < tokens; ++token) {
    for (Eigen::Index head = 0; head < num_heads; ++head) {
      copy(token, head, 0, layout.offset());
      copy(token, head, behind, layout.head_dim());
    }
  }
}

/// rotate_heads() for operands of which only the run tells how they lie in memory.
template <bool Backward, typename Out, typename In, typename TableScalar, typename Rows>
void rotate_any_heads(const Out& out, const In& in, const HeadRotations<TableScalar>& rotations,
                      const RopeLayout& layout, const Rows& rows) {
  const Eigen::Index tokens = in.tokens();
  const Eigen::Index num_heads = in.num_heads();
  const Eigen::Index together = rotations.shared() ? num_heads : 1;
  if constexpr (Out::kMayHaveStrides && In::kMayHaveStrides) {
    if (out.has_strides() && in.has_strides()) {
      return rotate_strided<Backward>(out.strides(), in.strides(), tokens, num_heads, rotations, layout, rows);
    }
    if constexpr (!Out::kIsView && !In::kIsView && !Out::kScattered) {
      if (out.x.rowStride() == 1 && in.x.rowStride() == 1) {  // a channel's tokens are contiguous
        using InScalar = const typename In::Scalar;
        for (Eigen::Index head = 0; head < num_heads; head += together) {
          const Eigen::Index first = head * layout.head_dim() + layout.offset();
          const ChannelColumns<typename Out::Scalar> to{out.x.data() + first * out.x.colStride(), out.x.colStride()};
          const ChannelColumns<InScalar> from{in.x.data() + first * in.x.colStride(), in.x.colStride()};
          rotate_columns<Backward>(to, from, tokens, together, rotations.of(head), layout, rows);
        }
        return;
      }
    }
  }
  for (Eigen::Index head = 0; head < num_heads; head += together) {
    rotate_elements<Backward>(out.from_head(head), in.from_head(head), tokens, together, rotations.of(head), layout,
                              rows);
  }
}

template <bool Backward, typename Out, typename In, typename TableScalar, typename Rows>
EIGEN_ALWAYS_INLINE void rotate_heads(const Out& out, const In& in, const HeadRotations<TableScalar>& rotations,
                                      const RopeLayout& layout, const Rows& rows) {
  if constexpr (Out::kHasStrides && In::kHasStrides) {
    rotate_strided<Backward>(out.strides(), in.strides(), in.tokens(), in.num_heads(), rotations, layout, rows);
  } else {
    rotate_any_heads<Backward>(out, in, rotations, layout, rows);
  }
}

/// As with_table_rows(), for a table that may have rows for each sequence: then no sequence takes the rows of another
/// one unless the caller lists rows token by token.
template <bool IsView, typename View, typename Given, typename Action>
EIGEN_ALWAYS_INLINE void with_rope_rows(const char* function, const View& table, const Given& given,
                                        const TokenGrid& grid, const Action& action) {
  if (table.num_sequences() > 1) {
    const auto own_rows = [&](Eigen::Index seq_len) {
      action(RowRuns(seq_len, table.num_sequences(), [seq_len](Eigen::Index b) { return b * seq_len; }));
    };
    if constexpr (IsView && std::is_same_v<Given, OneRowForEachToken>) {
      require_sequences_of_table(function, table.num_sequences(), table.rows(), grid);
      return own_rows(grid.seq_len);
    } else if constexpr (is_each_sequence<Given>) {
      using Start = std::decay_t<decltype(given.start())>;
      if constexpr (std::is_same_v<Start, FirstRow>) {
        require_each_sequence_of_table(function, table.num_sequences(), table.rows(), given.seq_len(), grid);
        return own_rows(given.seq_len());
      } else if constexpr (std::is_same_v<Start, FromRow>) {
        require_rows_of_one_sequence(function, table.num_sequences(), given.start().row(),
                                     grid.tokens() <= given.seq_len());
      }
    } else if constexpr (std::is_same_v<Given, FromRow>) {
      require_rows_of_one_sequence(function, table.num_sequences(), given.row(), grid.batch <= 1);
    } else if constexpr (is_table_rows<Given>) {
      if constexpr (are_listed<Given>) {
        const Eigen::Index listed = static_cast<Eigen::Index>(as_list(given.list()).size());
        require(grid.batch <= 1 || listed == grid.tokens(), function, "rows.size()", listed, "a row for each token, ",
                grid.tokens(), ", because the table has rows for each of ", table.num_sequences(), " sequences");
      }
    }
  }
  with_table_rows(function, table, given, grid, action);
}

/// Stands for a norm that was left out.
struct NoNorm {};

/// Refuses a norm for other channels than those of x, or one behind a rotation whose factor differs from pair to pair.
template <typename View>
void require_norm(const char* function, const RmsNorm& norm, const View& table, const RopeLayout& layout,
                  Eigen::Index num_heads) {
  const Eigen::Index size = norm.factors().size();
  const auto token = static_cast<std::int64_t>(num_heads) * static_cast<std::int64_t>(layout.head_dim());
  if (size > 0 && norm.over() == NormOver::head) {
    require(size == layout.head_dim(), function, "norm.factors().size()", size, "layout.head_dim() ",
            layout.head_dim());
  } else if (size > 0) {
    require(size == token, function, "norm.factors().size()", size, "the channels of all heads of x, ", token);
  }
  require(norm.order() == NormOrder::before_rotation || table.magnitude() > 0, function, "table.magnitude()",
          table.magnitude(), "> 0 where the norm comes behind the rotation (that of xPos or FoPE is not one number)");
}

/// All checks, then the rotation of x into out. `InPlace`: they are one object.
template <bool InPlace, typename Out, typename In, typename Table, typename Norm, typename Given>
EIGEN_ALWAYS_INLINE void check_and_rotate(const Out& out, const In& in, const Table& table, const RopeLayout& layout,
                                          const Norm& norm, const Given& given) {
  const char* const function = "apply_rope";
  const auto& view = RopeTable<Table>::of(table);
  require_window(function, layout, view);
  require_heads(function, "x", in, layout);
  require_heads_of_table(function, view.num_heads(), in.num_heads());
  if constexpr (is_norm<Norm>) require_norm(function, norm, view, layout, in.num_heads());
  TokenGrid grid{"x", "x.rows()", 1, in.tokens()};
  if constexpr (In::kIsView) {
    grid = {"x", "x.seq_len()", in.x.batch(), in.x.seq_len()};
  } else if constexpr (Out::kIsView) {
    grid = {"out", "out.seq_len()", out.x.batch(), out.x.seq_len()};
  }
  if constexpr (!InPlace) {
    require_heads(function, "out", out, layout);
    require_same_shape(function, out, in);
    require_itself_or_disjoint(function, out, in, grid.batch, grid.seq_len, layout.head_dim());
  }
  require_heads_disjoint(function, InPlace ? "x" : "out", out);
  require_table_elsewhere(function, InPlace ? "x" : "out", out, view, grid, layout.head_dim());
  require_list_elsewhere(function, InPlace ? "x" : "out", out, given, grid, layout.head_dim());
  const auto rotate = [&](const auto& rows) POSENC_INLINE_LAMBDA {
    if (in.tokens() == 0 || in.num_heads() == 0) return;
    const HeadRotations<typename std::decay_t<decltype(view)>::Scalar> rotations{view, RopeTable<Table>::scale(table)};
    if constexpr (is_norm<Norm>) {
      const double a = view.magnitude();
      const bool after = norm.order() == NormOrder::after_rotation;
      norm_heads(out, in, rotations, layout, rows, NormOfCall{norm, after ? a * a : 1});
    } else {
      rotate_heads<RopeTable<Table>::backward>(out, in, rotations, layout, rows);
      if constexpr (!InPlace) copy_unrotated(out, in, layout);
    }
  };
  with_rope_rows<Out::kIsView || In::kIsView>(function, view, given, grid, rotate);
}

/// Whether a norm and a table go together; the compiler stops with the reason where they do not.
template <typename Table, typename Norm>
constexpr bool may_norm() {
  constexpr bool good = !is_norm<Norm> || !is_table_rotation<Table>;
  static_assert(
      good, "posenc: a norm has no adjoint() or inverse(): the gradient of a norm and a rotation is rope_backward()");
  return good;
}

/// check_and_rotate() in place for tokens in row-major memory, of whatever type they are. A short call, of one token, takes
/// as long as what it writes to memory besides and what its kernel waits for: all checks are in this one function, without
/// objects that calls refer to.
template <typename Scalar, typename Table, typename Norm, typename Which>
POSENC_NOINLINE POSENC_SCALAR_STORES void rotate_tokens_in_place(Scalar* data, Eigen::Index rows, Eigen::Index cols,
                                                                 Eigen::Index stride, const Table& table,
                                                                 const RopeLayout& layout, const Norm& norm,
                                                                 const Which& which) {
  using Tokens = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::Map<Tokens, Eigen::Unaligned, Eigen::OuterStride<>> x(data, rows, cols, Eigen::OuterStride<>(stride));
  const auto heads = operand(x, layout.head_dim());
  check_and_rotate<true>(heads, heads, table, layout, norm, which);
}

template <typename X, typename Table, typename Norm, typename Which>
void apply_rope_in_place(X&& x, const Table& table, const RopeLayout& layout, const Norm& norm, const Which& which) {
  if constexpr (may_write_heads<X>() && may_norm<Table, Norm>()) {
    using Operand = decltype(operand(x, layout.head_dim()));
    if constexpr (!Operand::kIsView && Operand::kHasStrides) {
      rotate_tokens_in_place(x.data(), x.rows(), x.cols(), x.outerStride(), table, layout, norm, which);
    } else {
      const auto heads = operand(x, layout.head_dim());
      check_and_rotate<true>(heads, heads, table, layout, norm, which);
    }
  }
}

/// Calls action(operand) for what is written: an Eigen object, a view, or rows of a cache.
template <typename Out, typename Action>
void with_target(Out&& out, const RopeLayout& layout, const Action& action) {
  if constexpr (is_cache_rows<std::decay_t<Out>>) {
    static_assert(!std::is_lvalue_reference_v<Out>,
                  "posenc: rows of a cache have no name, because they refer to the cache and the slots: write "
                  "apply_rope(cache_rows(cache, slots), k, table, layout)");
    if constexpr (std::is_lvalue_reference_v<Out>) {
    } else if constexpr (may_write_heads<decltype(out.cache())>()) {
      const auto cache = operand(out.cache(), layout.head_dim());
      const auto& given = as_list(out.slots());
      const auto& slots = evaluated(given);
      action(ScatteredOperand<std::decay_t<decltype(cache)>, std::decay_t<decltype(slots)>>{cache, slots});
    }
  } else if constexpr (may_write_heads<Out>()) {
    action(operand(out, layout.head_dim()));
  }
}

template <typename Out, typename X, typename Table, typename Norm, typename Which>
void apply_rope_into(Out&& out, const X& x, const Table& table, const RopeLayout& layout, const Norm& norm,
                     const Which& which) {
  if constexpr (may_norm<Table, Norm>()) {
    with_target(std::forward<Out>(out), layout, [&](const auto& to) {
      if constexpr (is_heads_view<X>) {
        check_and_rotate<false>(to, operand(x, layout.head_dim()), table, layout, norm, which);
      } else {
        const auto& in = evaluated(x);
        check_and_rotate<false>(to, operand(in, layout.head_dim()), table, layout, norm, which);
      }
    });
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_DETAIL_ROTATE_HEADS_HPP
