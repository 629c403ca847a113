// SPDX-License-Identifier: MIT
/// The presets by model against what the models' own classes compute.
#include "posenc/positions.hpp"
#include "posenc/sinusoidal.hpp"

#include "support/catch2.hpp"
#include "support/golden.hpp"
#include "support/matrices.hpp"

#include <sstream>
#include <string>
#include <vector>

using namespace posenc_tests;
namespace presets = posenc::presets;

namespace {

using Matrix = RowMatrix<double>;

struct Name {
  std::string kind;
  std::vector<int> numbers;

  explicit Name(const std::string& name) {
    std::istringstream in(name);
    std::getline(in, kind, '_');
    for (std::string part; std::getline(in, part, '_');) numbers.push_back(std::stoi(part));
  }
};

/// The models compute angles in float32: an exponent of at most 10 errs by 10 2^-24 and so does the frequency, to which the
/// power, the product and the sine add some roundings. `angle` is the largest.
double float32_bound(double angle) { return (16 * angle + 4) * 0x1p-24; }

Matrix encoded(const Name& name, const Matrix& at, Eigen::Index width, double* angle) {
  const auto& n = name.numbers;
  const auto first = static_cast<Eigen::Index>(n[0]);
  Matrix out(at.rows(), width);
  const auto line = [&](const posenc::SinusoidalEncoding& encoding) {
    posenc::encode_sinusoidal(out, encoding, Eigen::VectorXd(at.col(0)));
    *angle = encoding.frequencies().fastest() * (at.maxCoeff() + 2);
    return out;
  };
  const auto grid = [&](const posenc::SinusoidalGridEncoding& encoding, const Matrix& positions) {
    out.resize(positions.rows(), width);
    posenc::encode_sinusoidal(out, encoding, positions);
    *angle = encoding.frequencies().frequencies.fastest() * positions.cwiseAbs().maxCoeff();
    return out;
  };
  if (name.kind == "musicgen") return line(presets::musicgen(first));
  if (name.kind == "xglm") return line(presets::xglm(first));
  if (name.kind == "marian") return line(presets::marian_transformers(first));
  if (name.kind == "nemo") return line(presets::nemo(first));
  if (name.kind == "pi0") return line(presets::pi0(first));
  if (name.kind == "gligen") return grid(presets::gligen(first), at);
  if (name.kind == "dabdetr") {
    return grid(presets::dab_detr(first, 20, 30), posenc::presets::detr_positions(Eigen::MatrixXi::Ones(n[1], n[2])));
  }
  if (name.kind == "queries") return grid(presets::dab_detr_queries(first, n[1]), at);
  const std::vector<int> sides(n.begin() + 1, n.end());
  return grid(presets::perceiver(sides, first, name.kind == "perceiver", name.kind == "sines"), at);
}

}  // namespace

TEST_CASE("presets by model equal what the models compute", "[sinusoidal][presets]") {
  const Golden file = golden("sinusoidal/model_presets.csv");
  int compared = 0;
  for (const auto& [name, block] : file.blocks) {
    if (name.size() < 4 || name.substr(name.size() - 4) != "-row") continue;
    const std::string base = name.substr(0, name.size() - 4);
    INFO(base);
    const Matrix expected = block.matrix();
    double angle = 0;
    const Matrix got = encoded(Name(base), file.block(base + "-at").matrix(), expected.cols(), &angle);
    REQUIRE(got.rows() == expected.rows());
    REQUIRE(distance(got, expected) <= float32_bound(angle));
    ++compared;
  }
  REQUIRE(compared == 33);
  REQUIRE(presets::marian_transformers(16).options().embedding_scale == 4);
}
