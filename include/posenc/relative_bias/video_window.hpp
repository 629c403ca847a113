// SPDX-License-Identifier: MIT
/// @file
/// Windows of three axes: a bias by displacement in frames, rows and columns (Video Swin).
#ifndef POSENC_RELATIVE_BIAS_VIDEO_WINDOW_HPP
#define POSENC_RELATIVE_BIAS_VIDEO_WINDOW_HPP

#include "posenc/detail/argument.hpp"
#include "posenc/detail/check.hpp"
#include "posenc/detail/eigen.hpp"
#include "posenc/detail/limits.hpp"
#include "posenc/positions/grid_shape.hpp"
#include "posenc/relative_bias/add_window_bias.hpp"
#include "posenc/relative_bias/detail/written_argument.hpp"
#include "posenc/relative_bias/window_table.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace posenc {
inline namespace POSENC_ABI {

namespace detail {

/// The frames of a window whose displacements have these tables.
template <typename Scalar>
Eigen::Index require_video_tables(const char* function, const char* parameter,
                                  const std::vector<WindowTable<Scalar>>& tables) {
  if (tables.size() % 2 == 0) {
    refuse<std::invalid_argument>(function, joined(parameter, ".size()"), tables.size(), "2 frames - 1, an odd number");
  }
  const WindowTable<Scalar>& first = tables.front();
  for (std::size_t d = 0; d < tables.size(); ++d) {
    const bool alike = tables[d].window().height() == first.window().height() &&
                       tables[d].window().width() == first.window().width() &&
                       tables[d].num_heads() == first.num_heads() && tables[d].class_token() == ClassToken::none;
    if (alike) continue;
    refuse<std::invalid_argument>(function, element(parameter, static_cast<Eigen::Index>(d)), "another table",
                                  "of the window and the heads of the first, without a class token");
  }
  return static_cast<Eigen::Index>(tables.size() / 2 + 1);
}

/// Calls body(d, row, column, head) for the block of logits of each two frames, d being query - key and frames - 1.
template <typename Body>
void for_each_frame_pair(Eigen::Index heads, Eigen::Index frames, Eigen::Index tokens, const Body& body) {
  for (Eigen::Index head = 0; head < heads; ++head) {
    for (Eigen::Index query = 0; query < frames; ++query) {
      for (Eigen::Index key = 0; key < frames; ++key) {
        body(static_cast<std::size_t>(query - key + frames - 1), (head * frames + query) * tokens, key * tokens, head);
      }
    }
  }
}

}  // namespace detail

/// @overload
/// Returns the bias of a window of frames x height x width tokens: a table of rows and columns for each displacement in
/// frames, query - key = 1 - frames, ..., frames - 1. To bring such weights to another size, resize() of learnable.hpp
/// takes GridResize({2 frames - 1, 2 height - 1, 2 width - 1}, {...}, filter).
///
/// @param weights  (2 frames - 1) window.displacements() x num_heads by query - key: frames, then rows, then columns.
/// @param frames   Of the window, > 0.
/// @param window   Its rows and columns.
/// @throws std::invalid_argument  frames <= 0 or beyond 2^20; another number of rows.
/// Cost:     one copy for each value, and an allocation for each displacement in frames; no bench case, called once for
///           a checkpoint.
/// Accuracy: copies [accuracy][relative_bias].
/// Source:   Liu et al. 2021, arXiv:2106.13230 (Video Swin).
/// Matches:  ShiftedWindowAttention3d of torchvision.
template <typename Weights, typename Frames, detail::IfDense<Weights> = 0,
          std::enable_if_t<std::is_integral_v<Frames>, int> = 0>
std::vector<WindowTable<typename Weights::Scalar>> make_window_table(const Weights& weights, const Frames& frames,
                                                                     const GridShape& window) {
  const char* const function = "make_window_table";
  constexpr std::int64_t limit = detail::kMaxGridSide;
  const auto count = static_cast<std::int64_t>(frames);
  detail::require(frames > 0 && count > 0 && count <= limit, function, "frames", frames, "in [1, ", limit, "]");
  const Eigen::Index n = window.displacements();
  const std::int64_t tables = 2 * count - 1;
  detail::require(weights.rows() % n == 0 && weights.rows() / n == tables, function, "weights.rows()", weights.rows(),
                  n, " for each of ", tables, " displacements in frames");
  const auto& values = detail::evaluated(weights);
  std::vector<WindowTable<typename Weights::Scalar>> made;
  made.reserve(static_cast<std::size_t>(tables));
  for (Eigen::Index d = 0; d < tables; ++d) made.push_back(make_window_table(values.middleRows(d * n, n), window));
  return made;
}

/// @overload
/// Adds the bias of a window of three axes: tables as make_window_table(weights, frames, window) returns them, and
/// (num_heads tokens) x tokens logits of all heads, tokens being frames height width, numbered frame by frame.
///
/// @param[in,out] logits  (num_heads tokens) x tokens, head by head.
/// @param tables          2 frames - 1, by query - key in frames.
/// @throws std::invalid_argument  in addition: an even number of tables; tables that differ in window or number of
///                                heads, or that have a class token.
/// Cost:     one addition for each logit, by the kernels of a window, frame by frame (bench_window_bias: Video Swin).
/// Accuracy: as above [accuracy][relative_bias].
/// Matches:  ShiftedWindowAttention3d of torchvision.
template <typename Logits, typename Scalar, detail::IfDense<Logits> = 0>
void add_window_bias(Logits&& logits, const std::vector<WindowTable<Scalar>>& tables) {
  const char* const function = "add_window_bias";
  auto& x = detail::written(std::forward<Logits>(logits));
  const Eigen::Index frames = detail::require_video_tables(function, "tables", tables);
  const Eigen::Index heads = tables.front().num_heads();
  const Eigen::Index tokens = tables.front().tokens();
  detail::require_shape(function, "logits", x, std::int64_t{heads} * frames * tokens, std::int64_t{frames} * tokens);
  for (const WindowTable<Scalar>& table : tables) detail::require_target(function, "logits", x, table.values());
  detail::for_each_frame_pair(heads, frames, tokens,
                              [&](std::size_t d, Eigen::Index row, Eigen::Index column, Eigen::Index head) {
                                auto window = x.block(row, column, tokens, tokens);
                                detail::add_checked_window(window, detail::heads_of(tables[d].head(head)));
                              });
}

/// @overload
/// Adds the sums over equal displacements of a window of three axes into 2 frames - 1 tables.
/// @param[in,out] grad_tables  As the tables that add_window_bias() read.
/// @param grad_logits          (num_heads tokens) x tokens, head by head.
/// @throws std::invalid_argument  in addition: as add_window_bias() of such tables.
/// Cost:     one addition for each logit (bench_window_bias: Video Swin).
/// Accuracy: as above [accuracy][relative_bias].
template <typename Scalar, typename Grad, detail::IfDense<Grad> = 0>
void window_bias_backward(std::vector<WindowTable<Scalar>>& grad_tables, const Grad& grad_logits) {
  const char* const function = "window_bias_backward";
  detail::require_gradient_scalar<Scalar>();
  const Eigen::Index frames = detail::require_video_tables(function, "grad_tables", grad_tables);
  const Eigen::Index heads = grad_tables.front().num_heads();
  const Eigen::Index tokens = grad_tables.front().tokens();
  detail::require_shape(function, "grad_logits", grad_logits, std::int64_t{heads} * frames * tokens,
                        std::int64_t{frames} * tokens);
  for (WindowTable<Scalar>& table : grad_tables) {
    detail::require_target(function, "grad_tables", table.values(), grad_logits);
  }
  const auto& grad = detail::evaluated(grad_logits);
  detail::for_each_frame_pair(heads, frames, tokens,
                              [&](std::size_t d, Eigen::Index row, Eigen::Index column, Eigen::Index head) {
                                const auto window = grad.block(row, column, tokens, tokens);
                                detail::sum_checked_window(detail::heads_of(grad_tables[d].head(head)), window);
                              });
}

/// @overload
/// The gradient of make_window_table() of a window of three axes.
/// @param[in,out] grad_weights  Has the shape of the weights.
/// @param grad_tables           As window_bias_backward() sums them.
/// @throws std::invalid_argument  in addition: as add_window_bias() of such tables.
/// Cost:     one addition for each value; no bench case, it reads the tables alone.
/// Accuracy: one addition, rounded once [accuracy][relative_bias].
template <typename GradWeights, typename Scalar, detail::IfDense<GradWeights> = 0>
void window_table_backward(GradWeights&& grad_weights, const std::vector<WindowTable<Scalar>>& grad_tables) {
  const char* const function = "window_table_backward";
  auto& grad = detail::written(std::forward<GradWeights>(grad_weights));
  detail::require_video_tables(function, "grad_tables", grad_tables);
  const Eigen::Index n = grad_tables.front().window().displacements();
  const auto tables = static_cast<Eigen::Index>(grad_tables.size());
  detail::require_shape(function, "grad_weights", grad, std::int64_t{tables} * n, grad_tables.front().num_heads());
  for (const WindowTable<Scalar>& table : grad_tables) {
    detail::require_target(function, "grad_weights", grad, table.values());
  }
  for (Eigen::Index d = 0; d < tables; ++d) {
    window_table_backward(grad.middleRows(d * n, n), grad_tables[static_cast<std::size_t>(d)]);
  }
}

}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_RELATIVE_BIAS_VIDEO_WINDOW_HPP
