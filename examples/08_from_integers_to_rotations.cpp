// SPDX-License-Identifier: MIT
// Why positions are encoded the way they are: integers, binary digits, decimal digits, sinusoids and RoPE, measured by
// what one asks of an encoding; then RoPE read as a number, and what extending a context does to its digits.
//
//   g++ -std=c++17 -O2 -I include -I /usr/include/eigen3 examples/08_from_integers_to_rotations.cpp -o ladder &&
//   ./ladder
//
// Prints:
//               distance   map from p to p + k   made again    distance     size beside   score of two
//               of codes   within   16 x longer     differs   on a grid    an embedding   tokens moves
//   integer        4.000    0.000         0.000       0.000       2.828        1023.000     943808.275
//   binary         1.000    0.740         0.990       0.000       1.000           0.791          0.582
//   base 10        1.000    0.545         1.341       0.000       1.000           3.897         11.459
//   sinusoid       1.015    0.000         0.000       0.000       0.658           0.707          0.650
//   RoPE           1.435    0.000         0.000       0.000       0.930           0.000          0.000
//
//   position 1234, beta = 10
//   pair i    p / beta^i    digit: floor, mod 10    angle: mod 2 pi
//        0      1234.000                       4              2.496
//        1       123.400                       3              4.019
//        2        12.340                       2              6.057
//        3         1.234                       1              1.234
//
//   trained on positions 0 to 999, read to 3,999
//                    beta   a step in the   positions that    highest   of its circle
//                            lowest digit   digits tell apart   digit   never seen
//   direct          10.00            1.00             4000          3         0.48
//   interpolation   10.00            0.25             1000          0         0.00
//   NTK-aware       15.87            1.00             3972          0         0.00
//
//   drew 08_from_integers_to_rotations.png
//   drew 08_rope_digits.png
//   ok
//
// The five properties that one asks for are columns: no two positions alike; position p + k a linear map of position p;
// the same map on longer texts; the same code whenever it is made; several dimensions. Of what the map is to explain, 0
// is missing or, at 1, everything. Integers have all five. What rules them out is their size: at position 1,023 the
// code is a thousand times as long as the embedding that it is added to, and scores are about positions and nothing
// else. Digits are small and no longer linear: a carry is no linear map, and a digit that was 0 in all of training
// changes beyond it. Sinusoids are digits without steps, and linear again; but added they change embeddings, so the
// score of two tokens moves with where they are. RoPE rotates by the same angles, which leaves every length as it is,
// and the score to the distance.
//
// As a number in the base beta, a longer text needs a digit that training never saw (direct), or gets smaller steps, at
// which four neighbors share all digits (interpolation), or a larger base, which keeps the step and fills the highest
// digit no further than before (NTK-aware). Its digits 10 to 15 are new too, but not as angles: a circle is 2 pi < 10.
#include "posenc/posenc.hpp"

#include "support/code_properties.hpp"
#include "support/plot.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <set>
#include <string>
#include <vector>

using code_properties::Matrix;
using Eigen::Index;
using Ids = Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1>;

constexpr Index kWidth = 16;     // channels of an embedding
constexpr Index kLength = 1024;  // positions that maps are fitted on
constexpr Index kLonger = 16 * kLength;

// ---------------------------------------------------------------------------------------------------------------------
// The rungs

// What a position does to the embeddings of tokens, x: [tokens, width].
struct Rung {
  std::string name;
  bool rotates;                                                          // else its code is added
  std::function<void(Matrix& x, const Ids&)> apply;                      // on a line
  std::function<void(Matrix& x, const Ids&, const Ids&)> apply_on_grid;  // rows, columns
};

// A rung whose code is added; on a grid half of the channels tell the row, the others the column.
template <typename Encode>
Rung added(const std::string& name, Encode encode) {
  const auto apply = [encode](Matrix& x, const Ids& positions) {
    Matrix code(x.rows(), x.cols());
    encode(code, positions);
    x += code;
  };
  const auto apply_on_grid = [encode](Matrix& x, const Ids& rows, const Ids& columns) {
    Matrix code(x.rows(), x.cols());
    encode(code.leftCols(kWidth / 2), rows);
    encode(code.rightCols(kWidth / 2), columns);
    x += code;
  };
  return {name, false, apply, apply_on_grid};
}

std::vector<Rung> ladder() {
  const auto rope = [](Matrix& x, const auto& table) {
    posenc::apply_rope(x, table, posenc::RopeLayout::interleaved(kWidth));
  };
  const auto frequencies = posenc::geometric_frequencies(kWidth, 10000.0);
  const auto half = posenc::geometric_frequencies(kWidth / 2, 10000.0);  // for each axis
  const posenc::Frequencies both((Eigen::ArrayXd(kWidth / 2) << half.inv_freq(), half.inv_freq()).finished());
  return {
      added("integer", [](auto&& out, const Ids& p) { posenc::encode_integers(out, 1, p); }),
      added("binary", [](auto&& out, const Ids& p) { posenc::encode_digits(out, 2, p); }),
      added("base 10", [](auto&& out, const Ids& p) { posenc::encode_digits(out, 10, p); }),
      added("sinusoid",
            [](auto&& out, const Ids& p) { posenc::encode_sinusoidal(out, posenc::presets::paper(out.cols()), p); }),
      {"RoPE", true, [=](Matrix& x, const Ids& p) { rope(x, posenc::make_table<double>(frequencies, p)); },
       [=](Matrix& x, const Ids& rows, const Ids& columns) {
         Matrix axes(rows.size(), 2);
         axes << rows.cast<double>(), columns.cast<double>();
         rope(x, posenc::make_table<double>(both, posenc::contiguous_axes({kWidth / 4, kWidth / 4}), axes));
       }}};
}

// The code alone: what is added to 0; of a rotation, what it makes of ones.
Matrix code(const Rung& rung, const Ids& positions) {
  Matrix x = Matrix::Constant(positions.size(), kWidth, rung.rotates ? 1.0 : 0.0);
  rung.apply(x, positions);
  return x;
}

Ids range(Index first, Index count) { return Ids::LinSpaced(count, first, first + count - 1); }

// ---------------------------------------------------------------------------------------------------------------------
// What one asks of an encoding, in numbers (support/code_properties.hpp has those of codes alone)

// The smallest distance between the codes of two places of a 32 x 32 grid.
double smallest_grid_distance(const Rung& rung) {
  const Ids place = range(0, 32 * 32);
  Matrix x = Matrix::Constant(place.size(), kWidth, rung.rotates ? 1.0 : 0.0);
  rung.apply_on_grid(x, place / 32, place - place / 32 * 32);
  return code_properties::smallest_distance(x);
}

Matrix embeddings(std::uint64_t seed) {
  Matrix x(1, kWidth);
  posenc::fill(x, posenc::Normal(1.0), posenc::Seed(seed));
  return x.replicate(kLength, 1);
}

// The largest size of what the positions change in an embedding's length, beside that length.
double size_beside_embedding(const Rung& rung) {
  if (!rung.rotates) return code(rung, range(0, kLength)).rowwise().norm().maxCoeff() / std::sqrt(double(kWidth));
  Matrix x = embeddings(1);
  const double before = x.row(0).norm();
  rung.apply(x, range(0, kLength));
  return (x.rowwise().norm().array() / before - 1).abs().maxCoeff();
}

// How far the score of the same two tokens, five places apart, moves with where they are; beside |x| |y|.
double score_moves(const Rung& rung) {
  Matrix x = embeddings(1), y = embeddings(2);
  const double size = x.row(0).norm() * y.row(0).norm();
  rung.apply(x, range(5, kLength));
  rung.apply(y, range(0, kLength));
  const Eigen::ArrayXd scores = (x.array() * y.array()).rowwise().sum() / size;
  return (scores - scores[0]).abs().maxCoeff();
}

struct Measured {
  double distance, within, beyond, nondeterminism, grid_distance, size, score;
};

Measured measure(const Rung& rung) {
  const auto codes = [&](Index first, Index count) { return code(rung, range(first, count)); };
  const auto relation = code_properties::worst_relation(codes, {1, 10, 100}, kLength, kLonger);
  return {code_properties::smallest_distance(codes(0, kLength)),
          relation.within,
          relation.beyond,
          code_properties::nondeterminism(codes, kLength),
          smallest_grid_distance(rung),
          size_beside_embedding(rung),
          score_moves(rung)};
}

// ---------------------------------------------------------------------------------------------------------------------
// RoPE as a number of four digits: eight channels and the base 10,000 are beta = 10000^(2/8) = 10

const double kCircle = 2 * std::acos(-1.0);
constexpr Index kPairs = 4;
constexpr Index kTrained = 1000;
constexpr Index kRead = 4 * kTrained;

struct Rule {
  std::string name;
  posenc::Frequencies frequencies;

  double beta() const { return frequencies.inv_freq()[0] / frequencies.inv_freq()[1]; }
  // p / beta^i; cos and sin of it are what RoPE rotates by.
  double angle(Index position, Index pair) const {
    return static_cast<double>(position) * frequencies.inv_freq()[pair];
  }
  // floor(p / beta^i) mod beta, where beta may be no integer: the whole steps that a wheel of beta steps stands at.
  int digit(Index position, Index pair) const {
    return static_cast<int>(std::floor(std::fmod(angle(position, pair), beta())));
  }
};

// How many of the positions have digits that no other has.
int told_apart(const Rule& rule) {
  std::set<std::vector<int>> numbers;
  for (Index p = 0; p < kRead; ++p) {
    std::vector<int> digits;
    for (Index pair = 0; pair < kPairs; ++pair) digits.push_back(rule.digit(p, pair));
    numbers.insert(digits);
  }
  return static_cast<int>(numbers.size());
}

// The share of the circle of the last pair that reading visits and training, with the frequencies of `trained`, did
// not.
double never_seen(const Rule& rule, const Rule& trained) {
  constexpr int arcs = 360;
  const auto arc = [](double angle) { return static_cast<std::size_t>(std::fmod(angle, kCircle) / kCircle * arcs); };
  std::vector<bool> seen(arcs), visited(arcs);
  for (Index p = 0; p < kTrained; ++p) seen[arc(trained.angle(p, kPairs - 1))] = true;
  for (Index p = 0; p < kRead; ++p) visited[arc(rule.angle(p, kPairs - 1))] = true;
  int news = 0;
  for (std::size_t i = 0; i < arcs; ++i) news += visited[i] && !seen[i];
  return static_cast<double>(news) / arcs;
}

int main() {
  const std::vector<Rung> rungs = ladder();
  std::vector<Measured> measured;
  std::cout << std::fixed
            << "            distance   map from p to p + k   made again    distance     size beside   score of two\n"
            << "            of codes   within   16 x longer     differs   on a grid    an embedding   tokens moves\n";
  for (const Rung& rung : rungs) {
    measured.push_back(measure(rung));
    const Measured& m = measured.back();
    std::cout << std::left << std::setw(12) << rung.name << std::right << std::setprecision(3) << std::setw(8)
              << m.distance << std::setw(9) << m.within << std::setw(14) << m.beyond << std::setw(12)
              << m.nondeterminism << std::setw(12) << m.grid_distance << std::setw(16) << m.size << std::setw(15)
              << m.score << "\n";
  }

  const auto frequencies = posenc::geometric_frequencies(2 * kPairs, 10000.0);
  const double factor = static_cast<double>(kRead) / kTrained;
  const Rule rules[] = {{"direct", frequencies},
                        {"interpolation", posenc::scale_linear(frequencies, factor)},
                        {"NTK-aware", posenc::scale_ntk_aware(frequencies, factor)}};
  const Rule& direct = rules[0];

  constexpr Index example = 1234;
  Eigen::RowVectorXd digits(kPairs);
  posenc::encode_digits(digits, 10, posenc::starting_at(example));
  std::cout << "\nposition " << example << ", beta = " << std::setprecision(0) << direct.beta()
            << "\npair i    p / beta^i    digit: floor, mod 10    angle: mod 2 pi\n";
  for (Index pair = 0; pair < kPairs; ++pair) {
    std::cout << std::setw(6) << pair << std::setprecision(3) << std::setw(14) << direct.angle(example, pair)
              << std::setw(24) << static_cast<int>(digits[pair]) << std::setw(19)
              << std::fmod(direct.angle(example, pair), kCircle) << "\n";
  }

  std::cout << "\ntrained on positions 0 to 999, read to 3,999\n"
            << "                 beta   a step in the   positions that    highest   of its circle\n"
            << "                         lowest digit   digits tell apart   digit   never seen\n";
  for (const Rule& rule : rules) {
    std::cout << std::left << std::setw(15) << rule.name << std::right << std::setprecision(2) << std::setw(6)
              << rule.beta() << std::setw(16) << rule.angle(1, 0) << std::setw(17) << told_apart(rule) << std::setw(11)
              << rule.digit(kRead - 1, kPairs - 1) << std::setw(13) << never_seen(rule, direct) << "\n";
  }
  std::cout << "\n";

  // For gnuplot: the codes of 64 positions, then what the best map leaves unexplained.
  std::ofstream codes("08_from_integers_to_rotations.dat");
  for (const Rung& rung : rungs) codes << code(rung, range(0, 64)) << "\n\n\n";
  for (std::size_t i = 0; i < rungs.size(); ++i) {
    codes << "\"" << rungs[i].name << "\" " << std::scientific << measured[i].within << " " << measured[i].beyond
          << "\n";
  }
  codes.close();
  bool drawn = plot("08_from_integers_to_rotations", 1500, 950, R"gnuplot(
set multiplot layout 2,3 title "Five ways to tell 64 positions, 16 channels each: color is the number in the code" font ",15"
file = '08_from_integers_to_rotations.dat'
set palette defined (0 '#440154', 0.25 '#3b528b', 0.5 '#21918c', 0.75 '#5ec962', 1 '#fde725')
set tics out nomirror
set xrange [-0.5:15.5]
set yrange [63.5:-0.5]
set xlabel "channel"
set ylabel "position [tokens]"
set xtics 4
set ytics 16
set title "integer: any size"
set cbrange [0:63]
set cbtics 21
plot file index 0 matrix with image notitle
set title "binary: the lowest digit first"
set cbrange [0:1]
set cbtics 1
plot file index 1 matrix with image notitle
set title "base 10"
set cbrange [0:9]
set cbtics 3
plot file index 2 matrix with image notitle
set palette defined (-1 '#2166ac', -0.5 '#92c5de', 0 '#f7f7f7', 0.5 '#f4a582', 1 '#b2182b')
set title "sinusoid: digits without steps"
set cbrange [-1:1]
set cbtics 1
plot file index 3 matrix with image notitle
set title "RoPE: ones, rotated"
set cbrange [-1.5:1.5]
set cbtics 1.5
plot file index 4 matrix with image notitle
set title "what the best map from p to p + k misses"
unset colorbox
set rmargin 3
set xrange [-0.6:4.6]
set yrange [1e-16:1e3]
set logscale y
set format y "10^{%T}"
set ytics 1e4
set xtics 1
unset xlabel
set ylabel "share of the codes"
set grid y lt 1 lw 1 lc rgb '#dddddd'
set style fill solid 1 noborder
set boxwidth 0.35
set key top right samplen 2
set xtics font ",11"
plot file index 5 using ($0-0.19):2:xtic(1) with boxes lc rgb '#0072B2' title "1,024 positions it was fitted on", \
     '' index 5 using ($0+0.19):3 with boxes lc rgb '#E69F00' title "the next 15,360"
unset multiplot
)gnuplot");

  // Columns: position, then for each rule the quotient, digit and wheel of the last pair and of the first.
  std::ofstream wheels("08_rope_digits.dat");
  for (Index p = 0; p < kRead; ++p) {
    wheels << p;
    for (const Rule& rule : rules) {
      wheels << " " << rule.angle(p, kPairs - 1) << " " << rule.digit(p, kPairs - 1) << " "
             << std::fmod(rule.angle(p, 0), rule.beta()) << " " << rule.digit(p, 0);
    }
    wheels << "\n";
  }
  wheels.close();
  drawn &= plot("08_rope_digits", 1500, 900, R"gnuplot(
set multiplot layout 2,3 title "RoPE of four pairs as a number of four digits, trained on 1,000 positions, read to 4,000" font ",15"
file = '08_rope_digits.dat'
array names[3] = ["direct: a digit never seen", "interpolation: quarter steps", "NTK-aware: another base"]
set tics out nomirror
set border 3
set grid lt 1 lw 1 lc rgb '#dddddd'
set key top left Left reverse samplen 2
set xrange [0:4000]
set yrange [-0.2:5]
set xtics 1000
set ytics 1
set xlabel "position [tokens]"
set ylabel "highest digit (pair 3)"
set object 1 rectangle from 0,0 to 4000,1 fc rgb '#56B4E9' fs solid 0.25 noborder behind
do for [r=1:3] {
  set title names[r]
  plot file using 1:(column(4*r-2)) with lines lw 3 lc rgb '#D55E00' title "angle p / beta^3", \
       '' using 1:(column(4*r-1)) with steps lw 2 lc rgb '#000000' title "digit: its floor", \
       NaN with boxes fs solid 0.25 lc rgb '#56B4E9' title "what training saw"
}
set xrange [-0.5:24.5]
set yrange [-0.8:20]
set xtics 4
set ytics 5
set ylabel "lowest digit (pair 0)"
set object 1 rectangle from -0.5,0 to 24.5,10 fc rgb '#56B4E9' fs solid 0.25 noborder behind
do for [r=1:3] {
  set title sprintf("%s", r == 1 ? "steps of 1, ten of them" : r == 2 ? "four neighbors share a digit" : "steps of 1, up to beta = 15.9")
  plot file using 1:(column(4*r+1)) with steps lw 2 lc rgb '#000000' title "digit", \
       '' using 1:(column(4*r)) with points pt 7 ps 1.1 lc rgb '#D55E00' title "p / beta^0 on a wheel of beta steps", \
       NaN with boxes fs solid 0.25 lc rgb '#56B4E9' title "digits that training saw"
}
unset multiplot
)gnuplot");

  // What the table says, and that the digits of the library are those of the formula.
  bool ok = drawn;
  enum { kInteger, kBinary, kDecimal, kSinusoid, kRope };
  for (const std::size_t linear : {kInteger, kSinusoid, kRope}) {
    ok &= measured[linear].within < 1e-9 && measured[linear].beyond < 1e-5;
  }
  for (const std::size_t digital : {kBinary, kDecimal}) {
    ok &= measured[digital].within > 0.3 && measured[digital].beyond > 0.9;
  }
  for (const Measured& m : measured) ok &= m.distance > 0.99 && m.grid_distance > 0.5 && m.nondeterminism == 0;
  ok &= measured[kInteger].size > 1000 && measured[kSinusoid].size < 0.71 && measured[kRope].size < 1e-12;
  ok &= measured[kSinusoid].score > 0.1 && measured[kRope].score < 1e-10;
  for (Index pair = 0; pair < kPairs; ++pair) ok &= digits[pair] == direct.digit(example, pair);
  ok &= told_apart(direct) == kRead && told_apart(rules[1]) == kTrained && told_apart(rules[2]) > 0.99 * kRead;
  ok &= never_seen(direct, direct) > 0.4 && never_seen(rules[1], direct) < 0.01 && never_seen(rules[2], direct) < 0.01;
  std::cout << (ok ? "ok\n" : "FAILED\n");
  return ok ? 0 : 1;
}
