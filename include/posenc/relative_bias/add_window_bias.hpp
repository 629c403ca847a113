// SPDX-License-Identifier: MIT
/// @file
/// Adds a bias by displacement to the logits of a window, and its gradient.
#ifndef POSENC_RELATIVE_BIAS_ADD_WINDOW_BIAS_HPP
#define POSENC_RELATIVE_BIAS_ADD_WINDOW_BIAS_HPP

#include "posenc/detail/row.hpp"
#include "posenc/relative_bias/detail/window_runs.hpp"
#include "posenc/relative_bias/kernels/window_kernels.hpp"
#include "posenc/relative_bias/window_table.hpp"

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

template <typename T>
inline constexpr bool is_window_table = false;
template <typename Scalar>
inline constexpr bool is_window_table<WindowTable<Scalar>> = true;
template <typename Scalar>
inline constexpr bool is_window_table<TableHead<WindowTable<Scalar>>> = true;
template <typename Scalar>
inline constexpr bool is_window_table<TableHead<const WindowTable<Scalar>>> = true;

/// Constraint of template parameters: a WindowTable or one head of it.
template <typename T>
using IfWindowTable = std::enable_if_t<is_window_table<std::decay_t<T>>, int>;

/// Tokens in front of those of the window.
inline Eigen::Index class_tokens(ClassToken class_token) { return class_token == ClassToken::first ? 1 : 0; }

/// Calls run(query token, first key, count, first column of values) for every run of keys, without the class token.
template <typename Run>
void for_each_window_run(const GridShape& window, ClassToken class_token, Run&& run) {
  const Eigen::Index height = window.height();
  const Eigen::Index width = window.width();
  const Eigen::Index first = class_tokens(class_token);
  for (Eigen::Index t = 0; t < window.tokens(); ++t) {
    const Eigen::Index row = t / width;
    const Eigen::Index column = t % width;
    for (Eigen::Index key_row = 0; key_row < height; ++key_row) {
      const Eigen::Index begin = (key_row - row + height - 1) * (2 * width - 1) + width - 1 - column;
      run(first + t, first + key_row * width, width, begin);
    }
  }
}

/// Calls single(query, key, column of class_values) for the pairs with the class token.
template <typename Single>
void for_each_class_pair(const GridShape& window, ClassToken class_token, Single&& single) {
  if (class_token == ClassToken::none) return;
  for (Eigen::Index t = 1; t <= window.tokens(); ++t) {
    single(Eigen::Index(0), t, Eigen::Index(0));
    single(t, Eigen::Index(0), Eigen::Index(1));
  }
  single(Eigen::Index(0), Eigen::Index(0), Eigen::Index(2));
}

/// Whether logits and table lie in memory with one scalar, in which the sum is formed.
template <typename X, typename Scalar>
inline constexpr bool has_window_runs =
    has_rows_in_memory<X>&& std::is_same_v<std::decay_t<typename X::Scalar>, Scalar>&&
        std::is_same_v<ArithmeticScalar<Scalar, Scalar>, Scalar>&& std::is_floating_point_v<Scalar>;

/// Whether a kernel of the machine's level adds the biases: they and the sums are floats.
template <typename X, typename Scalar>
inline constexpr bool has_window_kernel = POSENC_HAS_LEVELS&& has_rows_in_memory<X>&& std::is_same_v<Scalar, float> &&
                                          (is_half<std::decay_t<typename X::Scalar>> ||
                                           std::is_same_v<std::decay_t<typename X::Scalar>, float>);

/// The logit of the window's first token with itself, in head `head` of logits that begin at row `first_row`.
template <typename X>
auto first_window_logit(X& x, ClassToken class_token, Eigen::Index first_row) {
  const Eigen::Index first = class_tokens(class_token);
  return x.data() + (first_row + first) * x.outerStride() + first;
}

/// Adds the biases of `heads` without those of a class token by a kernel of the machine's level. False where there is none
/// for these logits.
template <typename X, typename Heads>
bool add_window_by_kernel([[maybe_unused]] X& x, [[maybe_unused]] const Heads& heads) {
#if POSENC_HAS_LEVELS
  using Scalar = typename std::decay_t<decltype(heads.table)>::Scalar;
  using Target = std::decay_t<typename X::Scalar>;
  if constexpr (has_window_kernel<X, Scalar>) {
    const auto& table = heads.table;
    const GridShape window = table.window();
    if (has_contiguous_rows(x) && can_add_window(window.height(), window.width())) {
      const auto values = table.values();
      add_window_kernel<stored_as<Target>>(level_of_machine())(
          {first_window_logit(x, table.class_token(), 0), x.outerStride(), table.tokens() * x.outerStride(),
           values.data() + heads.first * values.cols(), values.cols(), heads.count, window.height(), window.width()});
      return true;
    }
  }
#endif
  return false;
}

template <typename X, typename Scalar>
void add_window_head(X& x, const WindowTable<Scalar>& table, Eigen::Index head, Eigen::Index first_row) {
  const auto all_values = table.values();
  const auto values = all_values.row(head);
  bool added = false;
  if constexpr (has_window_runs<X, Scalar> && !(POSENC_HAS_LEVELS && std::is_same_v<Scalar, float>)) {
    added = has_contiguous_rows(x) && with_window_width<Scalar>(table.window().width(), [&](auto lanes, auto width) {
              add_window_runs<decltype(lanes)::value>(first_window_logit(x, table.class_token(), first_row),
                                                      x.outerStride(), values.data(), table.window().height(), width);
            });
  }
  if (!added) {
    for_each_window_run(table.window(), table.class_token(),
                        [&](Eigen::Index query, Eigen::Index key, Eigen::Index count, Eigen::Index column) {
                          add_rounded_once(x.row(first_row + query).segment(key, count), values.segment(column, count));
                        });
  }
}

/// Adds the biases of the pairs with a class token.
template <typename X, typename Scalar>
void add_class_values(X& x, const WindowTable<Scalar>& table, Eigen::Index head, Eigen::Index first_row) {
  using Target = typename X::Scalar;
  using Number = ArithmeticScalar<Target, Scalar>;
  const auto class_values = table.class_values();
  for_each_class_pair(table.window(), table.class_token(),
                      [&](Eigen::Index query, Eigen::Index key, Eigen::Index column) {
                        Target& target = x.coeffRef(first_row + query, key);
                        target = convert<Target>(convert<Number>(target) + convert<Number>(class_values(head, column)));
                      });
}

/// Sums the gradients of `heads`, but those of a class token, by a kernel of the machine's level. False where none does.
template <typename Heads, typename Grad>
bool sum_window_by_kernel([[maybe_unused]] const Heads& heads, [[maybe_unused]] const Grad& grad) {
#if POSENC_HAS_LEVELS
  using Scalar = typename std::decay_t<decltype(heads.table)>::Scalar;
  if constexpr (has_window_runs<Grad, Scalar> && std::is_same_v<Scalar, float>) {
    auto& table = heads.table;
    const GridShape window = table.window();
    if (has_contiguous_rows(grad) && can_sum_window(window.height(), window.width())) {
      auto values = table.values();
      sum_window_kernel<WindowSums>(level_of_machine())(
          {first_window_logit(grad, table.class_token(), 0), grad.outerStride(), table.tokens() * grad.outerStride(),
           values.data() + heads.first * values.cols(), values.cols(), heads.count, window.height(), window.width()});
      return true;
    }
  }
#endif
  return false;
}

template <typename Scalar, typename Grad>
void sum_window_head(WindowTable<Scalar>& grad_table, const Grad& grad, Eigen::Index head, Eigen::Index first_row) {
  auto all_values = grad_table.values();
  auto values = all_values.row(head);
  const GridShape window = grad_table.window();
  bool summed = false;
  if constexpr (has_window_runs<Grad, Scalar>) {
    summed = has_contiguous_rows(grad) && with_window_width<Scalar>(window.width(), [&](auto lanes, auto width) {
               sum_window_runs<decltype(lanes)::value>(first_window_logit(grad, grad_table.class_token(), first_row),
                                                       grad.outerStride(), values.data(), window.height(), width);
             });
  }
  if (!summed) {
    constexpr int kPart = 16;
    const Eigen::Index first = class_tokens(grad_table.class_token());
    for_each_window_sum(window.height(), window.width(),
                        [&](Eigen::Index t, Eigen::Index u, Eigen::Index count, Eigen::Index m) {
                          for (Eigen::Index i = 0; i < window.width(); i += kPart) {
                            const Eigen::Index size = std::min<Eigen::Index>(kPart, window.width() - i);
                            const auto run = [&](Eigen::Index row) {
                              return grad.row(first_row + first + t + row * window.width())
                                  .segment(first + u + row * window.width() + i, size)
                                  .array()
                                  .template cast<Scalar>();
                            };
                            Eigen::Array<Scalar, 1, Eigen::Dynamic, Eigen::RowMajor, 1, kPart> sum = run(0);
                            for (Eigen::Index row = 1; row < count; ++row) sum += run(row);
                            values.segment(m + i, size) += sum;
                          }
                        });
  }
}

template <typename Scalar, typename Grad>
void sum_class_pairs(WindowTable<Scalar>& grad_table, const Grad& grad, Eigen::Index head, Eigen::Index first_row) {
  auto class_values = grad_table.class_values();
  for_each_class_pair(grad_table.window(), grad_table.class_token(),
                      [&](Eigen::Index query, Eigen::Index key, Eigen::Index column) {
                        class_values(head, column) += convert<Scalar>(grad.coeff(first_row + query, key));
                      });
}

/// add_window_bias() behind its checks.
template <typename X, typename Heads>
void add_checked_window(X& x, const Heads& heads) {
  const Eigen::Index tokens = heads.table.tokens();
  const bool added = add_window_by_kernel(x, heads);
  for (Eigen::Index h = 0; h < heads.count; ++h) {
    if (!added) add_window_head(x, heads.table, heads.first + h, h * tokens);
    add_class_values(x, heads.table, heads.first + h, h * tokens);
  }
}

/// window_bias_backward() behind its checks.
template <typename Heads, typename Grad>
void sum_checked_window(const Heads& heads, const Grad& grad) {
  const Eigen::Index tokens = heads.table.tokens();
  const bool summed = sum_window_by_kernel(heads, grad);
  for (Eigen::Index h = 0; h < heads.count; ++h) {
    if (!summed) sum_window_head(heads.table, grad, heads.first + h, h * tokens);
    sum_class_pairs(heads.table, grad, heads.first + h, h * tokens);
  }
}

}  // namespace detail

/// Adds a bias by displacement to the logits of one window, in place: logits(h tokens + t, u) += the bias of head h for
/// the displacement from query token t to key token u.
///
/// @param[in,out] logits  (num_heads tokens) x tokens, head by head, tokens being table.tokens(): any writable Eigen
///                        object. tokens x tokens for one head of the table.
/// @param table           A WindowTable, or table.head(h) for logits of one head.
/// @throws std::invalid_argument  another shape; memory of logits that overlaps itself or the table. `logits` is then
///                                unchanged.
/// Cost:     one addition for each logit: 0.7 of the speed of adding a kept matrix of all pairs for a width of 7, 0.8
///           to 1 for 8, 12 and 14, with g++ -O2 and with -O3 -march=native. A table of floats is copied, some columns
///           of the window at a time, into 16 KiB of stack. No index, no allocation (bench_window_bias: Swin, BEiT).
/// Accuracy: each sum is formed in float or double and rounded once [accuracy][relative_bias].
/// Source:   Liu et al. 2021, arXiv:2103.14030 (Swin); Bao et al. 2021, arXiv:2106.08254 (BEiT).
/// Matches:  attn + relative_position_bias of Swin-Transformer, BEiT and timm.
template <typename Logits, typename Table, detail::IfDense<Logits> = 0, detail::IfWindowTable<Table> = 0>
void add_window_bias(Logits&& logits, const Table& table) {
  const char* const function = "add_window_bias";
  auto& x = detail::written(std::forward<Logits>(logits));
  const auto heads = detail::heads_of(table);
  const Eigen::Index tokens = heads.table.tokens();
  detail::require_shape(function, "logits", x, std::int64_t(heads.count) * tokens, tokens);
  detail::require_target(function, "logits", x, heads.table.values(), heads.table.class_values());
  detail::add_checked_window(x, heads);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto add_window_bias(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write add_window_bias(logits, table): logits is an Eigen object, table a WindowTable for all "
                "heads stacked, or its head(h) for one; of three axes (logits, tables), a vector of 2 frames - 1 of "
                "them");
}

/// The gradient of add_window_bias(): adds the sums over equal displacements into `grad_table`.
/// @param[in,out] grad_table  A WindowTable of float or double, or grad_table.head(h), whatever the logits are.
/// @param grad_logits         (num_heads tokens) x tokens, head by head, or tokens x tokens for one head.
/// @throws as add_window_bias(); grad_table is then unchanged.
/// Cost:     one addition for each logit, whatever the flags. For windows of 7 x 7, 8 x 8 and 12 x 12 0.65, 0.7 and 0.85 of
///           the speed at which Eigen with AVX-512 sums the gradient. No allocation (bench_window_bias: Swin, BEiT).
/// Accuracy: adjoint to add_window_bias() to 1e-12 of the sum of the terms' sizes in double [accuracy][relative_bias]. A
///           sum is formed in the scalar of grad_table: over the rows of queries first, then over their columns, so that
///           no logit meets more than 24 roundings in a window of 12 x 12. The same bits in every layout and at every
///           level of instructions [relative_bias][levels].
/// Source:   as add_window_bias().
template <typename GradTable, typename Grad, detail::IfWindowTable<GradTable> = 0, detail::IfDense<Grad> = 0>
void window_bias_backward(GradTable&& grad_table, const Grad& grad_logits) {
  const char* const function = "window_bias_backward";
  const auto heads = detail::heads_of(grad_table);
  using Table = std::remove_reference_t<decltype(heads.table)>;
  static_assert(!std::is_const_v<Table>, "posenc: the argument is written to, but it is const");
  static_assert(std::is_lvalue_reference_v<GradTable> || !std::is_same_v<std::decay_t<GradTable>, Table>,
                "posenc: grad_table is a temporary table, and the result would be lost with it");
  detail::require_gradient_scalar<typename Table::Scalar>();
  const Eigen::Index tokens = heads.table.tokens();
  detail::require_shape(function, "grad_logits", grad_logits, std::int64_t(heads.count) * tokens, tokens);
  detail::require_target(function, "grad_table", heads.table.values(), grad_logits);
  detail::require_target(function, "grad_table", heads.table.class_values(), grad_logits);
  const auto& grad_values = detail::evaluated(grad_logits);
  detail::sum_checked_window(heads, grad_values);
}

/// @overload
/// Says what is missing or out of order.
template <typename... Arguments>
auto window_bias_backward(const Arguments&...) {
  static_assert(detail::kMisuse<Arguments...>,
                "posenc: write window_bias_backward(grad_table, grad_logits): grad_table is a WindowTable or its "
                "head(h), grad_logits an Eigen object; of three axes (grad_tables, grad_logits), a vector of tables "
                "with a name");
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_ADD_WINDOW_BIAS_HPP
