// SPDX-License-Identifier: MIT
/// @file
/// LearnedTable: one trained row for each position, owned.
#ifndef POSENC_LEARNABLE_LEARNED_TABLE_HPP
#define POSENC_LEARNABLE_LEARNED_TABLE_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/temporary.hpp"
#include "posenc/learnable/learned_table_view.hpp"

#include <cstddef>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

template <typename Scalar_>
struct NpyArray;

/// A trained table that owns its numbers, rows x width: row p is the encoding of position p.
///
/// The shape stays as it was made; values() gives the numbers to fill, to train and to read. Weights that live
/// elsewhere are a LearnedTableView, from wrap_learned_table(). Const access from many threads is safe.
/// @tparam Scalar_  float, double, Eigen::half or Eigen::bfloat16.
/// Matches:  nn.Embedding of PyTorch with padding_idx; `wpe` of GPT-2, `position_embeddings` of BERT.
template <typename Scalar_>
class LearnedTable {
  static_assert(detail::is_storage<Scalar_>,
                "posenc: a LearnedTable holds float, double, Eigen::half or Eigen::bfloat16");

 public:
  using Scalar = Scalar_;
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  /// A table of zeros, for fill(table.values(), ...) to initialize.
  /// @param rows     Number of positions, > 0.
  /// @param width    Channels of a row (d_model), > 0.
  /// @param options  What lies past the last row, and which row is not trained. By default a position past the last row
  ///                 is refused.
  /// @throws std::invalid_argument  rows <= 0 or width <= 0; alpha not in (0, 1).
  /// @throws std::out_of_range      options.padding_row is no row.
  /// @throws std::length_error      the table does not fit into memory's index type.
  LearnedTable(detail::Size rows, detail::Size width, const LookupOptions& options = {})
      : options_(checked(rows, width, options)), storage_(Matrix::Zero(Eigen::Index{rows}, Eigen::Index{width})) {}

  /// A copy of a matrix, rounded once to Scalar.
  /// @throws  as above.
  template <typename Derived>
  explicit LearnedTable(const Eigen::DenseBase<Derived>& values, const LookupOptions& options = {})
      : LearnedTable(values.rows(), values.cols(), options) {
    copy(detail::evaluated(values));
  }

  /// The array of a file: `LearnedTable<float> wpe = read_npy<float>(path)`.
  /// @param array  [rows, width], with any number of axes of length 1 in front: [1, 197, 768].
  /// @throws std::invalid_argument  another shape; otherwise as above.
  template <typename ArrayScalar>
  LearnedTable(const NpyArray<ArrayScalar>& array, const LookupOptions& options = {})  // NOLINT: meant to convert
      : LearnedTable(array.values.rows(), array.values.cols(), options) {
    const auto axes = static_cast<Eigen::Index>(array.shape.size());
    detail::require(axes >= 2, "LearnedTable", "array.shape.size()", axes, "at least 2: [rows, width]");
    for (Eigen::Index axis = 0; axis + 2 < axes; ++axis) {
      const Eigen::Index length = array.shape[static_cast<std::size_t>(axis)];
      if (length == 1) continue;
      detail::refuse<std::invalid_argument>("LearnedTable", detail::element("array.shape", axis), length,
                                            "1 in front of [rows, width]");
    }
    copy(array.values);
  }

  Eigen::Index rows() const { return storage_.rows(); }
  Eigen::Index width() const { return storage_.cols(); }
  LookupOptions options() const { return options_; }
  /// All rows, rows x width, to read. No copy.
  Eigen::Map<const Matrix> values() const& { return {storage_.data(), rows(), width()}; }
  /// All rows, rows x width, to initialize and to train. No copy.
  Eigen::Map<Matrix> values() & { return {storage_.data(), rows(), width()}; }
  /// Of a temporary: the numbers themselves.
  Matrix values() && { return std::move(storage_); }
  /// The width() numbers of one row.
  const Scalar* row_data(detail::Size row) const& { return storage_.data() + row * width(); }
  template <typename Number = Scalar>
  const Number* row_data(Eigen::Index) const&& {
    return detail::of_temporary<Number>();
  }
  /// Numbers from one row to the next.
  Eigen::Index row_stride() const { return width(); }

 private:
  static const LookupOptions& checked(Eigen::Index rows, Eigen::Index width, const LookupOptions& options) {
    detail::require_learned_table("LearnedTable", rows, width, options);
    detail::require_size("LearnedTable", "rows", rows, width, sizeof(Scalar));
    return options;
  }
  template <typename Values>
  void copy(const Values& values) {
    for (Eigen::Index row = 0; row < rows(); ++row) {
      for (Eigen::Index i = 0; i < width(); ++i) storage_(row, i) = detail::convert<Scalar>(values.coeff(row, i));
    }
  }

  LookupOptions options_;
  Matrix storage_;
};

namespace detail {

template <typename Scalar>
inline constexpr bool is_learned_table<LearnedTable<Scalar>> = true;

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_LEARNABLE_LEARNED_TABLE_HPP
