// SPDX-License-Identifier: MIT
/// Trained tables of pictures of any size, as Idefics 3 and Kimi K2.5 read them.
#include "posenc/learnable.hpp"
#include "posenc/positions.hpp"
#include "posenc/sinusoidal.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"
#include "support/matrices.hpp"

using namespace posenc_tests;
using posenc::GridShape;
using Matrix = RowMatrix<double>;

namespace {

struct Sizes {
  Matrix numbers;
  int operator[](Eigen::Index i) const { return static_cast<int>(numbers(0, i)); }
};

Matrix block(const std::string& name) {
  static const Golden file = golden("learnable/vision.csv");
  return file.block(name).matrix();
}

}  // namespace

TEST_CASE("patches of Idefics read the row at their fraction of the table", "[learnable][lookup][golden]") {
  for (const std::string n : {"0", "1", "2"}) {
    const Sizes size{block("idefics-size-" + n)};
    const int side = size[0];
    const auto at = posenc::stretched_positions({size[1], size[2]}, {side, side}).array().floor().eval();
    const Eigen::VectorXd rows = at.col(0) * side + at.col(1);
    CHECK(rows.transpose() == block("idefics-" + n));
    const posenc::LearnedTable<double> table(pattern<double>(side * side, 3));
    Matrix x = Matrix::Zero(rows.size(), 3);
    posenc::add_learned(x, table, rows.cast<int>().eval());
    CHECK(x.row(x.rows() - 1) == table.values().row(static_cast<Eigen::Index>(rows[rows.size() - 1])));
  }
}

TEST_CASE("patches of Kimi K2.5 have a bicubic table, and a sinusoid of their frame", "[learnable][resize][golden]") {
  for (const std::string n : {"0", "1", "2"}) {
    const Sizes size{block("kimi-size-" + n)};
    const int frames = size[1], patches = size[2] * size[3];
    const Matrix table = block("kimi-table-" + n), expected = block("kimi-" + n);
    Matrix resized(patches, table.cols());
    posenc::resize(
        resized, table,
        posenc::GridResize(GridShape(size[0], size[0]), GridShape(size[2], size[3]), posenc::GridFilter::bicubic));
    Matrix added = resized.replicate(frames, 1);
    if (frames > 1) {  // a picture has none
      std::vector<int> frame_of_patch;
      for (int i = 0; i < frames * patches; ++i) frame_of_patch.push_back(i / patches);
      posenc::SinusoidalOptions options(posenc::ChannelOrder::sin_cos, posenc::FrequencySpacing::over_width);
      posenc::add_sinusoidal(added, posenc::SinusoidalEncoding(table.cols(), options), frame_of_patch);
    }
    // transformers weighs 16 numbers of 2 at most in float, by weights whose sizes add up to 1.9 each way.
    CHECK((added - expected).cwiseAbs().maxCoeff() <= 32 * 2 * 3.7 * 0x1p-24);
  }
}
