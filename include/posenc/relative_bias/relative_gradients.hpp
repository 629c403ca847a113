// SPDX-License-Identifier: MIT
/// @file
/// RelativeGradients: what the backward of an encoding with one table adds into, as one argument.
#ifndef POSENC_RELATIVE_BIAS_RELATIVE_GRADIENTS_HPP
#define POSENC_RELATIVE_BIAS_RELATIVE_GRADIENTS_HPP

#include "posenc/relative_bias/detail/held.hpp"
#include "posenc/relative_bias/detail/written_argument.hpp"

#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// What the backward of an encoding with one table adds into: RelativeGradients(grad_q, grad_table). The first is the
/// gradient of what the table is multiplied with: queries, attention weights in shaw_values_backward(), or r in
/// banded_logits_backward().
///
/// It holds matrices by reference, and Maps and Blocks by value; a temporary matrix does not compile.
template <typename GradContent, typename GradTable>
class RelativeGradients {
 public:
  /// @param grad_content  Has the shape of the queries, of the weights, or of r.
  /// @param grad_table    Has the shape of the table.
  template <typename C, typename T>
  RelativeGradients(C&& grad_content, T&& grad_table)
      : grad_content_(detail::written(std::forward<C>(grad_content))),
        grad_table_(detail::written(std::forward<T>(grad_table))) {}

  GradContent& grad_content() & { return grad_content_; }
  detail::Held<GradContent> grad_content() && { return grad_content_; }
  GradTable& grad_table() & { return grad_table_; }
  detail::Held<GradTable> grad_table() && { return grad_table_; }

 private:
  detail::Held<GradContent> grad_content_;
  detail::Held<GradTable> grad_table_;
};

template <typename C, typename T, detail::IfMatrix<C, T> = 0>
RelativeGradients(C&&, T&&) -> RelativeGradients<detail::HeldToWrite<C>, detail::HeldToWrite<T>>;

/// Says what is missing or out of order.
template <typename... Arguments>
class RelativeGradients<detail::Misfit<Arguments...>, void> {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write RelativeGradients(grad_q, grad_table), or (grad_weights, grad_table) for "
                "shaw_values_backward(): each a matrix of the shape of its parameter");

 public:
  RelativeGradients(const Arguments&...) {}
};
template <typename... Arguments>
RelativeGradients(const Arguments&...) -> RelativeGradients<detail::Misfit<Arguments...>, void>;

namespace detail {

/// Refuses gradients unless they have the shapes of `content` and `table` and share no memory with one another or with
/// what is read.
template <typename Gradients, typename Content, typename Table, typename... Read>
void require_gradients(const char* function, Gradients& gradients, const char* content_name, const Content& content,
                       const char* table_name, const Table& table, const Read&... read) {
  auto& grad_content = gradients.grad_content();
  auto& grad_table = gradients.grad_table();
  require_shape(function, content_name, grad_content, content.rows(), content.cols());
  require_shape(function, table_name, grad_table, table.rows(), table.cols());
  require_target(function, content_name, grad_content, grad_table, content, table, read...);
  require_target(function, table_name, grad_table, content, table, read...);
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_RELATIVE_GRADIENTS_HPP
