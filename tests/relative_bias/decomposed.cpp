// SPDX-License-Identifier: MIT
#include "relative_bias/support.hpp"

using namespace posenc_tests;
using posenc::Decomposed;
using posenc::GridShape;
using posenc::RelPosH;
using posenc::RelPosW;

TEST_CASE("decomposed positions on equal and pooled grids, and the adjoint in each parameter",
          "[relative_bias][decomposed][accuracy]") {
  struct Grids {
    GridShape query;
    GridShape key;
  };
  for (const Grids& grids : {Grids{GridShape(3, 4), GridShape(3, 4)}, Grids{GridShape(4, 6), GridShape(2, 3)},
                             Grids{GridShape(2, 3), GridShape(4, 6)}, Grids{GridShape(3, 5), GridShape(2, 4)},
                             Grids{GridShape(1, 4), GridShape(1, 4)}, Grids{GridShape(7, 1), GridShape(3, 2)}}) {
    const GridShape& query = grids.query;
    const GridShape& key = grids.key;
    INFO(query.height() << " x " << query.width() << " on " << key.height() << " x " << key.width());
    const Index head_dim = 5;
    const MatrixD q = random_matrix(query.tokens(), head_dim, 100);
    const MatrixD rel_h = random_matrix(2 * std::max(query.height(), key.height()) - 1, head_dim, 101);
    const MatrixD rel_w = random_matrix(2 * std::max(query.width(), key.width()) - 1, head_dim, 102);
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
        const Index row = row_of(t / query.width(), u / key.width(), query.height(), key.height());
        const Index column = row_of(t % query.width(), u % key.width(), query.width(), key.width());
        for (Index c = 0; c < head_dim; ++c) expected(t, u) += q(t, c) * rel_h(row, c) + q(t, c) * rel_w(column, c);
      }
    }
    MatrixD logits = before;
    ColumnMatrix<double> column_major = before;
    posenc::add_decomposed_logits(logits, Decomposed(RelPosH(rel_h), RelPosW(rel_w), query, key), q);
    posenc::add_decomposed_logits(column_major, Decomposed(RelPosH(rel_h), RelPosW(rel_w), query, key), q);
    constexpr double kDotBound = 11 * 11 * kEpsilon;  // eleven terms of at most 1
    REQUIRE(distance(logits, expected) <= kDotBound);
    REQUIRE(same_bits(column_major, logits));

    const MatrixD grad = random_matrix(query.tokens(), key.tokens(), 104);
    MatrixD grad_q = MatrixD::Zero(q.rows(), head_dim);
    MatrixD grad_h = MatrixD::Zero(rel_h.rows(), head_dim);
    MatrixD grad_w = MatrixD::Zero(rel_w.rows(), head_dim);
    posenc::decomposed_logits_backward(posenc::DecomposedGradients(grad_q, RelPosH(grad_h), RelPosW(grad_w)), grad,
                                       Decomposed(RelPosH(rel_h), RelPosW(rel_w), query, key), q);
    const auto bias_of = [&](const MatrixD& some_q, const MatrixD& h, const MatrixD& w) {
      MatrixD bias = MatrixD::Zero(query.tokens(), key.tokens());
      posenc::add_decomposed_logits(bias, Decomposed(RelPosH(h), RelPosW(w), query, key), some_q);
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

TEST_CASE("decomposed positions: stacked heads are the heads one by one, with tables shared or their own",
          "[relative_bias][decomposed]") {
  const GridShape grid(2, 3);
  const MatrixD q = random_matrix(2 * 6, 5, 106);
  const MatrixD grad = random_matrix(2 * 6, 6, 107);
  for (const Index tables : {1, 2}) {
    const MatrixD rel_h = random_matrix(tables * 3, 5, 108);
    const MatrixD rel_w = random_matrix(tables * 5, 5, 109);
    MatrixD stacked = random_matrix(2 * 6, 6, 110);
    MatrixD one_by_one = stacked;
    MatrixD grad_q = MatrixD::Zero(12, 5);
    MatrixD grad_h = MatrixD::Zero(rel_h.rows(), 5);
    MatrixD grad_w = MatrixD::Zero(rel_w.rows(), 5);
    MatrixD head_q = grad_q;
    MatrixD head_h = grad_h;
    MatrixD head_w = grad_w;
    posenc::add_decomposed_logits(stacked, Decomposed(RelPosH(rel_h), RelPosW(rel_w), grid, grid), q);
    posenc::decomposed_logits_backward(posenc::DecomposedGradients(grad_q, RelPosH(grad_h), RelPosW(grad_w)), grad,
                                       Decomposed(RelPosH(rel_h), RelPosW(rel_w), grid, grid), q);
    for (Index head = 0; head < 2; ++head) {
      const Index table = tables == 1 ? 0 : head;
      const auto positions =
          Decomposed(RelPosH(rel_h.middleRows(3 * table, 3)), RelPosW(rel_w.middleRows(5 * table, 5)), grid, grid);
      posenc::add_decomposed_logits(one_by_one.middleRows(6 * head, 6), positions, q.middleRows(6 * head, 6));
      posenc::decomposed_logits_backward(
          posenc::DecomposedGradients(head_q.middleRows(6 * head, 6), RelPosH(head_h.middleRows(3 * table, 3)),
                                      RelPosW(head_w.middleRows(5 * table, 5))),
          grad.middleRows(6 * head, 6), positions, q.middleRows(6 * head, 6));
    }
    REQUIRE(same_bits(stacked, one_by_one));
    REQUIRE(same_bits(grad_q, head_q));
    REQUIRE(same_bits(grad_h, head_h));
    REQUIRE(same_bits(grad_w, head_w));
  }
}
