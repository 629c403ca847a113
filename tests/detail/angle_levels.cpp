// SPDX-License-Identifier: MIT
/// Cosines and sines, and rows of them, at every level of vector instructions that this machine has, each bit, against
/// scalar twins; and by how much tables of different levels differ.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "posenc/frequency.hpp"
#include "support/catch2.hpp"

#if POSENC_HAS_LEVELS

namespace {

using namespace posenc::detail;

/// The levels that the unit has and the machine too, found without level_of_machine().
std::vector<Level> levels() {
  std::vector<Level> found;
  const auto add = [&](Level level, bool is_here) {
    const int number = static_cast<int>(level);
    if (is_here && number >= POSENC_LOWEST_LEVEL && number <= POSENC_HIGHEST_LEVEL) found.push_back(level);
  };
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  add(Level::sse2, true);
  add(Level::avx2, avx2);
  add(Level::avx512, avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"));
  return found;
}

/// a b + c as the level rounds it.
double fused(Level level, double a, double b, double c) {
  if (level != Level::sse2) return std::fma(a, b, c);
  const volatile double product = a * b;  // no flag of the compiler contracts it
  return product + c;
}

double polynomial(Level level, double z, const std::vector<double>& c) {
  double sum = c.back();
  for (std::size_t i = c.size() - 1; i-- > 0;) sum = fused(level, z, sum, c[i]);
  return sum;
}

/// The formula of sin_cos_block(), with the quadrant by cases.
void sin_cos_twin(Level level, double angle, double& cosine, double& sine) {
  const double n = std::nearbyint(angle * 0x1.45f306dc9c883p-1);
  double r = fused(level, -n, 0x1.921fb54p+0, angle);
  r = fused(level, -n, 0x1.10b4611a62633p-30, r);
  const volatile double z = r * r;
  const volatile double rz = r * z;
  const double sin_tail = polynomial(level, z,
                                     {-0x1.555555555553dp-3, 0x1.111111110eb1fp-7, -0x1.a01a019ab4ad8p-13,
                                      0x1.71de347564205p-19, -0x1.ae5db478195f4p-26, 0x1.5d64c91504670p-33});
  const double cos_tail = polynomial(level, z,
                                     {0x1.555555555554cp-5, -0x1.6c16c16c15184p-10, 0x1.a01a019cb26eap-16,
                                      -0x1.27e4f80a760f9p-22, 0x1.1ee9ec477a290p-29, -0x1.8faecf0eeaed9p-37});
  const double sin_r = fused(level, rz, sin_tail, r) + 0.0;
  const double cos_r = fused(level, z, fused(level, z, cos_tail, -0.5), 1.0);
  const long quadrant = static_cast<long>(std::fmod(n, 4.0) + 4) % 4;
  cosine = quadrant == 0 ? cos_r : quadrant == 1 ? -sin_r : quadrant == 2 ? -cos_r : sin_r;
  sine = quadrant == 0 ? sin_r : quadrant == 1 ? cos_r : quadrant == 2 ? -sin_r : -cos_r;
}

template <typename Number>
bool same_bits(const Number& a, const Number& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

std::vector<double> numbers(std::mt19937& engine, std::size_t count) {
  std::vector<double> values(count);
  for (double& value : values) value = std::ldexp(static_cast<double>(engine()) - 0x1p31, -31);
  return values;
}

constexpr std::ptrdiff_t kPairs = 48;
constexpr std::ptrdiff_t kRows = 5;
constexpr std::ptrdiff_t kOffsets = 12;  // 0, 1, .. of either sign

/// One call of the kernel for offsets lowest, lowest + 1, ..; rows have numbers around what is written.
template <typename Scalar, bool Add>
void check_rows(Level level, AngleOrder order, bool sine_first, std::ptrdiff_t lowest, bool blended) {
  std::mt19937 engine(static_cast<unsigned>(level) * 8 + static_cast<unsigned>(order));
  const std::vector<double> anchor_cos = numbers(engine, kPairs), anchor_sin = numbers(engine, kPairs);
  const std::vector<double> offset_cos = numbers(engine, 2 * kOffsets * kPairs);
  std::vector<double> offset_sin = numbers(engine, 2 * kOffsets * kPairs);
  if (!blended) std::fill_n(offset_sin.begin(), kPairs, 0.0);  // offset 0, which has no sign
  const bool twice = order == AngleOrder::repeated;
  const bool alternating = order == AngleOrder::in_turn;
  const std::ptrdiff_t plane = kPairs * (twice ? 2 : 1) + 3;
  const std::ptrdiff_t stride = 2 * plane + 5;
  std::vector<Scalar> x(static_cast<std::size_t>(kRows * stride));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = round_to<Scalar>(numbers(engine, 1)[0]);
  constexpr double scale = 0x1.7p0;

  // Axis 1 has the second half of the offsets; pairs 16 ... 31 are on both axes in turn.
  std::vector<std::int64_t> masks(2 * kPairs, 0);
  signed char of_eight[kPairs / 8];
  const auto axis_of = [](std::ptrdiff_t j) { return j < 16 ? 0 : j < 32 ? j % 2 : 1; };
  for (std::ptrdiff_t j = 0; j < kPairs; ++j) {
    masks[static_cast<std::size_t>(axis_of(j) * kPairs + j)] = -1;
    of_eight[j / 8] = static_cast<signed char>(j < 16 ? 0 : j < 32 ? -1 : 1);
  }
  AxisOffsets offsets[kRows] = {};
  for (std::ptrdiff_t r = 0; r < kRows; ++r) {
    for (std::ptrdiff_t axis = 0; axis < 2; ++axis) {
      offsets[r].cos[axis] = offset_cos.data() + (axis * kOffsets + r) * kPairs;
      offsets[r].sin[axis] = offset_sin.data() + (axis * kOffsets + r) * kPairs;
    }
  }
  const AxisBlend blend = {2, offsets, masks.data(), kPairs, of_eight};

  std::vector<Scalar> expected = x;
  for (std::ptrdiff_t r = 0; r < kRows; ++r) {
    for (std::ptrdiff_t j = 0; j < kPairs; ++j) {
      const std::ptrdiff_t offset = blended ? axis_of(j) * kOffsets + r : lowest + r;
      const auto at = static_cast<std::size_t>(std::abs(offset) * kPairs + j);
      const auto pair = static_cast<std::size_t>(j);
      const double offset_sine = offset < 0 ? -offset_sin[at] : offset_sin[at];
      const volatile double ss = anchor_sin[pair] * offset_sine;
      const volatile double cs = anchor_cos[pair] * offset_sine;
      const double cosine = fused(level, anchor_cos[pair], offset_cos[at], -ss);
      const double sine = fused(level, anchor_sin[pair], offset_cos[at], cs);
      const auto put = [&](std::ptrdiff_t column, double value) {
        Scalar& to = expected[static_cast<std::size_t>(r * stride + 1 + column)];
        const volatile double scaled = static_cast<double>(to) * scale;
        to = round_to<Scalar>(Add ? scaled + value : value);
      };
      if (alternating) {
        put(2 * j, sine_first ? sine : cosine);
        put(2 * j + 1, sine_first ? cosine : sine);
      } else {
        for (std::ptrdiff_t k = 0; k < (twice ? 2 : 1); ++k) {
          put((twice ? 2 * j : j) + k, cosine);
          put(plane + (twice ? 2 * j : j) + k, sine);
        }
      }
    }
  }
  std::vector<Scalar> got = x;
  AngleRows call = {};
  call.anchor_cos = anchor_cos.data();
  call.anchor_sin = anchor_sin.data();
  call.offset_cos = offset_cos.data();
  call.offset_sin = offset_sin.data();
  call.offset_stride = kPairs;
  call.lowest = lowest;
  call.rows = kRows;
  call.pairs = kPairs;
  call.cosines = got.data() + 1;
  call.sines = got.data() + 1 + (alternating ? 0 : plane);
  call.row_stride = stride;
  call.order = order;
  call.scale = scale;
  call.ahead = 64;  // changes no number
  call.blend = &blend;
  if (sine_first) posenc::detail::put_sines_first<Scalar>(call);
  constexpr AngleFormat format = angle_format<Scalar>;
  if constexpr (!Add) {
    (blended ? angle_kernel<format, false, true>(level) : angle_kernel<format, false>(level))(call);
  } else {
    angle_kernel<format, true>(level)(call);
  }
  for (std::size_t i = 0; i < got.size(); ++i) {
    INFO("level " << static_cast<int>(level) << ", order " << static_cast<int>(order) << ", sine first " << sine_first
                  << ", lowest " << lowest << ", blended " << blended << ", element " << i);
    if (!same_bits(got[i], expected[i])) {
      REQUIRE(static_cast<double>(got[i]) == static_cast<double>(expected[i]));
      FAIL("other bits of one number");
    }
  }
}

template <typename Scalar>
void check_all_rows() {
  for (const Level level : levels()) {
    for (const std::ptrdiff_t lowest : {std::ptrdiff_t(-2), std::ptrdiff_t(0), std::ptrdiff_t(3), -kRows - 1}) {
      for (const AngleOrder order : {AngleOrder::split, AngleOrder::repeated, AngleOrder::in_turn}) {
        check_rows<Scalar, false>(level, order, false, lowest, false);
        if (lowest == 0) check_rows<Scalar, false>(level, order, false, lowest, true);
      }
      check_rows<Scalar, false>(level, AngleOrder::in_turn, true, lowest, false);
      check_rows<Scalar, true>(level, AngleOrder::split, false, lowest, false);
      check_rows<Scalar, true>(level, AngleOrder::in_turn, true, lowest, false);
    }
  }
}

}  // namespace

TEST_CASE("kernels of angles choose a level that the test ran, and every level of the machine", "[detail][levels]") {
  std::string names;
  for (const Level level : levels()) names += std::to_string(static_cast<int>(level)) + " ";
  std::printf("levels of angles: %s\n", names.c_str());
  REQUIRE(levels().back() == level_of_machine());
}

TEST_CASE("cosines and sines have the bits of a scalar twin at every level", "[detail][levels]") {
  std::mt19937 engine(5);
  std::vector<double> frequency(64);
  std::vector<double> cosine(64), sine(64);
  for (const Level level : levels()) {
    for (int exponent = -40; exponent <= 24; ++exponent) {
      for (double& w : frequency) w = std::ldexp(static_cast<double>(engine()) - 0x1p31, exponent - 31);
      frequency[0] = 0.0;
      frequency[1] = -0.0;
      frequency[2] = std::ldexp(1.0, exponent);
      sin_cos_kernel(level)(frequency.data(), 1.0, 64, cosine.data(), sine.data());
      for (std::size_t i = 0; i < 64; ++i) {
        double c, s;
        sin_cos_twin(level, frequency[i], c, s);
        INFO("level " << static_cast<int>(level) << ", angle " << frequency[i]);
        REQUIRE(cosine[i] == c);
        REQUIRE(sine[i] == s);
        REQUIRE(same_bits(std::signbit(sine[i]), std::signbit(s)));
      }
    }
  }
}

TEST_CASE("rows of angles have the bits of a scalar twin at every level", "[detail][levels]") {
  check_all_rows<float>();
  check_all_rows<double>();
  check_all_rows<Eigen::half>();
  check_all_rows<Eigen::bfloat16>();
}

TEST_CASE("what float32 angles do not doubt is rounded right at every level", "[detail][levels]") {
  std::mt19937 engine(6);
  long doubted = 0, all = 0;
  for (const Level level : levels()) {
    for (int exponent = -20; exponent <= 20; ++exponent) {
      std::vector<double> frequency(16);
      for (double& w : frequency) w = std::ldexp(static_cast<double>(engine()), -32);
      frequency[3] = 0;
      const float position = std::ldexp(static_cast<float>(engine() >> 8) - 0x1p23f, exponent - 23);
      float cosine[16], sine[16];
      const unsigned doubt = float32_angle_kernel(level)(frequency.data(), position, cosine, sine);
      for (int i = 0; i < 16; ++i, ++all) {
        if ((doubt >> i & 1u) != 0) {
          if (frequency[static_cast<std::size_t>(i)] != 0) ++doubted;  // -0 is left to libm
          continue;
        }
        const float angle = static_cast<float>(frequency[static_cast<std::size_t>(i)]) * position;
        const long double wide = static_cast<long double>(angle);
        REQUIRE(cosine[i] == static_cast<float>(std::cos(wide)));
        REQUIRE(sine[i] == static_cast<float>(std::sin(wide)));
      }
    }
  }
  REQUIRE(doubted * 1000 < all);  // the rare case
}

TEST_CASE("tables of different levels differ by no more than their bound, where they fuse not at all",
          "[detail][levels]") {
  // Two evaluations, off by 2^-52 each, and the addition: the bound of make_table() for double, for each of two levels.
  const double bound = 2 * 0x1p-50;
  const posenc::Frequencies frequencies = posenc::geometric_frequencies(128, 10000);
  const double* const w = frequencies.inv_freq().data();
  std::vector<std::vector<double>> of_level;
  for (const Level level : levels()) {
    std::vector<double> numbers;
    std::vector<double> anchor_cos(64), anchor_sin(64), offset_cos(64), offset_sin(64), cosine(64), sine(64);
    for (const double anchor : {0.0, 32.0, 1600.0}) {
      for (const double offset : {1.0, 7.0, 16.0}) {
        sin_cos_kernel(level)(w, anchor, 64, anchor_cos.data(), anchor_sin.data());
        sin_cos_kernel(level)(w, offset, 64, offset_cos.data(), offset_sin.data());
        AngleRows call = {};
        call.anchor_cos = anchor_cos.data();
        call.anchor_sin = anchor_sin.data();
        call.offset_cos = offset_cos.data();
        call.offset_sin = offset_sin.data();
        call.rows = 1;
        call.pairs = 64;
        call.cosines = cosine.data();
        call.sines = sine.data();
        call.order = AngleOrder::split;
        angle_kernel<AngleFormat::float64, false>(level)(call);
        numbers.insert(numbers.end(), cosine.begin(), cosine.end());
        numbers.insert(numbers.end(), sine.begin(), sine.end());
      }
    }
    of_level.push_back(numbers);
  }
  for (std::size_t level = 1; level < of_level.size(); ++level) {
    for (std::size_t i = 0; i < of_level[0].size(); ++i) {
      REQUIRE(std::abs(of_level[level][i] - of_level[0][i]) <= bound);
    }
    if (levels()[level - 1] == Level::avx2) REQUIRE(of_level[level] == of_level[level - 1]);  // both fuse
  }
}

#endif
