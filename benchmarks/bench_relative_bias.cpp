// SPDX-License-Identifier: MIT
// Relative biases by distance added to the logits of one head, float, in place. Tables that a case only reads
// are printed beside it.

#include <cmath>
#include <string>

#include "posenc/relative_bias.hpp"

#include "support/measure.hpp"
#include "support/small_numbers.hpp"

namespace {

using Eigen::Index;
using posenc::AttentionSpan;
using posenc_benchmarks::Asked;
using posenc_benchmarks::bytes_of;
using posenc_benchmarks::Matrix;
using posenc_benchmarks::measure;
using posenc_benchmarks::numbers;
using posenc_benchmarks::print_memory;

/// The textbook T5 bucket, a logarithm for each far pair.
Index bucket_of(Index relative, Index num_buckets, double max_distance) {
  const Index half = num_buckets / 2;
  const Index exact = half / 2;
  const Index n = std::abs(relative);
  Index bucket = n;
  if (n >= exact) {
    const float steps = static_cast<float>(half - exact) * std::log(static_cast<float>(n) / static_cast<float>(exact)) /
                        std::log(static_cast<float>(max_distance) / static_cast<float>(exact));
    bucket = std::min(half - 1, exact + static_cast<Index>(steps));
  }
  return bucket + (relative > 0 ? half : 0);
}

TEST_CASE("biases by distance, L = 2048") {
  const Index length = 2048;
  const AttentionSpan span = AttentionSpan::square(length);
  Matrix logits = numbers(length, length);
  const Matrix weights = numbers(32, 1);
  const auto constant = [&] { logits.array() += 1e-9f; };
  const posenc::T5Buckets buckets(32, 128, true);
  const auto t5 = posenc::make_t5_table(weights, buckets, span.distances());
  const auto naive_t5 = [&] {
    for (Index i = 0; i < length; ++i) {
      for (Index j = 0; j < length; ++j) logits(i, j) += weights(bucket_of(j - i, 32, 128), 0);
    }
  };
  const double bytes = bytes_of(length, length);
  const Asked asked{0.85, 20};
  measure(
      "T5 add 2048x2048", bytes, [&] { posenc::add_distance_bias(logits, t5.head(0), span); }, constant, naive_t5,
      asked);

  const auto alibi =
      posenc::make_alibi_table<float>(posenc::alibi_slopes(1), span.distances(), posenc::AlibiForm::symmetric);
  measure(
      "ALiBi add 2048x2048", bytes, [&] { posenc::add_distance_bias(logits, alibi.head(0), span); }, constant, naive_t5,
      asked);

  posenc::DistanceTable<float> learned(1, span.distances());
  learned.values() = numbers(1, learned.distances().size()).array();
  measure(
      "learned per distance add 2048x2048", bytes, [&] { posenc::add_distance_bias(logits, learned.head(0), span); },
      constant, naive_t5, asked);
  print_memory("one table of distances, 2048x2048", learned.values().size());

  const Matrix gates = numbers(length, 1);
  measure(
      "gated distance bias add 2048x2048", bytes,
      [&] { posenc::add_distance_bias(logits, learned.head(0), span, gates); }, constant, naive_t5);

  posenc::DistanceTable<float> gradient(1, span.distances());
  Matrix copy = logits;
  measure(
      "T5 backward to distances 2048x2048", bytes / 2,
      [&] { posenc::distance_bias_backward(gradient.head(0), logits, span); },
      [&] { Catch::Benchmark::deoptimize_value(logits.sum()); },
      [&] {
        Matrix sums = Matrix::Zero(32, 1);
        for (Index i = 0; i < length; ++i) {
          for (Index j = 0; j < length; ++j) sums(bucket_of(j - i, 32, 128), 0) += logits(i, j);
        }
        Catch::Benchmark::deoptimize_value(sums(0, 0));
      });
}

TEST_CASE("biases by bucket, 512 boxes, 12 heads") {
  const Index length = 512;
  const Index heads = 12;
  Matrix logits = numbers(heads * length, length);
  const Matrix weights = numbers(64, heads);
  Eigen::Array<int, Eigen::Dynamic, 1> left(length);
  for (Index i = 0; i < length; ++i) left(i) = static_cast<int>(i * 389 % 1001);
  const posenc::T5Buckets buckets(64, 256, true);
  const auto each_pair = [&](auto use) {
    for (Index h = 0; h < heads; ++h) {
      for (Index i = 0; i < length; ++i) {
        for (Index j = 0; j < length; ++j) use(h * length + i, j, bucket_of(left(j) - left(i), 64, 256), h);
      }
    }
  };
  const double bytes = bytes_of(heads * length, length);
  measure(
      "bucket bias add 12x512x512", bytes, [&] { posenc::add_bucket_bias(logits, weights, buckets, left, left); },
      [&] { logits.array() += 1e-9f; },
      [&] { each_pair([&](Index row, Index j, Index bucket, Index h) { logits(row, j) += weights(bucket, h); }); });
  Matrix gradient = Matrix::Zero(64, heads);
  measure(
      "bucket bias backward 12x512x512", bytes / 2,
      [&] { posenc::bucket_bias_backward(gradient, logits, buckets, left, left); },
      [&] { Catch::Benchmark::deoptimize_value(logits.sum()); },
      [&] { each_pair([&](Index row, Index j, Index bucket, Index h) { gradient(bucket, h) += logits(row, j); }); });
}

/// Logits of a half type under a table of floats. The ceiling goes over as many bytes of floats. Asked are 0.60 and 0.50.
/// What bounds them on a Zen 5 are ports: converting half to float and back alone runs at 0.64 of the ceiling in the
/// caches; bfloat16 takes some 17 vector operations for 32 numbers, five of them to round, at most four in a cycle.
template <typename Scalar>
void measure_half(const char* name) {
  const Index length = 2048;
  const AttentionSpan span = AttentionSpan::square(length);
  Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> logits =
      numbers(length, length).cast<Scalar>();
  Matrix floats = numbers(length, length / 2);
  posenc::DistanceTable<float> table(1, span.distances());
  table.values() = numbers(1, table.distances().size()).array();
  measure(
      name, bytes_of(length, length) / 2, [&] { posenc::add_distance_bias(logits, table.head(0), span); },
      [&] { floats.array() += 1e-9f; },
      [&] {
        for (Index i = 0; i < length; ++i) {
          for (Index j = 0; j < length; ++j) logits(i, j) += static_cast<Scalar>(table.values()(0, length - 1 + j - i));
        }
      });
}

TEST_CASE("half logits, L = 2048") {
  measure_half<Eigen::half>("learned per distance add to half 2048x2048");
  measure_half<Eigen::bfloat16>("learned per distance add to bfloat16 2048x2048");
}

TEST_CASE("decode, 32 heads and 128 keys") {
  const Index heads = 32;
  const Index keys = 128;
  const AttentionSpan span = AttentionSpan::cached(1, keys);
  Matrix logits = numbers(heads, keys);
  const Matrix kept = numbers(heads, keys);
  posenc::DistanceTable<float> table(heads, posenc::DistanceRange::causal(keys + 3));
  table.values() = numbers(heads, keys + 3).array();
  const Matrix weights = numbers(32, heads);
  // All is in the first-level cache, which logits and biases fill on a Zen 4 (32 KiB): what the checks of a call read
  // beside them takes it a quarter as long again.
  measure(
      "decode: distance bias 32x128", bytes_of(heads, keys), [&] { posenc::add_distance_bias(logits, table, span); },
      [&] { logits += kept; },
      [&] {
        for (Index h = 0; h < heads; ++h) {
          for (Index j = 0; j < keys; ++j) logits(h, j) += weights(bucket_of(j - keys + 1, 32, 128), h);
        }
      },
      {0.6, 0});
}

TEST_CASE("FIRE beyond its threshold, 8 heads, L = 512") {
  const Index heads = 8;
  const Index length = 512;
  posenc::Fire<float> fire;
  fire.initial_length = 128;
  fire.mlp.layers.resize(2);
  fire.mlp.layers[0].weight = 100 * numbers(32, 1);
  fire.mlp.layers[0].bias = 100 * numbers(32, 1);
  fire.mlp.layers[1].weight = 100 * numbers(heads, 32);
  fire.mlp.layers[1].bias = 100 * numbers(heads, 1);
  Matrix logits = numbers(heads * length, length);
  const double bytes = bytes_of(heads * length, length);
  // The network decides: 32 x (1 + 8) products for 8 logits, 36 for each. At two vectors of 16 a cycle they bound it at
  // 0.15 of the ceiling on a Zen 5, where Eigen's arrays of a block of rows are at 0.03.
  measure(
      "FIRE add 8x512x512", bytes, [&] { posenc::add_fire_bias(logits, fire, AttentionSpan::square(length)); },
      [&] { logits.array() += 1e-9f; },
      [&] {
        for (Index i = 0; i < length; ++i) {
          const double reach = std::max(static_cast<double>(i), fire.threshold());
          const double scale = 1 / (std::log1p(std::abs(fire.c * reach)) + fire.eps);
          for (Index j = 0; j < length; ++j) {
            const double psi = std::log1p(std::abs(fire.c * static_cast<double>(i - j)));
            const float input = static_cast<float>(psi * scale);
            for (Index h = 0; h < heads; ++h) {
              float sum = fire.mlp.layers[1].bias(h);
              for (Index k = 0; k < 32; ++k) {
                const float hidden = fire.mlp.layers[0].weight(k, 0) * input + fire.mlp.layers[0].bias(k);
                sum += fire.mlp.layers[1].weight(h, k) * std::max(hidden, 0.0f);
              }
              logits(h * length + i, j) += sum;
            }
          }
        }
      });
}

TEST_CASE("decode, one query and 8192 keys") {
  const Index keys = 8192;
  const Index d = 64;
  const AttentionSpan span = AttentionSpan::cached(1, keys);
  Matrix logits = numbers(1, keys);
  const Matrix row = numbers(1, keys);
  // One table serves every step; its part for this one lies anywhere.
  posenc::DistanceTable<float> table(1, posenc::DistanceRange::causal(keys + 3));
  table.values() = numbers(1, keys + 3).array();
  const Matrix weights = numbers(32, 1);
  const double asked = 1 / 1.3;
  measure(
      "decode: distance bias 1x8192", bytes_of(1, keys),
      [&] { posenc::add_distance_bias(logits, table.head(0), span); }, [&] { logits += row; },
      [&] {
        for (Index j = 0; j < keys; ++j) logits(0, j) += weights(bucket_of(j - keys + 1, 32, 128), 0);
      },
      {asked, 0});
  const auto clip = posenc::DistanceClip::symmetric(16);
  const Matrix q = numbers(1, d);
  const Matrix k = numbers(keys, d);
  const Matrix shaw = numbers(clip.rows(), d);
  const auto attention = posenc::ContentAttention(q, k, 0.125f, span);
  posenc::Workspace<float> workspace;
  measure(
      "decode: Shaw keys 1x8192 d64 k16", bytes_of(1, keys),
      [&] { posenc::add_shaw_logits(logits, posenc::ShawKeys(shaw, clip), attention, workspace); },
      [&] { logits += row; },
      [&] {
        for (Index j = 0; j < keys; ++j) {
          logits(0, j) += 0.125f * q.row(0).dot(shaw.row(std::min<Index>(std::max<Index>(j - keys + 1, -16), 16) + 16));
        }
      },
      {asked, 0});
}

}  // namespace
