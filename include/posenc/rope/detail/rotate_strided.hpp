// SPDX-License-Identifier: MIT
/// @file
/// apply_rope() for tokens whose channels are contiguous: the runs or the lists of a call, brought before the kernel.
#ifndef POSENC_ROPE_DETAIL_ROTATE_STRIDED_HPP
#define POSENC_ROPE_DETAIL_ROTATE_STRIDED_HPP

#include "posenc/detail/vector_code.hpp"
#include "posenc/frequency/table_rows.hpp"
#include "posenc/rope/detail/head_rotations.hpp"
#include "posenc/rope/detail/heads_operand.hpp"
#include "posenc/rope/detail/rotate_at_level.hpp"
#include "posenc/rope/kernels/rotate_rows.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

/// Rotates tokens with contiguous channels whose rows of the table, or of the cache that is written, are listed: the
/// lists are brought before the kernel some tokens at a time.
template <bool Backward, typename Out, typename In, typename TableScalar, typename Rows>
void rotate_listed(const Out& out, const StridedHeads<In>& in, Eigen::Index tokens, Eigen::Index num_heads,
                   const HeadRotations<TableScalar>& rotations, const RopeLayout& layout, const Rows& rows) {
  constexpr Eigen::Index most = 64;
  constexpr bool scattered = is_scattered_rows<Out>;
  std::ptrdiff_t row_list[most];
  std::ptrdiff_t offset_list[most];
  for (Eigen::Index token = 0; token < tokens;) {
    const Eigen::Index count = (std::min)({most, in.left(token), out.left(token), tokens - token});
    const auto read = in.at(token, layout.offset());
    const auto write = out.at(token, layout.offset());
    for (Eigen::Index i = 0; i < count; ++i) {
      row_list[i] = rows(token + i);
      if constexpr (scattered) offset_list[i] = out.at(token + i, layout.offset()).data - write.data;
    }
    using Element = std::remove_const_t<In>;
    const TokenRows<const Element> from{read.data, read.head_stride, read.token_stride};
    rotate_at_level<Backward>(write, from, count, num_heads, rotations, 0, layout.pairs() == RopePairs::half_split,
                              TokensOfCall{row_list, scattered ? offset_list : nullptr, tokens});
    token += count;
  }
}

/// Rotates `count` tokens of `all_tokens`, from `token` on, which take the table's rows from `row` on, in double or where
/// there are no levels. Heads with rotations of their own as rotate_in_parts() does.
template <bool Backward, typename Out, typename In, typename TableScalar>
void rotate_without_levels(const Out& out, const TokenRows<const In>& from, Eigen::Index token, Eigen::Index count,
                           Eigen::Index all_tokens, Eigen::Index num_heads, const HeadRotations<TableScalar>& rotations,
                           const RopeLayout& layout, Eigen::Index row) {
  const bool shared = rotations.shared();
  const Eigen::Index numbers = layout.rotary_dim() * num_heads * all_tokens;
  const bool in_parts = from.token_stride > from.head_stride;
  const bool in_order = in_parts && numbers > kLastLevel<In>;
  const Eigen::Index some_tokens = is_scattered_rows<Out> ? 1 : shared ? count : in_order ? 1 : 32;
  const Eigen::Index together = shared ? num_heads : 1;
  for (Eigen::Index i = 0; i < count; i += some_tokens) {
    const auto to = out.at(token + i, layout.offset());
    for (Eigen::Index head = 0; head < num_heads; head += together) {
      rotate_rows<Backward>(to.from(0, head), from.from(i, head), (std::min)(some_tokens, count - i),
                            shared ? all_tokens : 0, together, rotations.of(head), row + i,
                            layout.pairs() == RopePairs::half_split);
    }
  }
}

/// Rotates tokens with contiguous channels, run by run.
template <bool Backward, typename Out, typename In, typename TableScalar, typename Rows>
EIGEN_ALWAYS_INLINE void rotate_strided(const Out& out, const StridedHeads<In>& in, Eigen::Index tokens,
                                        Eigen::Index num_heads, const HeadRotations<TableScalar>& rotations,
                                        const RopeLayout& layout, const Rows& rows) {
  using OutElement = std::remove_pointer_t<decltype(out.at(0, 0).data)>;
  constexpr bool at_level = has_levels<OutElement, std::remove_const_t<In>, TableScalar>;
  if constexpr (at_level && (is_scattered_rows<Out> || is_listed_rows<Rows>)) {
    rotate_listed<Backward>(out, in, tokens, num_heads, rotations, layout, rows);
  } else {
    rows.for_each_run([&](Eigen::Index token, Eigen::Index count, Eigen::Index row) POSENC_INLINE_LAMBDA {
      const TokenRows<In> read = in.at(token, layout.offset());
      const TokenRows<const In> from{read.data, read.head_stride, read.token_stride};
      if constexpr (at_level) {
        rotate_at_level<Backward>(out.at(token, layout.offset()), from, count, num_heads, rotations, row,
                                  layout.pairs() == RopePairs::half_split, TokensOfCall{nullptr, nullptr, tokens});
      } else {
        rotate_without_levels<Backward>(out, from, token, count, tokens, num_heads, rotations, layout, row);
      }
    });
  }
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_DETAIL_ROTATE_STRIDED_HPP
