// SPDX-License-Identifier: MIT
/// @file
/// apply_rope(): turns queries and keys, with its inverse and its adjoint.
#ifndef POSENC_ROPE_APPLY_ROPE_HPP
#define POSENC_ROPE_APPLY_ROPE_HPP

#include "posenc/frequency/frequency_table.hpp"
#include "posenc/rope/detail/dispatch.hpp"
#include "posenc/rope/heads_view.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

inline Turn forward_turn() { return {false, 1.0}; }
inline Turn adjoint_turn() { return {true, 1.0}; }
template <typename Table>
Turn inverse_turn(const char* function, const Table& table) {
  const double magnitude = table.magnitude();
  require(magnitude > 0, function, "table.magnitude()", magnitude,
          "> 0 (the inverse of an xPos table is the adjoint of its counterpart)");
  return {true, 1.0 / (magnitude * magnitude)};
}

}  // namespace detail

/// Turns every head of queries or keys by its token's position, in place.
///
/// Token i takes table row r = first_row + i, or r = rows(i). In each head, pair j < rotary_dim/2 = (a, b) becomes
///
///     a' = a cos(r, j) - b sin(r, j)
///     b' = a sin(r, j) + b cos(r, j)
///
/// with the table's cosines and sines, which hold the magnitude A. Channels outside of the layout's window stay.
///
/// @param[in,out] x  tokens x (num_heads * head_dim), any number of heads: any writable dense Eigen object (Matrix,
///                   Map, Block, Ref, transpose), row- or column-major. float, double, Eigen::half, Eigen::bfloat16,
///                   or any Eigen scalar. What writes through may be a temporary, such as `qkv.leftCols(n)`; a
///                   temporary matrix does not compile. Zero tokens or zero heads are no error.
/// @param table      Rows that the tokens need; of any storage scalar.
/// @param layout     head_dim, which channels pair up, and the first one that turns.
/// @param rows       An integer: the row of token 0 (0 when left out; the number of cached tokens, for a table that
///                   starts at position 0). Or an Eigen vector of integers, one row for each token.
/// @throws std::invalid_argument  x.cols() no multiple of head_dim; offset + rotary_dim > head_dim; a list of another
///                                length than tokens; null data.
/// @throws std::out_of_range      a row that the table does not have. x is unchanged whenever one is thrown.
///
/// Cost:     4 multiplications and 2 additions for each pair; no allocation, no copy of x. Row-major x at the speed of
///           an in-place scale from the second-level cache on; column-major x by a kernel of its own; other strides,
///           and `out` and x in different orders, element by element.
/// Accuracy: |error| <= 3 eps (|a cos| + |b sin|), eps = 2^-24 for float and half types (which are computed in float
///           and rounded once more), 2^-53 for double. A double table or result makes all of the arithmetic double.
/// Threads:  reads `table` only; blocks of rows of one x may be turned at the same time.
/// Source:   Su et al. 2021, arXiv:2104.09864, section 3.4.2.
/// Matches:  apply_rotary_pos_emb of Hugging Face, rotary_embedding of vLLM, ggml_rope_ext_inplace, mlx.fast.rope,
///           ONNX RotaryEmbedding.
template <typename X, typename Table, typename Rows = Eigen::Index, detail::IfNoView<X> = 0>
void apply_rope(X&& x, const Table& table, const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_in_place("apply_rope", detail::written(std::forward<X>(x)), table.view(), layout, rows,
                        detail::forward_turn());
}

/// @overload
/// Raw buffers. A list of rows holds seq_len entries, shared by the batch, or batch * seq_len.
/// @throws std::invalid_argument  besides those above: a negative size; a stride that does not reach past what the
///                                smaller ones cover.
/// @throws std::length_error      a view beyond memory.
template <typename Scalar, typename Table, typename Rows = Eigen::Index>
void apply_rope(const HeadsView<Scalar>& x, const Table& table, const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_view<true>("apply_rope", x, x, table.view(), layout, rows, detail::forward_turn());
}

/// Turns `x` into `out`, for instance float projections straight into a half or bfloat16 cache: rounded once.
///
/// @param[out] out  Same shape as x; may be x itself. Channels that do not turn are copied.
/// @param x         Any dense Eigen expression. What is in memory is not copied; a product is computed once, on the
///                  heap.
/// @throws std::invalid_argument  besides those of apply_rope(): another shape, or memory that overlaps x partially.
template <typename Out, typename Derived, typename Table, typename Rows = Eigen::Index>
void apply_rope_into(Out&& out, const Eigen::DenseBase<Derived>& x, const Table& table, const RopeLayout& layout,
                     const Rows& rows = 0) {
  detail::rope_into("apply_rope_into", detail::written(std::forward<Out>(out)), x, table.view(), layout, rows,
                    detail::forward_turn());
}

/// @overload
template <typename OutScalar, typename Scalar, typename Table, typename Rows = Eigen::Index>
void apply_rope_into(const HeadsView<OutScalar>& out, const HeadsView<Scalar>& x, const Table& table,
                     const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_view<false>("apply_rope_into", out, x, table.view(), layout, rows, detail::forward_turn());
}

/// Undoes apply_rope(): R(-t) / A. Parameters, errors and cost are those of apply_rope().
/// @throws std::invalid_argument  besides: a table of make_xpos_tables(), which has no single A.
/// Matches:  the `inverse` flag of vLLM and apply(cos, -sin) of DeepSeek-V4, which are right for A = 1 only.
template <typename X, typename Table, typename Rows = Eigen::Index, detail::IfNoView<X> = 0>
void apply_rope_inverse(X&& x, const Table& table, const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_in_place("apply_rope_inverse", detail::written(std::forward<X>(x)), table.view(), layout, rows,
                        detail::inverse_turn("apply_rope_inverse", table));
}

/// @overload
/// Raw buffers. A list of rows holds seq_len entries, shared by the batch, or batch * seq_len.
template <typename Scalar, typename Table, typename Rows = Eigen::Index>
void apply_rope_inverse(const HeadsView<Scalar>& x, const Table& table, const RopeLayout& layout,
                        const Rows& rows = 0) {
  detail::rope_view<true>("apply_rope_inverse", x, x, table.view(), layout, rows,
                          detail::inverse_turn("apply_rope_inverse", table));
}

/// apply_rope_inverse() from `x` into `out`, as apply_rope_into() does.
template <typename Out, typename Derived, typename Table, typename Rows = Eigen::Index>
void apply_rope_inverse_into(Out&& out, const Eigen::DenseBase<Derived>& x, const Table& table,
                             const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_into("apply_rope_inverse_into", detail::written(std::forward<Out>(out)), x, table.view(), layout, rows,
                    detail::inverse_turn("apply_rope_inverse_into", table));
}

/// @overload
template <typename OutScalar, typename Scalar, typename Table, typename Rows = Eigen::Index>
void apply_rope_inverse_into(const HeadsView<OutScalar>& out, const HeadsView<Scalar>& x, const Table& table,
                             const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_view<false>("apply_rope_inverse_into", out, x, table.view(), layout, rows,
                           detail::inverse_turn("apply_rope_inverse_into", table));
}

/// The gradient of apply_rope(): A R(-t), which takes dL/d(output) to dL/d(input). Equal to the inverse only for A = 1.
/// Parameters, errors and cost are those of apply_rope().
/// Matches:  ggml_rope_ext_back, flash-attention conjugate=True, the vjp of mlx.fast.rope.
template <typename X, typename Table, typename Rows = Eigen::Index, detail::IfNoView<X> = 0>
void apply_rope_adjoint(X&& x, const Table& table, const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_in_place("apply_rope_adjoint", detail::written(std::forward<X>(x)), table.view(), layout, rows,
                        detail::adjoint_turn());
}

/// @overload
/// Raw buffers. A list of rows holds seq_len entries, shared by the batch, or batch * seq_len.
template <typename Scalar, typename Table, typename Rows = Eigen::Index>
void apply_rope_adjoint(const HeadsView<Scalar>& x, const Table& table, const RopeLayout& layout,
                        const Rows& rows = 0) {
  detail::rope_view<true>("apply_rope_adjoint", x, x, table.view(), layout, rows, detail::adjoint_turn());
}

/// apply_rope_adjoint() from `x` into `out`, as apply_rope_into() does.
template <typename Out, typename Derived, typename Table, typename Rows = Eigen::Index>
void apply_rope_adjoint_into(Out&& out, const Eigen::DenseBase<Derived>& x, const Table& table,
                             const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_into("apply_rope_adjoint_into", detail::written(std::forward<Out>(out)), x, table.view(), layout, rows,
                    detail::adjoint_turn());
}

/// @overload
template <typename OutScalar, typename Scalar, typename Table, typename Rows = Eigen::Index>
void apply_rope_adjoint_into(const HeadsView<OutScalar>& out, const HeadsView<Scalar>& x, const Table& table,
                             const RopeLayout& layout, const Rows& rows = 0) {
  detail::rope_view<false>("apply_rope_adjoint_into", out, x, table.view(), layout, rows, detail::adjoint_turn());
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_APPLY_ROPE_HPP
