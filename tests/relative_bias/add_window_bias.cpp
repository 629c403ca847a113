// SPDX-License-Identifier: MIT
/// Swin and BEiT: the index of a window, its table, and what is added to logits.
#include "relative_bias/npy.hpp"
#include "relative_bias/support.hpp"
#include "relative_bias/window_support.hpp"
#include "support/data.hpp"

using namespace posenc_tests;
using posenc::ClassToken;
using posenc::GridShape;
using posenc::WindowTable;

namespace {

/// Row of Swin's table for query token t and key token u.
Index swin_row(const GridShape& window, Index t, Index u) {
  const Index rows = t / window.width() - u / window.width();
  const Index columns = t % window.width() - u % window.width();
  return (rows + window.height() - 1) * (2 * window.width() - 1) + columns + window.width() - 1;
}

/// Row of BEiT's table, in the order in which it is written: the later ones win.
Index beit_row(const GridShape& window, Index t, Index u) {
  const Index num = window.displacements() + 3;
  if (t == 0 && u == 0) return num - 1;
  if (u == 0) return num - 2;
  if (t == 0) return num - 3;
  return swin_row(window, t - 1, u - 1);
}

}  // namespace

TEST_CASE("window biases with and without class token: gather by index, and the adjoint",
          "[relative_bias][add_window_bias][accuracy]") {
  for (const GridShape& window : kWindows) {
    for (const ClassToken class_token : {ClassToken::none, ClassToken::first}) {
      INFO(window.height() << " x " << window.width());
      const bool beit = class_token == ClassToken::first;
      const Index tokens = window.tokens() + (beit ? 1 : 0);
      const Index rows = window.displacements() + (beit ? 3 : 0);
      const MatrixD weights = random_matrix(rows, 2, 70);
      const auto table = posenc::make_window_table(weights, window, class_token);
      REQUIRE(table.tokens() == tokens);
      const MatrixD before = random_matrix(2 * tokens, tokens, 71);
      const MatrixD grad = random_matrix(2 * tokens, tokens, 72);
      MatrixD expected = before;
      MatrixD expected_gradient = MatrixD::Zero(rows, 2);
      for (Index h = 0; h < 2; ++h) {
        for (Index t = 0; t < tokens; ++t) {
          for (Index u = 0; u < tokens; ++u) {
            const Index row = beit ? beit_row(window, t, u) : swin_row(window, t, u);
            expected(h * tokens + t, u) += weights(row, h);
            expected_gradient(row, h) += grad(h * tokens + t, u);
          }
        }
      }
      for (Index h = 0; h < 2; ++h) {
        MatrixD alone = MatrixD::Zero(tokens, tokens);
        posenc::add_window_bias(alone, table.head(h));
        for (Index t = 0; t < tokens; ++t) {
          for (Index u = 0; u < tokens; ++u) {
            REQUIRE(alone(t, u) == weights(beit ? beit_row(window, t, u) : swin_row(window, t, u), h));
          }
        }
      }
      MatrixD stacked = before;
      ColumnMatrix<double> column_major = before;
      posenc::add_window_bias(stacked, table);
      posenc::add_window_bias(column_major, table);
      REQUIRE(same_bits(stacked, expected));
      REQUIRE(same_bits(column_major, expected));
      MatrixD around = random_matrix(tokens + 3, tokens + 4, 73);
      const MatrixD around_before = around;
      around.block(1, 2, tokens, tokens) = before.bottomRows(tokens);
      posenc::add_window_bias(around.block(1, 2, tokens, tokens), table.head(1));
      REQUIRE(same_bits(around.block(1, 2, tokens, tokens), expected.bottomRows(tokens)));
      around.block(1, 2, tokens, tokens) = around_before.block(1, 2, tokens, tokens);
      REQUIRE(same_bits(around, around_before));

      WindowTable<double> grad_table(2, window, class_token);
      posenc::window_bias_backward(grad_table, grad);
      MatrixD gradient = MatrixD::Zero(rows, 2);
      posenc::window_table_backward(gradient, grad_table);
      constexpr double kOrderBound = 40 * 40 * kEpsilon;  // at most 36 terms below 1 in another order
      REQUIRE(distance(gradient, expected_gradient) <= kOrderBound);
      require_adjoint(dot(MatrixD(stacked - before), grad), dot(weights, gradient), absolute_dot(weights, gradient));
      WindowTable<double> by_head(2, window, class_token);
      const ColumnMatrix<double> grad_by_columns = grad;
      posenc::window_bias_backward(by_head.head(0), grad_by_columns.topRows(tokens));
      posenc::window_bias_backward(by_head.head(1), grad_by_columns.bottomRows(tokens));
      REQUIRE(same_bits(by_head.values(), grad_table.values()));
      REQUIRE(same_bits(by_head.class_values(), grad_table.class_values()));
      if (!beit) {
        const auto index = posenc::window_index(window);
        for (Index t = 0; t < tokens; ++t) {
          for (Index u = 0; u < tokens; ++u) REQUIRE(index(t, u) == swin_row(window, t, u));
        }
      }
    }
  }
}

TEMPLATE_TEST_CASE("windows of every width: the numbers of a gather and of sums column by column, bit for bit",
                   "[relative_bias][add_window_bias]", float, double) {
  for (Index width = 1; width <= 20; ++width) {
    INFO("width " << width);
    const GridShape window{3, width};
    const Index tokens = window.tokens();
    WindowTable<TestType> table(1, window);
    table.values() = random_matrix(1, window.displacements(), 76).template cast<TestType>().array();
    WindowTable<TestType> gradient = table;
    auto expected_gradient = table.values().eval();
    RowMatrix<TestType> logits = random_matrix(2 * tokens, tokens + 1, 77).template cast<TestType>();
    RowMatrix<TestType> expected = logits;
    for (Index w = 0; w < 2; ++w) {  // two windows, one after the other
      for (Index t = 0; t < tokens; ++t) {
        for (Index u = 0; u < tokens; ++u) {
          const Index column = window.displacements() - 1 - swin_row(window, t, u);
          expected(w * tokens + t, u) += table.values()(0, column);
        }
      }
      add_column_sums(window.height(), width, &logits(w * tokens, 0), logits.outerStride(), expected_gradient.data());
      posenc::window_bias_backward(gradient, logits.block(w * tokens, 0, tokens, tokens));
      posenc::add_window_bias(logits.block(w * tokens, 0, tokens, tokens), table);
    }
    REQUIRE(same_bits(logits, expected));
    REQUIRE(same_bits(gradient.values(), expected_gradient));
  }
}

TEMPLATE_TEST_CASE("window logits of shorter types are rounded once", "[relative_bias][add_window_bias][accuracy]",
                   Eigen::half, Eigen::bfloat16, float) {
  const GridShape window{3, 4};
  const auto table =
      posenc::make_window_table(random_matrix(window.displacements() + 3, 1, 74), window, ClassToken::first);
  RowMatrix<TestType> logits = random_matrix(13, 13, 75).cast<TestType>();
  RowMatrix<TestType> expected(13, 13);
  MatrixD bias = MatrixD::Zero(13, 13);
  posenc::add_window_bias(bias, table);
  for (Index i = 0; i < 13; ++i) {
    for (Index j = 0; j < 13; ++j) {
      expected(i, j) = posenc::detail::round_to<TestType>(static_cast<double>(logits(i, j)) + bias(i, j));
    }
  }
  posenc::add_window_bias(logits, table);
  REQUIRE(same_bits(logits, expected));
}

TEST_CASE("trained Swin tables and PyTorch's own index", "[relative_bias][add_window_bias][accuracy]") {
  if (skip_without_data("Swin tables")) return;
  const std::string tables = data_dir() + "/tables/";
  const RowMatrixXd pytorch_index = read_npy_table(tables + "swin_imdtn_index_36x36.npy");
  REQUIRE(same_bits(posenc::window_index(GridShape(6, 6)).cast<double>(), pytorch_index));
  for (const auto& [file, side] :
       {std::pair<const char*, Index>{"swin_imdtn_121x2.npy", 6}, {"swin_ngswin_x2_225x6.npy", 8}}) {
    const RowMatrix<float> weights = read_npy_table(tables + file).cast<float>();
    const GridShape window{side, side};
    const auto index = posenc::window_index(window);
    RowMatrix<float> logits = RowMatrix<float>::Zero(weights.cols() * window.tokens(), window.tokens());
    posenc::add_window_bias(logits, posenc::make_window_table(weights, window));
    bool all_equal = true;
    for (Index h = 0; h < weights.cols(); ++h) {
      for (Index t = 0; t < window.tokens(); ++t) {
        for (Index u = 0; u < window.tokens(); ++u) {
          all_equal = all_equal && logits(h * window.tokens() + t, u) == weights(index(t, u), h);
        }
      }
    }
    REQUIRE(all_equal);
  }
}
