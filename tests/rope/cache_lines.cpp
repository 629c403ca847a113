// SPDX-License-Identifier: MIT
/// The row kernels of float at each place of a cache line that heads may begin at, each bit, against scalar twins.
#include <algorithm>
#include <cstddef>
#include <iterator>
#include <random>
#include <sstream>
#include <vector>

#include "posenc/rope.hpp"
#include "rope/level_twins.hpp"
#include "support/catch2.hpp"

#if POSENC_HAS_LEVELS

namespace {

using namespace posenc_tests;
using namespace posenc::detail;

enum class Order { by_tokens, by_heads, one_head };

/// Heads that begin at each place of a cache line; those of a token follow one another, or the tokens of a head do. `to`
/// is where they begin in what is written.
struct Place {
  std::ptrdiff_t pairs, from, to;
  bool half_split, backward, paired, in_place;
  Order order;
};

void check_place(Level level, const Place& place) {
  constexpr std::ptrdiff_t tokens = 3;
  constexpr std::ptrdiff_t most = 5 * (tokens * 128 + 16) + 16;
  alignas(64) static float x[most];
  alignas(64) static float out[most];
  const std::ptrdiff_t pairs = place.pairs;
  const std::ptrdiff_t heads = place.order == Order::one_head ? 1 : 5;
  const bool by_heads = place.order == Order::by_heads;
  const std::ptrdiff_t token_stride = by_heads ? 2 * pairs : heads * 2 * pairs + 16;
  const std::ptrdiff_t head_stride = by_heads ? tokens * 2 * pairs + 16 : 2 * pairs;
  std::mt19937 engine(static_cast<unsigned>(pairs + place.from));
  const std::vector<float> in = numbers<float>(engine, std::size(x));
  const std::vector<float> table = numbers<float>(engine, static_cast<std::size_t>(tokens * 2 * pairs));
  std::vector<float> expected = place.in_place ? in : std::vector<float>(in.size(), 9.0f);
  std::copy(in.begin(), in.end(), x);
  std::copy(expected.begin(), expected.end(), out);
  const std::ptrdiff_t rows[tokens] = {2, 0, 1};
  const std::ptrdiff_t partner = place.half_split ? pairs : 1;
  for (std::ptrdiff_t t = 0; t < tokens; ++t) {
    for (std::ptrdiff_t i = 0; i < heads * pairs; ++i) {
      const std::ptrdiff_t j = i % pairs;
      const std::ptrdiff_t channel = t * token_stride + i / pairs * head_stride + (place.half_split ? j : 2 * j);
      const auto a = static_cast<std::size_t>(place.from + channel);
      const auto to = static_cast<std::size_t>(place.to + channel);
      const auto behind = static_cast<std::size_t>(partner);
      const auto c = static_cast<std::size_t>(rows[t] * 2 * pairs + (place.paired ? 2 * j : j));
      const float s = table[c + static_cast<std::size_t>(place.paired ? 1 : pairs)];
      rotate_twin(level, expected[to], expected[to + behind], in[a], in[a + behind], table[c], place.backward ? -s : s);
    }
  }
  RowCall call{};
  call.in = x + place.from;
  call.out = (place.in_place ? x : out) + place.to;
  call.in_head_stride = call.out_head_stride = head_stride;
  call.in_token_stride = call.out_token_stride = token_stride;
  call.tokens = tokens;
  call.num_heads = heads;
  call.pairs = pairs;
  call.partner = call.out_partner = partner;
  call.cos = table.data();
  call.sin = table.data() + (place.paired ? 1 : pairs);
  call.row_stride = 2 * pairs;
  call.paired = place.paired;
  call.sign = place.backward ? 0x80000000u : 0u;
  call.rows = rows;
  constexpr StoredAs f = StoredAs::float32;
  (place.half_split ? row_kernel<f, f, true>(level) : row_kernel<f, f, false>(level))(call);
  std::ostringstream description;
  description << name_of(level) << ", pairs " << pairs << ", from " << place.from << ", to " << place.to
              << ", half-split " << place.half_split << ", paired " << place.paired << ", in place " << place.in_place
              << ", heads " << heads << ", by heads " << by_heads;
  const float* const got = place.in_place ? x : out;
  require_same_numbers(std::vector<float>(got, got + expected.size()), expected, description.str());
}

}  // namespace

TEST_CASE("kernels of levels, bit for bit: heads at each place of a cache line", "[rope][kernels][levels]") {
  for (const Level level : levels()) {
    for (std::ptrdiff_t place = 0; place < 16; ++place) {
      for (const std::ptrdiff_t pairs : {16, 32, 40, 48, 50, 64}) {
        for (const Order order : {Order::by_tokens, Order::by_heads, Order::one_head}) {
          for (const bool backward : {false, true}) {
            for (const bool in_place : {false, true}) {
              check_place(level, {pairs, place, place, true, backward, false, in_place, order});
              check_place(level, {pairs, place, place, false, backward, false, in_place, order});
              check_place(level, {pairs, place, place, false, backward, true, in_place, order});
            }
          }
          check_place(level, {pairs, place, place ^ 4, true, false, false, false, order});
          check_place(level, {pairs, place, place ^ 4, false, false, false, false, order});
        }
      }
    }
  }
}

#endif
