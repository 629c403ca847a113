// SPDX-License-Identifier: MIT
/// @file
/// LearnedTableView: a trained table around weights that live elsewhere.
#ifndef POSENC_LEARNABLE_LEARNED_TABLE_VIEW_HPP
#define POSENC_LEARNABLE_LEARNED_TABLE_VIEW_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/detail/scalar.hpp"
#include "posenc/learnable/lookup_options.hpp"

#include <type_traits>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// Whether T is a LearnedTable or a LearnedTableView: the members rows(), width(), options(), values(), row_data(row)
/// and row_stride().
template <typename T>
inline constexpr bool is_learned_table = false;

inline void require_learned_table(const char* function, Eigen::Index rows, Eigen::Index width,
                                  const LookupOptions& options) {
  require(rows > 0, function, "rows", rows, "> 0");
  require(width > 0, function, "width", width, "> 0");
  require_lookup(function, options, rows);
}

}  // namespace detail

/// A trained table around a caller's weights, rows x width: row p is the encoding of position p. From
/// wrap_learned_table(). The weights must outlive it, and it sees every change made to them.
/// @tparam Scalar_  float, double, Eigen::half or Eigen::bfloat16.
template <typename Scalar_>
class LearnedTableView {
  static_assert(detail::is_storage<Scalar_>,
                "posenc: a LearnedTableView refers to float, double, Eigen::half or Eigen::bfloat16");

 public:
  using Scalar = Scalar_;
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using ConstMap = Eigen::Map<const Matrix, Eigen::Unaligned, Eigen::OuterStride<>>;

  Eigen::Index rows() const { return rows_; }
  Eigen::Index width() const { return width_; }
  LookupOptions options() const { return options_; }
  /// All rows, rows x width. No copy.
  ConstMap values() const { return ConstMap(weights_, rows_, width_, Eigen::OuterStride<>(row_stride_)); }
  /// The width() numbers of one row.
  const Scalar* row_data(detail::Size row) const { return weights_ + row * row_stride_; }
  /// Numbers from one row to the next.
  Eigen::Index row_stride() const { return row_stride_; }

 private:
  LearnedTableView(const Scalar* weights, Eigen::Index rows, Eigen::Index width, Eigen::Index row_stride,
                   const LookupOptions& options)
      : weights_(weights), rows_(rows), width_(width), row_stride_(row_stride), options_(options) {
    const char* const function = "wrap_learned_table";
    detail::require_learned_table(function, rows, width, options);
    detail::require(rows == 1 || row_stride >= width, function, "row_stride", row_stride, "at least width ", width);
    if (rows > 1) detail::require_size(function, "rows", rows, row_stride, sizeof(Scalar));
    detail::require(weights != nullptr, function, "weights", "null", "a valid pointer");
  }
  template <typename Scalar>
  friend LearnedTableView<Scalar> wrap_learned_table(const Scalar* weights, detail::Size rows, detail::Size width,
                                                     detail::Size row_stride, const LookupOptions& options);

  const Scalar* weights_;
  Eigen::Index rows_;
  Eigen::Index width_;
  Eigen::Index row_stride_;
  LookupOptions options_;
};

namespace detail {

template <typename Scalar>
inline constexpr bool is_learned_table<LearnedTableView<Scalar>> = true;

}  // namespace detail

/// Refers to a caller's weights as a trained table. No copy; the weights must outlive the view.
///
/// @param weights     Entry (row, i) at weights[row * row_stride + i].
/// @param rows        Number of positions, > 0.
/// @param width       Channels of a row (d_model), > 0.
/// @param row_stride  Numbers from one row to the next, >= width.
/// @param options     What lies past the last row, and which row is not trained. By default a position past the last
///                    row is refused.
/// @throws std::invalid_argument  one of these does not hold; a null pointer; alpha not in (0, 1).
/// @throws std::out_of_range      options.padding_row is no row.
/// @throws std::length_error      rows that memory's index type does not count.
/// Cost:     none (not measured: nothing is copied).
template <typename Scalar>
LearnedTableView<Scalar> wrap_learned_table(const Scalar* weights, detail::Size rows, detail::Size width,
                                            detail::Size row_stride, const LookupOptions& options = {}) {
  return LearnedTableView<Scalar>(weights, rows, width, row_stride, options);
}

/// @overload
/// From an Eigen object in memory: a row-major Matrix, Map, Ref or Block. A temporary matrix does not compile, and
/// neither does a column-major one: there LearnedTable<Scalar>(weights) copies.
template <typename Derived>
LearnedTableView<typename Derived::Scalar> wrap_learned_table(const Eigen::DenseBase<Derived>& weights,
                                                              const LookupOptions& options = {}) {
  static_assert(detail::has_rows_in_memory<Derived>,
                "posenc: only rows that lie in memory can be wrapped: a row-major Matrix, Map, Ref or Block; write "
                "LearnedTable<Scalar>(weights) to copy");
  detail::require(weights.size() == 0 || detail::has_contiguous_rows(weights), "wrap_learned_table",
                  "weights.innerStride()", weights.derived().innerStride(), "1");
  detail::require(weights.rows() > 0, "wrap_learned_table", "weights.rows()", weights.rows(), "> 0");
  detail::require(weights.cols() > 0, "wrap_learned_table", "weights.cols()", weights.cols(), "> 0");
  return wrap_learned_table(weights.derived().data(), weights.rows(), weights.cols(), weights.derived().outerStride(),
                            options);
}

/// @overload
/// From a temporary Map, Ref or Block, whose numbers live elsewhere. A temporary matrix does not compile.
template <typename Derived>
LearnedTableView<typename Derived::Scalar> wrap_learned_table(const Eigen::DenseBase<Derived>&& weights,
                                                              const LookupOptions& options = {}) {
  static_assert(!std::is_base_of_v<Eigen::PlainObjectBase<Derived>, Derived>,
                "posenc: the weights are a temporary matrix, and the view would outlive them");
  return wrap_learned_table(static_cast<const Eigen::DenseBase<Derived>&>(weights), options);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_LEARNED_TABLE_VIEW_HPP
