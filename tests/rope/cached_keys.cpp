// SPDX-License-Identifier: MIT
/// Keys in a cache: moved to other positions, taken to other frequencies.
#include "posenc/positions.hpp"
#include "support/rotations.hpp"

using namespace posenc_tests;
using posenc::apply_rope;
using posenc::make_table;
using posenc::RopeLayout;

namespace {

constexpr Index kTokens = 24;
constexpr Index kHeadDim = 64;
using Positions = Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1>;

posenc::Frequencies yarn() {
  posenc::YarnOptions options;
  options.factor = 4;
  options.original_max_position_embeddings = 4096;
  return posenc::scale_yarn(posenc::geometric_frequencies(kHeadDim, 1e4), options);
}

Positions positions() { return Positions::LinSpaced(kTokens, 5000, 5000 + kTokens - 1); }

/// What `rotations` by tables at positions of `total` in all may differ by, relative to the length of a pair times the
/// magnitude: arithmetic and one rounding to the scalar each, and the tables' own 2^-50 + |angle| 2^-51.
template <typename Scalar>
double rotation_bound(double rotations, double total) {
  const double arithmetic = kRoundings * (std::min)(kUnit<Scalar>, 0x1p-24);
  return std::sqrt(2.0) * (rotations * (arithmetic + 0x1p-50) + total * 0x1p-51) + rotations * kUnit<Scalar>;
}

/// Largest distance of two matrices over the largest norm of a pair of `x` times `magnitude`.
template <typename A, typename B, typename X>
double distance(const A& a, const B& b, const X& x, double magnitude) {
  const double pair = std::sqrt(2.0) * x.template cast<double>().cwiseAbs().maxCoeff() * magnitude;
  return (a.template cast<double>() - b.template cast<double>()).cwiseAbs().maxCoeff() / pair;
}

}  // namespace

TEMPLATE_TEST_CASE("a shift moves keys as if they had been cached there", "[rope][cached_keys]", float, double,
                   Eigen::half, Eigen::bfloat16) {
  const auto frequencies = yarn();
  REQUIRE(frequencies.magnitude() > 1.1);
  for (const RopeLayout& layout : {RopeLayout::half_split(kHeadDim), RopeLayout::interleaved(kHeadDim)}) {
    const auto keys = Noise(3).matrix<TestType>(kTokens, 2 * kHeadDim);
    // A delta for each token, real ones too.
    Eigen::VectorXd deltas = Eigen::VectorXd::LinSpaced(kTokens, -300, 160);
    deltas[3] = 0.5;
    RowMatrix<TestType> moved = keys;
    apply_rope(moved, make_table<double>(frequencies, positions()), layout);
    const auto shift = posenc::make_shift_table<double>(frequencies, deltas, frequencies.id());
    apply_rope(moved, shift, layout);
    RowMatrix<TestType> fresh = keys;
    apply_rope(fresh, make_table<double>(frequencies, positions().cast<double>() + deltas), layout);
    CHECK(distance(moved, fresh, keys, frequencies.magnitude()) <= rotation_bound<TestType>(3, 5024 + 300 + 5184));
  }
}

TEMPLATE_TEST_CASE("20 shifts do not grow", "[rope][cached_keys]", float, Eigen::half, Eigen::bfloat16) {
  const auto frequencies = yarn();
  const auto layout = RopeLayout::half_split(kHeadDim);
  const auto keys = Noise(4).matrix<TestType>(kTokens, kHeadDim);
  RowMatrix<TestType> moved = keys;
  apply_rope(moved, make_table<float>(frequencies, positions()), layout);
  const double before = moved.template cast<double>().norm();
  const auto shift = posenc::make_shift_table<float>(frequencies, std::vector<int>{-37}, std::nullopt);
  CHECK(shift.magnitude() == 1);
  for (int i = 0; i < 20; ++i) apply_rope(moved, shift, layout, posenc::each_sequence(1));
  // 20 roundings of every channel at most; with the magnitude applied again it would be 1.1386^20 = 13.
  CHECK(std::abs(moved.template cast<double>().norm() / before - 1) <= rotation_bound<TestType>(20, 20 * 37));
  RowMatrix<TestType> fresh = keys;
  apply_rope(fresh, make_table<float>(frequencies, Positions(positions().array() - 20 * 37)), layout);
  CHECK(distance(moved, fresh, keys, frequencies.magnitude()) <= rotation_bound<TestType>(22, 2 * 5024 + 20 * 37));
}

TEMPLATE_TEST_CASE("rescaled keys are those of the new frequencies", "[rope][cached_keys]", float, double, Eigen::half,
                   Eigen::bfloat16) {
  posenc::LongRopeOptions options;
  options.original_max_position_embeddings = 4096;
  options.max_position_embeddings = 131072;
  for (Index i = 0; i < kHeadDim / 2; ++i) {
    options.short_factor.push_back(1 + 0.01 * static_cast<double>(i));
    options.long_factor.push_back(1 + 2.0 * static_cast<double>(i));
  }
  options.short_mscale = 1.0;
  options.long_mscale = 1.19;
  const auto plain = posenc::geometric_frequencies(kHeadDim, 1e4);
  struct Change {
    const char* rule;
    posenc::Frequencies from, to;
  };
  const Change changes[] = {
      {"dynamic NTK, 4096 to 8192", posenc::scale_dynamic_ntk(plain, {2, 2048}, 4096),
       posenc::scale_dynamic_ntk(plain, {2, 2048}, 8192)},
      {"LongRoPE, short to long", posenc::scale_longrope(plain, options, 4096),
       posenc::scale_longrope(plain, options, 4097)},
      {"none to YaRN", plain, yarn()},
  };
  const auto layout = RopeLayout::interleaved(kHeadDim);
  for (const Change& change : changes) {
    INFO(change.rule);
    const auto keys = Noise(5).matrix<TestType>(kTokens, kHeadDim);
    RowMatrix<TestType> cached = keys;
    const auto old_table = make_table<double>(change.from, positions());
    apply_rope(cached, old_table, layout);
    const RowMatrix<TestType> stale = cached;
    apply_rope(cached, posenc::make_rescale_table<double>(change.from, change.to, positions(), old_table.id()), layout);
    RowMatrix<TestType> fresh = keys;
    apply_rope(fresh, make_table<double>(change.to, positions()), layout);
    const double magnitude = std::max(change.from.magnitude(), change.to.magnitude());
    // The angle p (w' - w) errs by another 5024 2^-53.
    CHECK(distance(cached, fresh, keys, magnitude) <= rotation_bound<TestType>(3, 3.25 * 5024));
    CHECK(distance(stale, fresh, keys, magnitude) > 0.3);  // what a cache that is left alone holds
    RowMatrix<TestType> by_range = stale;
    apply_rope(
        by_range,
        posenc::make_rescale_table<double>(change.from, change.to, posenc::PositionRange(5000, kTokens), std::nullopt),
        layout);
    CHECK(same_bits(by_range, cached));
  }
}

TEST_CASE("keys of a multi-axis model move on each axis", "[rope][cached_keys][axes]") {
  const auto frequencies = yarn();
  const auto axes = posenc::interleaved_axes({12, 10, 10});
  const auto layout = RopeLayout::half_split(kHeadDim);
  const auto prompt = posenc::mrope_positions({posenc::MropeSegment::text(4), posenc::MropeSegment::image(4, 5)}, 100);
  const auto keys = Noise(6).matrix<double>(24, kHeadDim);
  posenc::AxisPositionMatrix<std::int64_t> deltas(24, 3);
  for (Index i = 0; i < 24; ++i) deltas.row(i) << -50, 7 * i, 3 - i;

  RowMatrix<double> cached = keys;
  const auto table = make_table<double>(frequencies, axes, prompt.ids);
  apply_rope(cached, table, layout);
  apply_rope(cached, posenc::make_shift_table<double>(frequencies, axes, deltas, table.id()), layout);
  RowMatrix<double> fresh = keys;
  apply_rope(fresh, make_table<double>(frequencies, axes, prompt.ids + deltas), layout);
  CHECK(distance(cached, fresh, keys, frequencies.magnitude()) <= rotation_bound<double>(3, 110 + 161 + 271));

  const auto plain = posenc::geometric_frequencies(kHeadDim, 1e4);
  apply_rope(cached, posenc::make_rescale_table<double>(frequencies, plain, axes, prompt.ids + deltas, table.id()),
             layout);
  fresh = keys;
  apply_rope(fresh, make_table<double>(plain, axes, prompt.ids + deltas), layout);
  CHECK(distance(cached, fresh, keys, frequencies.magnitude()) <= rotation_bound<double>(5, 110 + 161 + 3.25 * 271));
}

TEST_CASE("keys move and are rescaled by the angles of each head", "[rope][cached_keys][heads]") {
  constexpr Index heads = 3;
  posenc::TableOptions options{posenc::CosSinStorage::paired};
  options.num_heads = heads;
  const auto by_head = [&](double base) {
    Eigen::ArrayXd all(heads * kHeadDim / 2);
    for (Index h = 0; h < heads; ++h) {
      const double of_head = base * static_cast<double>(h + 1);
      all.segment(h * kHeadDim / 2, kHeadDim / 2) = posenc::geometric_frequencies(kHeadDim, of_head).inv_freq();
    }
    return posenc::Frequencies(all, 1.25);
  };
  const auto from = by_head(1e4), to = by_head(5e4);
  const auto layout = RopeLayout::interleaved(kHeadDim);
  const auto keys = Noise(7).matrix<double>(kTokens, heads * kHeadDim);
  const auto table = make_table<double>(from, positions(), options);
  const std::vector<int> back(kTokens, -900);
  RowMatrix<double> moved = keys, fresh = keys;
  apply_rope(moved, table, layout);
  apply_rope(moved, posenc::make_shift_table<double>(from, back, table.id(), options), layout);
  apply_rope(fresh, make_table<double>(from, Positions(positions().array() - 900), options), layout);
  CHECK(distance(moved, fresh, keys, 1.25) <= rotation_bound<double>(3, 5024 + 900 + 4124));

  RowMatrix<double> rescaled = keys;
  apply_rope(rescaled, table, layout);
  const auto rescale = posenc::make_rescale_table<double>(from, to, positions(), table.id(), options);
  CHECK(rescale.num_heads() == heads);
  apply_rope(rescaled, rescale, layout);
  fresh = keys;
  apply_rope(fresh, make_table<double>(to, positions(), options), layout);
  CHECK(distance(rescaled, fresh, keys, 1.25) <= rotation_bound<double>(3, 3.25 * 5024));

  // Three axes, which differ from head to head.
  Eigen::ArrayXi axis_of_pair(heads * kHeadDim / 2);
  for (Index i = 0; i < axis_of_pair.size(); ++i) axis_of_pair[i] = static_cast<int>(i * i % 3);
  const posenc::AxisMap axes(axis_of_pair, 3);
  posenc::AxisPositionMatrix<std::int64_t> at(kTokens, 3), deltas(kTokens, 3);
  for (Index i = 0; i < kTokens; ++i) {
    at.row(i) << 40 + i, 3 * i, 7;
    deltas.row(i) << -40, i, 1;
  }
  const auto of_axes = make_table<double>(from, axes, at, options);
  moved = fresh = rescaled = keys;
  apply_rope(moved, of_axes, layout);
  apply_rope(moved, posenc::make_shift_table<double>(from, axes, deltas, of_axes.id(), options), layout);
  apply_rope(fresh, make_table<double>(from, axes, at + deltas, options), layout);
  CHECK(distance(moved, fresh, keys, 1.25) <= rotation_bound<double>(3, 3 * 110));
  apply_rope(rescaled, of_axes, layout);
  apply_rope(rescaled, posenc::make_rescale_table<double>(from, to, axes, at, of_axes.id(), options), layout);
  fresh = keys;
  apply_rope(fresh, make_table<double>(to, axes, at, options), layout);
  CHECK(distance(rescaled, fresh, keys, 1.25) <= rotation_bound<double>(3, 3.25 * 110));
}

TEST_CASE("a table knows what it was made of", "[rope][cached_keys][identity]") {
  const auto a = posenc::geometric_frequencies(64, 1e4);
  const auto b = posenc::geometric_frequencies(64, 1e4);
  CHECK(a.id() != 0);
  CHECK(a.id() == b.id());
  CHECK(make_table<float>(a, posenc::PositionRange(0, 3)).id() == a.id());
  CHECK(make_table<Eigen::half>(a, posenc::PositionRange(7, 1), {posenc::CosSinStorage::paired}).id() == a.id());
  const std::uint64_t others[] = {posenc::geometric_frequencies(64, 10001).id(),
                                  posenc::geometric_frequencies(66, 1e4).id(),
                                  a.with_magnitude(1.5).id(),
                                  posenc::scale_linear(a, 2).id(),
                                  posenc::contiguous_axes({16, 16}).id(a),
                                  posenc::contiguous_axes({16, 16, 0}).id(a),
                                  posenc::AxisMap(Eigen::ArrayXi::Zero(32), 1).id(a)};
  for (const std::uint64_t& id : others) {
    CHECK(id != 0);
    CHECK(id != a.id());
    for (const std::uint64_t& other : others) CHECK((&id == &other || id != other));
  }
  const auto in_float =
      make_table<float>(a, posenc::PositionRange(0, 3), {posenc::CosSinStorage::cos_sin, posenc::AngleMode::float32});
  CHECK(in_float.id() != a.id());
  CHECK(in_float.id() != 0);
  const float cache[8] = {};
  CHECK(posenc::wrap_cache(cache, 1, 8, posenc::CosSinStorage::cos_sin, 1).id() == 0);
  auto table = make_table<float>(a, posenc::PositionRange(0, 3));
  posenc::fill_table(table, posenc::scale_linear(a, 2), posenc::PositionRange(0, 3));
  CHECK(table.id() == others[3]);
}
