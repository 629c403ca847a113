// SPDX-License-Identifier: MIT
/// Lookups and their gradient take no memory from the heap. Counted by standing in front of glibc's malloc, which
/// Eigen and operator new both call; elsewhere, and under a sanitizer, the test says that it skipped.
#include "posenc/learnable.hpp"

#include "learnable/support.hpp"
#include "support/catch2.hpp"

#include <cstdlib>
#include <iostream>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define POSENC_TESTS_SANITIZED 1
#endif
#endif

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !defined(POSENC_TESTS_SANITIZED)
#define POSENC_TESTS_COUNT 1
#else
#define POSENC_TESTS_COUNT 0
#endif

#if POSENC_TESTS_COUNT
using namespace learnable_tests;

namespace {
// volatile, because compilers hold that malloc changes no variable
thread_local volatile long allocations = 0;
}  // namespace
extern "C" {
void* __libc_malloc(std::size_t size);
void* malloc(std::size_t size) {
  allocations = allocations + 1;
  return __libc_malloc(size);
}
}

namespace {

template <typename Action>
long count(Action action) {
  const long before = allocations;
  action();
  return allocations - before;
}

template <typename Scalar, typename Matrix>
long count_lookups(const posenc::PositionTable<Scalar>& table, Matrix x, Matrix grad) {
  const Ids ids = Ids::LinSpaced(x.rows(), 0, 40);
  return count([&] {
    posenc::encode_learned(x, table, 3);
    posenc::encode_learned(x, table, ids);
    posenc::add_learned(x, table, posenc::PositionRange{30, x.rows() / 2});
    posenc::add_learned(x.middleCols(0, x.cols()), table, ids);
    posenc::learned_backward(grad, x, ids, table.options());
    posenc::learned_backward(grad, x, posenc::PositionRange{30, x.rows() / 2}, table.options());
  });
}

}  // namespace
#endif

TEST_CASE("encode, add and backward allocate nothing", "[learnable]") {
#if POSENC_TESTS_COUNT
  double* volatile kept = nullptr;  // volatile, or the compiler may leave the allocation out
  REQUIRE(count([&] { kept = new double[100]; }) == 1);
  delete[] kept;
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
  REQUIRE(count([&] {
            posenc::encode_fourier(features, coordinates, weights, options);
            posenc::fourier_backward(grad_weights, grad_coordinates, features, coordinates, weights, options);
          }) == 0);
#else
  std::cout << "skipped: counting allocations needs glibc and no sanitizer\n";
#endif
}
