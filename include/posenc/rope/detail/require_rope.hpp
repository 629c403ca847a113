// SPDX-License-Identifier: MIT
/// @file
/// The checks of apply_rope(), before anything is written: shapes, windows and memory.
#ifndef POSENC_ROPE_DETAIL_REQUIRE_ROPE_HPP
#define POSENC_ROPE_DETAIL_REQUIRE_ROPE_HPP

#include "posenc/detail/check.hpp"
#include "posenc/detail/overlap.hpp"
#include "posenc/frequency/table_rows.hpp"
#include "posenc/rope/detail/heads_operand.hpp"
#include "posenc/rope/detail/table_memory.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Refuses a table that does not rotate exactly the channels that the layout names, and one that rotates nothing,
/// because its frequencies are those of channels.
template <typename View>
POSENC_COLD void refuse_window(const char* function, const RopeLayout& layout, const View& table) {
  const Eigen::Index rotary_dim = table.rotary_dim();
  require(!table.of_channels(), function, "table", "angles of channels",
          "one with an angle for each pair (angles of channels are for apply_channel_angles())");
  const char* const by_channel =
      rotary_dim == 2 * layout.rotary_dim() ? " (angles of channels are for apply_channel_angles())" : "";
  if (layout.rotary_dim() != layout.head_dim()) {
    refuse<std::invalid_argument>(function, "table.rotary_dim()", rotary_dim, "layout.rotary_dim() ",
                                  layout.rotary_dim(), by_channel);
  }
  if (rotary_dim > layout.head_dim()) {
    refuse<std::invalid_argument>(function, "table.rotary_dim()", rotary_dim, "layout.head_dim() ", layout.head_dim(),
                                  by_channel);
  }
  refuse<std::invalid_argument>(function, "table.rotary_dim()", rotary_dim, "layout.head_dim() ", layout.head_dim(),
                                ", or the layout say which part rotates (.prefix(", rotary_dim, "))");
}
template <typename View>
EIGEN_ALWAYS_INLINE void require_window(const char* function, const RopeLayout& layout, const View& table) {
  if (table.of_channels() || table.rotary_dim() != layout.rotary_dim()) refuse_window(function, layout, table);
}

/// Refuses a table unless all heads share its angles or it has those of each head of x.
inline void require_heads_of_table(const char* function, Eigen::Index of_table, Eigen::Index of_x) {
  if (of_table == 1 || of_table == of_x) return;
  refuse<std::invalid_argument>(function, "table.num_heads()", of_table, "the heads of x ", of_x,
                                ", or 1 where they share the angles");
}

/// Refuses a table with rows for each sequence unless these are the sequences of the view.
inline void require_sequences_of_table(const char* function, Eigen::Index sequences, Eigen::Index rows,
                                       const TokenGrid& grid) {
  if (sequences != grid.batch) {
    refuse<std::invalid_argument>(function, "table.num_sequences()", sequences, grid.parameter, ".batch() ",
                                  grid.batch);
  }
  if (rows != grid.tokens()) {
    refuse<std::invalid_argument>(function, "table.rows()", rows, "those of all sequences, ", grid.tokens());
  }
}

/// Refuses it unless these are the sequences that each_sequence(seq_len) names, stacked in a matrix or of a view.
inline void require_each_sequence_of_table(const char* function, Eigen::Index sequences, Eigen::Index rows,
                                           Eigen::Index seq_len, const TokenGrid& grid) {
  require(seq_len == rows / sequences && (grid.batch == 1 || grid.seq_len == seq_len), function,
          "each_sequence's seq_len", seq_len, "the rows of each of the table's ", sequences, " sequences, ",
          rows / sequences);
  require(grid.tokens() == rows, function, "table.rows()", rows, "those of all sequences, ", grid.tokens());
}

/// Refuses from_row(row) where several sequences would share rows that belong to one of them.
inline void require_rows_of_one_sequence(const char* function, Eigen::Index sequences, Eigen::Index row, bool is_one) {
  require(is_one, function, "from_row()", row, "left out, because the table has rows for each of ", sequences,
          " sequences");
}

/// Refuses queries or keys that do not fit the layout.
template <typename X>
EIGEN_ALWAYS_INLINE void require_heads(const char* function, const char* parameter, const MatrixOperand<X>& operand,
                                       const RopeLayout& layout) {
  const auto& x = operand.x;
  if (x.cols() != operand.num_heads() * layout.head_dim()) {
    refuse<std::invalid_argument>(
        function, joined(parameter, ".cols()"), x.cols(), "a multiple of layout.head_dim() ", layout.head_dim(),
        x.rows() % layout.head_dim() == 0 && x.rows() > 0 ? " (features x tokens is given as x.transpose())" : "");
  }
  require_data(function, parameter, x);
}
template <typename Element>
void require_heads(const char* function, const char* parameter, const ViewOperand<Element>& operand,
                   const RopeLayout& layout) {
  if (operand.x.head_dim() != layout.head_dim()) {
    refuse<std::invalid_argument>(function, joined(parameter, ".head_dim()"), operand.x.head_dim(),
                                  "layout.head_dim() ", layout.head_dim());
  }
}

/// Refuses rows of a cache of another width, or that it does not have.
template <typename Cache, typename List>
void require_heads(const char* function, const char*, const ScatteredOperand<Cache, List>& operand,
                   const RopeLayout& layout) {
  require_heads(function, "cache", operand.cache, layout);
  require_integer_list<List>();
  const Eigen::Index rows = operand.cache.tokens();
  for (Eigen::Index i = 0; i < operand.tokens(); ++i) {
    const auto slot = list_entry(operand.slots, i);
    const bool fits = !is_negative(slot) && static_cast<std::uint64_t>(slot) < static_cast<std::uint64_t>(rows);
    if (!fits) {
      refuse<std::out_of_range>(function, element("slots", i), slot, "in [0, the rows of the cache ", rows, ")");
    }
  }
}

/// Refuses a target that overlaps itself.
template <typename X>
EIGEN_ALWAYS_INLINE void require_heads_disjoint(const char* function, const char* parameter,
                                                const MatrixOperand<X>& operand) {
  require_no_self_overlap(function, parameter, operand.x);
}
template <typename Element>
void require_heads_disjoint(const char* function, const char* parameter, const ViewOperand<Element>& operand) {
  const HeadsView<Element>& x = operand.x;
  StridedAxis axes[] = {{".head_stride()", x.num_heads(), x.head_stride()},
                        {".token_stride()", x.seq_len(), x.token_stride()},
                        {".batch_stride()", x.batch(), x.batch_stride()}};
  require_nested_strides(function, parameter, axes, x.head_dim());
}

template <typename Cache, typename List>
void require_heads_disjoint(const char* function, const char*, const ScatteredOperand<Cache, List>& operand) {
  require_heads_disjoint(function, "cache", operand.cache);
}

template <typename Out, typename In>
void require_same_shape(const char* function, const Out& out, const In& in) {
  const auto agree = [&](const char* name, Eigen::Index value, const char* other, Eigen::Index expected) {
    require(value == expected, function, name, value, other, expected);
  };
  if constexpr (Out::kScattered) {
    agree("slots.size()", out.tokens(), "the tokens of x ", in.tokens());
    agree("the heads of the cache", out.num_heads(), "those of x ", in.num_heads());
  } else if constexpr (Out::kIsView && In::kIsView) {
    agree("out.batch()", out.x.batch(), "x.batch() ", in.x.batch());
    agree("out.seq_len()", out.x.seq_len(), "x.seq_len() ", in.x.seq_len());
    agree("out.num_heads()", out.x.num_heads(), "x.num_heads() ", in.x.num_heads());
  } else if constexpr (Out::kIsView) {
    agree("x.rows()", in.x.rows(), "out.batch() * out.seq_len() ", out.tokens());
    agree("x.cols()", in.x.cols(), "out.num_heads() * out.head_dim() ", out.num_heads() * out.x.head_dim());
  } else if constexpr (In::kIsView) {
    agree("out.rows()", out.x.rows(), "x.batch() * x.seq_len() ", in.tokens());
    agree("out.cols()", out.x.cols(), "x.num_heads() * x.head_dim() ", in.num_heads() * in.x.head_dim());
  } else {
    agree("out.rows()", out.x.rows(), "x.rows() ", in.x.rows());
    agree("out.cols()", out.x.cols(), "x.cols() ", in.x.cols());
  }
}

/// Where heads with contiguous channels lie, as `batch` sequences of `seq_len` tokens; nothing for other memory.
template <typename Operand>
std::optional<MemoryExtent> extent_of_heads(const Operand& operand, Eigen::Index batch, Eigen::Index seq_len,
                                            Eigen::Index head_dim) {
  if constexpr (Operand::kMayHaveStrides) {
    if (!operand.has_strides()) return std::nullopt;
    const auto x = operand.strides();
    constexpr std::size_t bytes = sizeof(typename Operand::Scalar);
    MemoryExtent extent{address_of(x.data), static_cast<std::int64_t>(head_dim) * static_cast<std::int64_t>(bytes)};
    extent.set_axis(0, batch, Operand::kIsView ? x.batch_stride : seq_len * x.token_stride, bytes);
    extent.set_axis(1, seq_len, x.token_stride, bytes);
    extent.set_axis(2, operand.num_heads(), x.head_stride, bytes);
    return extent;
  } else {
    return std::nullopt;
  }
}

/// The rows of a cache.
template <typename X>
TokenGrid rows_of(const MatrixOperand<X>& cache) {
  return {"cache", "cache.rows()", 1, cache.tokens()};
}
template <typename Element>
TokenGrid rows_of(const ViewOperand<Element>& cache) {
  return {"cache", "cache.seq_len()", cache.x.batch(), cache.x.seq_len()};
}

/// Whether heads that are written and heads that are read share memory. At least one of them is a view.
template <typename Out, typename In>
bool heads_overlap(const Out& out, const std::optional<MemoryExtent>& to, const In& in,
                   const std::optional<MemoryExtent>& from) {
  if (to && from) return overlap(*to, *from);
  if constexpr (!Out::kIsView) {
    return any_leaf(out.x, [&](const auto& leaf) { return overlap(extent_of(leaf), *from); });
  } else if constexpr (!In::kIsView) {
    return any_leaf(in.x, [&](const auto& leaf) { return overlap(extent_of(leaf), *to); });
  } else {
    return false;
  }
}

/// Refuses an `out` unless it is x itself, element for element, or disjoint from it; a cache unless it is disjoint.
template <typename Out, typename In>
void require_itself_or_disjoint(const char* function, const Out& out, const In& in, Eigen::Index batch,
                                Eigen::Index seq_len, Eigen::Index head_dim) {
  const auto refuse_if = [&](bool overlapping) {
    require(!overlapping, function, "out", "overlapping memory", "x itself or disjoint from it");
  };
  if constexpr (Out::kScattered) {
    bool overlapping = false;
    if constexpr (!decltype(out.cache)::kIsView && !In::kIsView) {
      overlapping = share_memory(out.cache.x, in.x);
    } else {
      const TokenGrid rows = rows_of(out.cache);
      const auto to = extent_of_heads(out.cache, rows.batch, rows.seq_len, head_dim);
      overlapping = heads_overlap(out.cache, to, in, extent_of_heads(in, batch, seq_len, head_dim));
    }
    require(!overlapping, function, "cache", "overlapping memory", "disjoint from x");
  } else if constexpr (!Out::kIsView && !In::kIsView) {
    refuse_if(overlap_partially(out.x, in.x));
  } else {
    const auto to = extent_of_heads(out, batch, seq_len, head_dim);
    const auto from = extent_of_heads(in, batch, seq_len, head_dim);
    const bool same = to && from && std::is_same_v<typename Out::Scalar, typename In::Scalar> && is_same(*to, *from);
    refuse_if(!same && heads_overlap(out, to, in, from));
  }
}

/// Whether f(extent) holds for memory that is written.
template <typename Out, typename Predicate>
bool any_written_memory(const Out& out, const TokenGrid& grid, Eigen::Index head_dim, const Predicate& f) {
  if constexpr (Out::kScattered) {
    return any_written_memory(out.cache, rows_of(out.cache), head_dim, f);
  } else if constexpr (Out::kIsView) {
    const auto heads = extent_of_heads(out, grid.batch, grid.seq_len, head_dim);
    return heads && f(*heads);
  } else {
    return any_leaf(out.x, [&](const auto& leaf) { return f(extent_of(leaf)); });
  }
}

/// Refuses a table whose numbers lie in what is written, as those of a wrapped cache may. Where each ends is compared
/// first: a short call then keeps all of this in registers.
template <typename Out, typename Table>
EIGEN_ALWAYS_INLINE void require_table_elsewhere(const char* function, const char* parameter, const Out& out,
                                                 const Table& table, const TokenGrid& grid, Eigen::Index head_dim) {
  if (table.rows() == 0) return;
  const MemorySpan numbers = span_of_table(table);
  const auto is_near = [&](const MemoryExtent& written) { return !lie_apart(span_of(written), numbers); };
  if (!any_written_memory(out, grid, head_dim, is_near)) return;
  const bool overlapping = any_written_memory(
      out, grid, head_dim, [&](const MemoryExtent& written) { return overlap_table(table, written); });
  require(!overlapping, function, Out::kScattered ? "cache" : parameter, "memory of the table",
          "disjoint from the table");
}

/// Refuses positions, rows or slots that lie in what is written, where they would change before they are read.
template <typename Out, typename Given>
void require_list_elsewhere(const char* function, const char* parameter, const Out& out, const Given& given,
                            const TokenGrid& grid, Eigen::Index head_dim) {
  const auto is_written = [&](const MemoryExtent& list) {
    return any_written_memory(out, grid, head_dim, [&](const MemoryExtent& written) { return overlap(written, list); });
  };
  if constexpr (Out::kScattered) {
    require(!any_memory_of_list(out.slots, is_written), function, "slots", "memory of the cache",
            "disjoint from the cache");
  }
  require(!any_memory_of_list(given, is_written), function, Out::kScattered ? "cache" : parameter,
          "memory of the positions or rows", "disjoint from the list of positions or rows");
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_DETAIL_REQUIRE_ROPE_HPP
