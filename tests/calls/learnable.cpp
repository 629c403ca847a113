// SPDX-License-Identifier: MIT
#include "calls/every_form.hpp"

#include <cstdint>
#include <sstream>

using namespace posenc;
using namespace posenc_tests;

TEST_CASE("every form of argument: learned tables", "[calls][learnable]") {
  const M weights = numbers(9, 8);
  const LearnedTable<float> table(weights);
  const M zero = M::Zero(3, 8);
  const std::vector<int> list = {5, 0, 5};
  const auto view = wrap_learned_table(weights);
  CHECK(differs_written(zero, CALL(add_learned), table, starting_at(2)) == "");
  CHECK(differs_written(zero, CALL(add_learned), table, list) == "");
  CHECK(differs_written(zero, CALL(add_learned), view, list) == "");
  CHECK(differs_written(zero, CALL(add_learned), table, PositionRange(2, 3)) == "");
  CHECK(differs_written(zero, CALL(encode_learned), table, list) == "");
  CHECK(differs_written(M::Zero(9, 8), CALL(learned_backward), numbers(3, 8), table, list) == "");
  const float* const data = weights.data();
  CHECK(differs(CALL(wrap_learned_table), data, 9, 8, 8, LookupOptions()) == "");
  CHECK(differs(CALL(wrap_learned_table), variable(weights), LookupOptions()) == "");

  CHECK(differs_written(zero, CALL(fill), Normal(0.02), Seed(std::uint64_t(7))) == "");
  CHECK(differs_written(zero, CALL(fill), Uniform(-1, 1), Seed(7)) == "");
  CHECK(differs_written(numbers(3, 8), CALL(fill), Zeros()) == "");
  CHECK(differs_written(zero, CALL(fill), SinusoidalRows(geometric_frequencies(8, 1e4), ChannelOrder::sin_cos)) == "");

  const auto grid = GridResize({3, 3}, {2, 4}, GridFilter::bicubic);
  const auto tiled = LineResize(Resize::tile).keep(2);
  const auto axes = GridResize(std::array{1, 3, 3}, std::array{2, 2, 3}, GridFilter::nearest);
  CHECK(differs_written(M::Zero(12, 8), CALL(resize), weights, Resize::half_pixel) == "");
  CHECK(differs_written(M::Zero(12, 8), CALL(resize), weights, tiled) == "");
  CHECK(differs_written(M::Zero(12, 8), CALL(resize), weights, axes) == "");
  CHECK(differs_written(M::Zero(9, 8), CALL(resize_backward), numbers(12, 8), tiled) == "");
  CHECK(differs_written(M::Zero(9, 8), CALL(resize_backward), numbers(12, 8), axes) == "");
  CHECK(differs_written(M::Zero(8, 8), CALL(resize), weights, grid) == "");
  CHECK(differs_written(M::Zero(9, 8), CALL(resize_backward), numbers(12, 8), Resize::half_pixel) == "");
  CHECK(differs_written(M::Zero(9, 8), CALL(resize_backward), numbers(8, 8), grid) == "");

  const auto written = [](auto&&... a) {
    std::ostringstream out;
    CALL(write_npy)(out, std::forward<decltype(a)>(a)...);
    return out.str();
  };
  CHECK(differs(written, weights, std::vector<Eigen::Index>{3, 3, 8}) == "");
  CHECK(differs(written, weights) == "");
  const auto read = [](auto&&... a) {
    std::istringstream in(std::forward<decltype(a)>(a)...);
    return CALL(read_npy<float>)(in).values;
  };
  CHECK(differs(read, written(weights)) == "");
}
