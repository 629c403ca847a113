// SPDX-License-Identifier: MIT
/// @file
/// Biases in two-dimensional windows: Swin, and BEiT with its class token.
#ifndef POSENC_RELATIVE_BIAS_WINDOW_BIAS_HPP
#define POSENC_RELATIVE_BIAS_WINDOW_BIAS_HPP

#include "posenc/detail/eigen.hpp"
#include "posenc/detail/row.hpp"
#include "posenc/relative_bias/distance_table.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

/// A window of height x width tokens, numbered row by row.
struct WindowShape {
  Eigen::Index height = 0;
  Eigen::Index width = 0;

  Eigen::Index tokens() const { return height * width; }
  /// Number of different displacements between two tokens: (2 height - 1)(2 width - 1).
  Eigen::Index displacements() const { return (2 * height - 1) * (2 * width - 1); }
};

namespace detail {

inline void require_window_shape(const char* function, const char* parameter, const WindowShape& window) {
  constexpr Eigen::Index limit = Eigen::Index(1) << 20;
  const std::string name = parameter;
  if (window.height <= 0 || window.height > limit) {
    refuse<std::invalid_argument>(function, name + ".height", window.height, "> 0 and at most ", limit);
  }
  if (window.width <= 0 || window.width > limit) {
    refuse<std::invalid_argument>(function, name + ".width", window.width, "> 0 and at most ", limit);
  }
  // Never too large in 64 bits.
  const std::int64_t largest = (std::numeric_limits<Eigen::Index>::max)() / (2 * window.width - 1);
  if (2 * window.height - 1 > largest) {
    refuse<std::length_error>(function, name + ".height", window.height, "at most ", (largest + 1) / 2,
                              " for a width of ", window.width);
  }
}

}  // namespace detail

/// Returns the index of Swin, tokens x tokens, into a table of window.displacements() rows:
///
///     index(t, u) = (row(t) - row(u) + height - 1)(2 width - 1) + column(t) - column(u) + width - 1    t query, u key
///
/// For those who gather; add_window_bias() needs no index.
/// @throws std::invalid_argument  a side that is not > 0.
/// Matches:  relative_position_index of Swin-Transformer and timm, equal to PyTorch's in tests/.
inline Eigen::Matrix<Eigen::Index, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> window_index(
    const WindowShape& window) {
  detail::require_window_shape("window_index", "window", window);
  const Eigen::Index n = window.tokens();
  detail::require_size("window_index", "window.tokens()", n, n, sizeof(Eigen::Index));
  Eigen::Matrix<Eigen::Index, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> index(n, n);
  for (Eigen::Index t = 0; t < n; ++t) {
    for (Eigen::Index u = 0; u < n; ++u) {
      const Eigen::Index rows = t / window.width - u / window.width + window.height - 1;
      const Eigen::Index columns = t % window.width - u % window.width + window.width - 1;
      index(t, u) = rows * (2 * window.width - 1) + columns;
    }
  }
  return index;
}

/// Whether a window's tokens have a class token in front of them, and three more biases for it (BEiT).
enum class ClassToken { none, first };

/// A bias by displacement within a window: one number per head and (key - query) in rows and columns.
///
/// For a fixed query, the keys of one window row lie side by side here, so adding the bias is `height` runs of
/// additions for each query: no index matrix, no gather.
template <typename Scalar_>
class WindowTable {
 public:
  using Scalar = Scalar_;
  using Values = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  /// Zeros.
  /// @throws std::invalid_argument  num_heads < 0, or a side that is not > 0.
  WindowTable(Eigen::Index num_heads, const WindowShape& window, ClassToken class_token = ClassToken::none)
      : window_(window), class_token_(class_token) {
    detail::require(num_heads >= 0, "WindowTable", "num_heads", num_heads, ">= 0");
    detail::require_window_shape("WindowTable", "window", window);
    detail::require_size("WindowTable", "num_heads", num_heads, window.displacements(), sizeof(Scalar));
    values_ = Values::Zero(num_heads, window.displacements());
    class_values_ = Values::Zero(num_heads, class_token == ClassToken::none ? 0 : 3);
  }

  Eigen::Index num_heads() const { return values_.rows(); }
  const WindowShape& window() const { return window_; }
  ClassToken class_token() const { return class_token_; }
  /// Tokens of the window, and the class token if there is one.
  Eigen::Index tokens() const { return window_.tokens() + (class_token_ == ClassToken::first ? 1 : 0); }

  /// num_heads x displacements: column (dr + height - 1)(2 width - 1) + dc + width - 1 is key - query = (dr, dc).
  const Values& values() const { return values_; }
  Values& values() { return values_; }
  /// num_heads x 3 with a class token: class to token, token to class, class to class. Else num_heads x 0.
  const Values& class_values() const { return class_values_; }
  Values& class_values() { return class_values_; }

 private:
  WindowShape window_;
  ClassToken class_token_;
  Values values_;
  Values class_values_;
};

/// The bias of Swin v1 or BEiT from a checkpoint's `relative_position_bias_table`.
///
/// @param weights  window.displacements() x num_heads by query - key (row 0: the key at the far corner), and with a
///                 class token three more rows: class to token, token to class, class to class.
/// @throws std::invalid_argument  another number of rows.
/// Source:   Liu et al. 2021, arXiv:2103.14030 (Swin); Bao et al. 2021, arXiv:2106.08254 (BEiT).
template <typename Derived>
WindowTable<typename Derived::Scalar> make_window_table(const Eigen::DenseBase<Derived>& weights,
                                                        const WindowShape& window,
                                                        ClassToken class_token = ClassToken::none) {
  WindowTable<typename Derived::Scalar> table(weights.cols(), window, class_token);
  const Eigen::Index n = window.displacements();
  detail::require(weights.rows() == n + table.class_values().cols(), "make_window_table", "weights.rows()",
                  weights.rows(), n + table.class_values().cols());
  const auto& weights_values = detail::evaluated(weights);
  for (Eigen::Index head = 0; head < weights_values.cols(); ++head) {
    for (Eigen::Index m = 0; m < n; ++m) table.values()(head, m) = weights_values.coeff(n - 1 - m, head);
    for (Eigen::Index m = 0; m < table.class_values().cols(); ++m) {
      table.class_values()(head, m) = weights_values.coeff(n + m, head);
    }
  }
  return table;
}

/// The gradient of make_window_table(): adds into grad_weights, which has the shape of the weights.
/// @throws std::invalid_argument  another shape.
template <typename Weights, typename Scalar>
void window_table_backward(Weights&& grad_weights, const WindowTable<Scalar>& grad_table) {
  auto& grad = detail::written(std::forward<Weights>(grad_weights));
  const Eigen::Index n = grad_table.window().displacements();
  detail::require_shape("window_table_backward", "grad_weights", grad, n + grad_table.class_values().cols(),
                        grad_table.num_heads());
  using Target = typename std::decay_t<decltype(grad)>::Scalar;
  for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
    for (Eigen::Index m = 0; m < n; ++m) {
      grad.coeffRef(n - 1 - m, head) += detail::convert<Target>(grad_table.values()(head, m));
    }
    for (Eigen::Index m = 0; m < grad_table.class_values().cols(); ++m) {
      grad.coeffRef(n + m, head) += detail::convert<Target>(grad_table.class_values()(head, m));
    }
  }
}

namespace detail {

/// run(query token, first key, count, first column of values) for every run of keys, window tokens only, and
/// single(query, key, column of class_values) for the pairs with the class token.
template <typename Scalar, typename Run, typename Single>
void for_each_window_run(const WindowTable<Scalar>& table, Run&& run, Single&& single) {
  const WindowShape& window = table.window();
  const Eigen::Index first = table.class_token() == ClassToken::first ? 1 : 0;
  for (Eigen::Index t = 0; t < window.tokens(); ++t) {
    const Eigen::Index row = t / window.width;
    const Eigen::Index column = t % window.width;
    for (Eigen::Index key_row = 0; key_row < window.height; ++key_row) {
      const Eigen::Index begin =
          (key_row - row + window.height - 1) * (2 * window.width - 1) + window.width - 1 - column;
      run(first + t, first + key_row * window.width, window.width, begin);
    }
  }
  if (first == 0) return;
  for (Eigen::Index t = 1; t <= window.tokens(); ++t) {
    single(Eigen::Index(0), t, Eigen::Index(0));
    single(t, Eigen::Index(0), Eigen::Index(1));
  }
  single(Eigen::Index(0), Eigen::Index(0), Eigen::Index(2));
}

/// values() and class_values() can be assigned a matrix of any shape.
template <typename Scalar>
void require_window_values(const char* function, const WindowTable<Scalar>& table) {
  const auto& class_values = table.class_values();
  const Eigen::Index singles = table.class_token() == ClassToken::first ? 3 : 0;
  require(table.values().cols() == table.window().displacements(), function, "table.values().cols()",
          table.values().cols(), table.window().displacements());
  require(class_values.rows() == table.num_heads(), function, "table.class_values().rows()", class_values.rows(),
          table.num_heads());
  require(class_values.cols() == singles, function, "table.class_values().cols()", class_values.cols(), singles);
}

template <typename X, typename Scalar>
void add_window_head(X& x, const WindowTable<Scalar>& table, Eigen::Index head, Eigen::Index first_row) {
  using Target = typename X::Scalar;
  using Number = ArithmeticScalar<Target, Scalar>;
  const auto values = table.values().row(head);
  for_each_window_run(
      table,
      [&](Eigen::Index query, Eigen::Index key, Eigen::Index count, Eigen::Index column) {
        add_rounded_once(x.row(first_row + query).segment(key, count), values.segment(column, count));
      },
      [&](Eigen::Index query, Eigen::Index key, Eigen::Index column) {
        Target& target = x.coeffRef(first_row + query, key);
        target = convert<Target>(convert<Number>(target) + convert<Number>(table.class_values()(head, column)));
      });
}

template <typename Scalar, typename Grad>
void sum_window_head(WindowTable<Scalar>& grad_table, const Grad& grad, Eigen::Index head, Eigen::Index first_row) {
  auto values = grad_table.values().row(head);
  for_each_window_run(
      grad_table,
      [&](Eigen::Index query, Eigen::Index key, Eigen::Index count, Eigen::Index column) {
        values.segment(column, count) +=
            grad.row(first_row + query).segment(key, count).array().template cast<Scalar>();
      },
      [&](Eigen::Index query, Eigen::Index key, Eigen::Index column) {
        grad_table.class_values()(head, column) += convert<Scalar>(grad.coeff(first_row + query, key));
      });
}

}  // namespace detail

/// Adds the bias of one head to the logits of one window, in place.
///
/// @param[in,out] logits  table.tokens() x table.tokens().
/// @throws std::invalid_argument  another shape.
/// @throws std::out_of_range      head. `logits` is then unchanged.
/// Cost:     one addition for each logit, in runs of `width`; no index, no allocation.
template <typename Logits, typename Scalar>
void add_window_bias(Logits&& logits, const WindowTable<Scalar>& table, Eigen::Index head) {
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_window_values("add_window_bias", table);
  detail::require_shape("add_window_bias", "logits", x, table.tokens(), table.tokens());
  detail::require_head("add_window_bias", head, table.num_heads());
  detail::add_window_head(x, table, head, 0);
}

/// @overload
/// All heads stacked: logits is (num_heads tokens) x tokens, head by head.
template <typename Logits, typename Scalar>
void add_window_bias(Logits&& logits, const WindowTable<Scalar>& table) {
  auto& x = detail::written(std::forward<Logits>(logits));
  detail::require_window_values("add_window_bias", table);
  detail::require_shape("add_window_bias", "logits", x, table.num_heads() * table.tokens(), table.tokens());
  for (Eigen::Index head = 0; head < table.num_heads(); ++head) {
    detail::add_window_head(x, table, head, head * table.tokens());
  }
}

/// Returns the bias of one head as a matrix, tokens x tokens, for those who want one.
/// @throws std::out_of_range  head.
template <typename Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> make_window_bias(
    const WindowTable<Scalar>& table, Eigen::Index head) {
  using Bias = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  detail::require_window_values("make_window_bias", table);
  detail::require_head("make_window_bias", head, table.num_heads());
  detail::require_size("make_window_bias", "table.tokens()", table.tokens(), table.tokens(), sizeof(Scalar));
  Bias bias = Bias::Zero(table.tokens(), table.tokens());
  add_window_bias(bias, table, head);
  return bias;
}

/// The gradient of add_window_bias(): adds the sums over equal displacements into `grad_table`, of float or double.
/// @throws as add_window_bias(); grad_table is then unchanged.
template <typename Scalar, typename Derived>
void window_bias_backward(WindowTable<Scalar>& grad_table, const Eigen::DenseBase<Derived>& grad_logits,
                          Eigen::Index head) {
  detail::require_gradient_scalar<Scalar>();
  detail::require_window_values("window_bias_backward", grad_table);
  detail::require_shape("window_bias_backward", "grad_logits", grad_logits, grad_table.tokens(), grad_table.tokens());
  detail::require_head("window_bias_backward", head, grad_table.num_heads());
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  detail::sum_window_head(grad_table, grad_logits_values, head, 0);
}

/// @overload
template <typename Scalar, typename Derived>
void window_bias_backward(WindowTable<Scalar>& grad_table, const Eigen::DenseBase<Derived>& grad_logits) {
  detail::require_gradient_scalar<Scalar>();
  detail::require_window_values("window_bias_backward", grad_table);
  detail::require_shape("window_bias_backward", "grad_logits", grad_logits,
                        grad_table.num_heads() * grad_table.tokens(), grad_table.tokens());
  const auto& grad_logits_values = detail::evaluated(grad_logits);
  for (Eigen::Index head = 0; head < grad_table.num_heads(); ++head) {
    detail::sum_window_head(grad_table, grad_logits_values, head, head * grad_table.tokens());
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_WINDOW_BIAS_HPP
