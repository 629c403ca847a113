// SPDX-License-Identifier: MIT
// RoPE in place on 32 heads of 128 channels, the table given, from the first-level cache to memory; learned
// frequencies.

#include <cmath>
#include <string>
#include <type_traits>
#include <vector>

#include "posenc/frequency.hpp"
#include "posenc/positions.hpp"
#include "posenc/rope.hpp"

#include "support/measure.hpp"

namespace {

using Eigen::Index;
using posenc::CosSinStorage;
using posenc::RopeLayout;
using posenc::RopePairs;
using posenc_benchmarks::Asked;
using posenc_benchmarks::measure;

constexpr Index kHeads = 32;
constexpr Index kHeadDim = 128;

template <typename Scalar>
using RowMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Numbers of magnitude 1: rotations keep them there, however often they are repeated.
template <typename Matrix>
Matrix channels(Index tokens, Index heads = kHeads) {
  Matrix x(tokens, heads * kHeadDim);
  for (Index i = 0; i < x.size(); ++i) {
    x.data()[i] = static_cast<typename Matrix::Scalar>(0.5f + 0.125f * static_cast<float>(i % 7));
  }
  return x;
}

template <typename Scalar>
posenc::FrequencyTable<Scalar> table_of(Index tokens, CosSinStorage layout, Index rotary_dim = kHeadDim) {
  return posenc::make_table<Scalar>(posenc::geometric_frequencies(rotary_dim, 10000), posenc::PositionRange(0, tokens),
                                    {layout});
}

/// The textbook: token by token, head by head, pair by pair, cosine and sine looked up for each.
template <typename Out, typename In>
void naive_rope(Out* out, const In* in, const posenc::FrequencyTable<float>& table, const RopeLayout& layout,
                Index tokens, Index heads) {
  const Index pairs = table.num_pairs();
  const bool half_split = layout.pairs() == RopePairs::half_split;
  for (Index token = 0; token < tokens; ++token) {
    const float* const cos = table.cos_data(token);
    const float* const sin = table.sin_data(token);
    for (Index head = 0; head < heads; ++head) {
      const Index begin = (token * heads + head) * layout.head_dim();
      for (Index i = 0; i < pairs; ++i) {
        const Index a = begin + (half_split ? i : 2 * i);
        const Index b = half_split ? a + pairs : a + 1;
        const float x = static_cast<float>(in[a]);
        const float y = static_cast<float>(in[b]);
        out[a] = static_cast<Out>(x * cos[i] - y * sin[i]);
        out[b] = static_cast<Out>(x * sin[i] + y * cos[i]);
      }
    }
  }
}

#if defined(__GNUC__)
#define BENCH_ONE_FUNCTION __attribute__((noinline, aligned(64)))
#else
#define BENCH_ONE_FUNCTION
#endif

/// x *= a. One function for all cases: in the first-level cache a loop of its own for each is up to twice as slow,
/// depending on where it comes to stand.
BENCH_ONE_FUNCTION void scale(float* x, Index size, float a) { Eigen::Map<Eigen::ArrayXf>(x, size) *= a; }

/// In place on x: `run(x)`, against x *= a over the same bytes. The naive loop turns an x of its own.
template <typename Scalar, typename Run>
void measure_in_place(const std::string& name, RowMatrix<Scalar>& x, const RopeLayout& layout, Index rotary_dim,
                      Run run, Asked asked = {}) {
  const Index tokens = x.rows();
  const double bytes = static_cast<double>(x.size()) * sizeof(Scalar);
  // The same bytes as float, so that half types are held against moving bytes and not against converting them.
  RowMatrix<float> scaled;
  if constexpr (!std::is_same_v<Scalar, float>) {
    scaled = RowMatrix<float>::Ones(tokens, x.cols() * static_cast<Index>(sizeof(Scalar)) / 4);
  }
  const auto table = table_of<float>(tokens, CosSinStorage::cos_sin, rotary_dim);
  volatile float one = 1.0f;  // known at run time only
  measure(
      name, 2 * bytes, run,
      [&] {
        if constexpr (std::is_same_v<Scalar, float>) {
          scale(x.data(), x.size(), one);
        } else {
          scale(scaled.data(), scaled.size(), one);
        }
      },
      [&] { naive_rope(x.data(), x.data(), table, layout, tokens, x.cols() / kHeadDim); }, asked);
}

struct Level {
  const char* name;
  Index tokens;
  double half_split;
  double interleaved;
};
const Level kLevels[] = {{"L1/1_token", 1, 0.75, 0.5},
                         {"L1/2_tokens", 2, 0.75, 0.5},
                         {"L2/64_tokens", 64, 0.93, 0.85},
                         {"last_level/1024_tokens", 1024, 0.93, 0.85},
                         {"memory/16384_tokens", 16384, 0.85, 0.75}};

TEST_CASE("float in place") {
  for (const Level& level : kLevels) {
    auto x = channels<RowMatrix<float>>(level.tokens);
    const std::string size = std::string("/") + level.name;
    for (const CosSinStorage layout : {CosSinStorage::cos_sin, CosSinStorage::paired}) {
      const auto table = table_of<float>(level.tokens, layout);
      const std::string kind = layout == CosSinStorage::cos_sin ? "" : "_paired_table";
      const RopeLayout half_split = RopeLayout::half_split(kHeadDim);
      const RopeLayout interleaved = RopeLayout::interleaved(kHeadDim);
      measure_in_place<float>("rope/half_split" + kind + size, x, half_split, kHeadDim,
                              [&] { posenc::apply_rope(x, table, half_split); }, {level.half_split, 0});
      measure_in_place<float>("rope/interleaved" + kind + size, x, interleaved, kHeadDim,
                              [&] { posenc::apply_rope(x, table, interleaved); }, {level.interleaved, 0});
    }
  }
}

TEST_CASE("adjoint and inverse") {
  for (const Level& level : {kLevels[0], kLevels[2], kLevels[3], kLevels[4]}) {
    auto x = channels<RowMatrix<float>>(level.tokens);
    const std::string size = std::string("/") + level.name;
    for (const RopePairs pairs : {RopePairs::half_split, RopePairs::interleaved}) {
      const bool half = pairs == RopePairs::half_split;
      const RopeLayout layout(pairs, kHeadDim);
      const std::string name = half ? "rope/half_split" : "rope/interleaved";
      // The storage that the forward rotation of these pairs reads fastest.
      const auto table = table_of<float>(level.tokens, half ? CosSinStorage::cos_sin : CosSinStorage::paired);
      measure_in_place<float>(name + "_adjoint" + size, x, layout, kHeadDim,
                              [&] { posenc::apply_rope(x, table.adjoint(), layout); },
                              {half ? level.half_split : level.interleaved, 0});
      measure_in_place<float>(name + "_inverse" + size, x, layout, kHeadDim,
                              [&] { posenc::apply_rope(x, table.inverse(), layout); },
                              {half ? level.half_split : level.interleaved, 0});
    }
  }
}

TEST_CASE("variants in the second-level cache") {
  constexpr Index tokens = 64;
  const auto table = table_of<float>(tokens, CosSinStorage::cos_sin);
  auto x = channels<RowMatrix<float>>(tokens);
  const std::string size = "/L2/64_tokens";
  for (const RopePairs pairs : {RopePairs::half_split, RopePairs::interleaved}) {
    const bool half = pairs == RopePairs::half_split;
    const RopeLayout layout(pairs, kHeadDim);
    const std::string name = half ? "rope/half_split" : "rope/interleaved";
    const auto narrow = table_of<float>(tokens, CosSinStorage::cos_sin, 32);
    measure_in_place<float>(name + "_32_of_128" + size, x, layout, 32,
                            [&] { posenc::apply_rope(x, narrow, layout.prefix(32)); });

    auto k = channels<RowMatrix<float>>(4 * tokens, 8);
    const auto longer = table_of<float>(4 * tokens, CosSinStorage::cos_sin);
    measure_in_place<float>(name + "_8_heads/L2/256_tokens", k, layout, kHeadDim,
                            [&] { posenc::apply_rope(k, longer, layout, posenc::starting_at(0)); });
    auto token = channels<RowMatrix<float>>(1, 8);
    measure_in_place<float>(name + "_8_heads/L1/1_token", token, layout, kHeadDim,
                            [&] { posenc::apply_rope(token, longer, layout, posenc::starting_at(200)); });

    // The same buffer as [batch 1, heads 32, tokens 64, 128]: a head's tokens follow one another.
    const auto view =
        posenc::view_bhld(x.data(), posenc::HeadsShape().batch(1).seq_len(tokens).num_heads(kHeads).head_dim(kHeadDim));
    measure_in_place<float>(name + "_bhld" + size, x, layout, kHeadDim,
                            [&] { posenc::apply_rope(view, table, layout); });
  }
}

template <typename Scalar>
void measure_half_type(const std::string& scalar, const Level& level) {
  const auto table = table_of<float>(level.tokens, CosSinStorage::cos_sin);
  const auto x = channels<RowMatrix<float>>(level.tokens);
  auto out = channels<RowMatrix<Scalar>>(level.tokens);
  // As many bytes of floats: a cast of Eigen's is no vector code for half types on every machine.
  Eigen::ArrayXf scaled = Eigen::ArrayXf::Ones(x.size() * static_cast<Index>(sizeof(float) + sizeof(Scalar)) / 8);
  volatile float one = 1.0f;
  const std::string size = std::string("/") + level.name;
  for (const RopePairs pairs : {RopePairs::half_split, RopePairs::interleaved}) {
    const bool half = pairs == RopePairs::half_split;
    const RopeLayout layout(pairs, kHeadDim);
    const std::string name = half ? "rope/half_split_" : "rope/interleaved_";
    measure(
        name + "float_into_" + scalar + size, static_cast<double>(x.size()) * (sizeof(float) + sizeof(Scalar)),
        [&] { posenc::apply_rope(out, x, table, layout); },
        [&] { scale(scaled.data(), scaled.size(), static_cast<float>(one)); },
        [&] { naive_rope(out.data(), x.data(), table, layout, level.tokens, kHeads); });
    measure_in_place<Scalar>(name + scalar + size, out, layout, kHeadDim,
                             [&] { posenc::apply_rope(out, table, layout); });
  }
}

TEST_CASE("half types") {
  for (const Level& level : {kLevels[2], kLevels[3]}) {
    measure_half_type<Eigen::half>("half", level);
    measure_half_type<Eigen::bfloat16>("bfloat16", level);
  }
}

/// The norm of every head as a pass of its own, eight heads at a time, for a multiple of eight heads. The squares of the
/// next ones are summed before these are written: nothing then waits for a root and a quotient.
BENCH_ONE_FUNCTION void norm_alone(float* x, Index heads, const Eigen::ArrayXf& weight, float eps) {
  constexpr int some = 8;
  constexpr Index piece = 32;
  using Piece = Eigen::Array<float, piece, 1>;
  using Factors = Eigen::Array<float, some, 1>;
  const Eigen::Array<float, kHeadDim, 1> w = weight;
  const auto factors_of = [&](const float* from) -> Factors {
    Factors sums;
    for (int h = 0; h < some; ++h, from += kHeadDim) {
      Piece squares = Eigen::Map<const Piece>(from).square();
      for (Index i = piece; i < kHeadDim; i += piece) squares += Eigen::Map<const Piece>(from + i).square();
      sums[h] = squares.sum();
    }
    return (sums / static_cast<float>(kHeadDim) + eps).sqrt().inverse();
  };
  Factors factors = factors_of(x);
  for (Index head = 0; head < heads; head += some) {
    const Factors next = factors_of(head + some < heads ? x + some * kHeadDim : x);
    for (int h = 0; h < some; ++h, x += kHeadDim) {
      for (Index i = 0; i < kHeadDim; i += piece) {
        Eigen::Map<Piece>(x + i) *= Eigen::Map<const Piece>(w.data() + i) * factors[h];
      }
    }
    factors = next;
  }
}

/// The ceiling is x *= a, and "naive" the two passes: the norm alone, then the rotation.
TEST_CASE("norm and rotation") {
  const Eigen::ArrayXf weight = Eigen::ArrayXf::Constant(kHeadDim, 1.0f);
  const posenc::RmsNorm norm(weight, 1e-6, posenc::NormOver::head, posenc::NormWeight::itself,
                             posenc::NormOrder::before_rotation);
  volatile float one = 1.0f;
  for (const Level& level : {kLevels[0], kLevels[2], kLevels[3], kLevels[4]}) {
    const double beyond = level.tokens > 64 ? 1.6 : 1.4;
    auto x = channels<RowMatrix<float>>(level.tokens);
    auto half = channels<RowMatrix<Eigen::half>>(level.tokens);
    auto cache = channels<RowMatrix<Eigen::bfloat16>>(level.tokens);
    RowMatrix<float> between(level.tokens, x.cols());
    const auto table = table_of<float>(level.tokens, CosSinStorage::cos_sin);
    std::vector<Index> slots(static_cast<std::size_t>(level.tokens));
    for (Index i = 0; i < level.tokens; ++i) slots[static_cast<std::size_t>(i)] = level.tokens - 1 - i;
    const double size = static_cast<double>(x.size());
    const auto whole = [&] { scale(x.data(), x.size(), one); };
    const std::string name = std::string("/") + level.name;
    measure(
        "rope/norm_alone" + name, 8 * size, [&] { norm_alone(x.data(), x.size() / kHeadDim, weight, 1e-6f); }, whole,
        [&] { norm_alone(x.data(), x.size() / kHeadDim, weight, 1e-6f); }, {0.9, 0});
    for (const RopePairs pairs : {RopePairs::half_split, RopePairs::interleaved}) {
      const RopeLayout layout(pairs, kHeadDim);
      const std::string kind = pairs == RopePairs::half_split ? "half_split" : "interleaved";
      measure(
          "rope/norm_and_" + kind + name, 8 * size, [&] { posenc::apply_rope(x, table, layout, norm); }, whole,
          [&] {
            norm_alone(x.data(), x.size() / kHeadDim, weight, 1e-6f);
            posenc::apply_rope(x, table, layout);
          },
          {0, beyond});
      measure(
          "rope/norm_and_" + kind + "_into_half" + name, 6 * size,
          [&] { posenc::apply_rope(half, x, table, layout, norm); }, whole,
          [&] {
            between = x;
            norm_alone(between.data(), x.size() / kHeadDim, weight, 1e-6f);
            posenc::apply_rope(half, between, table, layout);
          },
          {0, 1.8});
    }
    const RopeLayout layout = RopeLayout::half_split(kHeadDim);
    measure(
        "rope/norm_and_half_split_into_bfloat16_slots" + name, 6 * size,
        [&] { posenc::apply_rope(posenc::cache_rows(cache, slots), x, table, layout, norm); }, whole,
        [&] {
          between = x;
          norm_alone(between.data(), x.size() / kHeadDim, weight, 1e-6f);
          posenc::apply_rope(between, table, layout);
          for (Index i = 0; i < level.tokens; ++i) {
            cache.row(slots[static_cast<std::size_t>(i)]) = between.row(i).cast<Eigen::bfloat16>();
          }
        });
  }
  constexpr Index tokens = 64;
  const auto x = channels<RowMatrix<float>>(tokens);
  const auto table = table_of<float>(tokens, CosSinStorage::cos_sin);
  const RopeLayout layout = RopeLayout::half_split(kHeadDim);
  RowMatrix<float> grad_x(tokens, x.cols());
  Eigen::VectorXf grad_weight = Eigen::VectorXf::Zero(kHeadDim);
  measure(
      "rope/norm_and_half_split_backward/L2/64_tokens", 12.0 * static_cast<double>(x.size()),
      [&] { posenc::rope_backward(grad_x, grad_weight, x, x, table, layout, norm); }, [&] { grad_x = x + x; },
      [&] { naive_rope(grad_x.data(), x.data(), table, layout, tokens, kHeads); });
}

/// A table for each head: 32 times the numbers of a shared table are read, as many bytes as x is read.
TEST_CASE("table for each head") {
  constexpr Index tokens = 64;
  Eigen::ArrayXd inv_freq(kHeads * kHeadDim / 2);
  for (Index head = 0; head < kHeads; ++head) {
    inv_freq.segment(head * kHeadDim / 2, kHeadDim / 2) =
        posenc::geometric_frequencies(kHeadDim, 10000 + static_cast<double>(head)).inv_freq();
  }
  for (const RopePairs pairs : {RopePairs::half_split, RopePairs::interleaved}) {
    const bool half = pairs == RopePairs::half_split;
    const RopeLayout layout(pairs, kHeadDim);
    posenc::TableOptions each{half ? CosSinStorage::cos_sin : CosSinStorage::paired};
    each.num_heads = kHeads;
    const auto table = posenc::make_table<float>(posenc::Frequencies(inv_freq), posenc::PositionRange(0, tokens), each);
    auto x = channels<RowMatrix<float>>(tokens);
    const std::string name = half ? "rope/half_split" : "rope/interleaved";
    measure_in_place<float>(name + "_table_for_each_head/L2/64_tokens", x, layout, kHeadDim,
                            [&] { posenc::apply_rope(x, table, layout); });
  }
}

TEST_CASE("column-major") {
  constexpr Index tokens = 64;
  auto x = channels<Eigen::MatrixXf>(tokens);
  auto rows = channels<RowMatrix<float>>(tokens);
  const auto table = table_of<float>(tokens, CosSinStorage::cos_sin);
  const RopeLayout layout = RopeLayout::half_split(kHeadDim);
  measure_in_place<float>("rope/half_split_column_major/L2/64_tokens", rows, layout, kHeadDim,
                          [&] { posenc::apply_rope(x, table, layout); });
}

/// Learned frequencies on two axes: their table, made anew for each step of training, and their gradient. The ceilings
/// are a table of one axis, and a sum of both matrices that the gradient reads.
TEST_CASE("learned frequencies, 2 axes, 196 tokens") {
  constexpr Index tokens = 196;
  const auto layout = RopeLayout::half_split(kHeadDim);
  const Eigen::ArrayXXf frequencies = posenc::initial_mixed_frequencies(kHeadDim, 10.0, 0.5).cast<float>();
  const auto positions = posenc::grid_positions({14, 14});
  const auto one_axis = posenc::geometric_frequencies(kHeadDim, 10.0);
  auto table = posenc::make_table<float>(one_axis, posenc::PositionRange(0, tokens));
  RowMatrix<float> naive(tokens, kHeadDim);
  measure(
      "rope/learned_frequencies/table/196_tokens", static_cast<double>(tokens * kHeadDim) * sizeof(float),
      [&] { Catch::Benchmark::deoptimize_value(posenc::make_mixed_table<float>(frequencies, positions).rows()); },
      [&] { posenc::fill_table(table, one_axis, posenc::starting_at(0)); },
      [&] {
        for (Index t = 0; t < tokens; ++t) {
          for (Index j = 0; j < kHeadDim / 2; ++j) {
            const double angle = static_cast<double>(positions(t, 0)) * static_cast<double>(frequencies(0, j)) +
                                 static_cast<double>(positions(t, 1)) * static_cast<double>(frequencies(1, j));
            naive(t, j) = static_cast<float>(std::cos(angle));
            naive(t, kHeadDim / 2 + j) = static_cast<float>(std::sin(angle));
          }
        }
      });
  const auto y = channels<RowMatrix<float>>(tokens, 12);
  const auto grad_y = channels<RowMatrix<float>>(tokens, 12);
  Eigen::ArrayXXf grad = Eigen::ArrayXXf::Zero(2, kHeadDim / 2);
  measure(
      "rope/learned_frequencies/backward/196_tokens_12_heads", 2.0 * static_cast<double>(y.size()) * sizeof(float),
      [&] { posenc::mixed_table_backward(grad, grad_y, y, positions, layout); },
      [&] { Catch::Benchmark::deoptimize_value(y.sum() + grad_y.sum()); },
      [&] {
        for (Index t = 0; t < tokens; ++t) {
          for (Index head = 0; head < 12; ++head) {
            for (Index j = 0; j < kHeadDim / 2; ++j) {
              const Index a = head * kHeadDim + j;
              const Index b = a + kHeadDim / 2;
              const float by_angle = grad_y(t, b) * y(t, a) - grad_y(t, a) * y(t, b);
              for (Index axis = 0; axis < 2; ++axis) {
                grad(axis, j) += static_cast<float>(positions(t, axis)) * by_angle;
              }
            }
          }
        }
      });
}

TEST_CASE("shown by Catch2") {
  constexpr Index tokens = 64;
  auto x = channels<RowMatrix<float>>(tokens);
  const auto table = table_of<float>(tokens, CosSinStorage::cos_sin);
  const RopeLayout layout = RopeLayout::half_split(kHeadDim);
  volatile float one = 1.0f;
  BENCHMARK("apply_rope, 64 tokens, 32 heads of 128") { posenc::apply_rope(x, table, layout); };
  BENCHMARK("x *= a") { x *= static_cast<float>(one); };
}

}  // namespace
