// SPDX-License-Identifier: MIT
/// The row kernels at every level of vector instructions that this machine has, each bit, against scalar twins.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <random>
#include <sstream>
#include <type_traits>
#include <vector>

#include "posenc/rope.hpp"
#include "rope/level_twins.hpp"
#include "support/catch2.hpp"

#if POSENC_HAS_LEVELS

namespace {

using namespace posenc_tests;
using namespace posenc::detail;

/// One shape of a call, in a buffer with numbers around what rotates.
struct Shape {
  std::ptrdiff_t pairs, heads, tokens;
  bool half_split, backward, paired, in_place;
  bool listed = false;   // tokens take the table's rows backward, and are written backward unless in place
  bool is_part = false;  // of a call that no cache holds
};

template <typename Out, typename In>
void check(Level level, const Shape& shape) {
  constexpr StoredAs stored_out = stored_as<Out>;
  constexpr StoredAs stored_in = stored_as<In>;
  const std::ptrdiff_t pairs = shape.pairs;
  const std::ptrdiff_t head = 2 * pairs + 3;
  const std::ptrdiff_t token = shape.heads * head + 5;
  std::mt19937 engine(static_cast<unsigned>(pairs * 64 + shape.heads));
  const std::vector<In> x = numbers<In>(engine, static_cast<std::size_t>(shape.tokens * token + 2));
  const std::vector<float> table = numbers<float>(engine, static_cast<std::size_t>(shape.tokens * 2 * pairs));
  std::vector<Out> expected(x.size(), Out(9));
  if constexpr (std::is_same_v<Out, In>) {
    if (shape.in_place) expected = x;
  }
  std::vector<Out> got = expected;
  const std::ptrdiff_t partner = shape.half_split ? pairs : 1;
  std::vector<std::ptrdiff_t> rows, out_offsets;
  for (std::ptrdiff_t t = 0; t < shape.tokens; ++t) {
    rows.push_back(shape.listed ? shape.tokens - 1 - t : t);
    out_offsets.push_back(token * (shape.listed && !shape.in_place ? shape.tokens - 1 - t : t));
  }
  for (std::ptrdiff_t t = 0; t < shape.tokens; ++t) {
    for (std::ptrdiff_t h = 0; h < shape.heads; ++h) {
      for (std::ptrdiff_t j = 0; j < pairs; ++j) {
        const std::ptrdiff_t channel = 1 + h * head + (shape.half_split ? j : 2 * j);
        const auto first = static_cast<std::size_t>(t * token + channel);
        const auto second = first + static_cast<std::size_t>(partner);
        const auto listed = static_cast<std::size_t>(t);
        const auto to = static_cast<std::size_t>(out_offsets[listed] + channel);
        const auto c = static_cast<std::size_t>(rows[listed] * 2 * pairs + (shape.paired ? 2 * j : j));
        const float s = table[c + static_cast<std::size_t>(shape.paired ? 1 : pairs)];
        rotate_twin(level, expected[to], expected[to + static_cast<std::size_t>(partner)], x[first], x[second],
                    table[c], shape.backward ? -s : s);
      }
    }
  }
  RowCall call{};
  call.out = got.data() + 1;
  call.in = shape.in_place ? static_cast<const void*>(call.out) : x.data() + 1;
  call.out_head_stride = call.in_head_stride = head;
  call.out_token_stride = call.in_token_stride = token;
  call.tokens = shape.tokens;
  call.all_heads = shape.is_part ? std::ptrdiff_t{1} << 40 : shape.tokens * shape.heads;
  call.num_heads = shape.heads;
  call.pairs = pairs;
  call.partner = call.out_partner = partner;
  call.cos = table.data();
  call.sin = table.data() + (shape.paired ? 1 : pairs);
  call.row_stride = 2 * pairs;
  call.paired = shape.paired;
  call.sign = shape.backward ? 0x80000000u : 0u;
  if (shape.listed) {
    call.rows = rows.data();
    call.out_offsets = out_offsets.data();
  }
  (shape.half_split ? row_kernel<stored_out, stored_in, true>(level)
                    : row_kernel<stored_out, stored_in, false>(level))(call);
  std::ostringstream description;
  description << name_of(level) << ", pairs " << pairs << ", heads " << shape.heads << ", half-split "
              << shape.half_split << ", paired " << shape.paired << ", in place " << shape.in_place;
  require_same_numbers(got, expected, description.str());
}

template <typename Out, typename In>
void check_all() {
  for (const Level level : levels()) {
    for (std::ptrdiff_t pairs = 1; pairs <= 150; pairs += pairs < 70 ? 1 : 7) {
      for (const bool half_split : {true, false}) {
        const std::ptrdiff_t heads = 1 + pairs % 3;
        const bool backward = pairs % 2 == 1;
        const bool paired = !half_split && reads_paired<stored_as<Out>, stored_as<In>>(level) && pairs % 4 < 2;
        check<Out, In>(level, {pairs, heads, 2, half_split, backward, paired, false});
        check<Out, In>(level, {pairs, heads, 3, half_split, backward, paired, false, true});
        if (std::is_same_v<Out, In>) check<Out, In>(level, {pairs, heads, 2, half_split, !backward, paired, true});
        if (pairs < 4 && !half_split && reads_paired<stored_as<Out>, stored_as<In>>(level)) {  // one vector, in part
          check<Out, In>(level, {pairs, heads, 3, half_split, backward, !paired, false});
        }
        if (pairs == 4 || pairs == 8 || pairs == 32) {  // one head that is one vector, or few
          check<Out, In>(level, {pairs, 1, 5, half_split, backward, false, false});
          if (std::is_same_v<Out, In>) check<Out, In>(level, {pairs, 1, 5, half_split, backward, false, true, true});
          check<Out, In>(level, {pairs, 1, 5, half_split, !backward, false, std::is_same_v<Out, In>});
        }
        if (std::is_same_v<Out, In>) check<Out, In>(level, {pairs, heads, 3, half_split, backward, paired, true, true});
      }
    }
  }
}

/// Parts of calls that no cache holds, whose heads are rotated one after the other: pairs that fill pieces, that end
/// inside one, more than are prepared at a time, and those of heads that go into other memory by a way of their own.
template <typename Out, typename In>
void check_large() {
  constexpr bool is_same = std::is_same_v<Out, In>;
  for (const Level level : levels()) {
    for (const std::ptrdiff_t pairs : {8, 32, 33, 36, 47, 52, 64, 80, 100, 128, 129, 131, 135, 150, 256, 260, 300}) {
      for (const std::ptrdiff_t heads : {2, 3, 5}) {
        for (const bool half_split : {true, false}) {
          const bool backward = pairs % 8 == 4 || pairs == 128 || pairs == 131;
          const bool paired =
              !half_split && reads_paired<stored_as<Out>, stored_as<In>>(level) && pairs % 3 != heads % 3;
          check<Out, In>(level, {pairs, heads, 3, half_split, backward, paired, false, false, true});
          check<Out, In>(level, {pairs, heads, 3, half_split, !backward, paired, false, true, true});
          if (is_same) check<Out, In>(level, {pairs, heads, 3, half_split, backward, paired, true, false, true});
        }
      }
    }
  }
}

/// 16 bits as a number.
template <typename Half>
Half of_bits(std::uint32_t bits) {
  const auto lower = static_cast<std::uint16_t>(bits);
  Half value;
  std::memcpy(static_cast<void*>(&value), &lower, sizeof lower);
  return value;
}

/// Calls the half-split kernel for one token of one head.
template <typename Out, typename In>
void rotate(Level level, std::vector<Out>& out, const std::vector<In>& in, const std::vector<float>& cos,
            const std::vector<float>& sin) {
  const auto pairs = static_cast<std::ptrdiff_t>(cos.size());
  RowCall call{};
  call.out = out.data();
  call.in = in.data();
  call.tokens = call.num_heads = 1;
  call.pairs = call.partner = call.out_partner = pairs;
  call.cos = cos.data();
  call.sin = sin.data();
  row_kernel<stored_as<Out>, stored_as<In>, true>(level)(call);
}

/// Every number of 16 bits is read and written as it is: by (1, 0), beside zeros.
template <typename Half>
void check_every_number() {
  constexpr std::size_t count = 0x10000;
  std::vector<Half> x(2 * count, Half(0));
  for (std::size_t i = 0; i < count; ++i) x[i] = of_bits<Half>(static_cast<std::uint32_t>(i));
  const std::vector<float> one(count, 1.0f);
  const std::vector<float> zero(count, 0.0f);
  for (const Level level : levels()) {
    std::vector<Half> out(2 * count, Half(9));
    rotate(level, out, x, one, zero);
    for (std::size_t i = 0; i < count; ++i) {
      INFO(name_of(level) << ", number " << i);
      if (!same_number(out[i], x[i])) REQUIRE(static_cast<float>(out[i]) == static_cast<float>(x[i]));
    }
  }
}

/// Floats of every size, those on both sides of where rounding changes, and NaN of many bits, to 16 bits.
template <typename Half>
void check_rounding() {
  std::vector<float> x;
  for (std::uint32_t i = 0; i < 0x10000; ++i) {
    const float number = cast_scalar<float>(of_bits<Half>(i));
    const float next = cast_scalar<float>(of_bits<Half>(i + 1));
    const float middle = number + (next - number) / 2;
    for (const float value : {number, middle, std::nextafter(middle, number), std::nextafter(middle, next)}) {
      x.push_back(value);
    }
  }
  std::mt19937 engine(5);
  for (int i = 0; i < 0x10000; ++i) {
    const auto bits = static_cast<std::uint32_t>(engine());
    float value;
    std::memcpy(&value, &bits, sizeof value);
    x.push_back(value);
  }
  for (const std::uint32_t bits : {0x7fffffffu, 0xffffffffu, 0x7fff8000u, 0xffff8001u, 0x7f800001u, 0xff80ffffu}) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    x.insert(x.end(), 16, value);
  }
  const std::size_t count = x.size();
  x.resize(2 * count, 0.0f);
  const std::vector<float> one(count, 1.0f);
  const std::vector<float> zero(count, 0.0f);
  for (const Level level : levels()) {
    std::vector<Half> out(2 * count, Half(9));
    rotate(level, out, x, one, zero);
    for (std::size_t i = 0; i < count; ++i) {
      INFO(name_of(level) << ", number " << x[i]);
      const Half expected = cast_scalar<Half>(x[i]);
      if (!same_number(out[i], expected)) REQUIRE(static_cast<float>(out[i]) == static_cast<float>(expected));
    }
  }
}

}  // namespace

TEST_CASE("every level of this machine runs, and the highest is chosen", "[rope][kernels][levels]") {
  const std::vector<Level> found = levels();
  std::printf("levels of vector instructions that run here:");
  for (const Level level : found) std::printf(" %s", name_of(level));
  std::printf("\n");
  REQUIRE(!found.empty());
  CHECK(level_of_machine() == found.back());
  // The test program is compiled with run-time choice: a level of the machine that it lacks was never tested.
  CHECK(POSENC_HIGHEST_LEVEL == 3);
  CHECK(POSENC_LOWEST_LEVEL == POSENC_TOLD_LEVEL);
}

TEST_CASE("kernels of levels, bit for bit: numbers that stay", "[rope][kernels][levels]") {
  check_all<float, float>();
  check_all<Eigen::half, Eigen::half>();
  check_all<Eigen::bfloat16, Eigen::bfloat16>();
}

TEST_CASE("kernels of levels, bit for bit: into another type", "[rope][kernels][levels]") {
  check_all<Eigen::half, float>();
  check_all<Eigen::bfloat16, float>();
  check_all<float, Eigen::half>();
  check_all<float, Eigen::bfloat16>();
  check_all<Eigen::bfloat16, Eigen::half>();
  check_all<Eigen::half, Eigen::bfloat16>();
}

TEST_CASE("kernels of levels, bit for bit: calls that are read in order", "[rope][kernels][levels]") {
  check_large<float, float>();
  check_large<Eigen::half, Eigen::half>();
  check_large<Eigen::bfloat16, Eigen::bfloat16>();
  check_large<Eigen::half, float>();
  check_large<float, Eigen::bfloat16>();
}

TEMPLATE_TEST_CASE("every number of a half type at every level", "[rope][kernels][levels]", Eigen::half,
                   Eigen::bfloat16) {
  check_every_number<TestType>();
  check_rounding<TestType>();
}

#else

TEST_CASE("no levels here: what the compiler is told", "[rope][kernels][levels]") {
  CHECK(POSENC_LOWEST_LEVEL == POSENC_HIGHEST_LEVEL);
}

#endif
