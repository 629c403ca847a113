// SPDX-License-Identifier: MIT
/// Lookups and their gradient take no memory from the heap; a product that they are given takes its own, once.
#include "posenc/learnable.hpp"
#include "posenc/sinusoidal.hpp"

#include "support/allocations.hpp"
#include "support/catch2.hpp"
#include "support/matrices.hpp"
#include "support/products.hpp"

#include <cstddef>
#include <vector>

using namespace posenc_tests;
using posenc_tests::check_computed_once;
using posenc_tests::count_allocations;

namespace {

template <typename Scalar, typename Matrix>
std::size_t count_lookups(const posenc::LearnedTable<Scalar>& table, Matrix x, Matrix grad) {
  using posenc::each_sequence;
  using posenc::starting_at;
  const Ids ids = Ids::LinSpaced(x.rows(), 0, 40);
  const std::vector<int> starts = {3, 30};
  const Eigen::Index length = x.rows() / 2;
  return count_allocations([&] {
    posenc::encode_learned(x, table, starting_at(3));
    posenc::encode_learned(x, table, ids);
    posenc::encode_learned(x, table, each_sequence(length, starts));
    posenc::add_learned(x, table, each_sequence(length, starting_at(30)));
    posenc::add_learned(x.middleCols(0, x.cols()), table, ids);
    posenc::learned_backward(grad, x, table, ids);
    posenc::learned_backward(grad, x, table, each_sequence(length, starting_at(30)));
    posenc::learned_backward(grad, x, table, each_sequence(length, starts));
  });
}

}  // namespace

TEST_CASE("encode, add and backward allocate nothing", "[learnable][allocations]") {
  if (posenc_tests::skip_without_allocation_count("allocations of trained tables")) return;
  REQUIRE(count_allocations([] { ::operator delete(::operator new(100)); }) == 1);
  const auto check = [](auto scalar, posenc::Overflow overflow) {
    using Scalar = decltype(scalar);
    const posenc::LearnedTable<Scalar> table(pattern<Scalar>(37, 300), {overflow, 0.4, 1});
    const RowMatrix<Scalar> x = pattern<Scalar>(20, 300);
    const RowMatrix<Scalar> grad = RowMatrix<Scalar>::Zero(37, 300);
    return count_lookups<Scalar>(table, x, grad) +
           count_lookups<Scalar>(table, ColumnMatrix<Scalar>(x), ColumnMatrix<Scalar>(grad));
  };
  for (const auto overflow : {posenc::Overflow::clamp, posenc::Overflow::zero, posenc::Overflow::hierarchical}) {
    REQUIRE(check(float(), overflow) == 0);
    REQUIRE(check(double(), overflow) == 0);
    REQUIRE(check(Eigen::half(), overflow) == 0);
    REQUIRE(check(Eigen::bfloat16(), overflow) == 0);
  }
}

TEST_CASE("an argument that holds a product is computed once", "[learnable][allocations]") {
  using Matrix = RowMatrix<double>;
  const Matrix a = pattern<double>(36, 30);
  const Matrix b = pattern<double>(30, 20, 7);
  const auto once = [&](Eigen::Index rows, auto&& use) {
    check_computed_once(a, b, [&](const auto& values) {
      Matrix result = Matrix::Zero(rows, 20);
      use(result, values);
      return result;
    });
  };
  once(36, [](auto& out, const auto& values) { out = posenc::LearnedTable<double>(values).values(); });
  once(40, [](auto& out, const auto& grad) {
    posenc::learned_backward(out, grad, posenc::LookupOptions(), posenc::starting_at(2));
  });
  const auto line = posenc::Resize::half_pixel;
  once(17, [&](auto& out, const auto& table) { posenc::resize(out, table, line); });
  once(17, [&](auto& out, const auto& grad) { posenc::resize_backward(out, grad, line); });
  const auto filter = posenc::GridFilter::bicubic;
  once(21, [&](auto& out, const auto& table) {
    posenc::resize(out, table, posenc::GridResize({7, 5}, {4, 5}, filter).keep(1));
  });
  once(21, [&](auto& out, const auto& grad) {
    posenc::resize_backward(out, grad, posenc::GridResize({4, 5}, {7, 5}, filter).keep(1));
  });
}
