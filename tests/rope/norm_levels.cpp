// SPDX-License-Identifier: MIT
/// The norm kernels at every level of vector instructions that this machine has, each bit, against scalar twins.
#include <array>
#include <cmath>
#include <cstddef>
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

using Four = std::array<float, 4>;

/// 32 sums of every 32nd square, added to one another in halves until there are four; half types that are read as words
/// of two numbers have the even ones first.
template <typename In>
Four sum_of_squares_twin(Level level, const In* from, std::ptrdiff_t count) {
  const bool even_odd = std::is_same_v<In, Eigen::bfloat16> || (is_half<In> && level == Level::sse2);
  float sums[32] = {};
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    const auto k = static_cast<std::size_t>(even_odd ? i % 32 / 2 + 16 * (i % 2) : i % 32);
    const float x = cast_scalar<float>(from[i]);
    sums[k] = multiply_add_twin(level, x, x, sums[k]);
  }
  for (std::size_t half = 16; half > 2; half /= 2) {
    for (std::size_t k = 0; k < half; ++k) sums[k] += sums[k + half];
  }
  return {sums[0], sums[1], sums[2], sums[3]};
}

/// The squares of a head, those of the window times the gain.
template <typename In>
float squares_of_head_twin(Level level, const In* head, const NormedRowCall& x) {
  Four all = sum_of_squares_twin(level, head, x.head_dim);
  if (x.gain != 1) {
    const std::ptrdiff_t behind = x.offset + x.rotary_dim;
    const Four window = sum_of_squares_twin(level, head + x.offset, x.rotary_dim);
    const Four front = sum_of_squares_twin(level, head, x.offset);
    const Four back = sum_of_squares_twin(level, head + behind, x.head_dim - behind);
    for (std::size_t k = 0; k < 4; ++k) all[k] = multiply_add_twin(level, window[k], x.gain, front[k] + back[k]);
  }
  return (all[0] + all[2]) + (all[1] + all[3]);
}

struct Shape {
  std::ptrdiff_t pairs, heads;
  bool half_split, over_token, after, weighted;
};

template <typename Out, typename In>
void check(Level level, const Shape& shape) {
  const std::ptrdiff_t pairs = shape.pairs;
  const std::ptrdiff_t offset = pairs % 3;
  const std::ptrdiff_t head_dim = 2 * pairs + offset + pairs % 5;
  const std::ptrdiff_t token = shape.heads * head_dim + 5;
  const std::ptrdiff_t tokens = 2;
  std::mt19937 engine(static_cast<unsigned>(pairs * 64 + shape.heads));
  const auto x = numbers<In>(engine, static_cast<std::size_t>(tokens * token));
  const auto table = numbers<float>(engine, static_cast<std::size_t>(tokens * 2 * pairs));
  const auto weight = numbers<float>(engine, static_cast<std::size_t>(shape.heads * head_dim));
  NormedRowCall call{};
  std::vector<Out> got(x.size(), Out(9));
  std::vector<Out> expected = got;
  call.out = got.data();
  call.in = x.data();
  call.out_head_stride = call.in_head_stride = head_dim;
  call.out_token_stride = call.in_token_stride = token;
  call.tokens = tokens;
  call.num_heads = shape.heads;
  call.all_heads = shape.heads % 2 == 0 ? std::ptrdiff_t{1} << 40 : tokens * shape.heads;  // of a large call, or alone
  call.pairs = pairs;
  call.partner = call.out_partner = pairs;
  call.cos = table.data();
  call.sin = table.data() + pairs;
  call.row_stride = 2 * pairs;
  call.offset = offset;
  call.rotary_dim = 2 * pairs;
  call.head_dim = head_dim;
  call.weight = shape.weighted ? weight.data() : nullptr;
  call.weight_head_stride = shape.over_token ? head_dim : 0;
  call.gain = shape.after ? 1.5625f : 1.0f;
  call.share = static_cast<float>(1.0 / static_cast<double>(head_dim * (shape.over_token ? shape.heads : 1)));
  call.eps = 1e-3f;
  call.over_token = shape.over_token;
  call.after = shape.after;

  const auto factor_of = [&](float sum) {
    return 1.0f / std::sqrt(multiply_add_twin(level, sum, call.share, call.eps));
  };
  for (std::ptrdiff_t t = 0; t < tokens; ++t) {
    const In* const first = x.data() + t * token;
    double sum = 0;
    for (std::ptrdiff_t h = 0; h < shape.heads; ++h) {
      sum += static_cast<double>(squares_of_head_twin(level, first + h * head_dim, call));
    }
    for (std::ptrdiff_t h = 0; h < shape.heads; ++h) {
      const In* const head = first + h * head_dim;
      Out* const out = expected.data() + t * token + h * head_dim;
      const float factor =
          factor_of(shape.over_token ? static_cast<float>(sum) : squares_of_head_twin(level, head, call));
      const auto w = [&](std::ptrdiff_t i) {
        return shape.weighted ? weight[static_cast<std::size_t>(i + h * call.weight_head_stride)] : 1.0f;
      };
      for (std::ptrdiff_t i = 0; i < head_dim; ++i) {
        if (i == offset) i += 2 * pairs;
        if (i < head_dim) out[i] = cast_scalar<Out>(cast_scalar<float>(head[i]) * factor * w(i));
      }
      for (std::ptrdiff_t j = 0; j < pairs; ++j) {
        const std::ptrdiff_t a = offset + (shape.half_split ? j : 2 * j);
        const std::ptrdiff_t b = a + (shape.half_split ? pairs : 1);
        const float c = table[static_cast<std::size_t>(t * 2 * pairs + j)];
        const float s = table[static_cast<std::size_t>(t * 2 * pairs + pairs + j)];
        const float x_a = cast_scalar<float>(head[a]) * factor;
        const float x_b = cast_scalar<float>(head[b]) * factor;
        const volatile float c_a = c * w(a), c_b = c * w(b);
        const volatile float s_a = s * w(shape.after ? b : a), s_b = s * w(shape.after ? a : b);
        const volatile float b_s = x_b * s_b, a_s = x_a * s_a;
        out[a] = cast_scalar<Out>(multiply_add_twin(level, x_a, c_a, -b_s));
        out[b] = cast_scalar<Out>(multiply_add_twin(level, x_b, c_b, a_s));
      }
    }
  }
  const auto kernel = shape.half_split ? norm_kernel<stored_as<Out>, stored_as<In>, true>(level)
                                       : norm_kernel<stored_as<Out>, stored_as<In>, false>(level);
  kernel(call);
  std::ostringstream description;
  description << name_of(level) << ", pairs " << pairs << ", heads " << shape.heads << ", half-split "
              << shape.half_split << ", whole token " << shape.over_token << ", after " << shape.after;
  require_same_numbers(got, expected, description.str());
}

template <typename Out, typename In>
void check_all() {
  for (const Level level : levels()) {
    for (std::ptrdiff_t pairs = 1; pairs <= 130; pairs += pairs < 40 ? 1 : 9) {
      for (int kind = 0; kind < 16; ++kind) {
        const std::ptrdiff_t heads = pairs == 4 ? 70 : 1 + pairs % 6;
        check<Out, In>(level, {pairs, heads, kind % 2 == 0, kind / 2 % 2 == 0, kind / 4 % 2 == 0, kind / 8 == 0});
      }
    }
  }
}

}  // namespace

TEST_CASE("norm kernels of levels, bit for bit", "[rope][norm][levels]") {
  check_all<float, float>();
  check_all<Eigen::half, Eigen::half>();
  check_all<Eigen::bfloat16, Eigen::bfloat16>();
  check_all<Eigen::half, float>();
}

#else

TEST_CASE("no levels here: norms are computed element by element", "[rope][norm][levels]") {
  CHECK(POSENC_LOWEST_LEVEL == POSENC_HIGHEST_LEVEL);
}

#endif
