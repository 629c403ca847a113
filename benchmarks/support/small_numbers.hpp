// SPDX-License-Identifier: MIT
/// Matrices of small numbers for the cases of relative biases, and what a case of them prints.
#ifndef POSENC_BENCHMARKS_SMALL_NUMBERS_HPP
#define POSENC_BENCHMARKS_SMALL_NUMBERS_HPP

#include <cstdio>

#include <Eigen/Core>

namespace posenc_benchmarks {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Small numbers: added again and again they stay finite.
inline Matrix numbers(Eigen::Index rows, Eigen::Index columns) {
  Matrix x(rows, columns);
  for (Eigen::Index i = 0; i < x.size(); ++i) x.data()[i] = 1e-3f * (static_cast<float>(i % 17) - 8.0f);
  return x;
}

/// Bytes of floats that are read and written.
inline double bytes_of(Eigen::Index rows, Eigen::Index columns) {
  return 2.0 * sizeof(float) * static_cast<double>(rows * columns);
}

inline void print_memory(const char* name, Eigen::Index floats) {
  std::printf("%-52s %10.1f KiB, held by the caller\n", name, static_cast<double>(floats) * sizeof(float) / 1024);
}

}  // namespace posenc_benchmarks

#endif  // POSENC_BENCHMARKS_SMALL_NUMBERS_HPP
