// SPDX-License-Identifier: MIT
/// @file
/// apply_channel_angles(): an angle for each channel instead of one for each pair.
#ifndef POSENC_ROPE_APPLY_CHANNEL_ANGLES_HPP
#define POSENC_ROPE_APPLY_CHANNEL_ANGLES_HPP

#include "posenc/frequency/frequency_table.hpp"
#include "posenc/frequency/table_rows.hpp"
#include "posenc/rope/detail/rope_call.hpp"
#include "posenc/rope/detail/rotate_heads.hpp"
#include "posenc/rope/rope_layout.hpp"

#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Mixes the two channels of each pair, element by element; row_of(token) is the table's row.
template <bool Backward, typename X, typename TableScalar, typename RowOf>
void mix_channels(const X& x, const HeadRotations<TableScalar>& angles, const RopeLayout& layout, const RowOf& row_of) {
  using Scalar = typename X::Scalar;
  using Number = RotationScalar<Scalar, Scalar, TableScalar>;
  const Eigen::Index pairs = layout.rotary_dim() / 2;
  const bool half_split = layout.pairs() == RopePairs::half_split;
  for (Eigen::Index token = 0; token < x.tokens(); ++token) {
    for (Eigen::Index head = 0; head < x.num_heads(); ++head) {
      const Rotation<TableScalar> of_head = angles.of(head);
      const TableScalar* const cos = of_head.cos(row_of(token));
      const TableScalar* const sin = of_head.sin(row_of(token));
      const auto number = [&](const TableScalar* row, Eigen::Index channel) {
        return Number(static_cast<double>(row[channel * of_head.pair_stride]));
      };
      for (Eigen::Index pair = 0; pair < pairs; ++pair) {
        const Eigen::Index first = half_split ? pair : 2 * pair;
        const Eigen::Index second = first + (half_split ? pairs : 1);
        const Number a = convert<Number>(x.get(token, head, layout.offset() + first));
        const Number b = convert<Number>(x.get(token, head, layout.offset() + second));
        const Number from_b = Backward ? Number(b * number(sin, second)) : Number(-(b * number(sin, first)));
        const Number from_a = Backward ? Number(-(a * number(sin, first))) : Number(a * number(sin, second));
        x.set(token, head, layout.offset() + first, convert<Scalar>(Number(a * number(cos, first) + from_b)));
        x.set(token, head, layout.offset() + second, convert<Scalar>(Number(b * number(cos, second) + from_a)));
      }
    }
  }
}

template <typename X, typename Table, typename Which>
void apply_channel_angles_in_place(X&& x, const Table& table, const RopeLayout& layout, const Which& which) {
  if constexpr (may_write_heads<X>()) {
    const char* const function = "apply_channel_angles";
    const auto heads = operand(x, layout.head_dim());
    const auto& view = RopeTable<Table>::of(table);
    using Angles = HeadRotations<typename std::decay_t<decltype(view)>::Scalar>;
    if constexpr (is_table_rotation<Table>) {
      require(!is_inverse(table), function, "table", "table.inverse()",
              "a table or table.adjoint(): channels with angles of their own do not rotate, and have no such inverse");
    }
    require(view.num_pairs() == layout.rotary_dim(), function, "table.num_pairs()", view.num_pairs(),
            "layout.rotary_dim() ", layout.rotary_dim(), ", an angle for each channel");
    require_heads(function, "x", heads, layout);
    require_heads_of_table(function, view.num_heads(), heads.num_heads());
    TokenGrid grid{"x", "x.rows()", 1, heads.tokens()};
    if constexpr (decltype(heads)::kIsView) grid = {"x", "x.seq_len()", heads.x.batch(), heads.x.seq_len()};
    require_heads_disjoint(function, "x", heads);
    require_table_elsewhere(function, "x", heads, view, grid, layout.head_dim());
    require_list_elsewhere(function, "x", heads, which, grid, layout.head_dim());
    with_rope_rows<decltype(heads)::kIsView>(function, view, which, grid, [&](const auto& rows) {
      mix_channels<RopeTable<Table>::backward>(heads, Angles{view, 1}, layout, rows);
    });
  }
}

}  // namespace detail

/// Mixes the two channels of every pair by an angle of each channel, in place. This is no rotation, and lengths change:
/// it is for models that were trained with it, and for no others.
///
/// In each head, channels a and b of a pair, with r the token's row, become
///
///     a' = a cos(r, a) - b sin(r, a)
///     b' = b cos(r, b) + a sin(r, b)
///
/// where the table holds an angle for each channel of the layout's window: table.num_pairs() is layout.rotary_dim().
/// With table.adjoint() it takes dL/d(output) to dL/d(input); the inverse is another matrix, and table.inverse() is
/// refused.
/// @param[in,out] x  tokens x (num_heads * head_dim), or a HeadsView, as in apply_rope().
/// @param table      A table of layout.rotary_dim() "pairs", or its adjoint(). Make it of frequencies that
///                   Frequencies::for_channels() has marked, so that apply_rope() refuses it.
/// @param layout     Channels of a head, which of them are mixed, and how they pair up.
/// @throws std::invalid_argument  table.num_pairs() other than layout.rotary_dim(); table.inverse(); otherwise as
///                                apply_rope(). x is unchanged whenever something is thrown.
/// Cost:     element by element; no allocation (no bench case: a few vision models use it, where it is a small part of
///           a layer).
/// Accuracy: as apply_rope() [rope][channels].
/// Matches:  rotate_queries_or_keys of V-JEPA 2 with presets::vjepa2_frequencies(); ERNIE-Image of diffusers with
///           presets::ernie_image_frequencies(); HunYuan-VL on pictures, whose pairs lie on two axes.
template <typename X, typename Table, detail::IfRopeInPlace<X, Table, RopeLayout> = 0>
void apply_channel_angles(X&& x, const Table& table, const RopeLayout& layout) {
  detail::apply_channel_angles_in_place(std::forward<X>(x), table, layout, detail::OneRowForEachToken{});
}

/// @overload
/// Token i takes the row that `which` says, as in apply_rope().
template <typename X, typename Table, typename Which, detail::IfRopeInPlace<X, Table, RopeLayout> = 0>
void apply_channel_angles(X&& x, const Table& table, const RopeLayout& layout, const Which& which) {
  detail::apply_channel_angles_in_place(std::forward<X>(x), table, layout, which);
}

/// @overload
/// Says what the arguments are.
template <typename... Arguments, std::enable_if_t<!detail::is_rope_in_place<std::decay_t<Arguments>...>, int> = 0>
void apply_channel_angles(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write apply_channel_angles(x, table, layout), with an angle for each channel in the table, and "
      "after it which rows: starting_at(first), from_row(n), ...");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_ROPE_APPLY_CHANNEL_ANGLES_HPP
