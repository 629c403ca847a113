// SPDX-License-Identifier: MIT
/// @file
/// Brings a trained table to another number of positions.
#ifndef POSENC_LEARNABLE_RESIZE_LINE_HPP
#define POSENC_LEARNABLE_RESIZE_LINE_HPP

#include "posenc/detail/overlap.hpp"
#include "posenc/detail/resample.hpp"

#include <string>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

template <typename DerivedOut, typename DerivedIn>
void require_resize(const char* function, const char* out_name, const Eigen::DenseBase<DerivedOut>& out,
                    const char* in_name, const Eigen::DenseBase<DerivedIn>& in) {
  const auto name = [](const char* parameter, const char* field) { return std::string(parameter) + field; };
  if (in.rows() <= 0) refuse<std::invalid_argument>(function, name(in_name, ".rows()"), in.rows(), "> 0");
  if (out.rows() <= 0) refuse<std::invalid_argument>(function, name(out_name, ".rows()"), out.rows(), "> 0");
  if (out.cols() != in.cols()) {
    refuse<std::invalid_argument>(function, name(out_name, ".cols()"), out.cols(), in_name, ".cols() ", in.cols());
  }
  require_disjoint(function, out_name, out, in);
}

template <typename DerivedOut, typename DerivedIn>
void resize_rows(const char* function, Eigen::DenseBase<DerivedOut>& out, const Eigen::DenseBase<DerivedIn>& table,
                 LinearRule rule) {
  require_resize(function, "out", out, "table", table);
  apply_taps<false>(out.derived(), evaluated(table), linear_taps(table.rows(), out.rows(), rule));
}

template <typename DerivedGrad, typename DerivedOut>
void resize_rows_backward(const char* function, Eigen::DenseBase<DerivedGrad>& grad_table,
                          const Eigen::DenseBase<DerivedOut>& grad_out, LinearRule rule) {
  require_resize(function, "grad_table", grad_table, "grad_out", grad_out);
  const Taps taps = linear_taps(grad_table.rows(), grad_out.rows(), rule);
  apply_taps<true>(grad_table.derived(), evaluated(grad_out), transposed(taps, grad_table.rows()));
}

/// A table of the distances -(n - 1), ..., n - 1 has 2 n - 1 rows.
inline void require_odd(const char* function, const std::string& parameter, Eigen::Index rows) {
  if (rows % 2 == 0) refuse<std::invalid_argument>(function, parameter, rows, "odd (2 n - 1 distances)");
}

}  // namespace detail

/// Resizes a table along its positions, the rows being pixels with their centres at 1/2, 3/2, ...:
///
///     out[t] = (1 - f) P[i] + f P[i + 1],  i + f = max((t + 1/2) from / to - 1/2, 0),  i + 1 at most from - 1
///
/// @param[out] out  to x width: its number of rows is the number wanted, > 0. Any writable Eigen expression.
/// @param table     from x width, from > 0; of any scalar.
/// @throws std::invalid_argument  no rows; widths differ; memory that overlaps. `out` is then unchanged.
/// Cost:     two multiply-adds for each value, and a list of two weights for each row.
/// Accuracy: formed in double, |error| <= 4 from 2^-52 max|table|, and rounded once. from = to copies bit for bit.
/// Matches:  F.interpolate(mode="linear", align_corners=False) of PyTorch.
template <typename Out, typename Derived>
void resize_linear(Out&& out, const Eigen::DenseBase<Derived>& table) {
  detail::resize_rows("resize_linear", detail::written(std::forward<Out>(out)), table, detail::LinearRule::half_pixel);
}

/// The adjoint of resize_linear(): grad_table += W^T grad_out. Errors, cost and accuracy are the same.
template <typename GradTable, typename DerivedOut>
void resize_linear_backward(GradTable&& grad_table, const Eigen::DenseBase<DerivedOut>& grad_out) {
  detail::resize_rows_backward("resize_linear_backward", detail::written(std::forward<GradTable>(grad_table)), grad_out,
                               detail::LinearRule::half_pixel);
}

/// Resizes a table along its positions, first row to first row and last to last:
///
///     out[t] = (1 - f) P[i] + f P[i + 1],  i + f = t (from - 1) / (to - 1)
///
/// @param[out] out  to x width: its number of rows is the number wanted, > 0. Any writable Eigen expression.
/// @param table     from x width, from > 0; of any scalar.
/// @throws std::invalid_argument  no rows; widths differ; memory that overlaps. `out` is then unchanged.
/// Cost:     two multiply-adds for each value, and a list of two weights for each row.
/// Accuracy: formed in double, |error| <= 4 from 2^-52 max|table|, and rounded once. from = to copies bit for bit.
/// Matches:  F.interpolate(mode="linear", align_corners=True) of PyTorch.
template <typename Out, typename Derived>
void resize_align_corners(Out&& out, const Eigen::DenseBase<Derived>& table) {
  detail::resize_rows("resize_align_corners", detail::written(std::forward<Out>(out)), table,
                      detail::LinearRule::align_corners);
}

/// The adjoint of resize_align_corners(): grad_table += W^T grad_out. Errors, cost and accuracy are the same.
template <typename GradTable, typename DerivedOut>
void resize_align_corners_backward(GradTable&& grad_table, const Eigen::DenseBase<DerivedOut>& grad_out) {
  detail::resize_rows_backward("resize_align_corners_backward", detail::written(std::forward<GradTable>(grad_table)),
                               grad_out, detail::LinearRule::align_corners);
}

/// Position interpolation of a trained table: position t reads at t from / to.
///
///     out[t] = (1 - f) P[i] + f P[i + 1],  i + f = t from / to,  i + 1 at most from - 1
///
/// @param[out] out  to x width: its number of rows is the number wanted, > 0. Any writable Eigen expression.
/// @param table     from x width, from > 0; of any scalar.
/// @throws std::invalid_argument  no rows; widths differ; memory that overlaps. `out` is then unchanged.
/// Cost:     two multiply-adds for each value, and a list of two weights for each row.
/// Accuracy: formed in double, |error| <= 4 from 2^-52 max|table|, and rounded once. from = to copies bit for bit.
/// Source:   Chen et al. 2023, arXiv:2306.15595, which does this to RoPE: scale_linear() there.
template <typename Out, typename Derived>
void interpolate_positions(Out&& out, const Eigen::DenseBase<Derived>& table) {
  detail::resize_rows("interpolate_positions", detail::written(std::forward<Out>(out)), table,
                      detail::LinearRule::scaled);
}

/// The adjoint of interpolate_positions(): grad_table += W^T grad_out. Errors, cost and accuracy are the same.
template <typename GradTable, typename DerivedOut>
void interpolate_positions_backward(GradTable&& grad_table, const Eigen::DenseBase<DerivedOut>& grad_out) {
  detail::resize_rows_backward("interpolate_positions_backward", detail::written(std::forward<GradTable>(grad_table)),
                               grad_out, detail::LinearRule::scaled);
}

/// Resizes a table of relative distances -(n - 1), ..., n - 1 to another n, linearly with half-pixel centres.
///
/// @param[out] out  2 n' - 1 rows of the table's width.
/// @param table     2 n - 1 rows.
/// @throws std::invalid_argument  an even number of rows; otherwise as resize_linear(), whose cost and accuracy it has.
/// Matches:  get_rel_pos of Segment Anything and MViTv2.
template <typename Out, typename Derived>
void resize_relative(Out&& out, const Eigen::DenseBase<Derived>& table) {
  auto& target = detail::written(std::forward<Out>(out));
  detail::require_odd("resize_relative", "table.rows()", table.rows());
  detail::require_odd("resize_relative", "out.rows()", target.rows());
  detail::resize_rows("resize_relative", target, table, detail::LinearRule::half_pixel);
}

/// The adjoint of resize_relative(): grad_table += W^T grad_out. Errors, cost and accuracy are the same.
template <typename GradTable, typename DerivedOut>
void resize_relative_backward(GradTable&& grad_table, const Eigen::DenseBase<DerivedOut>& grad_out) {
  auto& target = detail::written(std::forward<GradTable>(grad_table));
  detail::require_odd("resize_relative_backward", "grad_out.rows()", grad_out.rows());
  detail::require_odd("resize_relative_backward", "grad_table.rows()", target.rows());
  detail::resize_rows_backward("resize_relative_backward", target, grad_out, detail::LinearRule::half_pixel);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_RESIZE_LINE_HPP
