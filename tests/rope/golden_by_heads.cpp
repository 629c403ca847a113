// SPDX-License-Identifier: MIT
/// Models whose heads, axes or channels have angles of their own, as timm, diffusers and transformers rotate them.
#include "support/golden.hpp"
#include "support/rotations.hpp"

using namespace posenc_tests;
using posenc::apply_rope;
using posenc::RopeLayout;

namespace {

struct Scheme {
  std::string name;

  RowMatrix<double> block(const char* which, int n) const {
    static const Golden file = golden("rotations/by_heads.csv");
    return file.block(name + "-" + which + "-" + std::to_string(n)).matrix();
  }
  /// Sources form angles up to `angle` in float, each with some four roundings, and round their cosines; x <= 2.
  void check(int n, const RowMatrix<double>& rotated, double angle) const {
    INFO(name << " " << n);
    CHECK((rotated - block("y", n)).cwiseAbs().maxCoeff() <= 2 * 2 * (4 * angle + 4) * 0x1p-24 + 1e-8);
  }
};

posenc::TableOptions each_of(Index heads) {
  posenc::TableOptions options;
  options.num_heads = heads;
  return options;
}

double largest_angle(const RowMatrix<double>& frequencies, const RowMatrix<double>& positions) {
  return (positions.cwiseAbs() * frequencies.cwiseAbs()).maxCoeff();
}

}  // namespace

TEST_CASE("learned frequencies of each head are those of timm and of Mochi", "[rope][mixed][heads][golden]") {
  for (const Scheme& scheme : {Scheme{"timm_mixed"}, Scheme{"mochi"}}) {
    const Index heads[] = {3, 2, 1};
    for (int n = 0; n < 3; ++n) {
      const RowMatrix<double> f = scheme.block("frequencies", n), positions = scheme.block("positions", n);
      RowMatrix<double> x = scheme.block("x", n);
      const auto table = posenc::make_mixed_table<double>(f, positions, each_of(heads[n]));
      apply_rope(x, table, RopeLayout::interleaved(x.cols() / heads[n]));
      scheme.check(n, x, largest_angle(f, positions));
    }
  }
}

TEST_CASE("heads have slices of one spectrum in LTX-2", "[rope][heads][golden]") {
  const Scheme scheme{"ltx2"};
  const Index heads[] = {4, 2, 3};
  for (int n = 0; n < 3; ++n) {
    RowMatrix<double> x = scheme.block("x", n);
    const RowMatrix<double> positions = scheme.block("positions", n);
    // Frequencies on three axes in turn, behind the pairs that are left, which do not rotate: over the whole width.
    const Index pairs = x.cols() / 2, of_axis = pairs / 3, left = pairs - 3 * of_axis;
    Eigen::ArrayXd inv_freq = Eigen::ArrayXd::Zero(pairs);
    Eigen::ArrayXi axes = Eigen::ArrayXi::Zero(pairs);
    for (Index i = left; i < pairs; ++i) {
      const double exponent = static_cast<double>((i - left) / 3) / static_cast<double>(of_axis - 1);
      inv_freq[i] = std::pow(100.0, exponent) * 1.5707963267948966;
      axes[i] = static_cast<int>((i - left) % 3);
    }
    const auto table = posenc::make_table<double>(posenc::Frequencies(inv_freq), posenc::AxisMap(axes, 3), positions,
                                                  each_of(heads[n]));
    apply_rope(x, table, RopeLayout::half_split(x.cols() / heads[n]));
    scheme.check(n, x, 157.1);
  }
}

TEST_CASE("each axis has a base of its own in Cosmos", "[rope][heads][golden]") {
  const Scheme scheme{"cosmos"};
  const int head_dims[] = {32, 24, 14};
  for (int n = 0; n < 3; ++n) {
    const int of_space = head_dims[n] / 6 * 2, of_time = head_dims[n] - 2 * of_space;
    const double scales[] = {2.0, 1.5, 3.0};
    const int widths[] = {of_time, of_space, of_space};
    std::vector<double> bases;
    std::vector<int> pairs;
    for (int axis = 0; axis < 3; ++axis) {
      bases.push_back(1e4 * std::pow(scales[axis], static_cast<double>(widths[axis]) / (widths[axis] - 2)));
      pairs.push_back(widths[axis] / 2);
    }
    const auto model = posenc::axial_frequencies(pairs, bases);
    const Eigen::MatrixXd positions = scheme.block("positions", n);
    RowMatrix<double> x = scheme.block("x", n);
    apply_rope(x, posenc::make_table<double>(model.frequencies, model.axes, positions),
               RopeLayout::half_split(head_dims[n]));
    scheme.check(n, x, 5);
  }
}

TEST_CASE("channels have angles of their own in V-JEPA 2", "[rope][channels][golden]") {
  const Scheme scheme{"vjepa2"};
  const int head_dims[] = {64, 26, 18};
  for (int n = 0; n < 3; ++n) {
    const auto model = posenc::presets::vjepa2_frequencies(head_dims[n]);
    const Eigen::MatrixXd positions = scheme.block("positions", n);
    RowMatrix<double> x = scheme.block("x", n);
    const auto table = posenc::make_table<double>(model.frequencies, model.axes, positions);
    apply_channel_angles(x, table, RopeLayout::interleaved(head_dims[n]).prefix(model.frequencies.num_pairs()));
    scheme.check(n, x, 0);  // in double, printed with nine digits
  }
}

TEST_CASE("nanochat rotates against the usual sense", "[rope][golden]") {
  const Scheme scheme{"nanochat"};
  const int head_dims[] = {16, 6, 128};
  for (int n = 0; n < 3; ++n) {
    RowMatrix<double> x = scheme.block("x", n);
    const auto frequencies = posenc::presets::nanochat_frequencies(head_dims[n], 1e4);
    apply_rope(x, posenc::make_table<double>(frequencies, posenc::PositionRange(0, x.rows())),
               RopeLayout::half_split(head_dims[n]));
    scheme.check(n, x, 0);
  }
}
