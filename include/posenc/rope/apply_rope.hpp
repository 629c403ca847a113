// SPDX-License-Identifier: MIT
/// @file
/// apply_rope(): rotates queries and keys by a table, its adjoint or its inverse, in place or into another buffer.
#ifndef POSENC_ROPE_APPLY_ROPE_HPP
#define POSENC_ROPE_APPLY_ROPE_HPP

#include "posenc/frequency/frequency_table.hpp"
#include "posenc/frequency/table_rows.hpp"
#include "posenc/rope/cache_rows.hpp"
#include "posenc/rope/detail/rope_call.hpp"
#include "posenc/rope/detail/rotate_heads.hpp"
#include "posenc/rope/heads_view.hpp"
#include "posenc/rope/rms_norm.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// Rotates every head of queries or keys by the row of its token, in place: token i takes row i.
///
/// In each head, pair j < rotary_dim/2 = (a, b) becomes
///
///     a' = a cos(r, j) - b sin(r, j)
///     b' = a sin(r, j) + b cos(r, j)
///
/// with r the token's row and the table's cosines and sines, which hold the magnitude A. Channels outside of the
/// layout's window stay. `table` says which rotation:
///
///     table             A R(t)       the rotation
///     table.adjoint()   A R(-t)      its gradient: takes dL/d(output) to dL/d(input)
///     table.inverse()   R(-t) / A    undoes it; equal to the adjoint only for A = 1; refused where A is not one
///                                    number (xPos, FoPE, sequences of different magnitudes)
///
/// @param[in,out] x  tokens x (num_heads * head_dim), any number of heads: any writable dense Eigen object (Matrix,
///                   Map, Block, Ref, transpose, index view), row- or column-major, of float, double, Eigen::half,
///                   Eigen::bfloat16 or any Eigen scalar; or a HeadsView of a raw buffer. A temporary that refers to
///                   memory may be given, such as `qkv.leftCols(n)`; a temporary matrix does not compile. x may have no
///                   heads.
/// @param table      FrequencyTable or FrequencyTableView of any storage scalar, its adjoint() or its inverse(). It has
///                   exactly as many rows as x has tokens (a view: tokens in a sequence). All heads share its angles,
///                   or it holds those of each head of x (TableOptions::num_heads), and head h rotates by
///                   table.head(h). A table whose sequences have frequencies of their own (table.num_sequences() > 1)
///                   has a row for each token of the whole batch, and every sequence takes its own rows, in a matrix as
///                   in a view.
/// @param layout     Channels of a head, which of them rotate, and how they pair up. table.rotary_dim() is
///                   layout.rotary_dim().
/// @throws std::invalid_argument  another number of rows than tokens; table.rotary_dim() other than the layout's;
///                                table.num_heads() neither 1 nor the heads of x;
///                                x.cols() no multiple of layout.head_dim(), or x.head_dim() another; null data; an x
///                                that overlaps itself or the table. x is unchanged whenever something is thrown.
/// Cost:     4 multiplications and 2 additions for each pair; no allocation, no copy of x. Row-major x and views of
///           floats run at 0.7 to 0.95 of the speed of an in-place scale, whatever the flags; half at 0.3 and bfloat16 at
///           0.15 of the speed of scaling as many bytes of floats. Column-major x takes the same kernels by another
///           path: 0.4 for floats, 0.25 for 50 tokens, less for fewer.
///           Other strides, and `out` and x in different orders, run element by element. adjoint() costs the same. A
///           table with the angles of each head has as many numbers as x has channels that rotate, and all are read
///           (bench_rope: float in place, adjoint and inverse, variants in the second-level cache, half types, table
///           for each head, column-major).
/// Accuracy: |error| <= 3 eps (|a cos| + |b sin|), eps = 2^-24 for float and half types (which are computed in float
///           and rounded once more), 2^-53 for double; a double table or result makes all of the arithmetic double
///           [rope][kernels], by heads [rope][heads].
///           Where channels are contiguous, results that are computed in float have the same bits on every x86-64
///           machine with AVX2, whatever the compiler's flags; without AVX2 products are rounded once more. This holds
///           for gcc 12 and later and clang, but neither on Windows nor in CUDA code, and unless POSENC_PIN_LEVEL or
///           POSENC_NO_DISPATCH is defined [rope][kernels][levels].
///           A token has the bits that it has alone [rope][one_row]. A column-major matrix of a single token has
///           contiguous channels, and so other last bits, within the bound above, than a row of a larger one.
/// Threads:  reads `table` only; blocks of rows of one x may be rotated at the same time.
/// Source:   Su et al. 2021, arXiv:2104.09864, section 3.4.2.
/// Matches:  apply_rotary_pos_emb of Hugging Face, rotary_embedding of vLLM, ggml_rope_ext_inplace, mlx.fast.rope, ONNX
///           RotaryEmbedding. adjoint(): ggml_rope_ext_back, flash-attention conjugate=True, the vjp of mlx.fast.rope.
///           inverse(): the `inverse` flag of vLLM and apply(cos, -sin) of DeepSeek-V4, which are right for A = 1 only.
template <typename X, typename Table, detail::IfRopeInPlace<X, Table, RopeLayout> = 0>
void apply_rope(X&& x, const Table& table, const RopeLayout& layout) {
  detail::apply_rope_in_place(std::forward<X>(x), table, layout, detail::NoNorm{}, detail::OneRowForEachToken{});
}

/// @overload
/// Token i takes the row that `which` says.
/// @param which  Positions, for a table that knows those of its rows (table.first_position()): starting_at(first),
///               PositionRange(first, count) or a list of integers, one for each token. Rows of any table:
///               from_row(first) or rows(list). Stacked sequences: each_sequence(seq_len), each_sequence(seq_len,
///               start). For a view, positions and rows are those of every sequence; a list may also hold one entry for
///               each token of the batch.
/// @throws std::invalid_argument  in addition: a list of another length, or one that lies in what is written; positions
///                                for a table that does not know them; tokens that are no multiple of each_sequence's
///                                seq_len.
/// @throws std::out_of_range      a position or row that the table does not have.
template <typename X, typename Table, typename Which, detail::IfRopeInPlace<X, Table, RopeLayout> = 0>
void apply_rope(X&& x, const Table& table, const RopeLayout& layout, const Which& which) {
  detail::apply_rope_in_place(std::forward<X>(x), table, layout, detail::NoNorm{}, which);
}

/// @overload
/// Rotates x into `out`, for instance float projections straight into a half or bfloat16 cache, rounded once. Channels
/// that do not rotate are copied.
/// @param[out] out  Same shape as x, in any scalar; an Eigen object or a view, whichever x is. It may be x itself. Or
///                  rows of a cache, cache_rows(cache, slots), one for each token.
/// @param x         An Eigen expression or a view. What is in memory is not copied; a product is computed once, on the
///                  heap.
/// @throws std::invalid_argument  in addition: another shape, or memory that overlaps x partially. `out` is then
///                                unchanged.
/// @throws std::out_of_range      a slot that the cache does not have.
template <typename Out, typename X, typename Table, detail::IfRopeInto<Out, X, Table, RopeLayout> = 0>
void apply_rope(Out&& out, const X& x, const Table& table, const RopeLayout& layout) {
  detail::apply_rope_into(std::forward<Out>(out), x, table, layout, detail::NoNorm{}, detail::OneRowForEachToken{});
}

/// @overload
template <typename Out, typename X, typename Table, typename Which, detail::IfRopeInto<Out, X, Table, RopeLayout> = 0>
void apply_rope(Out&& out, const X& x, const Table& table, const RopeLayout& layout, const Which& which) {
  detail::apply_rope_into(std::forward<Out>(out), x, table, layout, detail::NoNorm{}, which);
}

/// @overload
/// With a norm of queries or keys, in the same pass: where models normalize each head (Qwen3, Gemma 3) or each token
/// (OLMo 2) before they rotate, or behind it (Llama 4).
///
///     before the rotation:  y = R(t) (w x / rms(x))             rms(x) = sqrt(mean of x^2 + eps)
///     behind it:            y = w (R(t) x) / rms(R(t) x)        taken from x: R(t) makes vectors A times as long
///
/// Channels that do not rotate are normalized too. Everything is computed in float (double, where x, `out` or the table
/// is) and rounded once. Frameworks in bfloat16 round behind the norm, the weights and each product, so that they lie up
/// to five roundings from the formula, and this one.
/// @param norm   weight of head_dim or num_heads * head_dim numbers, eps, and what a checkpoint means by them: RmsNorm.
/// @param table  A FrequencyTable or FrequencyTableView. The gradient is rope_backward(), not table.adjoint().
/// @throws std::invalid_argument  in addition: another number of weights; a norm behind the rotation by an xPos or FoPE
///                                table.
/// Cost:     as a rotation alone, and every number read once more from the first-level cache; no allocation. Column-major
///           x, other strides and x in double run element by element (bench_rope: norm and rotation).
/// Accuracy: |error| <= (n / 64 + 12) eps (|a cos| + |b sin|) for n = head_dim, with a and b normalized, eps = 2^-24 and
///           one more rounding into half types; where the norm comes behind the rotation, in addition one rounding of
///           the table's scalar [rope][norm]. This holds while the sum of x^2 is in the range of float, as frameworks
///           need it too.
///           Bits are the same at AVX2 and AVX-512, as above [rope][norm][levels].
/// Matches:  q_norm and k_norm with apply_rotary_pos_emb of Qwen3, Gemma 3, OLMo 2 and Llama 4 in transformers.
template <typename X, typename Table, detail::IfRopeInPlace<X, Table, RopeLayout> = 0>
void apply_rope(X&& x, const Table& table, const RopeLayout& layout, const RmsNorm& norm) {
  detail::apply_rope_in_place(std::forward<X>(x), table, layout, norm, detail::OneRowForEachToken{});
}

/// @overload
template <typename X, typename Table, typename Which, detail::IfRopeInPlace<X, Table, RopeLayout> = 0>
void apply_rope(X&& x, const Table& table, const RopeLayout& layout, const RmsNorm& norm, const Which& which) {
  detail::apply_rope_in_place(std::forward<X>(x), table, layout, norm, which);
}

/// @overload
/// Into `out`, which may be rows of a cache: cache_rows(cache, slots).
template <typename Out, typename X, typename Table, detail::IfRopeInto<Out, X, Table, RopeLayout> = 0>
void apply_rope(Out&& out, const X& x, const Table& table, const RopeLayout& layout, const RmsNorm& norm) {
  detail::apply_rope_into(std::forward<Out>(out), x, table, layout, norm, detail::OneRowForEachToken{});
}

/// @overload
template <typename Out, typename X, typename Table, typename Which, detail::IfRopeInto<Out, X, Table, RopeLayout> = 0>
void apply_rope(Out&& out, const X& x, const Table& table, const RopeLayout& layout, const RmsNorm& norm,
                const Which& which) {
  detail::apply_rope_into(std::forward<Out>(out), x, table, layout, norm, which);
}

/// @overload
/// Says what is wrong with arguments that are missing, in another order, or of another kind.
template <typename... Arguments, detail::IfNoRopeCall<Arguments...> = 0>
void apply_rope(const Arguments&...) {
  detail::explain_rope_call<Arguments...>();
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_APPLY_ROPE_HPP
