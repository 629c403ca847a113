// SPDX-License-Identifier: MIT
// Sinusoidal encodings of width 512: written, and added to embeddings. Digits and integers, written.

#include <cmath>
#include <string>

#include "posenc/sinusoidal.hpp"

#include "support/measure.hpp"

namespace {

using Eigen::Index;
using posenc_benchmarks::measure;

constexpr Index kWidth = 512;

template <typename Scalar>
using RowMatrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The paper's formula, a std::sin or std::cos in double for each value; `write` stores or adds.
template <typename Scalar, typename Write>
void naive_sinusoidal(RowMatrix<Scalar>& x, const Eigen::ArrayXd& inv_freq, Write write) {
  for (Index row = 0; row < x.rows(); ++row) {
    for (Index i = 0; i < x.cols() / 2; ++i) {
      const double angle = static_cast<double>(row) * inv_freq[i];
      write(x(row, 2 * i), std::sin(angle));
      write(x(row, 2 * i + 1), std::cos(angle));
    }
  }
}

/// Bytes of a matrix.
template <typename Scalar>
double bytes_of(Index rows, Index width = kWidth) {
  return static_cast<double>(rows) * static_cast<double>(width) * sizeof(Scalar);
}

std::string name_of(const std::string& what, const std::string& kind, Index rows, Index width = kWidth) {
  return "sinusoidal/" + what + "_" + kind + "/" + std::to_string(rows) + "_rows" +
         (width == kWidth ? "" : "_" + std::to_string(width) + "_wide");
}

template <typename Scalar>
void measure_encode(const std::string& kind, Index rows, const posenc::SinusoidalEncoding& encoding) {
  const Eigen::ArrayXd& inv_freq = encoding.frequencies().inv_freq();
  RowMatrix<Scalar> x = RowMatrix<Scalar>::Constant(rows, encoding.width(), Scalar(1));
  volatile float value = 0.5f;
  measure(
      name_of("encode", kind, rows, encoding.width()), bytes_of<Scalar>(rows, encoding.width()),
      [&] { posenc::encode_sinusoidal(x, encoding, posenc::starting_at(0)); },
      [&] { x.setConstant(static_cast<Scalar>(value)); },
      [&] { naive_sinusoidal(x, inv_freq, [](Scalar& to, double v) { to = static_cast<Scalar>(v); }); });
}

// Repeated sums stay finite: each adds at most 1, and half types stop growing where 1 is less than their last digit.

template <typename Scalar>
void measure_add(const std::string& kind, Index rows, const posenc::SinusoidalEncoding& encoding) {
  const Eigen::ArrayXd& inv_freq = encoding.frequencies().inv_freq();
  RowMatrix<Scalar> x = RowMatrix<Scalar>::Constant(rows, encoding.width(), Scalar(1));
  // The same bytes as floats: sums of half types convert as well as moving bytes.
  RowMatrix<float> sum = RowMatrix<float>::Ones(rows, encoding.width() * static_cast<Index>(sizeof(Scalar)) / 4);
  const RowMatrix<float> y = sum;
  measure(
      name_of("add", kind, rows, encoding.width()), 2 * bytes_of<Scalar>(rows, encoding.width()),
      [&] { posenc::add_sinusoidal(x, encoding, posenc::starting_at(0)); }, [&] { sum += y; },
      [&] { naive_sinusoidal(x, inv_freq, [](Scalar& to, double v) { to += static_cast<Scalar>(v); }); });
}

/// The ceiling adds a matrix that holds the encoding already.
template <typename Scalar>
void measure_kept(const std::string& kind, Index rows, const posenc::SinusoidalEncoding& encoding) {
  const auto table = posenc::make_table<Scalar>(encoding.frequencies(), posenc::PositionRange(0, rows));
  RowMatrix<Scalar> x = RowMatrix<Scalar>::Constant(rows, encoding.width(), Scalar(1));
  const RowMatrix<Scalar> y = posenc::make_sinusoidal<Scalar>(encoding, posenc::PositionRange(0, rows));
  measure(
      name_of("add_kept", kind, rows, encoding.width()), 3 * bytes_of<Scalar>(rows, encoding.width()),
      [&] { posenc::add_sinusoidal(x, table, encoding, posenc::starting_at(0)); }, [&] { x += y; },
      [&] {
        for (Index row = 0; row < rows; ++row) {
          for (Index i = 0; i < x.cols(); ++i) x(row, i) += y(row, i);
        }
      });
}

TEST_CASE("encode, width 512") {
  for (const Index rows : {Index(64), Index(1024), Index(16384)}) {
    measure_encode<float>("interleaved", rows, posenc::presets::paper(kWidth));
    measure_encode<float>("sin_cos", rows, posenc::presets::transformer_xl(kWidth));
    measure_encode<Eigen::half>("interleaved_half", rows, posenc::presets::paper(kWidth));
    measure_encode<Eigen::bfloat16>("interleaved_bfloat16", rows, posenc::presets::paper(kWidth));
  }
  measure_encode<float>("interleaved", 4096, posenc::presets::paper(4096));
  measure_encode<float>("sin_cos", 4096, posenc::presets::transformer_xl(4096));
}

TEST_CASE("add, width 512") {
  for (const Index rows : {Index(64), Index(1024), Index(16384)}) {
    measure_add<float>("interleaved", rows, posenc::presets::paper(kWidth));
    measure_add<float>("sin_cos", rows, posenc::presets::transformer_xl(kWidth));
    measure_add<Eigen::half>("interleaved_half", rows, posenc::presets::paper(kWidth));
    measure_add<Eigen::bfloat16>("interleaved_bfloat16", rows, posenc::presets::paper(kWidth));
  }
  measure_add<float>("interleaved", 4096, posenc::presets::paper(4096));
  measure_add<float>("sin_cos", 4096, posenc::presets::transformer_xl(4096));
}

TEST_CASE("kept table, width 512") {
  for (const Index rows : {Index(64), Index(1024), Index(16384)}) {
    measure_kept<float>("interleaved", rows, posenc::presets::paper(kWidth));
    measure_kept<float>("sin_cos", rows, posenc::presets::transformer_xl(kWidth));
  }
  measure_kept<float>("interleaved", 4096, posenc::presets::paper(4096));
  measure_kept<float>("sin_cos", 4096, posenc::presets::transformer_xl(4096));
}

/// 16 digits to the base 2. The naive loop is that of the formula, with powers in double.
TEST_CASE("digits, 16 columns") {
  for (const Index rows : {Index(1024), Index(16384)}) {
    RowMatrix<float> x = RowMatrix<float>::Ones(rows, 16);
    volatile float value = 0.5f;
    measure(
        "sinusoidal/digits_base_2/" + std::to_string(rows) + "_rows", static_cast<double>(x.size()) * sizeof(float),
        [&] { posenc::encode_digits(x, 2, posenc::starting_at(0)); }, [&] { x.setConstant(static_cast<float>(value)); },
        [&] {
          for (Index row = 0; row < rows; ++row) {
            for (int i = 0; i < 16; ++i) {
              const double quotient = std::floor(static_cast<double>(row) / std::pow(2.0, i));
              x(row, i) = static_cast<float>(std::fmod(quotient, 2.0));
            }
          }
        });
  }
}

TEST_CASE("integers, width 512") {
  for (const Index rows : {Index(1024), Index(16384)}) {
    RowMatrix<float> x = RowMatrix<float>::Ones(rows, kWidth);
    volatile float value = 0.5f;
    measure(
        name_of("integers", "float", rows), bytes_of<float>(rows),
        [&] { posenc::encode_integers(x, 1, posenc::starting_at(0)); },
        [&] { x.setConstant(static_cast<float>(value)); },
        [&] {
          for (Index row = 0; row < rows; ++row) {
            for (Index i = 0; i < kWidth; ++i) x(row, i) = static_cast<float>(row);
          }
        });
  }
}

/// Coordinates on 2 axes and 256 directions. The ceiling writes, or reads, as many bytes.
TEST_CASE("spherical harmonics, 8 degrees") {
  constexpr Index rows = 1024, degrees = 8;
  RowMatrix<float> x(rows, 3);
  for (Index i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(i % 61) / 61 - 0.3f;
  RowMatrix<float> out = RowMatrix<float>::Ones(rows, degrees * degrees);
  RowMatrix<float> grad_x = RowMatrix<float>::Zero(rows, 3);
  const double bytes = static_cast<double>(out.size()) * sizeof(float);
  volatile float value = 0.5f;
  const auto naive = [&] {
    for (Index t = 0; t < rows; ++t) {
      const double across = std::hypot(x(t, 0), x(t, 1)), theta = std::atan2(across, x(t, 2));
      const double phi = std::atan2(x(t, 1), x(t, 0));
      for (Index l = 0; l < degrees; ++l) {
        for (Index m = -l; m <= l; ++m) {
          const double order = static_cast<double>(std::abs(m));
          out(t, l * l + l + m) = static_cast<float>(std::pow(std::sin(theta), order) *
                                                     (m < 0 ? std::sin(order * phi) : std::cos(order * phi)));
        }
      }
    }
  };
  measure(
      "sinusoidal/spherical_harmonics/1024_rows", bytes,
      [&] { posenc::encode_spherical_harmonics(out, x, posenc::HarmonicSign::positive); },
      [&] { out.setConstant(static_cast<float>(value)); }, naive);
  measure(
      "sinusoidal/spherical_harmonics_backward/1024_rows", bytes,
      [&] { posenc::spherical_harmonics_backward(grad_x, out, x, posenc::HarmonicSign::positive); },
      [&] { Catch::Benchmark::deoptimize_value(out.sum()); }, naive);
}

TEST_CASE("one-blob, 3 axes, 16 bins") {
  constexpr Index rows = 1024;
  RowMatrix<float> x(rows, 3);
  for (Index i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(i % 61) / 61;
  RowMatrix<float> out = RowMatrix<float>::Ones(rows, 48);
  RowMatrix<float> grad_x = RowMatrix<float>::Zero(rows, 3);
  volatile float value = 0.5f;
  const double bytes = static_cast<double>(out.size()) * sizeof(float);
  const auto naive = [&] {
    const auto below = [](float u) {
      const float v = (std::min)((std::max)(u, -1.0f), 1.0f);
      return 0.5f + v * (15 - v * v * (10 - 3 * v * v)) / 16;
    };
    for (Index t = 0; t < rows; ++t) {
      for (Index m = 0; m < 3; ++m) {
        float left = below(-16 * x(t, m)) + below(-16 * (x(t, m) + 1)) + below(16 * (1 - x(t, m)));
        for (Index k = 0; k < 16; ++k) {
          const float at = static_cast<float>(k + 1) - 16 * x(t, m);
          const float right = below(at) + below(at - 16) + below(at + 16);
          out(t, 16 * m + k) = right - left;
          left = right;
        }
      }
    }
  };
  measure(
      "sinusoidal/one_blob/1024_rows", bytes, [&] { posenc::encode_one_blob(out, x, posenc::BlobEdges::wrap); },
      [&] { out.setConstant(static_cast<float>(value)); }, naive);
  measure(
      "sinusoidal/one_blob_backward/1024_rows", bytes,
      [&] { posenc::one_blob_backward(grad_x, out, x, posenc::BlobEdges::wrap); },
      [&] { Catch::Benchmark::deoptimize_value(out.sum()); }, naive);
}

TEST_CASE("Fourier features, 2 axes, width 512") {
  constexpr Index rows = 1024;
  const auto options = posenc::presets::gaussian_fourier();
  RowMatrix<float> x(rows, 2);
  for (Index i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(i % 61) / 61;
  RowMatrix<float> weights(2, kWidth / 2);
  for (Index i = 0; i < weights.size(); ++i) weights.data()[i] = static_cast<float>(i % 31) / 8 - 2;
  RowMatrix<float> out = RowMatrix<float>::Ones(rows, kWidth);
  RowMatrix<float> grad_x = RowMatrix<float>::Zero(rows, 2);
  RowMatrix<float> grad_weights = RowMatrix<float>::Zero(2, kWidth / 2);
  volatile float value = 0.5f;
  const auto each_feature = [&](auto action) {
    for (Index t = 0; t < rows; ++t) {
      for (Index f = 0; f < kWidth / 2; ++f) {
        action(t, f, options.angle_scale * static_cast<double>(x(t, 0) * weights(0, f) + x(t, 1) * weights(1, f)));
      }
    }
  };
  measure(
      "sinusoidal/fourier/1024_rows", bytes_of<float>(rows), [&] { posenc::encode_fourier(out, x, weights, options); },
      [&] { out.setConstant(static_cast<float>(value)); },
      [&] {
        each_feature([&](Index t, Index f, double angle) {
          out(t, f) = static_cast<float>(std::sin(angle));
          out(t, kWidth / 2 + f) = static_cast<float>(std::cos(angle));
        });
      });
  Eigen::RowVectorXf phases(kWidth / 2);
  for (Index f = 0; f < phases.size(); ++f) phases[f] = static_cast<float>(f % 7) / 8;
  Eigen::RowVectorXf grad_phases = Eigen::RowVectorXf::Zero(kWidth / 2);
  measure(
      "sinusoidal/fourier_phases/1024_rows", bytes_of<float>(rows),
      [&] { posenc::encode_fourier(out, x, weights, phases, options); },
      [&] { out.setConstant(static_cast<float>(value)); },
      [&] {
        each_feature([&](Index t, Index f, double angle) {
          out(t, f) = static_cast<float>(std::sin(angle + static_cast<double>(phases[f])));
          out(t, kWidth / 2 + f) = static_cast<float>(std::cos(angle + static_cast<double>(phases[f])));
        });
      });
  measure(
      "sinusoidal/fourier_phases_backward/1024_rows", bytes_of<float>(rows),
      [&] { posenc::fourier_backward(grad_x, grad_weights, grad_phases, out, x, weights, phases, options); },
      [&] { Catch::Benchmark::deoptimize_value(out.sum()); },
      [&] {
        each_feature([&](Index t, Index f, double angle) {
          const double at = angle + static_cast<double>(phases[f]);
          const float b =
              out(t, f) * static_cast<float>(std::cos(at)) - out(t, kWidth / 2 + f) * static_cast<float>(std::sin(at));
          grad_phases[f] += b;
          for (Index m = 0; m < 2; ++m) {
            grad_x(t, m) += static_cast<float>(options.angle_scale) * weights(m, f) * b;
            grad_weights(m, f) += static_cast<float>(options.angle_scale) * x(t, m) * b;
          }
        });
      });
  measure(
      "sinusoidal/fourier_backward/1024_rows", bytes_of<float>(rows),
      [&] { posenc::fourier_backward(grad_x, grad_weights, out, x, weights, options); },
      [&] { Catch::Benchmark::deoptimize_value(out.sum()); },
      [&] {
        each_feature([&](Index t, Index f, double angle) {
          const float b =
              static_cast<float>(options.angle_scale) * (out(t, f) * static_cast<float>(std::cos(angle)) -
                                                         out(t, kWidth / 2 + f) * static_cast<float>(std::sin(angle)));
          for (Index m = 0; m < 2; ++m) {
            grad_x(t, m) += weights(m, f) * b;
            grad_weights(m, f) += x(t, m) * b;
          }
        });
      });
}

TEST_CASE("shown by Catch2") {
  const auto encoding = posenc::presets::paper(kWidth);
  RowMatrix<float> x = RowMatrix<float>::Zero(1024, kWidth);
  BENCHMARK("encode_sinusoidal, 1024 x 512") { posenc::encode_sinusoidal(x, encoding, posenc::starting_at(0)); };
}

}  // namespace
