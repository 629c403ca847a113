// SPDX-License-Identifier: MIT
/// Arguments that hold a matrix product.
#ifndef POSENC_TESTS_PRODUCTS_HPP
#define POSENC_TESTS_PRODUCTS_HPP

#include "support/allocations.hpp"
#include "support/catch2.hpp"

namespace posenc_tests {

/// use(a * b), which returns an Eigen object, must be what use() makes of its value, bit for bit, for one allocation
/// more: the product is computed once. Were it computed for each element, each would allocate.
template <typename A, typename B, typename Use>
void check_computed_once(const A& a, const B& b, Use&& use) {
  const auto value = (a * b).eval();
  const auto expected = use(value);  // the first calls: they grow workspaces
  const auto result = use(a * b);
  CHECK((result.array() == expected.array()).all());
  if (!kCountsAllocations) return;
  const auto count = count_allocations([&] { use(value); });
  CHECK(count_allocations([&] { use(a * b); }) == count + 1);
}

}  // namespace posenc_tests

#endif  // POSENC_TESTS_PRODUCTS_HPP
