// SPDX-License-Identifier: MIT
// One attention head, the same queries and keys, five ways to tell it where tokens are: what each does to the scores,
// and how far the head looks.
//
//   g++ -std=c++17 -O2 -I include -I /usr/include/eigen3 examples/07_attention_biases.cpp -o biases && ./biases
//
// Prints:
//   one head          mean distance   share of the 8 nearest keys
//   no encoding               35.67                          0.11
//   ALiBi                     15.08                          0.38
//   T5                        13.13                          0.55
//   Shaw                      32.52                          0.20
//   Transformer-XL            21.61                          0.39
//
//   drew 07_attention_biases.png
//   ok
#include "posenc/posenc.hpp"

#include "support/plot.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

using Eigen::Index;
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Matrix normal(Index rows, Index columns, std::uint64_t seed, double stddev) {
  Matrix x(rows, columns);
  posenc::fill(x, posenc::Normal(stddev), posenc::Seed(seed));
  return x;
}

// Causal attention: each query's share for every key, [queries, keys].
Matrix attention(const Matrix& logits, const posenc::AttentionSpan& span) {
  Matrix weights = Matrix::Zero(logits.rows(), logits.cols());
  for (Index i = 0; i < logits.rows(); ++i) {
    const Index visible = span.visible_keys(i);
    const auto row = logits.row(i).head(visible);
    weights.row(i).head(visible) = (row.array() - row.maxCoeff()).exp();
    weights.row(i) /= weights.row(i).sum();
  }
  return weights;
}

// How much of the attention goes to the key `distance` places back: the mean over the second half of the queries, which
// all have such a key.
Eigen::VectorXf share_by_distance(const Matrix& weights) {
  const Index half = weights.rows() / 2;
  Eigen::VectorXf share = Eigen::VectorXf::Zero(weights.rows());
  for (Index i = half; i < weights.rows(); ++i) {
    for (Index j = 0; j <= i; ++j) share[i - j] += weights(i, j) / static_cast<float>(weights.rows() - half);
  }
  return share;
}

int main() {
  const Index tokens = 96;
  const Index head_dim = 32;
  const float scale = 1 / std::sqrt(static_cast<float>(head_dim));
  const auto span = posenc::AttentionSpan::square(tokens);
  const Matrix q = normal(tokens, head_dim, 1, 1.0);  // [tokens, head_dim]
  const Matrix k = normal(tokens, head_dim, 2, 1.0);  // [tokens, head_dim]
  const Matrix none = scale * q * k.transpose();      // [tokens, tokens]
  const auto content = posenc::ContentAttention(q, k, scale, span);
  posenc::Workspace<float> workspace;

  // ALiBi: a line. The slope of the second head of four, 1/16.
  Matrix alibi = none;
  const Eigen::ArrayXd slope = posenc::alibi_slopes(4).segment(1, 1);
  posenc::add_distance_bias(alibi, posenc::make_alibi_table<float>(slope, span.distances(), posenc::AlibiForm::causal),
                            span);

  // T5: a number for each bucket of distances. Made up here: 0.15 less from bucket to bucket.
  Matrix t5 = none;
  const posenc::T5Buckets buckets(32, 128, false);
  const Matrix bucket_bias = Eigen::VectorXf::LinSpaced(32, 0, -0.15F * 31);  // [num_buckets, num_heads]
  posenc::add_distance_bias(t5, posenc::make_t5_table(bucket_bias, buckets, span.distances()), span);

  // Shaw: a vector for each distance up to 8, and one for all beyond. Random here, as before training.
  Matrix shaw = none;
  const auto clip = posenc::DistanceClip::symmetric(8);
  const Matrix shaw_table = normal(clip.rows(), head_dim, 3, 1.0);
  posenc::add_shaw_logits(shaw, posenc::ShawKeys(shaw_table, clip), content, workspace);

  // Transformer-XL: sinusoids of the distance, and what every query asks for: v, here the cosines, which agree at
  // distance 0. W_r is the identity and u is 0.
  Matrix xl = none;
  const auto distances = posenc::DistanceRange::causal(tokens);
  const Matrix r = posenc::make_relative_sinusoids<float>(  // [tokens, head_dim]
      distances, posenc::geometric_frequencies(head_dim, 10000.0), posenc::ChannelOrder::sin_cos);
  const Eigen::VectorXf u = Eigen::VectorXf::Zero(head_dim);
  const Eigen::VectorXf v =
      (Eigen::VectorXf(head_dim) << Eigen::VectorXf::Zero(16), Eigen::VectorXf::Constant(16, 2)).finished();
  posenc::add_transformer_xl_logits(xl, posenc::TransformerXl(r, distances, u, v), content, workspace);

  // Print, and write for gnuplot: the scores, blank where the mask is, then the shares by distance.
  const std::vector<std::pair<std::string, Matrix>> heads = {
      {"no encoding", none}, {"ALiBi", alibi}, {"T5", t5}, {"Shaw", shaw}, {"Transformer-XL", xl}};
  std::cout << std::left << std::setw(18) << "one head"
            << "mean distance   share of the 8 nearest keys\n"
            << std::fixed << std::setprecision(2);
  std::ofstream data("07_attention_biases.dat");
  Matrix shares(tokens / 2, static_cast<Index>(heads.size()));
  std::vector<float> looks;  // mean distance
  for (std::size_t n = 0; n < heads.size(); ++n) {
    const auto& [name, scores] = heads[n];
    const Eigen::VectorXf share = share_by_distance(attention(scores, span));
    looks.push_back(share.dot(Eigen::VectorXf::LinSpaced(tokens, 0, static_cast<float>(tokens - 1))));
    std::cout << std::left << std::setw(18) << name << std::right << std::setw(13) << looks.back() << std::setw(30)
              << share.head(8).sum() << "\n";
    for (Index i = 0; i < tokens; ++i) {
      for (Index j = 0; j < tokens; ++j) data << (j <= i ? std::to_string(scores(i, j)) : "NaN") << " ";
      data << "\n";
    }
    data << "\n\n";
    shares.col(static_cast<Index>(n)) = share.head(tokens / 2);
  }
  data << shares << "\n";
  data.close();
  std::cout << "\n";
  const bool drawn = plot("07_attention_biases", 1500, 950, R"gnuplot(
set multiplot layout 2,3 title "Scores of one head before softmax, the same queries and keys: color from -7 to 7" font ",15"
set palette defined (-7 '#2166ac', -3.5 '#92c5de', 0 '#f7f7f7', 3.5 '#f4a582', 7 '#b2182b')
set cbrange [-7:7]
set cbtics 7
set tics out nomirror
set size ratio 1
set datafile missing 'NaN'
set xlabel "key [position]"
set ylabel "query [position]"
set xrange [-0.5:95.5]
set yrange [95.5:-0.5]
set xtics 16
set ytics 16
file = '07_attention_biases.dat'
set title "no encoding"
plot file index 0 matrix with image notitle
set title "ALiBi, slope 1/16"
plot file index 1 matrix with image notitle
set title "T5, 32 buckets"
plot file index 2 matrix with image notitle
set title "Shaw, clipped at 8, untrained"
plot file index 3 matrix with image notitle
set title "Transformer-XL, v on cosines"
plot file index 4 matrix with image notitle
set title "where the attention goes"
set size noratio
set rmargin 3
set xrange [0:47]
set yrange [0.003:0.4]
set logscale y
set xtics 8
set ytics auto
set grid lt 1 lw 1 lc rgb '#dddddd'
set xlabel "query - key [tokens]"
set ylabel "mean share of the attention"
set key top right samplen 3 spacing 1.2
plot file index 5 using 0:1 with lines lw 3 lc rgb '#999999' title "no encoding", \
     '' index 5 using 0:2 with lines lw 3 lc rgb '#0072B2' title "ALiBi", \
     '' index 5 using 0:3 with lines lw 3 lc rgb '#E69F00' title "T5", \
     '' index 5 using 0:4 with lines lw 3 lc rgb '#CC79A7' title "Shaw", \
     '' index 5 using 0:5 with lines lw 3 lc rgb '#009E73' title "Transformer-XL"
unset multiplot
)gnuplot");

  // Each bias by its formula, pair by pair, where the mask lets a query look.
  float error = 0;
  for (Index i = 0; i < tokens; ++i) {
    for (Index j = 0; j <= i; ++j) {
      const auto differs = [&](const Matrix& scores, float bias) {
        error = std::max(error, std::abs(scores(i, j) - none(i, j) - bias));
      };
      const Index back = i - j;
      differs(alibi, static_cast<float>(back) / -16);
      differs(t5, bucket_bias(buckets(-back), 0));
      differs(shaw, scale * q.row(i).dot(shaw_table.row(8 - std::min<Index>(back, 8))));
      differs(xl, scale * (q.row(i) + v.transpose()).dot(r.row(tokens - 1 - back)));
    }
  }
  // Uniform attention looks (48 + ... + 95) / 48 / 2 = 35.75 tokens back; three of the biases draw the head nearer.
  const float nearer = 0.75F * looks[0];
  const bool ok = error < 1e-5F && std::abs(looks[0] - 35.75F) < 5 && looks[1] < nearer && looks[2] < nearer &&
                  looks[4] < nearer && drawn;
  std::cout << (ok ? "ok\n" : "FAILED\n");
  return ok ? 0 : 1;
}
