// SPDX-License-Identifier: MIT
/// Compares encodings of coordinates with the kernels of tiny-cuda-nn, which tcnn.py compiles for the CPU. Prints the
/// largest difference of each, and how many are too large.
#include "posenc/sinusoidal.hpp"

#include "tcnn.hpp"

#include <cmath>
#include <cstdint>
#include <iostream>
#include <string>

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Floats = Eigen::MatrixXf;  // theirs: a column for each token

int wrong = 0;

void report(const std::string& name, const Matrix& ours, const Floats& theirs, double bound) {
  const double difference = (ours - theirs.transpose().cast<double>()).cwiseAbs().maxCoeff();
  std::cout << name << ": " << difference << (difference <= bound ? "\n" : ", too large\n");
  wrong += !(difference <= bound);
}

Floats coordinates(Eigen::Index axes, Eigen::Index tokens) {
  Floats x(axes, tokens);
  for (Eigen::Index i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>((i * 37 + 5) % 101) / 101;
  return x;
}

void one_blob(Eigen::Index axes, std::uint32_t log2_bins, Eigen::Index tokens) {
  const std::string size = " " + std::to_string(axes) + " x " + std::to_string(1 << log2_bins);
  const Eigen::Index bins = Eigen::Index{1} << log2_bins;
  Floats x = coordinates(axes, tokens);
  Eigen::MatrixXf soa(tokens, axes * bins);  // a column for each bin
  Floats grad = Floats::Zero(axes * bins, tokens), grad_x = Floats::Zero(axes, tokens);
  for (Eigen::Index i = 0; i < grad.size(); ++i) grad.data()[i] = static_cast<float>((i * 13) % 17) / 8 - 1;
  blockDim = {static_cast<std::uint32_t>(axes), 1};
  for (std::uint32_t i = 0; i < tokens; ++i) {
    for (std::uint32_t j = 0; j < axes; ++j) {
      blockIdx = {i, 0};
      threadIdx = {j, 0};
      const auto elements = static_cast<std::uint32_t>(tokens), encoded = static_cast<std::uint32_t>(axes);
      kernel_one_blob_soa<float>(elements, log2_bins, encoded, MatrixView<const float>{x.data(), encoded}, soa.data());
      kernel_one_blob_backward<float>(
          elements, encoded, log2_bins, MatrixView<const float>{grad.data(), static_cast<std::uint32_t>(axes * bins)},
          MatrixView<const float>{x.data(), encoded}, MatrixView<float>{grad_x.data(), encoded});
    }
  }
  const Matrix at = x.transpose().cast<double>();
  Matrix out(tokens, axes * bins), by_x = Matrix::Zero(tokens, axes);
  posenc::encode_one_blob(out, at, posenc::BlobEdges::wrap);
  posenc::one_blob_backward(by_x, Matrix(grad.transpose().cast<double>()), at, posenc::BlobEdges::wrap);
  report("encode_one_blob" + size, out, soa.transpose(), 64 * 0x1p-24);
  report("one_blob_backward" + size, by_x, grad_x, static_cast<double>(bins) * 256 * 0x1p-24);
}

void triangles(Eigen::Index axes, Eigen::Index octaves, Eigen::Index tokens) {
  const std::string size = " " + std::to_string(axes) + " x " + std::to_string(octaves);
  Floats x = coordinates(axes, tokens), y(axes * octaves, tokens), slopes(axes * octaves, tokens);
  Floats grad(axes * octaves, tokens), grad_x = Floats::Zero(axes, tokens);
  for (Eigen::Index i = 0; i < grad.size(); ++i) grad.data()[i] = static_cast<float>((i * 13) % 17) / 8 - 1;
  const auto width = static_cast<std::uint32_t>(axes * octaves), encoded = static_cast<std::uint32_t>(axes);
  const auto elements = static_cast<std::uint32_t>(y.size());
  blockDim = {1, 1};
  threadIdx = {0, 0};
  for (std::uint32_t i = 0; i < elements; ++i) {
    blockIdx = {i, 0};
    triangle_wave_encoding<float>(elements, static_cast<std::uint32_t>(octaves), encoded, 0,
                                  MatrixView<const float>{x.data(), encoded}, MatrixView<float>{y.data(), width},
                                  slopes.data());
  }
  for (std::uint32_t i = 0; i < axes * tokens; ++i) {
    blockIdx = {i, 0};
    triangle_wave_encoding_backward<float>(
        static_cast<std::uint32_t>(axes * tokens), encoded, static_cast<std::uint32_t>(octaves),
        MatrixView<const float>{grad.data(), width}, slopes.data(), MatrixView<float>{grad_x.data(), encoded});
  }
  Matrix weights = Matrix::Zero(axes, axes * octaves), phases(1, axes * octaves);
  for (Eigen::Index m = 0; m < axes; ++m) {
    for (Eigen::Index l = 0; l < octaves; ++l) {
      weights(m, m * octaves + l) = std::ldexp(1.0, static_cast<int>(l) - 1);
      phases(0, m * octaves + l) = static_cast<double>(l) * 1.5707963267948966;
    }
  }
  const Matrix at = x.transpose().cast<double>();
  Matrix out(tokens, axes * octaves), by_x = Matrix::Zero(tokens, axes), by_weights = weights, by_phases = phases;
  posenc::encode_fourier(out, at, weights, phases, posenc::presets::triangle_waves());
  posenc::fourier_backward(by_x, by_weights, by_phases, Matrix(grad.transpose().cast<double>()), at, weights, phases,
                           posenc::presets::triangle_waves());
  const double largest = std::ldexp(1.0, static_cast<int>(octaves));
  report("triangle_waves" + size, out, y, 8 * largest * 0x1p-24);
  report("triangle_waves, backward" + size, by_x, grad_x, 1e-9);
}

void harmonics(std::uint32_t degree, Eigen::Index tokens) {
  Floats y(degree * degree, tokens);
  Matrix directions(tokens, 3), out(tokens, degree * degree);
  for (Eigen::Index i = 0; i < tokens; ++i) {
    const float a = static_cast<float>(i) * 0.7f, z = static_cast<float>(i % 7) / 4 - 0.75f, r = std::sqrt(1 - z * z);
    const float x3[] = {r * std::cos(a), r * std::sin(a), z};
    MatrixView<float> column{y.data() + i * y.rows(), degree * degree};
    sh_enc<float, MatrixView<float>>(degree, x3[0], x3[1], x3[2], column);
    directions.row(i) << static_cast<double>(x3[0]), static_cast<double>(x3[1]), static_cast<double>(x3[2]);
  }
  posenc::encode_spherical_harmonics(out, directions, posenc::HarmonicSign::condon_shortley);
  report("encode_spherical_harmonics, " + std::to_string(degree) + " degrees", out, y, degree * degree * 64 * 0x1p-24);
}

}  // namespace

int main() {
  one_blob(1, 2, 3);
  one_blob(2, 3, 7);
  one_blob(3, 5, 32);
  triangles(1, 1, 3);
  triangles(2, 5, 7);
  triangles(3, 12, 32);
  harmonics(1, 3);
  harmonics(5, 9);
  harmonics(8, 31);
  std::cout << wrong << " too large\n";
  return wrong != 0;
}
