// SPDX-License-Identifier: MIT
/// What is taken for an integer, and what is not.
#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "posenc/posenc.hpp"

#include "support/catch2.hpp"

namespace {

using posenc::detail::is_size;
using posenc::detail::Size;

enum Unscoped { three = 3 };
struct Wraps {
  int number;
  operator int() const { return number; }
};
struct Constants {
  static const int kDim = 64;  // declared, and defined nowhere
};
using Vector = Eigen::VectorXd;
using Numbers = Eigen::VectorXi;
using DotOfReals = decltype(Vector().transpose() * Vector());
using DotOfIntegers = decltype(Numbers().transpose() * Numbers());

Eigen::Index taken(Size size) { return size; }

}  // namespace

TEST_CASE("integers are taken for sizes, and nothing else is", "[detail][argument]") {
  static_assert(is_size<int> && is_size<std::size_t> && is_size<std::uint8_t> && is_size<std::int64_t>);
  static_assert(is_size<Wraps> && is_size<Size> && is_size<DotOfIntegers>);
  static_assert(!is_size<double> && !is_size<float> && !is_size<Eigen::half> && !is_size<Eigen::bfloat16>);
  static_assert(!is_size<bool> && !is_size<char> && !is_size<Unscoped> && !is_size<DotOfReals>);
  CHECK(taken(Constants::kDim) == 64);
  CHECK(taken(Wraps{7}) == 7);
  CHECK(taken(std::uint8_t{200}) == 200);
  CHECK_THROWS_AS(taken(~std::uint64_t{0}), std::length_error);
}
