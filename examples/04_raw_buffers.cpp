// SPDX-License-Identifier: MIT
// A codebase that owns its buffers: float q[B, L, H, D] and k[B, L, KV, D], no Eigen in sight. posenc rotates them
// where they lie, on the threads that are there.
//
//   g++ -std=c++17 -O2 -pthread -I include -I /usr/include/eigen3 examples/04_raw_buffers.cpp -o raw && ./raw
//
// Prints:
//   rotated q[2,96,8,64] and k[2,96,2,64] in place, in 4 parts
//   largest difference from the textbook loop in double: 1.52461e-07
//   ok
#include "posenc/posenc.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iostream>
#include <thread>
#include <vector>

constexpr int B = 2, L = 96, H = 8, KV = 2, D = 64;  // sequences, tokens, query heads, key heads, channels

// One thread's share: some heads of every token. Tables are only read, so threads share one. A view of part of a buffer
// names its strides.
void rotate_heads(float* x, int heads, int first, int count, const posenc::FrequencyTable<float>& table) {
  const auto shape = posenc::HeadsShape().batch(B).seq_len(L).num_heads(count).head_dim(D);
  const auto strides = posenc::HeadsStrides().batch(L * heads * D).token(heads * D).head(D);
  posenc::apply_rope(posenc::HeadsView(x + first * D, shape, strides), table, posenc::RopeLayout::half_split(D));
}

// The largest difference from the textbook loop in double: pair i of a head is channels i and i + D/2.
double largest_difference(const std::vector<float>& after, const std::vector<float>& before, int heads) {
  double worst = 0;
  for (int row = 0; row < B * L * heads; ++row) {  // row = (b * L + t) * heads + h
    const int t = row / heads % L;
    const float* x = &before[static_cast<std::size_t>(row * D)];  // [D]
    const float* y = &after[static_cast<std::size_t>(row * D)];   // [D]
    for (int i = 0; i < D / 2; ++i) {
      const double angle = t * std::pow(10000.0, -2.0 * i / D);
      const double a = x[i];
      const double b = x[i + D / 2];
      worst = std::max(worst, std::abs(y[i] - (a * std::cos(angle) - b * std::sin(angle))));
      worst = std::max(worst, std::abs(y[i + D / 2] - (a * std::sin(angle) + b * std::cos(angle))));
    }
  }
  return worst;
}

int main() {
  std::vector<float> q(std::size_t{B} * L * H * D);   // [B, L, H, D]
  std::vector<float> k(std::size_t{B} * L * KV * D);  // [B, L, KV, D]
  for (std::size_t n = 0; n < q.size(); ++n) q[n] = std::sin(0.37F * static_cast<float>(n % 1009));
  for (std::size_t n = 0; n < k.size(); ++n) k[n] = std::cos(0.73F * static_cast<float>(n % 1013));
  const std::vector<float> q_before = q;
  const std::vector<float> k_before = k;

  const auto table = posenc::make_table<float>(posenc::geometric_frequencies(D, 10000.0), posenc::PositionRange(0, L));

  // Keys are few: one call. [B, H, L, D] would be view_bhld.
  const auto k_shape = posenc::HeadsShape().batch(B).seq_len(L).num_heads(KV).head_dim(D);
  posenc::apply_rope(posenc::view_blhd(k.data(), k_shape), table, posenc::RopeLayout::half_split(D));

  // Use the pool that you have. With OpenMP the loop is the same:
  //   #pragma omp parallel for
  //   for (int part = 0; part < num_parts; ++part) { ... }
  const int num_parts = 4;
  std::vector<std::thread> threads;
  for (int part = 0; part < num_parts; ++part) {
    threads.emplace_back([&, part] {
      const int first = H * part / num_parts;
      rotate_heads(q.data(), H, first, H * (part + 1) / num_parts - first, table);
    });
  }
  for (std::thread& thread : threads) thread.join();

  const double worst = std::max(largest_difference(q, q_before, H), largest_difference(k, k_before, KV));
  std::cout << "rotated q[" << B << "," << L << "," << H << "," << D << "] and k[" << B << "," << L << "," << KV << ","
            << D << "] in place, in " << num_parts << " parts\n"
            << "largest difference from the textbook loop in double: " << worst << "\n";
  const bool ok = worst < 5e-7;  // values up to 1: a few roundings of 6e-8 each
  std::cout << (ok ? "ok\n" : "FAILED\n");
  return ok ? 0 : 1;
}
