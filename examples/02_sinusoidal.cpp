// SPDX-License-Identifier: MIT
// The sinusoidal table of "Attention Is All You Need": added to embeddings, similar at nearby positions, and drawn.
//
//   g++ -std=c++17 -O2 -I include -I /usr/include/eigen3 examples/02_sinusoidal.cpp -o sinusoidal && ./sinusoidal
//
// Prints:
//   channels 0 to 5 of positions 0 to 3:
//    0.0000  1.0000  0.0000  1.0000  0.0000  1.0000
//    0.8415  0.5403  0.6816  0.7318  0.5332  0.8460
//    0.9093 -0.4161  0.9975  0.0709  0.9021  0.4315
//    0.1411 -0.9900  0.7783 -0.6279  0.9933 -0.1160
//
//   similarity of positions at distance
//          0       1       2       4       8      16      32      64
//     1.0000  0.9662  0.8845  0.7479  0.7004  0.6054  0.6111  0.4346
//
//   drew 02_sinusoidal.png
//   ok
#include "posenc/posenc.hpp"

#include "support/plot.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iomanip>
#include <iostream>

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

int main() {
  const Eigen::Index tokens = 128;
  const Eigen::Index width = 64;  // d_model
  const auto encoding = posenc::presets::paper(width);

  // What a model does: add the encoding to the embeddings of its tokens.
  Matrix embeddings = Matrix::Ones(tokens, width);  // [tokens, width]
  posenc::add_sinusoidal(embeddings, encoding, posenc::starting_at(0));

  // The table itself, and how similar positions are: the cosine of the angle between their rows.
  const Matrix table = posenc::make_sinusoidal<float>(encoding, posenc::PositionRange(0, tokens));  // [tokens, width]
  const Matrix similarity = table * table.transpose() / (static_cast<float>(width) / 2.0F);         // [tokens, tokens]

  std::cout << "channels 0 to 5 of positions 0 to 3:\n" << std::fixed << std::setprecision(4);
  std::cout << table.topLeftCorner(4, 6) << "\n\nsimilarity of positions at distance\n";
  for (const int distance : {0, 1, 2, 4, 8, 16, 32, 64}) std::cout << std::setw(8) << distance;
  std::cout << "\n";
  for (const int distance : {0, 1, 2, 4, 8, 16, 32, 64}) std::cout << std::setw(8) << similarity(50, 50 + distance);
  std::cout << "\n\n";

  // Channel 2i is sin(p w_i), channel 2i + 1 is cos(p w_i), w_i = 10000^(-2i / width).
  double table_error = 0;
  // The similarity depends on the distance only: it is the mean of cos(distance w_i).
  double similarity_error = 0;
  for (Eigen::Index p = 0; p < tokens; ++p) {
    for (Eigen::Index other = 0; other < tokens; ++other) {
      double mean = 0;
      for (Eigen::Index i = 0; i < width / 2; ++i) {
        const double w = std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(width));
        mean += std::cos(static_cast<double>(other - p) * w) / (static_cast<double>(width) / 2);
        if (other > 0) continue;
        table_error = std::max(table_error, std::abs(table(p, 2 * i) - std::sin(static_cast<double>(p) * w)));
        table_error = std::max(table_error, std::abs(table(p, 2 * i + 1) - std::cos(static_cast<double>(p) * w)));
      }
      similarity_error = std::max(similarity_error, std::abs(similarity(p, other) - mean));
    }
  }
  const bool added = embeddings.isApprox((table.array() + 1).matrix(), 1e-6F);

  // For gnuplot: the table, two empty lines, the similarity. Sines first, then cosines makes the clearer picture.
  const auto sines_first = posenc::presets::transformer_xl(width);
  const Matrix picture = posenc::make_sinusoidal<float>(sines_first, posenc::PositionRange(0, tokens));
  std::ofstream("02_sinusoidal.dat") << picture << "\n\n\n" << similarity << "\n";
  const bool drawn = plot("02_sinusoidal", 1200, 600, R"gnuplot(
set multiplot layout 1,2
set yrange [127.5:-0.5]
set ylabel "position [tokens]"
set tics out nomirror
set title "sinusoidal table: 128 positions x 64 channels"
set xrange [-0.5:63.5]
set xlabel "channel (0-31: sines, 32-63: cosines)"
set arrow 1 from 31.5,-0.5 to 31.5,127.5 nohead front lw 2 lc rgb '#000000'
set xtics 8
set ytics 16
set cblabel "value"
set cbrange [-1:1]
set palette defined (-1 '#2166ac', -0.5 '#92c5de', 0 '#f7f7f7', 0.5 '#f4a582', 1 '#b2182b')
plot '02_sinusoidal.dat' index 0 matrix with image notitle
unset arrow 1
set title "similarity of two positions: only the distance counts"
set xrange [-0.5:127.5]
set xlabel "position [tokens]"
set xtics 16
set cblabel "cosine similarity"
set cbrange [0:1]
set palette defined (0 '#440154', 0.25 '#3b528b', 0.5 '#21918c', 0.75 '#5ec962', 1 '#fde725')
plot '02_sinusoidal.dat' index 1 matrix with image notitle
unset multiplot
)gnuplot");

  // A table entry is rounded once (3e-8); a similarity is a float sum of 64 products.
  const bool ok = table_error < 1e-7 && similarity_error < 2e-6 && added && drawn;
  std::cout << (ok ? "ok\n" : "FAILED\n");
  return ok ? 0 : 1;
}
