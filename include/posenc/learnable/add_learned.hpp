// SPDX-License-Identifier: MIT
/// @file
/// Writes and adds the rows of a trained table.
#ifndef POSENC_LEARNABLE_ADD_LEARNED_HPP
#define POSENC_LEARNABLE_ADD_LEARNED_HPP

#include "posenc/detail/check.hpp"
#include "posenc/detail/positions_in_braces.hpp"
#include "posenc/learnable/detail/explain_learned.hpp"
#include "posenc/learnable/detail/write_learned.hpp"
#include "posenc/learnable/learned_table.hpp"

#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// Writes the table's row of each token's position into `out`: out[t] = P[position of t].
///
/// @param[out] out   tokens x table.width(): any writable dense Eigen object, row- or column-major, of any real scalar.
/// @param table      A LearnedTable, or wrap_learned_table(weights). Positions past its last row are refused, unless
///                   its LookupOptions say otherwise.
/// @param positions  One for each token: starting_at(first); PositionRange(first, count) with count == out.rows(); a
///                   list of integers of any type (an Eigen vector, a [batch, seq_len] matrix read along its rows,
///                   std::vector, ...). In a batch of stacked sequences: each_sequence(seq_len, starting_at(first)), or
///                   each_sequence(seq_len, starts) with the first position of each. For models that do not count from
///                   0: presets::opt_positions(), presets::roberta_positions(); BART is starting_at(first + 2).
/// @throws std::invalid_argument  out.cols() is not the table's width; another number of positions than rows; memory
///                                shared with the table or a list of positions, or rows of `out` that lie in one
///                                another.
/// @throws std::out_of_range      a position < 0, or one that the table and its Overflow do not have. `out` is
///                                unchanged whenever one is thrown.
/// Cost:     a copy of each row; hierarchical positions past the table one multiplication and two additions for each
///           value. No allocation. Column-major and strided `out` element by element (bench_learnable: lookup).
/// Accuracy: table rows exactly, rounded once where `out` has another scalar. Hierarchical: 3 roundings of the largest
///           term, half types in float [learnable][lookup].
/// Threads:  blocks of rows of one `out` may be written at the same time.
/// Source:   Gehring et al. 2017, arXiv:1705.03122, section 3.1; Devlin et al. 2018, arXiv:1810.04805. Hierarchical:
///           Su 2020, kexue.fm/archives/7947.
/// Matches:  nn.Embedding(positions) of PyTorch, PositionEmbedding of bert4keras, PositionEmbedding of CTranslate2. The
///           two position embeddings of Mllama in transformers: that of patches times 1 - tanh(gate), and that of tiles
///           times tanh(gate), of which a token reads row (aspect_ratio_id max_num_tiles + tile) num_patches + patch.
template <typename Out, typename Table, typename Positions,
          std::enable_if_t<detail::are_learned_arguments<Out, Table>, int> = 0>
void encode_learned(Out&& out, const Table& table, const Positions& positions) {
  detail::apply_learned<false>("encode_learned", "out", detail::written(std::forward<Out>(out)), table, positions);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
void encode_learned(const Arguments&...) {
  static_assert(detail::explain_learned<Arguments...>());
}

/// @overload
/// Says what to write for positions in bare braces.
template <typename First, typename Second, typename... More>
void encode_learned(const First&, const Second&, detail::PositionsInBraces, const More&...) {
  static_assert(detail::kMisuse<First>,
                "posenc: bare braces are not positions, because they may mean a range or a list: write "
                "PositionRange(first, count), or give a std::vector of positions");
}

/// Adds the table's row of each token's position to token embeddings, in place: x[t] += P[position of t].
///
/// Pictures with a table of rows and one of columns are two calls: both on all channels where the tables are added, one
/// on each block of channels where they lie side by side.
///
///     const auto grid = grid_positions({height, width});                        //          column | row
///     add_learned(x.leftCols(columns.width()), columns, grid.col(1));           //   token  x x x  | y y y
///     add_learned(x.rightCols(rows.width()), rows, grid.col(0));
///
/// @param[in,out] x  tokens x table.width(); `table`, `positions` and errors as in encode_learned().
/// Cost:     that of x += y. No allocation (bench_learnable: lookup).
/// Accuracy: one rounding; half types are added in float, and a double table or x makes the addition double
///           [learnable][lookup].
/// Matches:  side by side, columns first: DetrLearnedPositionEmbedding and Florence-2's learned positions of
///           transformers; side by side, rows first: AxialPositionEmbeddings of Reformer.
template <typename X, typename Table, typename Positions,
          std::enable_if_t<detail::are_learned_arguments<X, Table>, int> = 0>
void add_learned(X&& x, const Table& table, const Positions& positions) {
  detail::apply_learned<true>("add_learned", "x", detail::written(std::forward<X>(x)), table, positions);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
void add_learned(const Arguments&...) {
  static_assert(detail::explain_learned<Arguments...>());
}

/// @overload
/// Says what to write for positions in bare braces.
template <typename First, typename Second, typename... More>
void add_learned(const First&, const Second&, detail::PositionsInBraces, const More&...) {
  static_assert(detail::kMisuse<First>,
                "posenc: bare braces are not positions, because they may mean a range or a list: write "
                "PositionRange(first, count), or give a std::vector of positions");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_ADD_LEARNED_HPP
