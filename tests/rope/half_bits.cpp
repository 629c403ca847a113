// SPDX-License-Identifier: MIT
/// 16-bit buffers under types of other libraries, optimized (-O2): what was written through one type is read through the
/// other. With a plain reinterpret_cast g++ keeps old values.
#include "support/rotations.hpp"

#include <cstring>
#if __has_include(<stdfloat>)
#include <stdfloat>
#endif

using namespace posenc_tests;
using posenc::apply_rope;
using posenc::as_bfloat16;
using posenc::as_half;
using posenc::HeadsShape;
using posenc::RopeLayout;

namespace {

constexpr Index kTokens = 3;
constexpr Index kHeads = 2;
constexpr Index kHeadDim = 24;
constexpr std::size_t kSize = kTokens * kHeads * kHeadDim;

HeadsShape shape() { return HeadsShape().batch(1).seq_len(kTokens).num_heads(kHeads).head_dim(kHeadDim); }

/// A type of another library, for instance c10::Half.
struct ForeignHalf {
  std::uint16_t bits;
};
struct ForeignBfloat16 {
  std::uint16_t bits;
};

template <typename Foreign, typename Scalar>
Foreign foreign(Scalar value) {
  Foreign result;
  std::memcpy(static_cast<void*>(&result), static_cast<const void*>(&value), 2);
  return result;
}

/// Noise as numbers of `Scalar`.
template <typename Scalar>
RowMatrix<Scalar> given() {
  return Noise(61).matrix<Scalar>(kTokens, kHeads * kHeadDim);
}

/// Writes the buffer through its own type, rotates it through a view, reads it through its own type again.
template <typename Foreign, typename Scalar, typename Cast>
void check(Cast as_scalar) {
  const auto table =
      posenc::make_table<float>(posenc::geometric_frequencies(8, 1e4), posenc::PositionRange(40, kTokens));
  const RowMatrix<Scalar> numbers = given<Scalar>();
  for (const RopeLayout& layout :
       {RopeLayout::half_split(kHeadDim).window(3, 8), RopeLayout::interleaved(kHeadDim).prefix(8)}) {
    RowMatrix<Scalar> rotated = numbers;
    apply_rope(rotated, table, layout);
    Foreign x[kSize], out[kSize];
    const auto write = [&](Foreign* buffer) {
      for (std::size_t i = 0; i < kSize; ++i) buffer[i] = foreign<Foreign>(numbers.data()[i]);
    };
    const auto equals = [&](const Foreign* buffer, const RowMatrix<Scalar>& expected) {
      std::size_t equal = 0;
      for (std::size_t i = 0; i < kSize; ++i) {
        const Foreign now = buffer[i];
        equal += std::memcmp(&now, &expected.data()[i], 2) == 0 ? 1 : 0;
      }
      return equal == kSize;
    };

    write(x);
    apply_rope(posenc::view_blhd(as_scalar(&x[0]), shape()), table, layout);
    CHECK(equals(x, rotated));

    write(x);
    write(out);
    apply_rope(posenc::view_blhd(as_scalar(&out[0]), shape()), posenc::view_packed(as_scalar(&x[0]), shape()), table,
               layout);
    CHECK(equals(out, rotated));
    CHECK(equals(x, numbers));

    // Element by element: a column-major matrix on the other side.
    write(x);
    Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> columns(kTokens, kHeads * kHeadDim);
    apply_rope(columns, posenc::view_blhd(as_scalar(static_cast<const Foreign*>(&x[0])), shape()), table, layout);
    CHECK(same_bits(columns, rotated));
    columns = numbers;
    write(out);
    apply_rope(posenc::view_blhd(as_scalar(&out[0]), shape()), columns, table, layout);
    CHECK(equals(out, rotated));
  }
}

#if defined(__GNUC__)
#define NOT_INLINED __attribute__((noinline))
#else
#define NOT_INLINED
#endif

/// The shortest way to an old value: one block written, converted in place, and read, in one function.
template <typename Foreign>
NOT_INLINED float doubled_first(Foreign* x) {
  constexpr int count = 8;
  for (int i = 0; i < count; ++i) x[i] = static_cast<Foreign>(1.0f);
  Eigen::half* const halves = as_half(x).data();
  const Eigen::Array<float, count, 1> values = posenc::detail::load<count, float>(halves);
  posenc::detail::store(halves, (2 * values).eval());
  return static_cast<float>(x[0]);
}

}  // namespace

TEST_CASE("buffers of bits and of classes", "[rope][half_bits]") {
  check<std::uint16_t, Eigen::half>([](auto* bits) { return as_half(bits); });
  check<std::uint16_t, Eigen::bfloat16>([](auto* bits) { return as_bfloat16(bits); });
  check<std::int16_t, Eigen::half>([](auto* bits) { return as_half(bits); });
  check<ForeignHalf, Eigen::half>([](auto* bits) { return as_half(bits); });
  check<ForeignBfloat16, Eigen::bfloat16>([](auto* bits) { return as_bfloat16(bits); });
}

#if defined(__FLT16_MANT_DIG__)
TEST_CASE("buffers of _Float16", "[rope][half_bits]") {
  __extension__ typedef _Float16 Half;
  check<Half, Eigen::half>([](auto* bits) { return as_half(bits); });
  Half x[8];
  CHECK(doubled_first(x) == 2.0f);
}
#endif

#if defined(__STDCPP_FLOAT16_T__)
TEST_CASE("buffers of std::float16_t", "[rope][half_bits]") {
  check<std::float16_t, Eigen::half>([](auto* bits) { return as_half(bits); });
}
#endif

#if defined(__STDCPP_BFLOAT16_T__)
TEST_CASE("buffers of std::bfloat16_t", "[rope][half_bits]") {
  check<std::bfloat16_t, Eigen::bfloat16>([](auto* bits) { return as_bfloat16(bits); });
}
#endif
