// SPDX-License-Identifier: MIT
// Relative biases in windows of an image: added to the logits of all heads of a window, float, in place, and their
// gradients.

#include <string>

#include "posenc/relative_bias.hpp"

#include "support/measure.hpp"
#include "support/small_numbers.hpp"

namespace {

using Eigen::Index;
using posenc::GridShape;
using posenc_benchmarks::bytes_of;
using posenc_benchmarks::Matrix;
using posenc_benchmarks::measure;
using posenc_benchmarks::numbers;

/// `windows` windows after one another, as a layer of the model has them, with one table. The ceiling of adding adds the
/// bias as a matrix of all pairs that exists already; the naive loop gathers it by the index of frameworks each time.
///
/// What bounds them, where asked is 0.70 for a width of 7 and 0.90 for 8 and 12. Adding: a row of 49 logits begins
/// anywhere, so that it takes seven vectors of 8 where the ceiling's vectors of 16 take three, and each window's biases
/// are put in order again, 5 to 10 % of the time on a Zen 4: 0.78 there, 0.84 with 12 heads. Vectors of 16 in one line
/// each, of which every third holds the end of a row and what the next one begins with, took as long. Backward, on a
/// Zen 4: the gradient comes from the last level at the ceiling's speed only where nothing else is done. A core
/// reads two vectors of 8 in a cycle or one line comes in: a window of 8 x 8 is 512 runs, 120 sums that are read and
/// written, and 256 lines, some 570 cycles where the ceiling takes 512 at least; with one addition for each run it is at
/// 0.88 from the second level, at 0.77 from the last, in whatever order the rows are read and whether memory is fetched
/// ahead or not. Memory that is aligned to 16 bytes, where every second vector lies in two cache lines: 0.68. A run of 7
/// begins anywhere, and each sum of a column is added to the table's besides, 91 for 343 runs: 0.68, with the next head
/// fetched ahead, without that 0.59. In a window of 12 x 12 two runs are three vectors: 0.87, and 0.77 as two vectors each.
/// There 8 x 8 in memory that is aligned to 16 bytes is added at 0.8 of the speed of aligned memory.
void measure_windows(const std::string& name, Index windows, const GridShape& window, Index heads,
                     posenc::ClassToken class_token) {
  const Index special = class_token == posenc::ClassToken::first ? 1 : 0;
  const Index tokens = window.tokens() + special;
  const Matrix weights = numbers(window.displacements() + 3 * special, heads);
  const auto table = posenc::make_window_table(weights, window, class_token);
  auto gradient = table;
  const auto index = posenc::window_index(window);
  const Index rows = heads * tokens;
  Matrix logits = numbers(windows * rows, tokens);
  const Matrix bias = numbers(rows, tokens);
  Matrix sums = Matrix::Zero(weights.rows(), heads);
  /// The row of `weights` for a pair of tokens.
  const auto row_of = [&](Index t, Index u) {
    if (t >= special && u >= special) return index(t - special, u - special);
    return window.displacements() + (t < special && u < special ? 2 : u < special ? 1 : 0);
  };
  const auto each_window = [&](auto action) {
    for (Index w = 0; w < windows; ++w) action(logits.middleRows(w * rows, rows));
  };
  const double bytes = bytes_of(windows * rows, tokens);
  measure(
      name + ", add", bytes, [&] { each_window([&](auto block) { posenc::add_window_bias(block, table); }); },
      [&] { each_window([&](auto block) { block += bias; }); },
      [&] {
        each_window([&](auto block) {
          for (Index head = 0; head < heads; ++head) {
            for (Index t = 0; t < tokens; ++t) {
              for (Index u = 0; u < tokens; ++u) block(head * tokens + t, u) += weights(row_of(t, u), head);
            }
          }
        });
      });
  measure(
      name + ", backward", bytes / 2,
      [&] { each_window([&](auto block) { posenc::window_bias_backward(gradient, block); }); },
      [&] { Catch::Benchmark::deoptimize_value(logits.sum()); },
      [&] {
        each_window([&](auto block) {
          for (Index head = 0; head < heads; ++head) {
            for (Index t = 0; t < tokens; ++t) {
              for (Index u = 0; u < tokens; ++u) sums(row_of(t, u), head) += block(head * tokens + t, u);
            }
          }
        });
      });
}

TEST_CASE("Swin, 64 windows of 7x7, 4 heads") {
  measure_windows("Swin 64 x 7x7, 4 heads", 64, GridShape(7, 7), 4, posenc::ClassToken::none);
}

TEST_CASE("Swin, 64 windows of 8x8, 4 heads") {
  measure_windows("Swin 64 x 8x8, 4 heads", 64, GridShape(8, 8), 4, posenc::ClassToken::none);
}

TEST_CASE("Swin, 8 windows of 12x12, 4 heads") {
  measure_windows("Swin 8 x 12x12, 4 heads", 8, GridShape(12, 12), 4, posenc::ClassToken::none);
}

TEST_CASE("BEiT, 14x14 and a class token, 12 heads") {
  measure_windows("BEiT 14x14, 12 heads", 1, GridShape(14, 14), 12, posenc::ClassToken::first);
}

TEST_CASE("Video Swin, 8x7x7, 3 heads") {
  constexpr Index frames = 8, heads = 3;
  const GridShape window(7, 7);
  const Index tokens = frames * window.tokens();
  const Matrix weights = numbers((2 * frames - 1) * window.displacements(), heads);
  const auto tables = posenc::make_window_table(weights, frames, window);
  auto sums = tables;
  Matrix logits = numbers(heads * tokens, tokens);
  const Matrix bias = numbers(heads * tokens, tokens);
  Matrix by_weights = Matrix::Zero(weights.rows(), heads);
  const auto row_of = [&](Index t, Index u) {
    const Index n = window.tokens(), d = t / n - u / n + frames - 1;
    const Index dr = t % n / 7 - u % n / 7 + 6, dc = t % 7 - u % 7 + 6;
    return (d * 13 + dr) * 13 + dc;
  };
  const double bytes = bytes_of(heads * tokens, tokens);
  measure(
      "Video Swin 8x7x7, 3 heads, add", bytes, [&] { posenc::add_window_bias(logits, tables); },
      [&] { logits += bias; },
      [&] {
        for (Index row = 0; row < logits.rows(); ++row) {
          for (Index u = 0; u < tokens; ++u) logits(row, u) += weights(row_of(row % tokens, u), row / tokens);
        }
      });
  measure(
      "Video Swin 8x7x7, 3 heads, backward", bytes / 2, [&] { posenc::window_bias_backward(sums, logits); },
      [&] { Catch::Benchmark::deoptimize_value(logits.sum()); },
      [&] {
        for (Index row = 0; row < logits.rows(); ++row) {
          for (Index u = 0; u < tokens; ++u) by_weights(row_of(row % tokens, u), row / tokens) += logits(row, u);
        }
      });
}

TEST_CASE("Decomposed, 14x14, d = 64") {
  constexpr Index d = 64;
  const GridShape grid(14, 14);
  const Matrix q = numbers(grid.tokens(), d);
  const Matrix rel_h = numbers(27, d);
  const Matrix rel_w = numbers(27, d);
  const auto scheme = posenc::Decomposed(posenc::RelPosH(rel_h), posenc::RelPosW(rel_w), grid, grid);
  Matrix logits = numbers(grid.tokens(), grid.tokens());
  Matrix grad_q = Matrix::Zero(grid.tokens(), d);
  Matrix grad_h = Matrix::Zero(27, d);
  Matrix grad_w = Matrix::Zero(27, d);
  Matrix scores(grid.tokens(), 27);
  const auto rows = [](Index t, Index u) { return t / 14 - u / 14 + 13; };
  const auto columns = [](Index t, Index u) { return t % 14 - u % 14 + 13; };
  const double bytes = bytes_of(grid.tokens(), grid.tokens());
  measure(
      "Decomposed 14x14 d64, add", bytes, [&] { posenc::add_decomposed_logits(logits, scheme, q); },
      [&] {  // both products, with all displacements
        scores.noalias() = q * rel_h.transpose();
        scores.noalias() += q * rel_w.transpose();
      },
      [&] {
        for (Index t = 0; t < grid.tokens(); ++t) {
          for (Index u = 0; u < grid.tokens(); ++u) {
            logits(t, u) += q.row(t).dot(rel_h.row(rows(t, u))) + q.row(t).dot(rel_w.row(columns(t, u)));
          }
        }
      });
  measure(
      "Decomposed 14x14 d64, backward", bytes / 2,
      [&] {
        posenc::decomposed_logits_backward(
            posenc::DecomposedGradients(grad_q, posenc::RelPosH(grad_h), posenc::RelPosW(grad_w)), logits, scheme, q);
      },
      [&] {
        grad_q.noalias() += scores * rel_h;
        grad_q.noalias() += scores * rel_w;
        grad_h.noalias() += scores.transpose() * q;
        grad_w.noalias() += scores.transpose() * q;
      },
      [&] {
        for (Index t = 0; t < grid.tokens(); ++t) {
          for (Index u = 0; u < grid.tokens(); ++u) {
            const float gradient = logits(t, u);
            grad_q.row(t) += gradient * (rel_h.row(rows(t, u)) + rel_w.row(columns(t, u)));
            grad_h.row(rows(t, u)) += gradient * q.row(t);
            grad_w.row(columns(t, u)) += gradient * q.row(t);
          }
        }
      });
}

}  // namespace
