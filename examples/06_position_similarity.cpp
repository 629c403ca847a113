// SPDX-License-Identifier: MIT
// What a trained table of positions looks like: the cosine similarity between positions, for the table that a language
// model of tales learned with its weights (example 14), for that table stretched from 256 to 512 positions in four
// ways, and for the sinusoidal table, which nobody trained.
//
//   06_position_similarity [tables of other models as .npy files]
//
// Prints:
//   mean cosine similarity at distance      1      2      4      8     16     32     64
//   trained, 256 x 96                    0.88   0.86   0.84   0.79   0.65   0.41   0.20
//   sinusoidal, 256 x 96                 0.97   0.89   0.76   0.71   0.62   0.56   0.50
//   512: half-pixel                      0.98   0.94   0.91   0.88   0.83   0.69   0.43
//   512: align corners                   0.98   0.94   0.90   0.88   0.82   0.69   0.43
//   512: position interpolation          0.97   0.92   0.89   0.87   0.81   0.68   0.43
//   512: hierarchical                    0.92   0.91   0.89   0.85   0.74   0.54   0.34
//
//   drew 06_position_similarity.png
//   ok
//
// Neighbors look alike, although nobody told the model that they should, and the farther the less. Interpolation keeps
// the shape and doubles its width. The edges at 64 and 128 in the picture are where training went from tales of 64
// tokens to tales of 128 and of 256: the rows behind them were trained in fewer steps. Hierarchical positions keep the
// first 256 rows; those past them are a mix in which all look alike.
#include "posenc/posenc.hpp"

#include "support/plot.hpp"

#include <cmath>
#include <exception>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

using Eigen::Index;
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Cosine of the angle between any two rows: [positions, positions].
Matrix similarity(const Matrix& table) {
  const Matrix unit = table.rowwise().normalized();
  return unit * unit.transpose();
}

struct Table {
  std::string name;
  Matrix values;  // [positions, width]
};

// For gnuplot: the similarities of every nth position, so that about 128 remain, and two empty lines.
void write_picture(std::ostream& out, const Matrix& similar) {
  const Index n = (similar.rows() + 127) / 128;
  for (Index i = 0; i < similar.rows(); i += n) {
    for (Index j = 0; j < similar.rows(); j += n) out << similar(i, j) << " ";
    out << "\n";
  }
  out << "\n\n";
}

#if !defined(POSENC_MODELS_DIR)
#define POSENC_MODELS_DIR "examples/models"
#endif

int main(int argc, char** argv) {
  try {
    const Matrix trained = posenc::read_npy<float>(POSENC_MODELS_DIR "/learned_positions.npy").values;
    const Index width = trained.cols();

    Matrix linear(512, width), corners(512, width), interpolated(512, width), hierarchical(512, width);
    posenc::resize(linear, trained, posenc::Resize::half_pixel);
    posenc::resize(corners, trained, posenc::Resize::align_corners);
    posenc::resize(interpolated, trained, posenc::Resize::position_interpolation);
    posenc::LookupOptions squared;  // not a resize: the first 256 rows stay as they are
    squared.overflow = posenc::Overflow::hierarchical;
    posenc::encode_learned(hierarchical, posenc::wrap_learned_table(trained, squared), posenc::starting_at(0));

    std::vector<Table> tables = {
        {"trained, 256 x 96", trained},
        {"sinusoidal, 256 x 96",
         posenc::make_sinusoidal<float>(posenc::presets::paper(width), posenc::PositionRange(0, 256))},
        {"512: half-pixel", linear},
        {"512: align corners", corners},
        {"512: position interpolation", interpolated},
        {"512: hierarchical", hierarchical}};
    for (int i = 1; i < argc; ++i) {
      const std::string path = argv[i];
      tables.push_back({path.substr(path.find_last_of("/\\") + 1), posenc::read_npy<float>(path).values});
    }

    std::cout << "mean cosine similarity at distance" << std::fixed << std::setprecision(2);
    for (const Index distance : {1, 2, 4, 8, 16, 32, 64}) std::cout << std::setw(7) << distance;
    std::cout << "\n";
    std::ofstream data("06_position_similarity.dat");
    data << std::setprecision(3);
    constexpr Index furthest = 64;
    Matrix by_distance(furthest + 1, 1 + static_cast<Index>(tables.size()));  // column 0: the distance
    by_distance.col(0) = Eigen::VectorXf::LinSpaced(furthest + 1, 0, furthest);
    for (std::size_t i = 0; i < tables.size(); ++i) {
      const Matrix similar = similarity(tables[i].values);
      auto column = by_distance.col(1 + static_cast<Index>(i));
      for (Index distance = 0; distance <= furthest; ++distance) column[distance] = similar.diagonal(distance).mean();
      std::cout << std::left << std::setw(34) << tables[i].name << std::right;
      for (const Index distance : {1, 2, 4, 8, 16, 32, 64}) std::cout << std::setw(7) << column[distance];
      std::cout << "\n";
      write_picture(data, similar);
    }
    data.close();
    std::cout << "\n";
    const bool drawn = plot("06_position_similarity", 1100, 1000, R"gnuplot(
set multiplot layout 2,2 title "Color: cosine similarity of two positions" font ",15"
set palette defined (-1 '#2166ac', -0.5 '#92c5de', 0 '#f7f7f7', 0.5 '#f4a582', 1 '#b2182b')
set cbrange [-1:1]
set tics out nomirror
set size ratio 1
set xlabel "position [tokens]"
set ylabel "position [tokens]"
file = '06_position_similarity.dat'
set xrange [-1:255]
set yrange [255:-1]
set xtics 64
set ytics 64
set title "trained: 256 positions"
plot file index 0 matrix using ($1*2):($2*2):3 with image notitle
set title "sinusoidal: 256 positions"
plot file index 1 matrix using ($1*2):($2*2):3 with image notitle
set xrange [-2:510]
set yrange [510:-2]
set xtics 128
set ytics 128
set title "trained, stretched to 512: half pixel"
plot file index 2 matrix using ($1*4):($2*4):3 with image notitle
set title "trained, stretched to 512: hierarchical"
plot file index 5 matrix using ($1*4):($2*4):3 with image notitle
unset multiplot
)gnuplot");

    // What defines each way to stretch, and that neighbors look alike where nobody told the model that they should.
    bool ok = drawn;
    for (Index p = 0; p < 255; ++p) {
      const auto between = 0.75F * trained.row(p) + 0.25F * trained.row(p + 1);  // half-pixel: a quarter of the way
      ok &= (linear.row(2 * p + 1) - between).cwiseAbs().maxCoeff() < 1e-6F;
      ok &= interpolated.row(2 * p) == trained.row(p);  // every other row is a trained one
    }
    ok &= corners.row(0) == trained.row(0) && corners.row(511) == trained.row(255);
    ok &= hierarchical.topRows(256) == trained;
    ok &= by_distance(1, 1) > 0.8F && by_distance(64, 1) < 0.4F;
    for (Index given = 7; given < by_distance.cols(); ++given) ok &= by_distance(1, given) > 0.5F;
    std::cout << (ok ? "ok\n" : "FAILED\n");
    return ok ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
