// SPDX-License-Identifier: MIT
/// Tables by tile and aspect ratio, with a gate: the pictures of Llama 3.2 Vision.
#include "posenc/learnable.hpp"
#include "support/catch2.hpp"
#include "support/golden.hpp"
#include "support/matrices.hpp"
#include "support/same_bits.hpp"

#include <cmath>
#include <vector>

using namespace posenc_tests;

TEST_CASE("positions of tiles equal those of Mllama", "[learnable][accuracy]") {
  const Golden file = golden("learnable/tiles.csv");
  for (const std::string n : {"-0", "-1", "-2"}) {
    INFO(n);
    const auto block = [&](const std::string& name) { return MatrixD(file.block(name + n).matrix()); };
    const MatrixD ids = block("ids"), positions = block("positions"), tiles = block("tiles"), ratios = block("ratios");
    const Index patches = positions.rows(), pictures = ids.cols();
    const Index num_tiles = block("x").rows() / patches / pictures;
    const double gate = std::tanh(block("gates")(0, 0)), ratio_gate = std::tanh(block("gates")(0, 1));

    // A gate is a factor of its table, once for a checkpoint.
    const posenc::LearnedTable<double> of_patches((1 - gate) * positions), of_tiles(gate * tiles);
    const posenc::LearnedTable<double> of_ratios(ratio_gate * ratios);
    std::vector<Index> tile_rows, ratio_rows;  // row (id num_tiles + tile) patches + patch; row id num_tiles + tile
    for (Index picture = 0; picture < pictures; ++picture) {
      const Index first = static_cast<Index>(ids(0, picture)) * num_tiles;
      for (Index tile = first; tile < first + num_tiles; ++tile) {
        for (Index patch = 0; patch < patches; ++patch) {
          tile_rows.push_back(tile * patches + patch);
          ratio_rows.push_back(tile);
        }
      }
    }
    constexpr double kBound = 8 * kEpsilon;  // two additions below 4, and tanh of another library
    MatrixD x = block("x");
    posenc::add_learned(x, of_patches, posenc::each_sequence(patches, posenc::starting_at(0)));
    posenc::add_learned(x, of_tiles, tile_rows);
    REQUIRE(posenc_tests::distance(x, block("with_positions")) <= kBound);
    x = block("x");
    posenc::add_learned(x, of_ratios, ratio_rows);
    REQUIRE(posenc_tests::distance(x, block("with_ratios")) <= kBound);
  }
}
