// SPDX-License-Identifier: MIT
/// Trained tables of rows and of columns, side by side as in DETR, Florence-2 and Reformer, and added.
#include "posenc/learnable.hpp"
#include "posenc/positions.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"
#include "support/matrices.hpp"
#include "support/products.hpp"

using namespace posenc_tests;
using posenc::LearnedTable;
using Matrix = RowMatrix<double>;

namespace {

struct Scheme {
  std::string name;
  int n;

  Matrix block(const char* which) const {
    static const Golden file = golden("learnable/rows_columns.csv");
    return file.block(name + "-" + which + "-" + std::to_string(n)).matrix();
  }
  posenc::AxisPositionMatrix<std::int64_t> grid() const {
    const Matrix size = block("size");
    return posenc::grid_positions({static_cast<int>(size(0, 0)), static_cast<int>(size(0, 1))});
  }
};

}  // namespace

TEST_CASE("tables of rows and columns lie side by side", "[learnable][lookup][golden]") {
  for (const char* name : {"detr", "florence2", "reformer"}) {
    for (int n = 0; n < 3; ++n) {
      const Scheme scheme{name, n};
      INFO(name << " " << n);
      const LearnedTable<double> rows(scheme.block("rows")), columns(scheme.block("columns"));
      const auto grid = scheme.grid();
      const Matrix both = scheme.block("both");
      Matrix out(both.rows(), both.cols()), sum = Matrix::Ones(both.rows(), both.cols());
      // DETR and Florence-2 have columns first, Reformer rows.
      const bool columns_first = scheme.name != "reformer";
      const LearnedTable<double>& left = columns_first ? columns : rows;
      const LearnedTable<double>& right = columns_first ? rows : columns;
      posenc::encode_learned(out.leftCols(left.width()), left, grid.col(columns_first ? 1 : 0));
      posenc::encode_learned(out.rightCols(right.width()), right, grid.col(columns_first ? 0 : 1));
      CHECK(out == both);
      posenc::add_learned(sum.leftCols(left.width()), left, grid.col(columns_first ? 1 : 0));
      posenc::add_learned(sum.rightCols(right.width()), right, grid.col(columns_first ? 0 : 1));
      CHECK(sum == both + Matrix::Ones(both.rows(), both.cols()));  // sixteenths, exact

      Matrix grad_left = Matrix::Zero(left.rows(), left.width());
      const Matrix grad = pattern<double>(both.rows(), both.cols(), 3);
      posenc::learned_backward(grad_left, grad.leftCols(left.width()), left, grid.col(columns_first ? 1 : 0));
      CHECK(dot(grad_left, left.values()) == dot(grad.leftCols(left.width()), both.leftCols(left.width())));
    }
  }
}

TEST_CASE("tables of rows and columns are added", "[learnable][lookup]") {
  const Matrix row_values = pattern<double>(3, 6), column_values = pattern<double>(5, 6, 2);
  const LearnedTable<double> rows(row_values), columns(column_values);
  const auto grid = posenc::grid_positions({3, 5});
  Matrix x = pattern<double>(15, 6, 7);
  Matrix expected = x;
  for (Eigen::Index i = 0; i < 15; ++i) expected.row(i) += row_values.row(i / 5) + column_values.row(i % 5);
  posenc::add_learned(x, rows, grid.col(0));
  posenc::add_learned(x, columns, grid.col(1));
  CHECK(x == expected);  // sixteenths, exact
}
