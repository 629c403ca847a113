// SPDX-License-Identifier: MIT
// What trained position tables look like: the cosine similarity between positions, for two trained tables, for one of
// them stretched from 512 to 1,024 positions in four ways, and for the sinusoidal table.
//
//   06_position_similarity [folder with the two .npy files]
//
// The tables are those of rxn4chemistry/rxnmapper (an ALBERT) and of ARM-software/keyword-transformer, as .npy files.
//
// Prints:
//   mean cosine similarity at distance      1      2      4      8     16     32     64
//   ALBERT, 512 x 128                    0.78   0.59   0.23   0.37   0.09   0.10   0.18
//   KWT, 99 x 64                         0.95   0.95   0.94   0.88   0.68   0.03  -0.83
//   sinusoidal, 512 x 128                0.97   0.90   0.76   0.71   0.62   0.56   0.48
//   1024: half-pixel                     0.95   0.85   0.64   0.27   0.39   0.11   0.11
//   1024: align corners                  0.95   0.84   0.63   0.27   0.39   0.11   0.11
//   1024: position interpolation         0.94   0.83   0.62   0.26   0.38   0.10   0.11
//   1024: hierarchical                   0.84   0.70   0.42   0.52   0.31   0.31   0.34
//
//   drew 06_position_similarity.png
//   ok
//
// Interpolation keeps the shape and doubles its period. Hierarchical positions keep the first 512 rows; those past them
// are a mix in which all look alike.
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

int main(int argc, char** argv) {
  std::string folder = argc > 1 ? argv[1] : "";
#if defined(POSENC_DATA_DIR)
  if (argc < 2) folder = POSENC_DATA_DIR "/tables";
#endif
  if (!std::ifstream(folder + "/albert_rxnmapper_pos_512x128.npy")) {
    std::cerr << "no trained tables in '" << folder << "': give their folder as argument\n";
    return argc > 1 ? 1 : 0;
  }

  try {
    const Matrix albert = posenc::read_npy<float>(folder + "/albert_rxnmapper_pos_512x128.npy").values;
    const Matrix kwt = posenc::read_npy<float>(folder + "/kwt1_pos_99x64.npy").values;
    const Index width = albert.cols();

    Matrix linear(1024, width), corners(1024, width), interpolated(1024, width), hierarchical(1024, width);
    posenc::resize(linear, albert, posenc::Resize::half_pixel);
    posenc::resize(corners, albert, posenc::Resize::align_corners);
    posenc::resize(interpolated, albert, posenc::Resize::position_interpolation);
    posenc::LookupOptions squared;  // not a resize: the first 512 rows stay as they are
    squared.overflow = posenc::Overflow::hierarchical;
    posenc::encode_learned(hierarchical, posenc::wrap_learned_table(albert, squared), posenc::starting_at(0));

    const std::vector<Table> tables = {
        {"ALBERT, 512 x 128", albert},
        {"KWT, 99 x 64", kwt},
        {"sinusoidal, 512 x 128",
         posenc::make_sinusoidal<float>(posenc::presets::paper(width), posenc::PositionRange(0, 512))},
        {"1024: half-pixel", linear},
        {"1024: align corners", corners},
        {"1024: position interpolation", interpolated},
        {"1024: hierarchical", hierarchical}};

    std::cout << "mean cosine similarity at distance" << std::fixed << std::setprecision(2);
    for (const Index distance : {1, 2, 4, 8, 16, 32, 64}) std::cout << std::setw(7) << distance;
    std::cout << "\n";
    std::ofstream data("06_position_similarity.dat");
    data << std::setprecision(3);
    constexpr Index furthest = 96;
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
    data << by_distance << "\n";
    data.close();
    std::cout << "\n";
    const bool drawn = plot("06_position_similarity", 1500, 950, R"gnuplot(
set multiplot layout 2,3 title "Color: cosine similarity of two positions" font ",15"
set palette defined (-1 '#2166ac', -0.5 '#92c5de', 0 '#f7f7f7', 0.5 '#f4a582', 1 '#b2182b')
set cbrange [-1:1]
set tics out nomirror
set size ratio 1
set xlabel "position [tokens]"
set ylabel "position [tokens]"
file = '06_position_similarity.dat'
set title "ALBERT, trained: 512 positions"
set xrange [-2:510]
set yrange [510:-2]
set xtics 128
set ytics 128
plot file index 0 matrix using ($1*4):($2*4):3 with image notitle
set title "KWT, trained: class token and 98 frames"
set xrange [-0.5:98.5]
set yrange [98.5:-0.5]
set xtics 16
set ytics 16
plot file index 1 matrix with image notitle
set title "sinusoidal: 512 positions"
set xrange [-2:510]
set yrange [510:-2]
set xtics 128
set ytics 128
plot file index 2 matrix using ($1*4):($2*4):3 with image notitle
set xrange [-4:1020]
set yrange [1020:-4]
set xtics 256
set ytics 256
set title "ALBERT stretched to 1,024: half pixel"
plot file index 3 matrix using ($1*8):($2*8):3 with image notitle
set title "ALBERT stretched to 1,024: hierarchical"
plot file index 6 matrix using ($1*8):($2*8):3 with image notitle
set title "the same by distance, mean over positions"
set size noratio
set rmargin 3
set xrange [0:96]
set yrange [-0.1:1]
set xtics 16
set ytics 0.2
set grid lt 1 lw 1 lc rgb '#dddddd'
set xlabel "distance [tokens]"
set ylabel "mean cosine similarity"
set key top right samplen 3 spacing 1.2
plot file index 7 using 1:2 with lines lw 4 lc rgb '#000000' title "ALBERT", \
     '' index 7 using 1:4 with lines lw 2 lc rgb '#999999' title "sinusoidal", \
     '' index 7 using 1:8 with lines lw 3 lc rgb '#009E73' title "hierarchical", \
     '' index 7 using 1:5 with lines lw 6 lc rgb '#56B4E9' title "three interpolations", \
     '' index 7 using 1:6 with lines lw 2 lc rgb '#0072B2' dt (6,4) notitle, \
     '' index 7 using 1:7 with lines lw 2 lc rgb '#E69F00' dt (2,4) notitle
unset multiplot
)gnuplot");

    // What defines each way to stretch, and that neighbors look alike where nobody told the model that they should.
    bool ok = drawn;
    for (Index p = 0; p < 511; ++p) {
      const auto between = 0.75F * albert.row(p) + 0.25F * albert.row(p + 1);  // half-pixel: a quarter of the way
      ok &= (linear.row(2 * p + 1) - between).cwiseAbs().maxCoeff() < 1e-6F;
      ok &= interpolated.row(2 * p) == albert.row(p);  // every other row is a trained one
    }
    ok &= corners.row(0) == albert.row(0) && corners.row(1023) == albert.row(511);
    ok &= hierarchical.topRows(512) == albert;
    ok &= by_distance(1, 1) > 0.5F && by_distance(1, 2) > 0.9F && by_distance(32, 1) < 0.2F;
    std::cout << (ok ? "ok\n" : "FAILED\n");
    return ok ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
