// SPDX-License-Identifier: MIT
#include "calls/every_form.hpp"

#include <cstdint>

using namespace posenc;
using namespace posenc_tests;

TEST_CASE("every form of argument: rotations", "[calls][rope]") {
  const Frequencies f = geometric_frequencies(8, 1e4);
  const auto table = make_table<float>(f, PositionRange(3, 4));
  const auto layout = RopeLayout::half_split(8);
  const M x = numbers(4, 16);
  const auto rope = CALL(apply_rope);
  CHECK(differs_written(x, rope, table, layout) == "");
  CHECK(differs_written(x, rope, variable(table.view()), layout) == "");
  CHECK(differs_written(x, rope, table.adjoint(), layout) == "");
  CHECK(differs_written(x, rope, table.inverse(), layout) == "");
  CHECK(differs_written(x, rope, table, layout, starting_at(3)) == "");
  CHECK(differs_written(x, rope, table, layout, PositionRange(3, 4)) == "");
  CHECK(differs_written(x, rope, table, layout, std::vector<int>{3, 5, 4, 6}) == "");
  CHECK(differs_written(x, rope, table, layout, from_row(0)) == "");
  CHECK(differs_written(x, rope, table, layout, rows(std::vector<int>{3, 1, 2, 0})) == "");
  CHECK(differs_written(x, rope, table, layout, each_sequence(2, starting_at(4))) == "");
  CHECK(differs_written(M::Zero(4, 16), rope, x, table, layout) == "");
  CHECK(differs_written(M::Zero(4, 16), rope, x, table.adjoint(), layout, from_row(0)) == "");
  const Eigen::Map<const M> map(x.data(), 4, 16);
  CHECK(differs_written(M::Zero(4, 16), rope, map, table, layout) == "");
  const auto shape = HeadsShape().batch(1).seq_len(4).num_heads(2).head_dim(8);
  CHECK(differs_written(M::Zero(4, 16), rope, view_packed(x.data(), HeadsShape().seq_len(4).num_heads(2).head_dim(8)),
                        table, layout) == "");

  // A view of memory that is set before each call: itself a variable, a const variable or a temporary.
  M memory = x;
  const auto on_view = [&](auto&&... a) {
    memory = x;
    CALL(apply_rope)(std::forward<decltype(a)>(a)...);
    return memory;
  };
  CHECK(differs(on_view, view_blhd(memory.data(), shape), table, layout) == "");
  const auto viewed = [&](auto view) {
    return [&, view](auto&&... a) {
      memory = x;
      apply_rope(view(std::forward<decltype(a)>(a)...), table, layout);
      return memory;
    };
  };
  float* const data = memory.data();
  CHECK(differs(viewed(CALL(view_blhd)), data, shape) == "");
  CHECK(differs(viewed(CALL(view_bhld)), data, shape) == "");
  CHECK(differs(viewed(CALL(view_packed)), data, HeadsShape().seq_len(4).num_heads(2).head_dim(8)) == "");

  std::uint16_t bits[2] = {0x3c00, 0x4000};
  std::uint16_t* const pointer = bits;
  const auto half = [](auto&&... a) { return CALL(as_half)(std::forward<decltype(a)>(a)...).data()[1]; };
  const auto bfloat16 = [](auto&&... a) { return CALL(as_bfloat16)(std::forward<decltype(a)>(a)...).data()[1]; };
  CHECK(differs([&](auto&&... a) { return float(half(std::forward<decltype(a)>(a)...)); }, pointer) == "");
  CHECK(differs([&](auto&&... a) { return float(bfloat16(std::forward<decltype(a)>(a)...)); }, pointer) == "");

  const auto pairs = RopeLayout::interleaved(8);
  CHECK(differs(CALL(channel_permutation), layout, pairs) == "");
  CHECK(differs_written(x, CALL(permute_columns), layout, pairs) == "");
  CHECK(differs_written(numbers(16, 4), CALL(permute_rows), layout, pairs) == "");
}

TEST_CASE("every form of argument: tables for keys that are kept, and learned frequencies", "[calls][rope]") {
  const Frequencies f = geometric_frequencies(8, 1e4), g = scale_linear(f, 2.0);
  const AxisMap axes = contiguous_axes({2, 2});
  const Eigen::MatrixXd grid = Eigen::MatrixXd::Random(3, 2);
  const std::vector<int> deltas = {1, -2, 3};
  CHECK(differs(CALL(make_shift_table<float>), f, deltas, f.id()) == "");
  CHECK(differs(CALL(make_shift_table<float>), f, axes, grid, axes.id(f)) == "");
  CHECK(differs(CALL(make_rescale_table<float>), f, g, PositionRange(3, 3), f.id()) == "");
  CHECK(differs(CALL(make_rescale_table<float>), f, g, axes, grid, axes.id(f)) == "");
  const TableOptions paired{CosSinStorage::paired};
  CHECK(differs(CALL(make_shift_table<float>), f, deltas, std::nullopt, paired) == "");
  CHECK(differs(CALL(make_shift_table<float>), f, axes, grid, std::nullopt, paired) == "");
  CHECK(differs(CALL(make_rescale_table<float>), f, g, PositionRange(3, 3), std::nullopt, paired) == "");
  CHECK(differs(CALL(make_rescale_table<float>), f, g, axes, grid, std::nullopt, paired) == "");
  const auto of_channels = make_table<float>(geometric_frequencies(16, 1e4), PositionRange(3, 3));
  CHECK(differs_written(numbers(3, 16), CALL(apply_channel_angles), of_channels, RopeLayout::half_split(8)) == "");
  CHECK(differs_written(numbers(3, 16), CALL(apply_channel_angles), of_channels, RopeLayout::half_split(8),
                        starting_at(3)) == "");
  CHECK(differs_written(M::Zero(2, 4), CALL(mixed_table_backward), numbers(3, 8), numbers(3, 8, 0.7), grid,
                        RopeLayout::half_split(8)) == "");
  const auto both = [](auto&&... a) {
    M frequencies = M::Zero(2, 4), phases = M::Zero(1, 4);
    CALL(mixed_table_backward)(frequencies, phases, std::forward<decltype(a)>(a)...);
    return std::make_pair(frequencies, phases);
  };
  CHECK(differs(both, numbers(3, 8), numbers(3, 8, 0.7), grid, RopeLayout::half_split(8)) == "");
}

TEST_CASE("every form of argument: norms with rotations", "[calls][rope]") {
  const auto table = make_table<float>(geometric_frequencies(8, 1e4), PositionRange(3, 4));
  const auto layout = RopeLayout::half_split(8);
  const M x = numbers(4, 16);
  const auto rope = CALL(apply_rope);
  const RmsNorm norm(numbers(8, 1), 1e-6, NormOver::head, NormWeight::one_plus, NormOrder::before_rotation);
  CHECK(differs_written(x, rope, table, layout, norm) == "");
  CHECK(differs_written(x, rope, table, layout, norm, from_row(0)) == "");
  CHECK(differs_written(M::Zero(4, 16), rope, x, table, layout, norm) == "");
  CHECK(differs_written(M::Zero(4, 16), rope, x, table, layout, norm, starting_at(3)) == "");
  const auto scattered = [&](auto&&... a) {
    M cache = M::Zero(6, 16);
    apply_rope(CALL(cache_rows)(cache, std::forward<decltype(a)>(a)...), x, table, layout);
    return cache;
  };
  CHECK(differs(scattered, std::vector<int>{5, 0, 3, 1}) == "");
  const auto both = [](auto&&... a) {
    M grad_x(4, 16), grad_weight = M::Zero(1, 8);
    CALL(rope_backward)(grad_x, grad_weight, std::forward<decltype(a)>(a)...);
    return std::make_pair(grad_x, grad_weight);
  };
  CHECK(differs(both, numbers(4, 16, 0.7), x, table, layout, norm) == "");
  CHECK(differs(both, numbers(4, 16, 0.7), x, table, layout, norm, from_row(0)) == "");
}
