// SPDX-License-Identifier: MIT
/// Phases, frequencies of each head in two axes, and sums of cosines, as x-transformers, PoPE-pytorch, mlx-vlm and
/// lmdeploy compute them.
#include "support/golden.hpp"
#include "support/rotations.hpp"

#include "posenc/positions.hpp"

using namespace posenc_tests;
using posenc::apply_rope;
using posenc::RopeLayout;

namespace {

RowMatrix<double> block(const std::string& scheme, const char* which, int n) {
  static const Golden file = golden("rotations/by_phase.csv");
  return file.block(scheme + "-" + which + "-" + std::to_string(n)).matrix();
}

posenc::TableOptions each_of(Index heads) {
  posenc::TableOptions options;
  options.num_heads = heads;
  return options;
}

/// Sources form angles up to `angle` in float, each with some four roundings, and round a cosine and a product.
double bound(double largest_x, double angle) { return largest_x * 2 * ((4 * angle + 8) * 0x1p-24 + 1e-8); }

/// Each channel as the length softplus of a pair whose other channel is 0.
RowMatrix<double> as_lengths(const RowMatrix<double>& x, const RopeLayout& layout) {
  const Index dim = layout.head_dim() / 2;
  RowMatrix<double> pairs = RowMatrix<double>::Zero(x.rows(), 2 * x.cols());
  for (Index row = 0; row < x.rows(); ++row) {
    for (Index c = 0; c < x.cols(); ++c) {
      const Index head = c / dim, i = c % dim;
      const Index first = layout.pairs() == posenc::RopePairs::interleaved ? 2 * i : i;
      pairs(row, head * 2 * dim + first) = std::log1p(std::exp(x(row, c)));
    }
  }
  return pairs;
}

}  // namespace

TEST_CASE("PoPE is that of x-transformers and of PoPE-pytorch", "[rope][phases][golden]") {
  for (const std::string scheme : {"x_transformers", "pope_pytorch"}) {
    for (int n = 0; n < 3; ++n) {
      INFO(scheme << " " << n);
      const RowMatrix<double> phases = block(scheme, "phases", n);
      const Index heads = phases.rows(), dim = phases.cols();
      const RopeLayout layout(scheme == "pope_pytorch" ? posenc::RopePairs::interleaved : posenc::RopePairs::half_split,
                              2 * dim);
      RowMatrix<double> q = as_lengths(block(scheme, "q", n), layout), k = as_lengths(block(scheme, "k", n), layout);
      const Eigen::RowVectorXd w = posenc::geometric_frequencies(2 * dim, 1e4).inv_freq().matrix().transpose();
      const Eigen::VectorXd at = Eigen::VectorXd::LinSpaced(q.rows(), 0, static_cast<double>(q.rows() - 1));
      const Eigen::VectorXd of_pairs = phases.reshaped<Eigen::RowMajor>();
      apply_rope(q, posenc::make_mixed_table<double>(w, at), layout);
      apply_rope(k, posenc::make_mixed_table<double>(w.replicate(1, heads), of_pairs, at, each_of(heads)), layout);
      CHECK((q - block(scheme, "q_rotated", n)).cwiseAbs().maxCoeff() <= bound(2.2, 5));
      CHECK((k - block(scheme, "k_rotated", n)).cwiseAbs().maxCoeff() <= bound(2.2, 11));
    }
  }
}

TEST_CASE("Falcon's golden gate is that of mlx-vlm", "[rope][mixed][heads][golden]") {
  for (int n = 0; n < 3; ++n) {
    INFO(n);
    RowMatrix<double> x = block("falcon", "x", n);
    const RowMatrix<double> golden = block("falcon", "golden", n), sides = block("falcon", "grid", n);
    const Index heads = n == 0 ? 2 : n == 1 ? 1 : 3, head_dim = x.cols() / heads;
    // Rows and columns from -a to a and from -1 / a to 1 / a, with a^2 = height / width; text at (0, 0).
    const double a = std::sqrt(sides(0, 0) / sides(0, 1));
    const auto axis = [&](Index which, double end) {
      return posenc::GridAxis::linspace(static_cast<Index>(sides(0, which)), {-end, end});
    };
    Eigen::MatrixXd positions = Eigen::MatrixXd::Zero(x.rows(), 2);
    positions.middleRows(2, x.rows() - 3) = posenc::grid_positions({axis(0, a), axis(1, 1 / a)});
    CHECK((positions - block("falcon", "positions", n)).cwiseAbs().maxCoeff() <= 4 * 0x1p-24);
    const RopeLayout layout = RopeLayout::interleaved(head_dim);
    apply_rope(x, posenc::make_mixed_table<double>(golden, positions, each_of(heads)), layout.suffix(head_dim / 2));
    apply_rope(x,
               posenc::make_table<double>(posenc::geometric_frequencies(head_dim / 2, 1e4),
                                          posenc::PositionRange(0, x.rows())),
               layout.prefix(head_dim / 2));
    CHECK((x - block("falcon", "y", n)).cwiseAbs().maxCoeff() <= bound(2, 18));
  }
}

TEST_CASE("FoPE's sums are those of lmdeploy", "[rope][fope][golden]") {
  const Index head_dims[] = {16, 24, 64};
  for (int n = 0; n < 3; ++n) {
    INFO(n);
    const RowMatrix<double> by_cos = block("fope", "by_cos", n), by_sin = block("fope", "by_sin", n);
    const RowMatrix<double> cos = block("fope", "cos", n), sin = block("fope", "sin", n);
    const Index kept = by_cos.rows(), heads = by_cos.cols() / kept;
    const posenc::Frequencies frequencies(
        posenc::geometric_frequencies(head_dims[n], 1e4).inv_freq().head(kept).eval());
    const auto table = posenc::make_fope_table<double>(
        frequencies, by_cos, by_sin, posenc::PositionRange(11, cos.rows()), head_dims[n], each_of(heads));
    // Sums of `kept` products with coefficients of 2 at most.
    const double largest = static_cast<double>(kept) * bound(2, 18);
    for (Index h = 0; h < heads; ++h) {
      const Eigen::MatrixXd got_cos = table.head(h).cos().leftCols(kept), got_sin = table.head(h).sin().leftCols(kept);
      CHECK((got_cos - cos.middleCols(h * kept, kept)).cwiseAbs().maxCoeff() <= largest);
      CHECK((got_sin - sin.middleCols(h * kept, kept)).cwiseAbs().maxCoeff() <= largest);
    }
  }
}
