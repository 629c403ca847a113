// SPDX-License-Identifier: MIT
// A key/value cache: prefill a prompt, then decode one token at a time. Keys are stored rotated, each token is rotated
// by its own position, and the scores equal those of the whole sequence at once.
//
//   g++ -std=c++17 -O2 -I include -I /usr/include/eigen3 examples/03_rope_kv_cache.cpp -o kv_cache && ./kv_cache
//
// Prints:
//   prefill of 6 tokens, then 4 decoded one at a time
//   cached keys equal those of the whole sequence bit for bit: yes
//   largest difference of a score: 0
//   the common bug, a decoded query at position 0: off by 1.49012
//   ok
#include "posenc/posenc.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>

using Eigen::Index;
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Scores of the query heads of one token with all keys so far: [num_heads, num_keys]. Query heads share key heads.
template <typename Query, typename Keys>
Matrix scores(const Query& q, const Keys& keys, Index head_dim) {
  const Index num_heads = q.size() / head_dim;
  const Index num_kv_heads = keys.cols() / head_dim;
  Matrix result(num_heads, keys.rows());
  for (Index h = 0; h < num_heads; ++h) {
    const Index kv_head = h / (num_heads / num_kv_heads);
    result.row(h) = q.segment(h * head_dim, head_dim) * keys.middleCols(kv_head * head_dim, head_dim).transpose();
  }
  return result / std::sqrt(static_cast<float>(head_dim));
}

int main() {
  const Index prompt = 6, tokens = 10, num_heads = 4, num_kv_heads = 2, head_dim = 32;
  const auto frequencies = posenc::geometric_frequencies(head_dim, 10000.0);
  const auto layout = posenc::RopeLayout::half_split(head_dim);

  // What the projections of a layer put out, before RoPE; made up here.
  const auto made_up = [](Index token, Index channel) { return static_cast<float>(std::sin(token * 7 + channel * 3)); };
  const Matrix q = Matrix::NullaryExpr(tokens, num_heads * head_dim, made_up);     // [tokens, num_heads * head_dim]
  const Matrix k = Matrix::NullaryExpr(tokens, num_kv_heads * head_dim, made_up);  // [tokens, num_kv_heads * head_dim]

  // The whole sequence at once, to compare with.
  const auto whole_table = posenc::make_table<float>(frequencies, posenc::PositionRange(0, tokens));
  Matrix whole_q = q;
  Matrix whole_k = k;
  posenc::apply_rope(whole_q, whole_table, layout);
  posenc::apply_rope(whole_k, whole_table, layout);

  // Prefill: the prompt's keys go into the cache and rotate there, in place.
  Matrix cache = Matrix::Zero(tokens, num_kv_heads * head_dim);  // [tokens, num_kv_heads * head_dim]
  cache.topRows(prompt) = k.topRows(prompt);
  posenc::apply_rope(cache.topRows(prompt), posenc::make_table<float>(frequencies, posenc::PositionRange(0, prompt)),
                     layout);

  // Decode: a table of one row, filled anew for each token without an allocation. It serves all layers of the token.
  auto row = posenc::make_table<float>(frequencies, posenc::PositionRange(prompt, 1));
  float error = 0;      // against the whole sequence
  float forgotten = 0;  // the same if the decoded token were put at position 0
  for (Index position = prompt; position < tokens; ++position) {
    posenc::fill_table(row, frequencies, posenc::PositionRange(position, 1));
    Eigen::RowVectorXf q_token = q.row(position);  // [num_heads * head_dim]
    posenc::apply_rope(q_token, row, layout);
    cache.row(position) = k.row(position);
    posenc::apply_rope(cache.row(position), row, layout);

    const auto keys = cache.topRows(position + 1);  // [position + 1, num_kv_heads * head_dim]
    const Matrix expected = scores(whole_q.row(position), whole_k.topRows(position + 1), head_dim);
    error = std::max(error, (scores(q_token, keys, head_dim) - expected).cwiseAbs().maxCoeff());
    forgotten = std::max(forgotten, (scores(q.row(position), keys, head_dim) - expected).cwiseAbs().maxCoeff());
  }

  const bool same_keys = cache == whole_k;
  std::cout << "prefill of " << prompt << " tokens, then " << tokens - prompt << " decoded one at a time\n"
            << "cached keys equal those of the whole sequence bit for bit: " << (same_keys ? "yes" : "NO") << "\n"
            << "largest difference of a score: " << error << "\n"
            << "the common bug, a decoded query at position 0: off by " << forgotten << "\n";
  const bool ok = same_keys && error < 1e-5F && forgotten > 0.1F;
  std::cout << (ok ? "ok\n" : "FAILED\n");
  return ok ? 0 : 1;
}
