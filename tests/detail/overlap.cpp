// SPDX-License-Identifier: MIT
/// What shares memory with what: matrices, maps, blocks, views without data(), and what is computed from them.
#include "support/catch2.hpp"

#include "posenc/detail/overlap.hpp"

#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Eigen::all;
using Eigen::Index;
using Eigen::seq;
using posenc::detail::overlap_partially;
using posenc::detail::require_no_self_overlap;
using posenc::detail::share_memory;

template <typename T>
class Overlap {
 public:
  T x = T::Ones(12, 12);
  const std::vector<int> evens{0, 2, 4, 6, 8};
  const std::vector<int> odds{9, 7, 5, 3, 1};
  const std::vector<int> some{1, 2, 11};
};

template <typename X>
std::string message_of(const X& x) {
  try {
    require_no_self_overlap("f", "x", x);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using ColumnMajor = Eigen::MatrixXf;

}  // namespace

TEMPLATE_TEST_CASE("blocks of one matrix share memory where they intersect", "[detail][overlap]", RowMajor,
                   ColumnMajor) {
  Overlap<TestType> test;
  TestType& x = test.x;
  CHECK(share_memory(x, x));
  CHECK_FALSE(overlap_partially(x, x));
  CHECK_FALSE(share_memory(x.leftCols(6), x.rightCols(6)));
  CHECK_FALSE(share_memory(x.topRows(6), x.bottomRows(6)));
  CHECK(overlap_partially(x.leftCols(7), x.rightCols(7)));
  CHECK(overlap_partially(x, x.transpose()));
  const TestType other = x;
  CHECK_FALSE(share_memory(x, other));
}

TEMPLATE_TEST_CASE("reversed views of a matrix overlap it", "[detail][overlap]", RowMajor, ColumnMajor) {
  Overlap<TestType> test;
  TestType& x = test.x;
  CHECK(overlap_partially(x, x.colwise().reverse()));
  CHECK(overlap_partially(x, x.rowwise().reverse()));
  CHECK(overlap_partially(x.reverse(), x));
  CHECK_FALSE(overlap_partially(x.reverse(), x.reverse()));
  CHECK(share_memory(x.reverse(), x.reverse()));
  CHECK_FALSE(overlap_partially(x.reverse().reverse(), x));
  CHECK_FALSE(share_memory(x.topRows(3), x.colwise().reverse().topRows(3)));
  CHECK(share_memory(x.bottomRows(3), x.colwise().reverse().topRows(3)));
  CHECK(overlap_partially(x.topRows(7), x.topRows(7).colwise().reverse()));
  CHECK_FALSE(share_memory(x.leftCols(3), x.transpose().colwise().reverse().topRows(3)));
  CHECK(share_memory(x.rightCols(3), x.transpose().colwise().reverse().topRows(3)));
}

TEMPLATE_TEST_CASE("index views overlap where a row and a column are in both", "[detail][overlap]", RowMajor,
                   ColumnMajor) {
  Overlap<TestType> test;
  TestType& x = test.x;
  const auto &evens = test.evens, &odds = test.odds, &some = test.some;
  CHECK_FALSE(share_memory(x(evens, all), x(odds, all)));
  CHECK_FALSE(share_memory(x(all, evens), x(all, odds)));
  CHECK(overlap_partially(x(evens, all), x(some, all)));
  CHECK(overlap_partially(x(all, some), x(all, odds)));
  CHECK_FALSE(share_memory(x(some, evens), x(some, odds)));
  CHECK_FALSE(overlap_partially(x(some, evens), x(some, evens)));
  CHECK(share_memory(x(some, evens), x(some, evens)));
  CHECK(overlap_partially(x(std::vector<int>{0, 1}, all), x(std::vector<int>{1, 0}, all)));
  // Against blocks, transposes and blocks of index views.
  CHECK_FALSE(share_memory(x(evens, all), x.row(3)));
  CHECK(share_memory(x(evens, all), x.row(4)));
  CHECK_FALSE(share_memory(x(evens, all).leftCols(6), x.rightCols(6)));
  CHECK_FALSE(share_memory(x(evens, all).transpose(), x(odds, all).transpose()));
  CHECK(overlap_partially(x(evens, all).transpose(), x(all, odds)));
  CHECK_FALSE(share_memory(x(evens, all).transpose().leftCols(1), x.bottomRows(11)));
  const TestType other = x;
  CHECK_FALSE(share_memory(x(evens, all), other(evens, all)));
}

TEMPLATE_TEST_CASE("expressions overlap what they are computed from", "[detail][overlap]", RowMajor, ColumnMajor) {
  Overlap<TestType> test;
  TestType& x = test.x;
  const TestType y = x;
  // Element by element, x may be computed from x.
  CHECK_FALSE(overlap_partially(x, 2 * x));
  CHECK_FALSE(overlap_partially(x, x + y));
  CHECK(share_memory(x, 2 * x));
  CHECK(share_memory(x, y - x));
  CHECK(overlap_partially(x, y - x.reverse()));
  CHECK(overlap_partially(x.topRows(4), 2 * x.middleRows(1, 4)));
  CHECK_FALSE(share_memory(x.topRows(4), 2 * x.middleRows(4, 4)));
  CHECK_FALSE(share_memory(x, y.cwiseProduct(y)));
  CHECK_FALSE(share_memory(x, TestType::Constant(12, 12, 3)));
  CHECK(share_memory(x, x.row(0).replicate(12, 1)));
  CHECK(share_memory(x, x * y));
  CHECK(share_memory(x, (y.array() > 0).select(y, x)));
  CHECK(share_memory(x(test.evens, all), x.row(4).replicate(5, 1)));
}

TEST_CASE("more lines than one window of a line set", "[detail][overlap]") {
  const Index rows = 3 * posenc::detail::LineSet::kWindow;
  Eigen::MatrixXf x = Eigen::MatrixXf::Zero(rows, 1);
  const std::vector<Index> first{0, rows / 2, rows - 1};
  const std::vector<Index> second{1, rows / 2 + 1, rows - 2};
  const std::vector<Index> third{5, rows - 1};
  CHECK_FALSE(share_memory(x(first, all), x(second, all)));
  CHECK(share_memory(x(first, all), x(third, all)));
  CHECK(message_of(x(first, all)).empty());
  CHECK_FALSE(message_of(x(std::vector<Index>{rows - 1, 0, rows - 1}, all)).empty());
}

TEST_CASE("what is written to may not overlap itself", "[detail][overlap]") {
  std::vector<float> numbers(200);
  using Strided = Eigen::Map<RowMajor, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;
  using Strides = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
  CHECK(message_of(Strided(numbers.data(), 3, 8, Strides(4, 1))) ==
        "posenc::f: x.outerStride() must be at least 8 forwards or backwards (what is written to may not overlap "
        "itself), got 4");
  CHECK(message_of(Strided(numbers.data(), 3, 8, Strides(8, 0))) ==
        "posenc::f: x.innerStride() must be at least 1 forwards or backwards (what is written to may not overlap "
        "itself), got 0");
  CHECK(message_of(Strided(numbers.data(), 3, 8, Strides(8, 1))).empty());
  CHECK(message_of(Strided(numbers.data(), 3, 8, Strides(1, 3))).empty());
  CHECK(message_of(Strided(numbers.data(), 1, 8, Strides(0, 1))).empty());
  CHECK(message_of(Strided(numbers.data(), 0, 8, Strides(4, 1))).empty());

  Eigen::MatrixXf x = Eigen::MatrixXf::Zero(6, 6);
  CHECK(message_of(x).empty());
  CHECK(message_of(x.transpose()).empty());
  CHECK(message_of(x.reverse()).empty());
  CHECK(message_of(x.block(1, 1, 3, 3)).empty());
  CHECK(message_of(x(seq(0, 5, 2), all)).empty());
  const std::vector<int> twice{0, 3, 5, 3};
  CHECK(
      message_of(x(twice, all)) ==
      "posenc::f: x must be a view that names each row and column once, as it is written to, got row 3 more than once");
  CHECK(message_of(x(all, twice)) ==
        "posenc::f: x must be a view that names each row and column once, as it is written to, got column 3 more than "
        "once");
  CHECK(
      message_of(x(twice, all).transpose().topRows(2)) ==
      "posenc::f: x must be a view that names each row and column once, as it is written to, got row 3 more than once");
  CHECK(message_of(x(twice, all).topRows(3)).empty());
  CHECK(message_of(Strided(numbers.data(), 3, 8, Strides(4, 1)).reverse()) ==
        "posenc::f: x.outerStride() must be at least 8 forwards or backwards (what is written to may not overlap "
        "itself), got 4");
}
