// SPDX-License-Identifier: MIT
/// What Vaswani et al. chose sinusoids for: length, rotation by an offset, similarity by distance.
#include <cmath>
#include <cstdint>

#include "posenc/sinusoidal.hpp"

#include "support/catch2.hpp"
#include "support/worst.hpp"

namespace {

using posenc::SinusoidalEncoding;

/// What posenc promises for one value in double at a position, for frequencies of at most 1.
double promised_error(std::int64_t position, double frequency) {
  return 0x1p-50 + std::abs(static_cast<double>(position)) * frequency * 0x1p-51;
}

Eigen::RowVectorXd encoded(const SinusoidalEncoding& encoding, std::int64_t position) {
  Eigen::RowVectorXd row(encoding.width());
  encode_sinusoidal(row, encoding, posenc::starting_at(position));
  return row;
}

const std::int64_t kPositions[] = {0, 1, 17, 4096, 131072, 999999, 1000000};

}  // namespace

TEST_CASE("every position has the same length", "[sinusoidal][property]") {
  for (const int width : {2, 16, 130, 512}) {
    const SinusoidalEncoding encoding = posenc::presets::paper(width);
    // Both rotations that make a value are off in length by 2^-52 and their product by 2^-51, whatever the angle: that
    // doubles in the square of each of d/2 pairs.
    const double bound = width / 2 * 0x1p-49;
    for (const std::int64_t position : kPositions) {
      CHECK(std::abs(encoded(encoding, position).squaredNorm() - width / 2) <= bound);
      CHECK(std::abs(encoded(encoding, -position).squaredNorm() - width / 2) <= bound);
    }
  }
}

TEST_CASE("an offset rotates every pair by an angle of its own", "[sinusoidal][property]") {
  for (const posenc::ChannelOrder order : {posenc::ChannelOrder::interleaved, posenc::ChannelOrder::sin_cos}) {
    const SinusoidalEncoding encoding(64, {order, posenc::FrequencySpacing::over_width});
    const bool interleaved = order == posenc::ChannelOrder::interleaved;
    posenc_tests::Worst worst;
    for (const std::int64_t p : kPositions) {
      for (const std::int64_t k : {1, 5, 333, -12}) {
        const Eigen::RowVectorXd here = encoded(encoding, p);
        const Eigen::RowVectorXd there = encoded(encoding, p + k);
        for (Eigen::Index m = 0; m < 32; ++m) {
          const double frequency = encoding.frequencies().inv_freq()[m];
          const Eigen::Index s = interleaved ? 2 * m : m;
          const Eigen::Index c = interleaved ? 2 * m + 1 : 32 + m;
          const double rotation_cos = std::cos(static_cast<double>(k) * frequency);
          const double rotation_sin = std::sin(static_cast<double>(k) * frequency);
          // Both sides as promised; the rotation made here is off by half an ulp of its angle and one of its values,
          // and rounds its two products and their sum.
          const double bound = promised_error(p + k, frequency) + 2 * promised_error(p, frequency) +
                               std::abs(static_cast<double>(k)) * frequency * 0x1p-52 + 8 * 0x1p-53;
          worst.see(std::abs(there[s] - (here[s] * rotation_cos + here[c] * rotation_sin)), bound, p, k, m);
          worst.see(std::abs(there[c] - (here[c] * rotation_cos - here[s] * rotation_sin)), bound, p, k, m);
        }
      }
    }
    INFO(worst.where());
    CHECK(worst.share() <= 1);
  }
}

TEST_CASE("similarity depends on the distance alone", "[sinusoidal][property]") {
  const SinusoidalEncoding encoding = posenc::presets::paper(128);
  const Eigen::ArrayXd& frequencies = encoding.frequencies().inv_freq();
  for (const std::int64_t distance : {0, 1, 7, 1000}) {
    const double expected = (static_cast<double>(distance) * frequencies).cos().sum();
    const double near = encoded(encoding, 0).dot(encoded(encoding, distance));
    for (const std::int64_t p : kPositions) {
      INFO("distance " << distance << " at " << p);
      // Each pair gives cos(a - b) from four values as promised, each times one of at most 1; 128 products and
      // their sum, of at most 64, round 128 times.
      const double promised =
          64 * 2 * 0x1p-50 + static_cast<double>(2 * p + distance) * frequencies.sum() * 2 * 0x1p-51;
      const double bound = 2 * promised + 128 * 64 * 0x1p-53;
      const double similarity = encoded(encoding, p).dot(encoded(encoding, p + distance));
      CHECK(std::abs(similarity - expected) <= bound + static_cast<double>(distance) * frequencies.sum() * 0x1p-53);
      CHECK(std::abs(similarity - near) <= 2 * bound);
      // another distance is another number
      if (distance != 0) CHECK(similarity < 64 - 0.1);
    }
  }
}
