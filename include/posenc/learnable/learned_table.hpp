// SPDX-License-Identifier: MIT
/// @file
/// PositionTable: one trained row for each position.
#ifndef POSENC_LEARNABLE_LEARNED_TABLE_HPP
#define POSENC_LEARNABLE_LEARNED_TABLE_HPP

#include "posenc/detail/check.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/detail/scalar.hpp"
#include "posenc/learnable/lookup_options.hpp"

namespace posenc {
inline namespace POSENC_ABI {

/// A trained table, rows x width: row p is the encoding of position p.
///
/// Either owns its numbers, or refers to a caller's weights, which must outlive it (from wrap_position_table()).
/// Copying copies the numbers in the first case and the reference in the second. Const access from many threads is
/// safe.
/// @tparam Scalar_  float, double, Eigen::half or Eigen::bfloat16.
/// Matches:  nn.Embedding of PyTorch with padding_idx; `wpe` of GPT-2, `position_embeddings` of BERT.
template <typename Scalar_>
class PositionTable {
  static_assert(detail::is_storage<Scalar_>,
                "posenc: a PositionTable holds float, double, Eigen::half or Eigen::bfloat16");

 public:
  using Scalar = Scalar_;
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using ConstMap = Eigen::Map<const Matrix, Eigen::Unaligned, Eigen::OuterStride<>>;

  /// A table of zeros of its own, for mutable_values() and the initialisers to fill.
  /// @throws std::invalid_argument  rows <= 0 or width <= 0; alpha not in (0, 1).
  /// @throws std::out_of_range      options.padding_row is no row.
  /// @throws std::length_error      the table does not fit into memory's index type.
  PositionTable(Eigen::Index rows, Eigen::Index width, const LookupOptions& options = {})
      : PositionTable(nullptr, rows, width, width, options) {
    detail::require_size("PositionTable", "rows", rows, width, sizeof(Scalar));
    storage_ = Matrix::Zero(rows, width);
  }

  /// A table of its own, copied from a matrix and rounded once to Scalar.
  /// @throws  as above.
  template <typename Derived>
  explicit PositionTable(const Eigen::DenseBase<Derived>& values, const LookupOptions& options = {})
      : PositionTable(values.rows(), values.cols(), options) {
    const auto& given = detail::evaluated(values);
    for (Eigen::Index row = 0; row < values.rows(); ++row) {
      for (Eigen::Index i = 0; i < values.cols(); ++i) {
        storage_(row, i) = detail::convert<Scalar>(given.coeff(row, i));
      }
    }
  }

  Eigen::Index rows() const { return rows_; }
  Eigen::Index width() const { return width_; }
  const LookupOptions& options() const { return options_; }
  /// Whether the numbers are the table's own.
  bool owns_data() const { return weights_ == nullptr; }
  /// All rows, rows x width. No copy.
  ConstMap values() const { return ConstMap(row_data(0), rows_, width_, Eigen::OuterStride<>(row_stride_)); }
  /// The table's own numbers, to initialise and to train; the shape must stay.
  /// @throws std::invalid_argument  the table refers to a caller's weights: change those instead.
  Eigen::Map<Matrix> mutable_values() {
    detail::require(owns_data(), "PositionTable::mutable_values", "owns_data()", false, "true");
    return Eigen::Map<Matrix>(storage_.data(), rows_, width_);
  }
  /// The width() numbers of one row.
  const Scalar* row_data(Eigen::Index row) const {
    return (owns_data() ? storage_.data() : weights_) + row * row_stride_;
  }
  Eigen::Index row_stride() const { return row_stride_; }

 private:
  PositionTable(const Scalar* weights, Eigen::Index rows, Eigen::Index width, Eigen::Index row_stride,
                const LookupOptions& options)
      : rows_(rows), width_(width), row_stride_(row_stride), weights_(weights), options_(options) {
    const char* const function = "PositionTable";
    detail::require(rows > 0, function, "rows", rows, "> 0");
    detail::require(width > 0, function, "width", width, "> 0");
    detail::require(rows == 1 || row_stride >= width, function, "row_stride", row_stride, "at least ", width);
    detail::require_lookup(function, options, rows);
  }
  template <typename Scalar>
  friend PositionTable<Scalar> wrap_position_table(const Scalar* weights, Eigen::Index rows, Eigen::Index width,
                                                   Eigen::Index row_stride, const LookupOptions& options);

  Eigen::Index rows_;
  Eigen::Index width_;
  Eigen::Index row_stride_;
  const Scalar* weights_;
  LookupOptions options_;
  Matrix storage_;
};

/// Refers to a caller's weights. No copy; they must outlive the table, which sees every change made to them.
///
/// @param weights     Entry (row, i) at weights[row * row_stride + i].
/// @param rows        Number of positions, > 0.
/// @param width       Row length (d_model), > 0.
/// @param row_stride  Distance from row to row, >= width.
/// @throws std::invalid_argument  one of these does not hold; a null pointer; alpha not in (0, 1).
/// @throws std::out_of_range      options.padding_row is no row.
template <typename Scalar>
PositionTable<Scalar> wrap_position_table(const Scalar* weights, Eigen::Index rows, Eigen::Index width,
                                          Eigen::Index row_stride, const LookupOptions& options = {}) {
  detail::require(weights != nullptr, "wrap_position_table", "weights", "null", "a valid pointer");
  return PositionTable<Scalar>(weights, rows, width, row_stride, options);
}

/// @overload
/// From an Eigen object in memory: a row-major Matrix, Map, Ref or Block. A temporary matrix does not compile, and
/// neither does a column-major one: there `PositionTable<Scalar>(weights)` copies.
template <typename Derived>
PositionTable<typename Derived::Scalar> wrap_position_table(const Eigen::DenseBase<Derived>& weights,
                                                            const LookupOptions& options = {}) {
  static_assert(detail::has_rows_in_memory<Derived>,
                "posenc: only rows that lie in memory can be wrapped: a row-major Matrix, Map, Ref or Block");
  detail::require(weights.size() == 0 || detail::has_contiguous_rows(weights), "wrap_position_table",
                  "weights.innerStride()", weights.derived().innerStride(), "1");
  detail::require(weights.rows() > 0, "wrap_position_table", "weights.rows()", weights.rows(), "> 0");
  detail::require(weights.cols() > 0, "wrap_position_table", "weights.cols()", weights.cols(), "> 0");
  return wrap_position_table(weights.derived().data(), weights.rows(), weights.cols(), weights.derived().outerStride(),
                             options);
}

/// @overload
template <typename Derived>
PositionTable<typename Derived::Scalar> wrap_position_table(const Eigen::DenseBase<Derived>&& weights,
                                                            const LookupOptions& options = {}) {
  static_assert(!std::is_base_of_v<Eigen::PlainObjectBase<Derived>, Derived>,
                "posenc: the weights are a temporary matrix, and the table would outlive them");
  return wrap_position_table(static_cast<const Eigen::DenseBase<Derived>&>(weights), options);
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_LEARNED_TABLE_HPP
