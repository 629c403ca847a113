// SPDX-License-Identifier: MIT
/// Channels with angles of their own: the formula, its adjoint, and what holds the numbers.
#include "support/encoder_properties.hpp"
#include "support/rotations.hpp"

using namespace posenc_tests;
using posenc::apply_channel_angles;
using posenc::RopeLayout;

namespace {

constexpr Index kHeads = 2;
constexpr Index kHeadDim = 22;
constexpr Index kChannels = 20;  // of the window
constexpr Index kTokens = 5;
constexpr Index kWidth = kHeads * kHeadDim;

std::vector<RopeLayout> layouts() {
  return {RopeLayout::half_split(kHeadDim).window(1, kChannels), RopeLayout::interleaved(kHeadDim).suffix(kChannels)};
}

template <typename Scalar>
posenc::FrequencyTable<Scalar> table(Index heads = 1, posenc::CosSinStorage storage = posenc::CosSinStorage::cos_sin) {
  const auto frequencies = posenc::geometric_frequencies(2 * heads * kChannels, 1e4).with_magnitude(1.25);
  return posenc::make_table<Scalar>(frequencies, posenc::PositionRange(30, kTokens),
                                    {storage, posenc::AngleMode::exact, heads});
}

/// Row i by row i, from the formula in long double.
template <typename X, typename Table>
Turned mixed(const RowMatrix<X>& x, const Table& by, const RopeLayout& layout, bool backward) {
  Turned result{x.template cast<Wide>(), RowMatrix<Wide>::Zero(x.rows(), x.cols())};
  for (Index token = 0; token < x.rows(); ++token) {
    for (Index head = 0; head < kHeads; ++head) {
      const auto angles = by.head(by.num_heads() == 1 ? 0 : head);
      for (Index j = 0; j < kChannels / 2; ++j) {
        const bool half_split = layout.pairs() == posenc::RopePairs::half_split;
        const Index first = half_split ? j : 2 * j;
        const Index second = half_split ? j + kChannels / 2 : 2 * j + 1;
        const Index at = head * kHeadDim + layout.offset();
        const Wide a = static_cast<Wide>(x(token, at + first)), b = static_cast<Wide>(x(token, at + second));
        const auto cos = [&](Index c) { return static_cast<Wide>(static_cast<double>(angles.cos()(token, c))); };
        const auto sin = [&](Index c) { return static_cast<Wide>(static_cast<double>(angles.sin()(token, c))); };
        const Wide from_b = backward ? b * sin(second) : -b * sin(first);
        const Wide from_a = backward ? -a * sin(first) : a * sin(second);
        result.value(token, at + first) = a * cos(first) + from_b;
        result.value(token, at + second) = b * cos(second) + from_a;
        result.reach(token, at + first) = std::abs(a * cos(first)) + std::abs(from_b);
        result.reach(token, at + second) = std::abs(b * cos(second)) + std::abs(from_a);
      }
    }
  }
  return result;
}

}  // namespace

TEMPLATE_TEST_CASE("each channel has an angle of its own", "[rope][channels]", float, double, Eigen::half) {
  for (const Index heads : {Index(1), kHeads}) {
    for (const auto storage : {posenc::CosSinStorage::cos_sin, posenc::CosSinStorage::repeated}) {
      const auto by = table<float>(heads, storage);
      const RowMatrix<TestType> given = Noise(1).matrix<TestType>(kTokens, kWidth);
      for (const RopeLayout& layout : layouts()) {
        RowMatrix<TestType> x = given;
        const std::size_t made = count_allocations([&] { apply_channel_angles(x, by, layout); });
        CHECK(made == 0);
        CHECK((error_over_bound<TestType, float>(x, mixed(given, by, layout, false)) <= 1));
        Eigen::Matrix<TestType, Eigen::Dynamic, Eigen::Dynamic> columns = given;
        apply_channel_angles(columns, by.adjoint(), layout, posenc::starting_at(30));
        CHECK((error_over_bound<TestType, float>(columns, mixed(given, by, layout, true)) <= 1));
        RowMatrix<TestType> viewed = given;
        const auto shape = posenc::HeadsShape().seq_len(kTokens).num_heads(kHeads).head_dim(kHeadDim);
        apply_channel_angles(posenc::view_packed(viewed.data(), shape), by, layout);
        CHECK(same_bits(viewed, x));
      }
    }
  }
}

TEMPLATE_TEST_CASE("channel angles hold what every encoder holds", "[rope][channels][property]", float, double,
                   Eigen::half) {
  const RowMatrix<TestType> x = Noise(5).matrix<TestType>(33, kWidth);
  const auto frequencies = posenc::geometric_frequencies(2 * kChannels, 1e4);
  const auto by = posenc::make_table<float>(frequencies, posenc::PositionRange(-3, 33));
  for (const RopeLayout& layout : layouts()) {
    posenc_tests::check_written_encoding<TestType>(33, kWidth, [&](auto&& out, Index first) {
      const auto rotate = [&](auto& target) {
        target = x.middleRows(first, target.rows());
        apply_channel_angles(target, by, layout, posenc::from_row(first));
      };
      if constexpr (bool(std::decay_t<decltype(out)>::Flags & Eigen::DirectAccessBit)) {
        rotate(out);
      } else {  // rotates memory, not what an index view picks from it
        RowMatrix<TestType> copy(out.rows(), out.cols());
        rotate(copy);
        out = copy;
      }
    });
  }
}

TEST_CASE("the adjoint of channel angles is the transpose", "[rope][channels][gradient]") {
  const auto by = table<double>();
  for (const RopeLayout& layout : layouts()) {
    const auto x = Noise(2).matrix<double>(kTokens, kWidth), g = Noise(3).matrix<double>(kTokens, kWidth);
    RowMatrix<double> forward = x, backward = g;
    apply_channel_angles(forward, by, layout);
    apply_channel_angles(backward, by.adjoint(), layout);
    // Two sums of 220 products below 1.25 2 2 2.
    CHECK(std::abs(forward.cwiseProduct(g).sum() - x.cwiseProduct(backward).sum()) <= 220 * 10 * 8 * 0x1p-53);
  }
}

TEST_CASE("equal angles of both channels are a rotation", "[rope][channels]") {
  const RopeLayout layout = RopeLayout::half_split(kChannels);
  const auto half = posenc::geometric_frequencies(kChannels, 1e4);
  const auto twice = posenc::Frequencies(half.inv_freq().replicate(2, 1).eval());
  RowMatrix<double> x = Noise(4).matrix<double>(kTokens, kChannels), y = x;
  apply_channel_angles(x, posenc::make_table<double>(twice, posenc::PositionRange(3, kTokens)), layout);
  posenc::apply_rope(y, posenc::make_table<double>(half, posenc::PositionRange(3, kTokens)), layout);
  CHECK((x - y).cwiseAbs().maxCoeff() <= 2 * 3 * 4 * 0x1p-53);  // both within 3 units of |a cos| + |b sin| <= 4
}
