// SPDX-License-Identifier: MIT
#include "bad_input/tables.hpp"

#include "bad_input/relative_bias_fixture.hpp"

#include <optional>
#include <vector>

namespace {

using posenc::Decomposed;
using posenc::GridShape;
using posenc::RelPosH;
using posenc::RelPosW;
using posenc::WindowFilter;
using posenc::WindowResize;
using posenc::WindowTable;
using posenc_tests::BadInputs;
using posenc_tests::make_mlp;
using Matrix = posenc_tests::RowMajorMatrix;

}  // namespace

std::vector<posenc_tests::BadInputCase> posenc_tests::bad_window_biases() {
  using F = posenc_tests::RelativeBiasFixture;
  BadInputs<F> bad("windows");

  // Windows
  bad.value("window without rows", "GridShape: height must be > 0 and at most 1048576, got 0",
            [](F&) { GridShape(0, 3); });
  bad.value("window of negative width", "GridShape: width must be > 0 and at most 1048576, got -3",
            [](F&) { GridShape(2, -3); });
  bad.value("window table of negative heads", "WindowTable: num_heads must be >= 0, got -1",
            [](F&) { WindowTable<float>(-1, GridShape(2, 3)); });
  if (posenc_tests::kWideIndex)
    bad.length("index beyond memory",
               "window_index: window.tokens() must be at most 16777215 for rows of 68719476736 values, got 68719476736",
               [](F&) { posenc::window_index(GridShape(1 << 18, 1 << 18)); });
  bad.value("window table of other rows", "make_window_table: weights.rows() must be 15, got 32",
            [](F& f) { posenc::make_window_table(f.weights, GridShape(2, 3)); });
  if (posenc_tests::kWideIndex)
    bad.value("table of a window beyond memory", "make_window_table: weights.rows() must be 2199020109825, got 32",
              [](F& f) { posenc::make_window_table(f.weights, GridShape(1 << 20, 1 << 19)); });
  bad.value("BEiT table without its three rows", "make_window_table: weights.rows() must be 18, got 15",
            [](F& f) { posenc::make_window_table(f.weights.topRows(15), GridShape(2, 3), posenc::ClassToken::first); });
  bad.value("logits of another window", "add_window_bias: logits.rows() must be 8, got 6",
            [](F& f) { posenc::add_window_bias(f.window_logits, WindowTable<double>(1, GridShape(2, 4))); });
  bad.range("window head out of range", "TableHead: head must be in [0, 1), got 1",
            [](F& f) { posenc::add_window_bias(f.window_logits, f.window.head(1)); });
  bad.value("window logits in the table",
            "add_window_bias: logits must be disjoint from what is read, got overlapping memory", [](F&) {
              WindowTable<double> table(6, GridShape(2, 3));
              posenc::add_window_bias(table.values().leftCols(6), table.head(0));
            });
  bad.value("a window of no frames", "make_window_table: frames must be in [1, 1048576], got 0",
            [](F& f) { posenc::make_window_table(f.weights.topRows(15), 0, GridShape(2, 3)); });
  bad.value("frames beyond 64 bits with a sign",
            "make_window_table: frames must be in [1, 1048576], got 18446744073709551615",
            [](F& f) { posenc::make_window_table(f.weights.topRows(15), std::uint64_t(-1), GridShape(2, 3)); });
  bad.value("a window of frames of other rows",
            "make_window_table: weights.rows() must be 15 for each of 3 displacements in frames, got 15",
            [](F& f) { posenc::make_window_table(f.weights.topRows(15), 2, GridShape(2, 3)); });
  using Tables = std::vector<WindowTable<double>>;
  bad.value("an even number of window tables",
            "add_window_bias: tables.size() must be 2 frames - 1, an odd number, got 2",
            [](F& f) { posenc::add_window_bias(f.window_logits, Tables(2, WindowTable<double>(1, GridShape(2, 3)))); });
  bad.value("no window tables", "window_bias_backward: grad_tables.size() must be 2 frames - 1, an odd number, got 0",
            [](F& f) {
              Tables none;
              posenc::window_bias_backward(none, f.window_logits);
            });
  bad.value("tables of two windows",
            "add_window_bias: tables[2] must be of the window and the heads of the first, without a class token, got "
            "another table",
            [](F& f) {
              Tables tables(3, WindowTable<double>(1, GridShape(2, 3)));
              tables[2] = WindowTable<double>(1, GridShape(3, 2));
              posenc::add_window_bias(f.window_logits, tables);
            });
  bad.value("logits of fewer frames", "add_window_bias: logits.rows() must be 12, got 6",
            [](F& f) { posenc::add_window_bias(f.window_logits, Tables(3, WindowTable<double>(1, GridShape(2, 3)))); });
  bad.value("gradient of weights of fewer frames", "window_table_backward: grad_weights.rows() must be 45, got 32",
            [](F& f) { posenc::window_table_backward(f.weights, Tables(3, WindowTable<double>(2, GridShape(2, 3)))); });
  bad.value("window gradient of another window", "window_bias_backward: grad_logits.cols() must be 6, got 5",
            [](F& f) { posenc::window_bias_backward(f.window.head(0), f.both_heads); });
  bad.value("Swin v2 pretrained on one row", "make_swin_v2_table: pretrained.height() must be > 1, got 1",
            [](F&) { posenc::make_swin_v2_table(make_mlp(2, 3, 1), GridShape(2, 3), GridShape(1, 3)); });
  bad.value("Swin v2 with one input", "make_swin_v2_table: mlp.layers[0].weight.cols() must be 2, got 1",
            [](F& f) { posenc::make_swin_v2_table(f.mlp, GridShape(2, 3), std::nullopt); });
  bad.value(
      "Swin v2 gradient in the network itself",
      "swin_v2_table_backward: grad_mlp.layers[0].weight must be disjoint from what is read, got overlapping memory",
      [](F& f) {
        posenc_tests::Mlp mlp = make_mlp(2, 3, 1);
        posenc::swin_v2_table_backward(mlp, f.window, mlp, std::nullopt);
      });
  bad.value("network of distances for a window", "make_mlp_table: mlp.layers[0].weight.cols() must be 2, got 1",
            [](F& f) { posenc::make_mlp_table(f.mlp, GridShape(2, 3), posenc::DistanceInput::linear); });
  bad.value("network gradient of other heads than the window's",
            "mlp_table_backward: mlp.outputs() must be num_heads 1, got 2", [](F& f) {
              posenc_tests::Mlp grad = make_mlp(2, 3, 2);
              posenc::mlp_table_backward(grad, f.window, make_mlp(2, 3, 2), posenc::DistanceInput::linear);
            });
  bad.value("grid slope NaN", "make_alibi_table: slopes[0] must be finite, got nan", [](F&) {
    posenc::make_alibi_table<float>(Eigen::Array2d(kNan, 1), GridShape(2, 3), posenc::GridDistance::euclidean);
  });
  bad.value("grid gradient of other heads", "alibi_table_backward: grad_slopes.size() must be num_heads 1, got 12",
            [](F& f) { posenc::alibi_table_backward(f.grad_q, f.window, posenc::GridDistance::manhattan); });

  // Decomposed
  const GridShape grid(2, 3);
  bad.value("decomposed table of another length",
            "add_decomposed_logits: rel_h.rows() must be 3 (2 max(query.height(), key.height()) - 1), got 5",
            [grid](F& f) {
              posenc::add_decomposed_logits(f.window_logits, Decomposed(RelPosH(f.rows), RelPosW(f.rows), grid, grid),
                                            Matrix::Ones(6, 4));
            });
  bad.value("decomposed queries of another grid",
            "add_decomposed_logits: q.rows() must be query.tokens() 6 for each head, got 3", [grid](F& f) {
              posenc::add_decomposed_logits(f.window_logits, Decomposed(RelPosH(f.q), RelPosW(f.rows), grid, grid),
                                            f.q);
            });
  bad.value("decomposed table of another width", "add_decomposed_logits: rel_h.cols() must be 4, got 5", [grid](F& f) {
    posenc::add_decomposed_logits(f.window_logits, Decomposed(RelPosH(Matrix::Ones(3, 5)), RelPosW(f.rows), grid, grid),
                                  Matrix::Ones(6, 4));
  });

  // Resize
  bad.value("spline of two rows",
            "WindowResize: from.height() must be at least 3 where it changes (or use WindowFilter::geometric_linear), "
            "got 2",
            [](F&) { WindowResize(GridShape(2, 2), GridShape(3, 3), WindowFilter::geometric); });
  bad.value("spline of two columns",
            "WindowResize: from.width() must be at least 3 where it changes (or use WindowFilter::geometric_linear), "
            "got 2",
            [](F&) { WindowResize(GridShape(3, 2), GridShape(3, 3), WindowFilter::geometric); });
  const WindowResize larger(GridShape(2, 2), GridShape(3, 3), WindowFilter::bicubic);
  bad.value("resize of a table without its class rows", "resize: table.rows() must be 12, got 9", [larger](F& f) {
    posenc::resize(f.grad.topRows(25), Matrix::Ones(9, 2), larger.keep(posenc::ClassToken::first));
  });
  bad.value("resize to another window", "resize: out.rows() must be 25, got 32",
            [larger](F& f) { posenc::resize(f.grad, Matrix::Ones(9, 2), larger); });
  bad.value("resized gradient of other heads", "resize_backward: grad_table.cols() must be 1, got 2",
            [larger](F& f) { posenc::resize_backward(f.grad.topRows(9), Matrix::Ones(25, 1), larger); });
  bad.value("resize in place", "resize: out must be disjoint from what is read, got overlapping memory",
            [larger](F& f) { posenc::resize(f.grad.topRows(25), f.grad.bottomRows(9), larger); });
  return bad.cases();
}
