// SPDX-License-Identifier: MIT
/// Lookups and their gradient take no memory from the heap; a product that they are given takes its own, once.
#include "posenc/learnable.hpp"
#include "posenc/sinusoidal.hpp"

#include "learnable/support.hpp"
#include "support/allocations.hpp"
#include "support/catch2.hpp"
#include "support/products.hpp"

using namespace learnable_tests;
using posenc_tests::check_computed_once;
using posenc_tests::count_allocations;

namespace {

template <typename Scalar, typename Matrix>
std::size_t count_lookups(const posenc::PositionTable<Scalar>& table, Matrix x, Matrix grad) {
  const Ids ids = Ids::LinSpaced(x.rows(), 0, 40);
  return count_allocations([&] {
    posenc::encode_learned(x, table, 3);
    posenc::encode_learned(x, table, ids);
    posenc::add_learned(x, table, posenc::PositionRange(30, x.rows() / 2));
    posenc::add_learned(x.middleCols(0, x.cols()), table, ids);
    posenc::learned_backward(grad, x, ids, table.options());
    posenc::learned_backward(grad, x, posenc::PositionRange(30, x.rows() / 2), table.options());
  });
}

}  // namespace

TEST_CASE("encode, add and backward allocate nothing", "[learnable]") {
  if (posenc_tests::skip_without_allocation_count("allocations of trained tables")) return;
  REQUIRE(count_allocations([] { ::operator delete(::operator new(100)); }) == 1);
  const auto check = [](auto scalar, posenc::Overflow overflow) {
    using Scalar = decltype(scalar);
    const posenc::PositionTable<Scalar> table(pattern<Scalar>(37, 300), {overflow, 0.4, 1});
    const RowMatrix<Scalar> x = pattern<Scalar>(20, 300);
    const RowMatrix<Scalar> grad = RowMatrix<Scalar>::Zero(37, 300);
    return count_lookups<Scalar>(table, x, grad) +
           count_lookups<Scalar>(table, ColMatrix<Scalar>(x), ColMatrix<Scalar>(grad));
  };
  for (const auto overflow : {posenc::Overflow::clamp, posenc::Overflow::zero, posenc::Overflow::hierarchical}) {
    REQUIRE(check(float(), overflow) == 0);
    REQUIRE(check(double(), overflow) == 0);
    REQUIRE(check(Eigen::half(), overflow) == 0);
    REQUIRE(check(Eigen::bfloat16(), overflow) == 0);
  }

  RowMatrix<float> features(6, 20);
  const RowMatrix<float> coordinates = pattern<float>(6, 2);
  const RowMatrix<float> weights = pattern<float>(2, 10);
  RowMatrix<float> grad_weights = RowMatrix<float>::Zero(2, 10);
  RowMatrix<float> grad_coordinates = RowMatrix<float>::Zero(6, 2);
  const auto options = posenc::gaussian_fourier_options();
  REQUIRE(count_allocations([&] {
            posenc::encode_fourier(features, coordinates, weights, options);
            posenc::fourier_backward(grad_weights, grad_coordinates, features, coordinates, weights, options);
          }) == 0);
}

TEST_CASE("an argument that holds a product is computed once", "[learnable]") {
  using Matrix = RowMatrix<double>;
  const Matrix a = pattern<double>(36, 30);
  const Matrix b = pattern<double>(30, 20, 7);
  check_computed_once(a, b, [](const auto& values) { return Matrix(posenc::PositionTable<double>(values).values()); });
  check_computed_once(a, b, [](const auto& grad) {
    Matrix result = Matrix::Zero(40, 20);
    posenc::learned_backward(result, grad, 2, {});
    return result;
  });
  check_computed_once(a, b, [](const auto& table) {
    Matrix result(17, 20);
    posenc::resize_linear(result, table);
    return result;
  });
  check_computed_once(a, b, [](const auto& grad) {
    Matrix result = Matrix::Zero(17, 20);
    posenc::resize_linear_backward(result, grad);
    return result;
  });
  check_computed_once(a, b, [](const auto& table) {
    Matrix result(21, 20);
    posenc::resize_bicubic(result, table, {7, 5, 4, 5, 1});
    return result;
  });
  check_computed_once(a, b, [](const auto& grad) {
    Matrix result = Matrix::Zero(21, 20);
    posenc::resize_bicubic_backward(result, grad, {4, 5, 7, 5, 1});
    return result;
  });

  const Matrix coordinates = pattern<double>(36, 20);
  const Matrix weights = pattern<double>(20, 10);
  const auto options = posenc::gaussian_fourier_options();
  const auto encode = [&](const auto& x, const auto& w) {
    Matrix result(36, 20);
    posenc::encode_fourier(result, x, w, options);
    return result;
  };
  check_computed_once(a, b, [&](const auto& x) { return encode(x, weights); });
  const Matrix c = b.transpose();
  const Matrix d = pattern<double>(30, 10);
  check_computed_once(c, d, [&](const auto& w) { return encode(coordinates, w); });
  const auto backward = [&](const auto& grad, const auto& x, const auto& w) {
    Matrix result = Matrix::Zero(20 + 36, 20);
    posenc::fourier_backward(result.topLeftCorner(20, 10), result.bottomRows(36), grad, x, w, options);
    return result;
  };
  check_computed_once(a, b, [&](const auto& grad) { return backward(grad, coordinates, weights); });
  check_computed_once(a, b, [&](const auto& x) { return backward(coordinates, x, weights); });
  check_computed_once(c, d, [&](const auto& w) { return backward(coordinates, coordinates, w); });
}
