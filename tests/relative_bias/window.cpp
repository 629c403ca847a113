// SPDX-License-Identifier: MIT
/// Swin, BEiT, Swin v2, ALiBi on a grid, and decomposed positions.
#include "relative_bias/npy.hpp"
#include "relative_bias/support.hpp"
#include "support/data.hpp"

using namespace posenc_tests;
using posenc::BiasMlp;
using posenc::ClassToken;
using posenc::GridDistance;
using posenc::WindowShape;
using posenc::WindowTable;

namespace {

const std::vector<WindowShape> kWindows = {{3, 3}, {2, 5}, {4, 2}, {1, 6}, {6, 1}, {1, 1}};

/// Row of Swin's table for query token t and key token u.
Index swin_row(const WindowShape& window, Index t, Index u) {
  const Index rows = t / window.width - u / window.width;
  const Index columns = t % window.width - u % window.width;
  return (rows + window.height - 1) * (2 * window.width - 1) + columns + window.width - 1;
}

/// Row of BEiT's table, in the order in which it is written: the later ones win.
Index beit_row(const WindowShape& window, Index t, Index u) {
  const Index num = window.displacements() + 3;
  if (t == 0 && u == 0) return num - 1;
  if (u == 0) return num - 2;
  if (t == 0) return num - 3;
  return swin_row(window, t - 1, u - 1);
}

}  // namespace

TEST_CASE("window biases with and without class token: gather by index, and the adjoint") {
  for (const WindowShape& window : kWindows) {
    for (const ClassToken class_token : {ClassToken::none, ClassToken::first}) {
      INFO(window.height << " x " << window.width);
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
        const MatrixD alone = posenc::make_window_bias(table, h);
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
      posenc::add_window_bias(around.block(1, 2, tokens, tokens), table, 1);
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
      posenc::window_bias_backward(by_head, grad_by_columns.topRows(tokens), 0);
      posenc::window_bias_backward(by_head, grad_by_columns.bottomRows(tokens), 1);
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

TEMPLATE_TEST_CASE("window logits of shorter types are rounded once", "", Eigen::half, Eigen::bfloat16, float) {
  const WindowShape window{3, 4};
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

TEST_CASE("trained Swin tables and PyTorch's own index") {
  if (skip_without_data("Swin tables")) return;
  const std::string tables = data_dir() + "/tables/";
  const RowMatrixXd pytorch_index = read_npy_table(tables + "swin_imdtn_index_36x36.npy");
  REQUIRE(same_bits(posenc::window_index({6, 6}).cast<double>(), pytorch_index));
  for (const auto& [file, side] :
       {std::pair<const char*, Index>{"swin_imdtn_121x2.npy", 6}, {"swin_ngswin_x2_225x6.npy", 8}}) {
    const RowMatrix<float> weights = read_npy_table(tables + file).cast<float>();
    const WindowShape window{side, side};
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

TEST_CASE("Swin v2: the network of log-spaced displacements, and its gradient") {
  // A network of 2 -> 7 -> 2 without a last bias, as cpb_mlp.
  BiasMlp<double> mlp;
  mlp.layers.push_back({random_matrix(7, 2, 80), random_matrix(7, 1, 81)});
  mlp.layers.push_back({random_matrix(2, 7, 82), {}});
  for (const WindowShape& window : kWindows) {
    for (const WindowShape& pretrained : {WindowShape{}, WindowShape{4, 7}, WindowShape{0, 3}}) {
      INFO(window.height << " x " << window.width << " from " << pretrained.height << " x " << pretrained.width);
      const auto coordinate = [](Index query_minus_key, Index side, Index pretrained_side) {
        const double reach = static_cast<double>((pretrained_side > 0 ? pretrained_side : side) - 1);
        if (query_minus_key == 0) return 0.0;
        const double y = static_cast<double>(query_minus_key) / reach * 8;
        return (y < 0 ? -1 : 1) * std::log2(std::abs(y) + 1) / std::log2(8.0);
      };
      const auto table = posenc::make_swin_v2_table(mlp, window, pretrained);
      MatrixD bias = MatrixD::Zero(2 * window.tokens(), window.tokens());
      posenc::add_window_bias(bias, table);
      for (Index h = 0; h < 2; ++h) {
        for (Index t = 0; t < window.tokens(); ++t) {
          for (Index u = 0; u < window.tokens(); ++u) {
            const double row = coordinate(t / window.width - u / window.width, window.height, pretrained.height);
            const double column = coordinate(t % window.width - u % window.width, window.width, pretrained.width);
            double sum = 0;
            for (Index k = 0; k < 7; ++k) {
              const auto& first = mlp.layers[0];
              const double hidden = first.weight(k, 0) * row + first.weight(k, 1) * column + first.bias(k);
              sum += mlp.layers[1].weight(h, k) * std::max(hidden, 0.0);
            }
            constexpr double kSwinBound = 16 * 60 * kEpsilon;  // 16 times a sum of seven products below 4
            REQUIRE(std::abs(bias(h * window.tokens() + t, u) - 16 / (1 + std::exp(-sum))) <= kSwinBound);
          }
        }
      }

      WindowTable<double> grad(2, window);
      grad.values() = random_matrix(2, window.displacements(), 83).array();
      BiasMlp<double> gradient = mlp.zeros();
      posenc::swin_v2_backward(gradient, grad, mlp, pretrained);
      const auto value = [&] {
        return dot(posenc::make_swin_v2_table(mlp, window, pretrained).values(), grad.values());
      };
      const double size = 8 * absolute_dot(table.values(), grad.values());  // inputs up to 2, cubed
      require_gradient(value, mlp.layers[0].weight, gradient.layers[0].weight, size);
      require_gradient(value, mlp.layers[0].bias, gradient.layers[0].bias, size);
      require_gradient(value, mlp.layers[1].weight, gradient.layers[1].weight, size);
    }
  }
}

TEST_CASE("ALiBi on a grid, and the gradient of its slopes") {
  const MatrixD slopes = random_matrix(2, 2, 90);
  for (const WindowShape& window : kWindows) {
    for (const GridDistance form : {GridDistance::manhattan, GridDistance::euclidean}) {
      const auto table = posenc::make_grid_alibi_table<double>(slopes, window, form);
      MatrixD bias = MatrixD::Zero(4 * window.tokens(), window.tokens());
      posenc::add_window_bias(bias, table);
      for (Index h = 0; h < 4; ++h) {
        for (Index t = 0; t < window.tokens(); ++t) {
          for (Index u = 0; u < window.tokens(); ++u) {
            const double rows = std::abs(static_cast<double>(t / window.width - u / window.width));
            const double columns = std::abs(static_cast<double>(t % window.width - u % window.width));
            const double far =
                form == GridDistance::manhattan ? rows + columns : std::sqrt(rows * rows + columns * columns);
            const double expected = -slopes(h % 2, h / 2) * far;
            REQUIRE(std::abs(bias(h * window.tokens() + t, u) - expected) <= 4 * kEpsilon * std::abs(expected));
          }
        }
      }
      WindowTable<double> grad(4, window);
      grad.values() = random_matrix(4, window.displacements(), 91).array();
      MatrixD gradient = MatrixD::Zero(2, 2);
      posenc::grid_alibi_backward(gradient, grad, form);
      require_adjoint(dot(table.values(), grad.values()), dot(slopes, gradient),
                      absolute_dot(table.values(), grad.values()));
    }
  }
}

TEST_CASE("decomposed positions on equal and pooled grids, and the adjoint in each parameter") {
  struct Grids {
    WindowShape query;
    WindowShape key;
  };
  for (const Grids& grids : {Grids{{3, 4}, {3, 4}}, Grids{{4, 6}, {2, 3}}, Grids{{2, 3}, {4, 6}}, Grids{{3, 5}, {2, 4}},
                             Grids{{1, 4}, {1, 4}}, Grids{{7, 1}, {3, 2}}}) {
    const WindowShape& query = grids.query;
    const WindowShape& key = grids.key;
    INFO(query.height << " x " << query.width << " on " << key.height << " x " << key.width);
    const Index head_dim = 5;
    const MatrixD q = random_matrix(query.tokens(), head_dim, 100);
    const MatrixD rel_h = random_matrix(2 * std::max(query.height, key.height) - 1, head_dim, 101);
    const MatrixD rel_w = random_matrix(2 * std::max(query.width, key.width) - 1, head_dim, 102);
    // The published expression, in long double so that its truncation does not depend on rounding.
    const auto row_of = [](Index at_query, Index at_key, Index query_side, Index key_side) {
      const long double up = std::max(static_cast<long double>(key_side) / static_cast<long double>(query_side), 1.0L);
      const long double down =
          std::max(static_cast<long double>(query_side) / static_cast<long double>(key_side), 1.0L);
      return static_cast<Index>(static_cast<long double>(at_query) * up - static_cast<long double>(at_key) * down +
                                static_cast<long double>(key_side - 1) * down + 1e-12L);
    };
    const MatrixD before = random_matrix(query.tokens(), key.tokens(), 103);
    MatrixD expected = before;
    for (Index t = 0; t < query.tokens(); ++t) {
      for (Index u = 0; u < key.tokens(); ++u) {
        const Index row = row_of(t / query.width, u / key.width, query.height, key.height);
        const Index column = row_of(t % query.width, u % key.width, query.width, key.width);
        for (Index c = 0; c < head_dim; ++c) expected(t, u) += q(t, c) * rel_h(row, c) + q(t, c) * rel_w(column, c);
      }
    }
    MatrixD logits = before;
    ColumnMatrix<double> column_major = before;
    posenc::add_decomposed_bias(logits, q, rel_h, rel_w, query, key);
    posenc::add_decomposed_bias(column_major, q, rel_h, rel_w, query, key);
    constexpr double kDotBound = 11 * 11 * kEpsilon;  // eleven terms of at most 1
    REQUIRE(distance(logits, expected) <= kDotBound);
    REQUIRE(same_bits(column_major, logits));

    const MatrixD grad = random_matrix(query.tokens(), key.tokens(), 104);
    MatrixD grad_q = MatrixD::Zero(q.rows(), head_dim);
    MatrixD grad_h = MatrixD::Zero(rel_h.rows(), head_dim);
    MatrixD grad_w = MatrixD::Zero(rel_w.rows(), head_dim);
    posenc::decomposed_backward(grad_q, grad_h, grad_w, grad, q, rel_h, rel_w, query, key);
    const auto bias_of = [&](const MatrixD& some_q, const MatrixD& h, const MatrixD& w) {
      MatrixD bias = MatrixD::Zero(query.tokens(), key.tokens());
      posenc::add_decomposed_bias(bias, some_q, h, w, query, key);
      return bias;
    };
    // Linear in q, and for fixed q linear in each table.
    const MatrixD none_h = MatrixD::Zero(rel_h.rows(), head_dim);
    const MatrixD none_w = MatrixD::Zero(rel_w.rows(), head_dim);
    const double size = static_cast<double>(head_dim * 2) * grad.cwiseAbs().sum();
    require_adjoint(dot(bias_of(q, rel_h, rel_w), grad), dot(q, grad_q), size);
    require_adjoint(dot(bias_of(q, rel_h, none_w), grad), dot(rel_h, grad_h), size);
    require_adjoint(dot(bias_of(q, none_h, rel_w), grad), dot(rel_w, grad_w), size);
    const MatrixD other_q = random_matrix(q.rows(), head_dim, 105);
    require_adjoint(dot(bias_of(other_q, rel_h, rel_w), grad), dot(other_q, grad_q), size);
  }
}
