// SPDX-License-Identifier: MIT
#include "relative_bias/npy.hpp"
#include "relative_bias/support.hpp"
#include "support/data.hpp"
#include "support/golden.hpp"

#include <array>

using namespace posenc_tests;
using posenc::AttentionSpan;
using posenc::DistanceRange;
using posenc::T5Buckets;

namespace {

/// A whole number below 2^1024, enough for 2^20 to the power of 48.
class Whole {
 public:
  static Whole power(std::uint64_t base, int exponent) {
    Whole result;
    for (int k = 0; k < exponent; ++k) result.multiply(base);
    return result;
  }
  void multiply(std::uint64_t factor) {  // factor < 2^32
    std::uint64_t carry = 0;
    for (std::uint32_t& word : words_) {
      carry += word * factor;
      word = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    REQUIRE(carry == 0);
  }
  friend bool operator<=(const Whole& a, const Whole& b) {
    for (std::size_t k = a.words_.size(); k-- > 0;) {
      if (a.words_[k] != b.words_[k]) return a.words_[k] < b.words_[k];
    }
    return true;
  }

 private:
  std::array<std::uint32_t, 32> words_ = {1};
};

/// The definition without logarithms: floor(D ln(n/e) / ln(m/e)) >= k exactly when m^k e^(D-k) <= n^D, with D = nb - e.
int bucket_of(std::int64_t n, int nb, std::int64_t max_distance) {
  const int exact = nb / 2;
  const int steps = nb - exact;
  if (n < exact) return static_cast<int>(n);
  const Whole power = Whole::power(static_cast<std::uint64_t>(n), steps);
  int k = 0;
  while (k + 1 < steps) {  // the last bucket takes all the rest
    Whole limit = Whole::power(static_cast<std::uint64_t>(max_distance), k + 1);
    for (int rest = k + 1; rest < steps; ++rest) limit.multiply(static_cast<std::uint64_t>(exact));
    if (!(limit <= power)) break;
    ++k;
  }
  return exact + k;
}

}  // namespace

TEST_CASE("T5 buckets equal the golden files in every line", "[relative_bias][t5][accuracy][portable]") {
  for (const char* name : {"t5-bi-16-64", "t5-bi-32-128", "t5-causal-32-128", "t5-causal-64-1000"}) {
    const Golden file = golden(std::string("relative/") + name + ".csv");
    const T5Buckets buckets(static_cast<Index>(file.number("num_buckets")),
                            static_cast<Index>(file.number("max_distance")), file.text("bidirectional") == "True");
    const auto lines = file.block("relative_and_bucket").matrix();
    REQUIRE(lines.rows() > 200);
    for (Index i = 0; i < lines.rows(); ++i) {
      INFO(name << " relative " << lines(i, 0));
      REQUIRE(buckets(static_cast<std::int64_t>(lines(i, 0))) == static_cast<Index>(lines(i, 1)));
    }
  }
}

TEST_CASE("T5 buckets equal integer arithmetic for every distance up to 2^20 in six settings",
          "[relative_bias][t5][accuracy]") {
  struct Setting {
    int num_buckets;
    std::int64_t max_distance;
    bool bidirectional;
  };
  constexpr std::int64_t kFarthest = std::int64_t(1) << 20;
  for (const Setting& s : {Setting{32, 128, true}, Setting{32, 128, false}, Setting{64, 128, true},
                           Setting{32, 512, false}, Setting{16, 128, false}, Setting{48, 1000000, true}}) {
    const T5Buckets buckets(s.num_buckets, static_cast<Index>(s.max_distance), s.bidirectional);
    const int per_direction = s.bidirectional ? s.num_buckets / 2 : s.num_buckets;
    // Both sides are steps: between two distances of one bucket all have it. So bisect for the next change, and compare
    // every distance with the step that it lies on.
    std::int64_t n = 0;
    while (n <= kFarthest) {
      const int bucket = bucket_of(n, per_direction, s.max_distance);
      std::int64_t low = n;
      std::int64_t high = kFarthest + 1;
      while (high - low > 1) {
        const std::int64_t middle = low + (high - low) / 2;
        (bucket_of(middle, per_direction, s.max_distance) == bucket ? low : high) = middle;
      }
      bool all_equal = true;
      for (; n < high; ++n) {
        const Index behind = buckets(-n);
        const Index ahead = buckets(n);
        const Index expected_ahead = n == 0 ? 0 : s.bidirectional ? per_direction + bucket : 0;
        all_equal = all_equal && behind == bucket && ahead == expected_ahead;
      }
      INFO(s.num_buckets << " " << s.max_distance << " " << s.bidirectional << " up to " << high);
      REQUIRE(all_equal);
    }
  }
}

TEST_CASE("T5 buckets at the powers where a logarithm one ulp low fails", "[relative_bias][t5][accuracy]") {
  const T5Buckets both(32, 128, true);
  REQUIRE(both(-16) == 10);
  REQUIRE(both(-32) == 12);
  REQUIRE(both(-64) == 14);
  REQUIRE(T5Buckets(32, 256, false)(-32) == 20);
  REQUIRE(T5Buckets(32, 256, false)(-64) == 24);
  REQUIRE(T5Buckets(32, 256, false)(-128) == 28);
  bool used = false;  // keys after the query are at least one away, so the first bucket of their half stays unused
  for (std::int64_t d = -300; d <= 300; ++d) used = used || both(d) == 16;
  REQUIRE_FALSE(used);
  constexpr std::int64_t kSmallest = std::numeric_limits<std::int64_t>::min();
  REQUIRE(both(kSmallest) == 15);
  REQUIRE(both(std::numeric_limits<std::int64_t>::max()) == 31);
}

TEST_CASE("T5 buckets with many buckets and far distances are found, and soon", "[relative_bias][t5][accuracy]") {
  // Neighboring distances near 2^31 differ by 2e-9 in the quotient: few of them may need long integers.
  const T5Buckets many(8192, 2147483647, false);
  for (const std::int64_t n : {std::int64_t(1) << 20, std::int64_t(1) << 25, (std::int64_t(1) << 31) - 2}) {
    const long double quotient = std::log(static_cast<long double>(n) / 4096) / std::log((2147483647.0L) / 4096) * 4096;
    REQUIRE(std::abs(quotient - std::round(quotient)) > 1e-9L);  // else long double could not tell
    REQUIRE(many(-n) == 4096 + static_cast<Index>(quotient));
  }
  const T5Buckets close(8192, 4097, false);  // all logarithmic buckets between two neighboring distances
  REQUIRE(close(-4096) == 4096);
  REQUIRE(close(-4097) == 8191);
}

TEST_CASE("T5 adds the bucket's weight, whatever the span, and sums it back",
          "[relative_bias][t5][accuracy][portable]") {
  const MatrixD weights = random_matrix(32, 3, 1);
  for (const bool bidirectional : {true, false}) {
    const T5Buckets buckets(32, 40, bidirectional);
    for (const NamedSpan& named : all_spans()) {
      INFO(named.name);
      const AttentionSpan& span = named.span;
      const auto table = posenc::make_t5_table(weights, buckets, span.distances());
      const MatrixD before = random_matrix(3 * span.query_len(), span.key_len(), 2);
      MatrixD logits = before;
      posenc::add_distance_bias(logits, table, span);
      MatrixD expected = before;
      MatrixD expected_gradient = MatrixD::Zero(32, 3);
      const MatrixD grad = random_matrix(logits.rows(), logits.cols(), 3);
      for (Index h = 0; h < 3; ++h) {
        for (Index i = 0; i < span.query_len(); ++i) {
          for (Index j = 0; j < span.key_len(); ++j) {
            const std::int64_t relative = j - (span.query_offset() + i);
            const std::int64_t n = bidirectional ? std::abs(relative) : std::max<std::int64_t>(-relative, 0);
            const Index bucket = bucket_of(n, bidirectional ? 16 : 32, 40) + (bidirectional && relative > 0 ? 16 : 0);
            expected(h * span.query_len() + i, j) += weights(bucket, h);
            expected_gradient(bucket, h) += grad(h * span.query_len() + i, j);
          }
        }
      }
      REQUIRE(same_bits(logits, expected));

      posenc::DistanceTable<double> grad_table(3, span.distances());
      posenc::distance_bias_backward(grad_table, grad, span);
      MatrixD gradient = MatrixD::Zero(32, 3);
      posenc::t5_table_backward(gradient, grad_table, buckets);
      // The same numbers in another order: at most 2000 terms below 1 in each sum.
      constexpr double kSumBound = 2000 * 2000 * kEpsilon;
      REQUIRE(distance(gradient, expected_gradient) <= kSumBound);
      require_adjoint(dot(MatrixD(logits - before), grad), dot(weights, gradient), absolute_dot(weights, gradient));
    }
  }
}

TEST_CASE("T5 peers: ONNX Runtime, praxis, and a table of T5X", "[relative_bias][t5][accuracy]") {
  if (skip_without_data("T5 peers")) return;
  const std::string peers = data_dir() + "/peers/";
  for (const char* name : {"ort_RelativePositionBiasTest_FP32", "ort_RelativePositionBiasTest_FP16",
                           "ort_RelativePositionBiasTest2_FP16"}) {
    const RowMatrixXd weights = read_csv(peers + name + "/table.csv");
    const RowMatrixXd expected = read_csv(peers + name + "/expected.csv");
    const AttentionSpan span = AttentionSpan::square(2);
    const auto table = posenc::make_t5_table(weights, T5Buckets(4, 128, true), span.distances());
    MatrixD logits = MatrixD::Zero(expected.rows(), 2);
    posenc::add_distance_bias(logits, table, span);
    REQUIRE(same_bits(logits, expected));
  }
  const RowMatrixXd relative = read_csv(peers + "praxis_t5_bucket_bidirectional_8_8/relative.csv");
  const RowMatrixXd expected = read_csv(peers + "praxis_t5_bucket_bidirectional_8_8/expected.csv");
  const T5Buckets buckets(8, 8, true);
  for (Index i = 0; i < relative.size(); ++i) {
    REQUIRE(static_cast<double>(buckets(static_cast<std::int64_t>(relative(0, i)))) == expected(0, i));
  }

  const RowMatrixXd heads_by_buckets = read_npy_table(data_dir() + "/tables/t5x_tiny_encoder_4x32.npy");
  const auto table =
      posenc::make_t5_table(heads_by_buckets.transpose(), T5Buckets(32, 128, true), DistanceRange::symmetric(200));
  REQUIRE(table.num_heads() == 4);
  for (Index h = 0; h < 4; ++h) {
    for (Index d = -199; d <= 199; ++d) {
      REQUIRE(table(h, d) == heads_by_buckets(h, bucket_of(std::abs(d), 16, 128) + (d > 0 ? 16 : 0)));
    }
  }
}
