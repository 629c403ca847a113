// SPDX-License-Identifier: MIT
/// @file
/// WindowTable: a bias by displacement in a two-dimensional window (Swin), with a class token or without (BEiT).
#ifndef POSENC_RELATIVE_BIAS_WINDOW_TABLE_HPP
#define POSENC_RELATIVE_BIAS_WINDOW_TABLE_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/detail/temporary.hpp"
#include "posenc/positions/grid_shape.hpp"
#include "posenc/relative_bias/detail/held.hpp"
#include "posenc/relative_bias/detail/list.hpp"
#include "posenc/relative_bias/detail/written_argument.hpp"
#include "posenc/relative_bias/table_head.hpp"

#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// Whether a window's tokens have a class token in front of them, and three more biases for it (BEiT).
enum class ClassToken { none, first };

/// A bias by displacement within a window: one number per head and (key - query) in rows and columns.
///
/// For one query, the keys of a row of the window have contiguous biases in the table. Adding the bias is therefore
/// `height` runs of additions for each query, without an index matrix or a gather.
/// @tparam Scalar_  float or double; half types as storage.
template <typename Scalar_>
class WindowTable {
 public:
  using Scalar = Scalar_;
  using Values = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  /// A table of zeros.
  /// @param num_heads    >= 0.
  /// @param window       The tokens.
  /// @param class_token  Whether a class token is in front of them.
  /// @throws std::invalid_argument  num_heads < 0.
  /// @throws std::length_error      the table does not fit into memory's index type.
  WindowTable(detail::Size num_heads, const GridShape& window, ClassToken class_token = ClassToken::none)
      : window_(window), class_token_(class_token) {
    detail::require_named("WindowTable", "class_token", class_token, ClassToken::first);
    detail::require(num_heads >= 0, "WindowTable", "num_heads", num_heads, ">= 0");
    detail::require_size("WindowTable", "num_heads", num_heads, window.displacements(), sizeof(Scalar));
    values_ = Values::Zero(Eigen::Index{num_heads}, window.displacements());
    class_values_ = Values::Zero(Eigen::Index{num_heads}, class_token == ClassToken::none ? 0 : 3);
  }

  Eigen::Index num_heads() const { return values_.rows(); }
  GridShape window() const { return window_; }
  ClassToken class_token() const { return class_token_; }
  /// Tokens of the window, and the class token if there is one.
  Eigen::Index tokens() const { return window_.tokens() + (class_token_ == ClassToken::first ? 1 : 0); }

  /// num_heads x displacements: column (dr + height - 1)(2 width - 1) + dc + width - 1 is key - query = (dr, dc).
  Eigen::Map<const Values> values() const& { return {values_.data(), values_.rows(), values_.cols()}; }
  Eigen::Map<Values> values() & { return {values_.data(), values_.rows(), values_.cols()}; }
  Values values() && { return std::move(values_); }
  /// num_heads x 3 with a class token: class to token, token to class, class to class. Else num_heads x 0.
  Eigen::Map<const Values> class_values() const& {
    return {class_values_.data(), class_values_.rows(), class_values_.cols()};
  }
  Eigen::Map<Values> class_values() & { return {class_values_.data(), class_values_.rows(), class_values_.cols()}; }
  Values class_values() && { return std::move(class_values_); }

  /// One head, by reference, for logits of one head. The table must outlive it: that of a temporary does not compile.
  /// @throws std::out_of_range  head is not in [0, num_heads()).
  TableHead<const WindowTable> head(detail::Size head) const& { return {*this, head}; }
  TableHead<WindowTable> head(detail::Size head) & { return {*this, head}; }
  template <typename Number = Scalar>
  TableHead<const WindowTable<Number>> head(detail::Size head) const&& {
    detail::of_temporary<Number>();
    return {*this, head};
  }

 private:
  GridShape window_;
  ClassToken class_token_;
  Values values_;
  Values class_values_;
};

/// Returns the bias of Swin v1 or BEiT from a checkpoint's `relative_position_bias_table`.
///
/// Two kinds of checkpoints are written into WindowTable::values() instead: those ordered by key - query (MaxViT of
/// TensorFlow) as they are, and those by the size of a displacement alone (LeViT), whose number |dr| width + |dc| goes
/// into the column of each (dr, dc). Windows of three axes are in video_window.hpp.
///
/// @param weights      window.displacements() x num_heads by query - key (row 0: the key at the far corner), and with a
///                     class token three more rows: class to token, token to class, class to class.
/// @param window       The window the table was trained for; resize() brings a table to another one.
/// @param class_token  Whether the table has the three rows.
/// @throws std::invalid_argument  another number of rows.
/// Cost:     one copy for each value; no bench case, called once for a checkpoint.
/// Accuracy: copies [accuracy][relative_bias].
/// Source:   Liu et al. 2021, arXiv:2103.14030 (Swin); Bao et al. 2021, arXiv:2106.08254 (BEiT).
/// Matches:  WindowAttention of Swin-Transformer, Attention of BEiT, RelPosBias of timm, with a class token or without;
///           RelPosBiasTf (MaxViT) and LeViT of timm, written into values().
template <typename Weights, detail::IfDense<Weights> = 0>
WindowTable<typename Weights::Scalar> make_window_table(const Weights& weights, const GridShape& window,
                                                        ClassToken class_token = ClassToken::none) {
  detail::require_named("make_window_table", "class_token", class_token, ClassToken::first);
  const Eigen::Index n = window.displacements();
  const Eigen::Index expected = class_token == ClassToken::first ? n + 3 : n;
  detail::require(weights.rows() == expected, "make_window_table", "weights.rows()", weights.rows(), expected);
  WindowTable<typename Weights::Scalar> table(weights.cols(), window, class_token);
  auto values = table.values();
  auto class_values = table.class_values();
  const auto& weights_values = detail::evaluated(weights);
  for (Eigen::Index head = 0; head < weights_values.cols(); ++head) {
    for (Eigen::Index m = 0; m < n; ++m) values(head, m) = weights_values.coeff(n - 1 - m, head);
    for (Eigen::Index m = 0; m < class_values.cols(); ++m) class_values(head, m) = weights_values.coeff(n + m, head);
  }
  return table;
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto make_window_table(const Arguments&...) {
  static_assert(
      detail::kMisuse<Arguments...>,
      "posenc: write make_window_table(weights, window), or (weights, window, class_token): weights is "
      "displacements x num_heads, window a GridShape(height, width), class_token ClassToken::first for BEiT; of "
      "three axes (weights, frames, window)");
  return detail::Misfit<Arguments...>();
}

/// The gradient of make_window_table(): adds into grad_weights.
/// @param[in,out] grad_weights  Has the shape of the weights.
/// @param grad_table            dL/d(table), as window_bias_backward() sums it.
/// @throws std::invalid_argument  another shape; memory that overlaps. Nothing is written then.
/// Cost:     one addition for each value; no allocation; no bench case, it reads the table alone.
/// Accuracy: one addition, rounded once [accuracy][relative_bias].
/// Source:   as make_window_table().
template <typename GradWeights, typename Scalar, detail::IfDense<GradWeights> = 0>
void window_table_backward(GradWeights&& grad_weights, const WindowTable<Scalar>& grad_table) {
  const char* const function = "window_table_backward";
  auto& grad = detail::written(std::forward<GradWeights>(grad_weights));
  const auto values = grad_table.values();
  const auto class_values = grad_table.class_values();
  const Eigen::Index n = values.cols();
  detail::require_shape(function, "grad_weights", grad, n + class_values.cols(), grad_table.num_heads());
  detail::require_target(function, "grad_weights", grad, values, class_values);
  for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
    for (Eigen::Index m = 0; m < n; ++m) {
      detail::add_in_double(grad.coeffRef(n - 1 - m, head), static_cast<double>(values(head, m)));
    }
    for (Eigen::Index m = 0; m < class_values.cols(); ++m) {
      detail::add_in_double(grad.coeffRef(n + m, head), static_cast<double>(class_values(head, m)));
    }
  }
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto window_table_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write window_table_backward(grad_weights, grad_table): grad_weights has the shape of the "
                "weights, grad_table is the WindowTable, or of three axes the vector of them, that "
                "window_bias_backward() sums into");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_WINDOW_TABLE_HPP
