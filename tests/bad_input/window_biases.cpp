// SPDX-License-Identifier: MIT
#include "bad_input/tables.hpp"

#include "bad_input/relative_bias_fixture.hpp"

namespace {

using posenc::WindowShape;
using posenc::WindowTable;
using posenc_tests::BadInputs;
using posenc_tests::make_mlp;
using Matrix = posenc_tests::RowMajorMatrix;

}  // namespace

std::vector<posenc_tests::BadInputCase> posenc_tests::bad_window_biases() {
  using F = posenc_tests::RelativeBiasFixture;
  BadInputs<F> bad("windows");

  // Windows
  bad.value("window without rows", "WindowTable: window.height must be > 0 and at most 1048576, got 0", [](F&) {
    WindowTable<float>(1, {0, 3});
  });
  bad.value("window of negative width", "window_index: window.width must be > 0 and at most 1048576, got -3", [](F&) {
    posenc::window_index({2, -3});
  });
  if (posenc_tests::kWideIndex)
    bad.length("index beyond memory",
               "window_index: window.tokens() must be at most 16777215 for rows of 68719476736 values, got 68719476736",
               [](F&) {
                 posenc::window_index({1 << 18, 1 << 18});
               });
  bad.value("window table of other rows", "make_window_table: weights.rows() must be 15, got 32", [](F& f) {
    posenc::make_window_table(f.weights, WindowShape{2, 3});
  });
  bad.value("BEiT table without its three rows", "make_window_table: weights.rows() must be 18, got 15", [](F& f) {
    posenc::make_window_table(f.weights.topRows(15), WindowShape{2, 3}, posenc::ClassToken::first);
  });
  bad.value("logits of another window", "add_window_bias: logits.rows() must be 8, got 6", [](F& f) {
    posenc::add_window_bias(f.window_logits, WindowTable<double>(1, {2, 4}));
  });
  bad.value("window table whose class values were assigned another shape",
            "add_window_bias: table.class_values().cols() must be 3, got 1", [](F& f) {
              WindowTable<double> table(1, {1, 5}, posenc::ClassToken::first);
              table.class_values() = Eigen::ArrayXXd::Ones(1, 1);
              posenc::add_window_bias(f.window_logits, table);
            });
  bad.range("window head out of range", "add_window_bias: head must be in [0, 1), got 1",
            [](F& f) { posenc::add_window_bias(f.window_logits, f.window, 1); });
  bad.value("window gradient of another window", "window_bias_backward: grad_logits.cols() must be 6, got 5",
            [](F& f) { posenc::window_bias_backward(f.window, f.both_heads, 0); });
  bad.value("Swin v2 pretrained on one row", "make_swin_v2_table: pretrained.height must be 0 (none) or > 1, got 1",
            [](F&) {
              posenc::make_swin_v2_table(make_mlp(2, 3, 1), {2, 3}, {1, 3});
            });
  bad.value("Swin v2 with one input", "make_swin_v2_table: mlp.layers[0].weight.cols() must be 2, got 1", [](F& f) {
    posenc::make_swin_v2_table(f.mlp, {2, 3});
  });
  bad.value("grid slope NaN", "make_grid_alibi_table: slopes[0] must be finite, got nan", [](F&) {
    posenc::make_grid_alibi_table<float>(Eigen::Array2d(kNan, 1), {2, 3}, posenc::GridDistance::euclidean);
  });
  bad.value("decomposed table of another length", "add_decomposed_bias: rel_h.rows() must be 3, got 5", [](F& f) {
    posenc::add_decomposed_bias(f.window_logits, Matrix::Ones(6, 4), f.rows, f.rows, {2, 3}, {2, 3});
  });
  bad.value("decomposed queries of another grid", "add_decomposed_bias: q.rows() must be query.tokens() 6, got 3",
            [](F& f) {
              posenc::add_decomposed_bias(f.window_logits, f.q, f.rows, f.rows, {2, 3}, {2, 3});
            });
  return bad.cases();
}
