// SPDX-License-Identifier: MIT
/// One-blob codes against the definition of tiny-cuda-nn, which needs an accelerator to run: every bin from shares of
/// the blob and of its two copies, and the shares from the blob's height by quadrature.
#include "posenc/sinusoidal.hpp"

#include "support/allocations.hpp"
#include "support/catch2.hpp"
#include "support/matrices.hpp"
#include "support/products.hpp"

#include <cmath>
#include <limits>

using namespace posenc_tests;
using posenc::BlobEdges;
using Matrix = RowMatrix<double>;

namespace {

/// The integral of 15/16 (1 - v^2)^2 from -1 to u by Gauss's rule of three points, exact for this degree.
long double below(long double u) {
  if (u <= -1) return 0;
  if (u >= 1) return 1;
  const long double middle = (u - 1) / 2, half = (u + 1) / 2, reach = std::sqrt(0.6L);
  const auto height = [](long double v) { return 15.0L / 16 * (1 - v * v) * (1 - v * v); };
  return half * (5 * height(middle - half * reach) + 8 * height(middle) + 5 * height(middle + half * reach)) / 9;
}

long double bin(long double x, int bins, int k, bool wraps) {
  const auto share = [&](long double at) { return below((at - x) * bins); };
  const auto shares = [&](long double at) { return share(at) + (wraps ? share(at - 1) + share(at + 1) : 0.0L); };
  return shares(static_cast<long double>(k + 1) / bins) - shares(static_cast<long double>(k) / bins);
}

}  // namespace

TEST_CASE("one-blob codes are those of their definition", "[sinusoidal][one_blob]") {
  for (const int bins : {1, 2, 3, 4, 16, 64, 7}) {
    Matrix x(40, 3);
    for (Eigen::Index i = 0; i < x.size(); ++i)
      x.data()[i] = static_cast<double>(i) / static_cast<double>(x.size() - 1);
    if (bins > 4) x.topRows(2) *= -0x1p-20;  // of coordinates below 0, those that wrap lose most
    Matrix out(40, 3 * bins);
    RowMatrix<float> single(40, 3 * bins);
    for (const BlobEdges edges : {BlobEdges::wrap, BlobEdges::cut}) {
      posenc::encode_one_blob(out, x, edges);
      posenc::encode_one_blob(single, x, edges);
      CHECK((single.cast<double>() - out).cwiseAbs().maxCoeff() <= (bins < 3 ? 3 : 1) * 0x1p-25);
      double worst = 0;
      for (Eigen::Index token = 0; token < 40; ++token) {
        for (int m = 0; m < 3; ++m) {
          for (int k = 0; k < bins; ++k) {
            const long double expected = bin(static_cast<long double>(x(token, m)), bins, k, edges == BlobEdges::wrap);
            worst = std::max(worst, std::abs(static_cast<double>(out(token, m * bins + k) - expected)));
          }
        }
      }
      INFO(bins);
      CHECK(worst <= 0x1p-50 + bins * 0x1p-51);
      if (edges == BlobEdges::wrap) CHECK((out.rowwise().sum().array() - 3).abs().maxCoeff() <= 3 * bins * 0x1p-50);
    }
  }
}

TEST_CASE("a blob beyond the edges wraps or is cut", "[sinusoidal][one_blob]") {
  Matrix wrapped(1, 8), cut(1, 8), other(1, 8);
  posenc::encode_one_blob(wrapped, Matrix::Constant(1, 1, 1.25), BlobEdges::wrap);
  posenc::encode_one_blob(other, Matrix::Constant(1, 1, 0.25), BlobEdges::wrap);
  CHECK(wrapped == other);
  posenc::encode_one_blob(cut, Matrix::Constant(1, 1, 1e300), BlobEdges::cut);
  CHECK(cut.isZero(0));
  posenc::encode_one_blob(cut, Matrix::Constant(1, 1, 1.0), BlobEdges::cut);
  CHECK(cut(0, 7) == 0.5);
  CHECK(cut.leftCols(7).isZero(0));
  posenc::encode_one_blob(wrapped, Matrix::Constant(1, 1, 1.0), BlobEdges::wrap);
  CHECK(wrapped(0, 7) == 0.5);
  CHECK(wrapped(0, 0) == 0.5);
  for (const double never : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    posenc::encode_one_blob(cut, Matrix::Constant(1, 1, never), BlobEdges::cut);
    CHECK(cut.array().isNaN().all());
  }
}

TEST_CASE("one-blob gradients agree with central differences", "[sinusoidal][one_blob]") {
  constexpr int bins = 5;
  // The third derivative of K is at most 15/4 bins^3 a number: h^2 / 6 times ten of them, and roundings of 2^-50 / h.
  constexpr double h = 0x1p-17;
  constexpr double kDifference = 10 * (h * h / 6 * 3.75 * bins * bins * bins + 0x1p-49 / h);
  const Matrix y = pattern<double>(12, 2 * bins, 3);
  for (const BlobEdges edges : {BlobEdges::wrap, BlobEdges::cut}) {
    Matrix x(12, 2);
    for (Eigen::Index i = 0; i < x.size(); ++i) x.data()[i] = 0.043 * static_cast<double>(i) - 0.02;
    const auto loss = [&](const Matrix& at) {
      Matrix out(12, 2 * bins);
      posenc::encode_one_blob(out, at, edges);
      return dot(out, y);
    };
    Matrix grad = Matrix::Ones(12, 2);
    posenc::one_blob_backward(grad, y, x, edges);
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      Matrix plus = x, minus = x;
      plus.data()[i] += h;
      minus.data()[i] -= h;
      CHECK(std::abs((loss(plus) - loss(minus)) / (2 * h) - (grad.data()[i] - 1)) <=
            kDifference * y.cwiseAbs().maxCoeff());
    }
  }
}

TEST_CASE("one-blob codes: layouts, chunks, scalars, allocations", "[sinusoidal][one_blob][allocations]") {
  const Matrix x = pattern<double>(9, 2).cwiseAbs() / 2;
  Matrix out(9, 16);
  posenc::encode_one_blob(out, x, BlobEdges::wrap);
  ColumnMatrix<double> column(9, 16);
  posenc::encode_one_blob(column, ColumnMatrix<double>(x), BlobEdges::wrap);
  CHECK(column == out);
  Matrix chunk(4, 16);
  posenc::encode_one_blob(chunk, x.middleRows(3, 4), BlobEdges::wrap);
  CHECK(chunk == out.middleRows(3, 4));
  RowMatrix<float> single(9, 16);
  posenc::encode_one_blob(single, x, BlobEdges::wrap);
  CHECK(single == out.cast<float>());
  check_computed_once(pattern<double>(5, 30), pattern<double>(30, 2, 7), [&](const auto& product) {
    Matrix result(5, 8);
    posenc::encode_one_blob(result, product, BlobEdges::wrap);
    return result;
  });
  if (skip_without_allocation_count("allocations of one-blob codes")) return;
  Matrix grad = Matrix::Zero(9, 2);
  CHECK(count_allocations([&] {
          posenc::encode_one_blob(out, x, BlobEdges::cut);
          posenc::one_blob_backward(grad, out, x, BlobEdges::cut);
        }) == 0);
}
