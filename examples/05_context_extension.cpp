// SPDX-License-Identifier: MIT
// Stretching a context eight times: what linear, NTK-aware, YaRN and Llama 3 scaling do to the frequencies of a real
// model, pair by pair.
//
//   g++ -std=c++17 -O2 -I include -I /usr/include/eigen3 examples/05_context_extension.cpp -o extension && ./extension
//
// Prints:
//   wavelength [positions]
//   pair         direct         linear      NTK-aware           YaRN Llama 3 direct      Llama 3.1
//      0            6.3           50.3            6.3            6.3            6.3            6.3
//     16           62.8          502.7          106.5           62.8          167.1          167.1
//     24          198.7         1589.5          438.7          229.6          861.6          861.6
//     32          628.3         5026.5         1806.7         1054.0         4442.9        11971.5
//     40         1986.9        15895.3         7440.0         6077.6        22910.6       183284.7
//     48         6283.2        50265.5        30637.2        50265.5       118142.8       945142.6
//     63        54410.1       435281.1       435281.1       435281.1      2559195.5     20473564.1
//   YaRN also multiplies cos and sin by 1.2079
//
//   drew 05_context_extension.png
//   ok
#include "posenc/posenc.hpp"

#include "support/plot.hpp"

#include <cmath>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

struct Rule {
  std::string name;
  posenc::Frequencies frequencies;
};

int main() {
  const Eigen::Index head_dim = 128;  // 64 pairs
  const double factor = 8;

  // Llama 2: base 10000, trained on 4,096 positions; stretched to 32,768.
  const auto llama2 = posenc::geometric_frequencies(head_dim, 10000.0);
  posenc::YarnOptions yarn;
  yarn.factor = factor;
  yarn.original_max_position_embeddings = 4096;

  // Llama 3.1: base 500000, trained on 8,192 positions; its own rule stretches it (config.json, "rope_scaling").
  const auto llama3 = posenc::geometric_frequencies(head_dim, 500000.0);
  posenc::Llama3Options llama31;
  llama31.factor = factor;
  llama31.original_max_position_embeddings = 8192;

  const std::vector<Rule> rules = {
      {"direct", llama2},
      {"linear", posenc::scale_linear(llama2, factor)},
      {"NTK-aware", posenc::scale_ntk_aware(llama2, factor)},
      {"YaRN", posenc::scale_yarn(llama2, yarn)},
      {"Llama 3 direct", llama3},
      {"Llama 3.1", posenc::scale_llama3(llama3, llama31)},
  };

  // A pair rotates once in wavelength = 2 pi / inv_freq positions.
  const double two_pi = 2 * std::acos(-1.0);
  std::cout << "wavelength [positions]\npair";
  for (const Rule& rule : rules) std::cout << std::setw(15) << rule.name;
  std::cout << "\n" << std::fixed << std::setprecision(1);
  for (const Eigen::Index pair : {0, 16, 24, 32, 40, 48, 63}) {
    std::cout << std::setw(4) << pair;
    for (const Rule& rule : rules) std::cout << std::setw(15) << two_pi / rule.frequencies.inv_freq()[pair];
    std::cout << "\n";
  }
  std::cout << "YaRN also multiplies cos and sin by " << std::setprecision(4) << rules[3].frequencies.magnitude()
            << "\n\n";

  // Columns: pair, then inv_freq of each rule.
  std::ofstream data("05_context_extension.dat");
  for (Eigen::Index pair = 0; pair < head_dim / 2; ++pair) {
    data << pair;
    for (const Rule& rule : rules) data << " " << rule.frequencies.inv_freq()[pair];
    data << "\n";
  }
  data.close();
  const bool drawn = plot("05_context_extension", 1100, 900, R"gnuplot(
set multiplot layout 2,1
set grid lt 1 lw 1 lc rgb '#dddddd'
set lmargin 10
set tics nomirror
set border 3
set xrange [0:63]
set xtics 8
set xlabel "pair i of 64 (left: rotates fast, right: slowly)"
set key outside right center Left reverse samplen 4 spacing 1.4
set style line 1 lw 8 lc rgb '#bbbbbb'
set style line 2 lw 4 lc rgb '#0072B2' dt (3,3)
set style line 3 lw 3 lc rgb '#E69F00'
set style line 4 lw 3 lc rgb '#009E73'
set style line 6 lw 3 lc rgb '#CC79A7' dt (8,4)
set title "Eight times the trained length: what each rule does to the frequencies"
set ylabel "scaled / unscaled frequency"
set logscale y 2
set yrange [0.11:1.15]
set ytics ("1" 1, "1/2" 0.5, "1/4" 0.25, "1/8" 0.125)
plot '05_context_extension.dat' using 1:($2/$2) with lines ls 1 title "unscaled", \
     '' using 1:($4/$2) with lines ls 3 title "NTK-aware", \
     '' using 1:($5/$2) with lines ls 4 title "YaRN", \
     '' using 1:($7/$6) with lines ls 6 title "Llama 3.1", \
     '' using 1:($3/$2) with lines ls 2 title "linear"
set title "Llama 2 with each rule: positions to one rotation"
set ylabel "wavelength [positions]"
set logscale y 10
set yrange [5:1e6]
set ytics auto
set format y "10^{%T}"
set arrow 1 from 0,4096 to 63,4096 nohead lw 2 lc rgb '#888888' dt 3
set arrow 2 from 0,32768 to 63,32768 nohead lw 2 lc rgb '#888888' dt 3
set label 1 "trained: 4,096 positions" at 1,4096 offset 0,0.6 textcolor rgb '#555555'
set label 2 "wanted: 32,768 positions" at 1,32768 offset 0,0.6 textcolor rgb '#555555'
plot '05_context_extension.dat' using 1:(2*pi/$2) with lines ls 1 title "unscaled", \
     '' using 1:(2*pi/$4) with lines ls 3 title "NTK-aware", \
     '' using 1:(2*pi/$5) with lines ls 4 title "YaRN", \
     '' using 1:(2*pi/$3) with lines ls 2 title "linear"
unset multiplot
)gnuplot");

  // What defines each rule, and one published number.
  const auto close = [](double a, double b) { return std::abs(a / b - 1) < 1e-8; };
  const Eigen::ArrayXd linear = rules[1].frequencies.inv_freq() / llama2.inv_freq();
  const Eigen::ArrayXd ntk = rules[2].frequencies.inv_freq() / llama2.inv_freq();
  const Eigen::ArrayXd yarned = rules[3].frequencies.inv_freq() / llama2.inv_freq();
  const Eigen::ArrayXd llama = rules[5].frequencies.inv_freq() / llama3.inv_freq();
  const bool ok = close(linear[0], 1 / factor) && close(linear[63], 1 / factor) &&  // all pairs alike
                  close(ntk[0], 1) && close(ntk[63], 1 / factor) &&                 // from 1 down to 1/8
                  close(yarned[20], 1) && close(yarned[46], 1 / factor) &&          // a ramp from pair 20 to pair 46
                  close(llama[28], 1) && close(llama[35], 1 / factor) &&            // a blend from pair 29 to pair 34
                  close(rules[5].frequencies.inv_freq()[32], 5.24846161e-4) && drawn;
  std::cout << (ok ? "ok\n" : "FAILED\n");
  return ok ? 0 : 1;
}
