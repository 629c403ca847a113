// SPDX-License-Identifier: MIT
/// @file
/// Brings a trained table to another number of positions or to another grid, and the gradient back.
/// resize() of the bias table of a window is in relative_bias/resize_window.hpp.
#ifndef POSENC_LEARNABLE_RESIZE_HPP
#define POSENC_LEARNABLE_RESIZE_HPP

#include "posenc/detail/explain_resize.hpp"
#include "posenc/detail/overlap.hpp"
#include "posenc/learnable/detail/resize_taps.hpp"
#include "posenc/learnable/resize_rules.hpp"

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Whether resize() and resize_backward() take these: two matrices and a rule of resize_rules.hpp.
template <typename Written, typename Read, typename Rule>
inline constexpr bool is_table_resize = is_dense<std::decay_t<Written>>&& is_dense<Read> &&
                                        (std::is_same_v<Rule, Resize> || std::is_same_v<Rule, LineResize> ||
                                         std::is_same_v<Rule, GridResize>);

/// One of the two matrices of a resize, with its name.
struct ResizedRows {
  const char* name;
  Eigen::Index rows;
};

inline void require_rule(const char* function, Resize rule, ResizedRows from, ResizedRows to, Eigen::Index kept = 0) {
  require_named(function, "rule", rule, Resize::tile);
  const auto check = [&](ResizedRows matrix) {
    const std::string parameter = joined(matrix.name, ".rows()");
    if (matrix.rows <= 0) refuse<std::invalid_argument>(function, parameter, matrix.rows, "> 0");
    if (rule == Resize::relative_distances && (matrix.rows - kept) % 2 == 0) {
      refuse<std::invalid_argument>(function, parameter, matrix.rows, kept % 2 == 0 ? "odd" : "even",
                                    " (2 n - 1 distances", kept == 0 ? ")" : " and the rows that are kept)");
    }
  };
  check(from);
  check(to);
}

inline void require_rule(const char* function, const LineResize& rule, ResizedRows from, ResizedRows to) {
  for (const ResizedRows matrix : {from, to}) {
    if (matrix.rows > rule.prefix()) continue;
    refuse<std::invalid_argument>(function, joined(matrix.name, ".rows()"), matrix.rows,
                                  "more than the rows that are kept, ", rule.prefix());
  }
  require_rule(function, rule.rule(), from, to, rule.prefix());
}

inline void require_rule(const char* function, const GridResize& rule, ResizedRows from, ResizedRows to) {
  const auto check = [&](ResizedRows matrix, const std::vector<Eigen::Index>& sides) {
    Eigen::Index rest = matrix.rows - rule.prefix();
    bool fits = rest > 0;
    std::string product = std::to_string(rule.prefix()) + " + ";
    for (std::size_t axis = 0; axis < sides.size(); ++axis) {
      fits = fits && rest % sides[axis] == 0;
      rest /= sides[axis];
      product += (axis == 0 ? "" : " * ") + std::to_string(sides[axis]);
    }
    if (fits && rest == 1) return;
    refuse<std::invalid_argument>(function, joined(matrix.name, ".rows()"), matrix.rows, product.c_str());
  };
  check(from, rule.from());
  check(to, rule.to());
}

inline Taps rule_taps(Resize rule, Eigen::Index from, Eigen::Index to) { return linear_taps(from, to, rule); }

inline Taps rule_taps(const LineResize& rule, Eigen::Index from, Eigen::Index to) {
  const Eigen::Index rows = from - rule.prefix();
  return grid_taps(identity_taps(1), linear_taps(rows, to - rule.prefix(), rule.rule()), rows, rule.prefix());
}

inline Taps rule_taps(const GridResize& rule, Eigen::Index, Eigen::Index) {
  Taps taps = identity_taps(1);
  for (std::size_t axis = 0; axis < rule.from().size(); ++axis) {
    const Eigen::Index prefix = axis + 1 == rule.from().size() ? rule.prefix() : 0;
    taps = grid_taps(taps, filter_taps(rule.from()[axis], rule.to()[axis], rule.filter()), rule.from()[axis], prefix);
  }
  return taps;
}

template <typename Written, typename Read>
void require_resize(const char* function, const char* written_name, const Eigen::DenseBase<Written>& written,
                    const char* read_name, const Eigen::DenseBase<Read>& read) {
  if (written.cols() != read.cols()) {
    refuse<std::invalid_argument>(function, joined(written_name, ".cols()"), written.cols(), read_name, ".cols() ",
                                  read.cols());
  }
  require_data(function, written_name, written);
  require_data(function, read_name, read);
  require_no_self_overlap(function, written_name, written);
  require_disjoint(function, written_name, written, read);
}

}  // namespace detail

/// Writes a table of another size: row t of `out` is a weighted sum of rows of `table`, by the rule.
///
///     resize(longer, wpe.values(), Resize::half_pixel);
///     resize(larger, patches.values(), GridResize({14, 14}, {24, 16}, GridFilter::bicubic).keep(1));
///
/// On a grid, each axis has its own weights, and the weight of a row is their product; rows in front that the rule
/// keeps are copied.
/// @param[out] out  to x width: its number of rows is the number wanted, > 0. Any writable dense Eigen object.
/// @param table     from x width, from > 0; of any scalar. LearnedTable::values() for a LearnedTable.
/// @param rule      On a line a Resize, or LineResize(Resize::tile).keep(2) where rows in front stay; on a grid
///                  GridResize(from, to, filter), in one to eight axes.
/// @throws std::invalid_argument  numbers of rows that do not fit the rule; widths that differ; memory that overlaps.
///                                `out` is then unchanged.
/// Cost:     two multiply-adds for each value on a line. On a grid, the product over the axes of 2 (bilinear) or 4
///           (bicubic), antialiased as many times more as the axis shrinks. Lists of these weights are allocated
///           (not measured: done once for a model).
/// Accuracy: formed in double and rounded once: |error| <= 2^-52 max|table| times 4 from on a line, times 16 (sum of
///           sides) on a grid of two axes, and 4 times that for each further axis. Equal sizes copy bit for bit
///           [learnable][resize].
/// Source:   Keys 1981, IEEE TASSP 29(6), for the cubic kernel.
/// Matches:  F.interpolate of PyTorch given a size, as Resize and GridFilter say, in one, two and three axes.
template <typename Out, typename Table, typename Rule,
          std::enable_if_t<detail::is_table_resize<Out, Table, Rule>, int> = 0>
void resize(Out&& out, const Table& table, const Rule& rule) {
  auto& target = detail::written(std::forward<Out>(out));
  detail::require_rule("resize", rule, {"table", table.rows()}, {"out", target.rows()});
  detail::require_resize("resize", "out", target, "table", table);
  detail::apply_taps<false>(target, detail::evaluated(table), detail::rule_taps(rule, table.rows(), target.rows()));
}

/// Adds the gradient of resize() with respect to its table: grad_table += W^T grad_out, with W the weights of the rule.
///
/// @param[in,out] grad_table  from x width, added to.
/// @param grad_out            to x width: dL/d(out).
/// @param rule                As given to resize().
/// @throws std::invalid_argument  as resize(); grad_table is then unchanged.
/// Cost:     that of resize().
/// Accuracy: summed in double and rounded once; the adjoint of resize() to 1e-12 [learnable][resize].
template <typename GradTable, typename GradOut, typename Rule,
          std::enable_if_t<detail::is_table_resize<GradTable, GradOut, Rule>, int> = 0>
void resize_backward(GradTable&& grad_table, const GradOut& grad_out, const Rule& rule) {
  auto& target = detail::written(std::forward<GradTable>(grad_table));
  detail::require_rule("resize_backward", rule, {"grad_table", target.rows()}, {"grad_out", grad_out.rows()});
  detail::require_resize("resize_backward", "grad_table", target, "grad_out", grad_out);
  const detail::Taps taps = detail::rule_taps(rule, target.rows(), grad_out.rows());
  detail::apply_taps<true>(target, detail::evaluated(grad_out), detail::transposed(taps, target.rows()));
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_RESIZE_HPP
