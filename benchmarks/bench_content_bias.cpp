// SPDX-License-Identifier: MIT
// Relative biases by content: added to the logits of one head, float, in place, and their gradients.

#include <algorithm>
#include <cmath>
#include <vector>

#include "posenc/relative_bias.hpp"

#include "support/measure.hpp"
#include "support/small_numbers.hpp"

namespace {

using Eigen::Index;
using posenc::AttentionSpan;
using posenc_benchmarks::Asked;
using posenc_benchmarks::bytes_of;
using posenc_benchmarks::Matrix;
using posenc_benchmarks::measure;
using posenc_benchmarks::numbers;
using posenc_benchmarks::print_memory;

TEST_CASE("Shaw, L = 1024, d = 64, k = 16") {
  const Index length = 1024;
  const Index d = 64;
  const AttentionSpan span = AttentionSpan::square(length);
  const auto clip = posenc::DistanceClip::symmetric(16);
  const Matrix q = numbers(length, d);
  const Matrix table = numbers(clip.rows(), d);
  const auto attention = posenc::ContentAttention(q, q, 0.125f, span);
  Matrix logits = numbers(length, length);
  Matrix out = numbers(length, d);
  posenc::Workspace<float> workspace;
  posenc::Workspace<float> values_workspace;
  // Frameworks build [L, L, d] by index, then contract it. The gather is redone each time, as they do.
  Matrix gathered(length * length, d);
  const auto gather = [&] {
    for (Index i = 0; i < length; ++i) {
      for (Index j = 0; j < length; ++j) {
        const Index row = std::min<Index>(std::max<Index>(j - i, -16), 16) + 16;
        gathered.row(i * length + j) = table.row(row);
      }
    }
  };
  const Asked asked{0, 100};
  const double bytes = bytes_of(length, length);
  // Asked is 0.80 of passing over the logits. A product of 1,024 x 64 x 33 lies in front: on a Zen 5, at two vectors of
  // 16 a cycle, 17 us beside 40 of the keys' ceiling and 34 of the values', a bound of 0.70 and 0.67; on a Zen 4, at
  // one in a cycle, 37 us beside 42, a bound of 0.53. There the product takes 48: queries are packed besides, and
  // products of 16 queries with 16 rows put in order. Each row of logits, in three parts of any length, takes 52.
  measure(
      "Shaw keys 1024x1024 d64 k16", bytes,
      [&] { posenc::add_shaw_logits(logits, posenc::ShawKeys(table, clip), attention, workspace); },
      [&] { logits.array() += 1e-9f; },
      [&] {
        gather();
        for (Index i = 0; i < length; ++i) {
          logits.row(i).noalias() += 0.125f * (q.row(i) * gathered.middleRows(i * length, length).transpose());
        }
      },
      asked);
  measure(
      "Shaw values 1024x1024 d64 k16", bytes / 2,
      [&] { posenc::add_shaw_values(out, posenc::ShawValues(table, clip), logits, span, values_workspace); },
      [&] { Catch::Benchmark::deoptimize_value(logits.sum()); },
      [&] {
        gather();
        for (Index i = 0; i < length; ++i) {
          out.row(i).noalias() += logits.row(i) * gathered.middleRows(i * length, length);
        }
      },
      asked);
  print_memory("Shaw, the gather", gathered.size());
}

TEST_CASE("Transformer-XL, L = 1024, d = 64") {
  const Index length = 1024;
  const Index d = 64;
  const AttentionSpan span = AttentionSpan::square(length);
  const Matrix q = numbers(length, d);
  const Matrix k = numbers(length, d);
  const Matrix r = numbers(2 * length - 1, d);
  const Matrix u = numbers(1, d);
  const auto scheme = posenc::TransformerXl(r, u, u);
  const auto attention = posenc::ContentAttention(q, k, 0.125f, span);
  Matrix logits = numbers(length, length);
  posenc::Workspace<float> workspace;
  Matrix all(length, 2 * length - 1);
  const Matrix biased = q.rowwise() + u.row(0);
  // Asked is 0.80 of the product. Here the product is with 1,055 rows for 32 queries, packed again for each of them;
  // the scores then pass through the second-level cache once more.
  measure(
      "Transformer-XL 1024x1024 d64", bytes_of(length, length),
      [&] { posenc::add_transformer_xl_logits(logits, scheme, attention, workspace); },
      [&] { logits.noalias() += 0.125f * (biased * r.topRows(length).transpose()); },  // the product alone
      [&] {  // the product with all distances, padded, reshaped and copied, as frameworks do
        all.noalias() = biased * r.transpose();
        const Matrix padded = (Matrix(length, 2 * length) << Matrix::Zero(length, 1), all).finished();
        const Eigen::Map<const Matrix> reshaped(padded.data(), 2 * length, length);
        const Matrix shifted =
            Eigen::Map<const Matrix>(Matrix(reshaped.bottomRows(2 * length - 1)).data(), length, 2 * length - 1)
                .leftCols(length);
        logits += 0.125f * shifted;
      });
}

/// The matrices of a case: one head of `length` queries and keys, a table of `rows`, and gradients of all of them.
struct Head {
  Index length;
  Matrix q = numbers(length, kHeadDim);
  Matrix k = numbers(length, kHeadDim);
  Matrix table;
  Matrix logits = numbers(length, length);
  Matrix grad_q = Matrix::Zero(length, kHeadDim);
  Matrix grad_k = Matrix::Zero(length, kHeadDim);
  Matrix grad_table;
  Matrix scores;
  posenc::Workspace<float> workspace;

  static constexpr Index kHeadDim = 64;

  Head(Index tokens, Index rows)
      : length(tokens),
        table(numbers(rows, kHeadDim)),
        grad_table(Matrix::Zero(rows, kHeadDim)),
        scores(numbers(tokens, rows)) {}

  /// One product of the forward call: every query with every row.
  void multiply() { scores.noalias() = q * table.transpose(); }
  /// The two products of a gradient, where the sums for each row of the table are given.
  void multiply_back() {
    grad_q.noalias() += scores * table;
    grad_table.noalias() += scores.transpose() * q;
  }
  /// The textbook loop, row_of(i, j) being the row of the table that query i and key j share.
  template <typename RowOf>
  void add_by_pair(const RowOf& row_of) {
    for (Index i = 0; i < length; ++i) {
      for (Index j = 0; j < length; ++j) logits(i, j) += 0.125f * q.row(i).dot(table.row(row_of(i, j)));
    }
  }
  template <typename RowOf>
  void add_gradients_by_pair(const RowOf& row_of) {
    for (Index i = 0; i < length; ++i) {
      for (Index j = 0; j < length; ++j) {
        const Index row = row_of(i, j);
        const float gradient = 0.125f * logits(i, j);
        grad_q.row(i) += gradient * table.row(row);
        grad_table.row(row) += gradient * q.row(i);
      }
    }
  }
};

TEST_CASE("Music Transformer, L = 512, d = 64") {
  const AttentionSpan span = AttentionSpan::square(512);
  Head head(512, span.distances().size());
  const auto scheme = posenc::RelativeKeys(head.table);
  const auto attention = posenc::ContentAttention(head.q, head.k, 0.125f, span);
  const auto row_of = [](Index i, Index j) { return j - i + 511; };
  measure(
      "Music Transformer 512x512 d64", bytes_of(512, 512),
      [&] { posenc::add_relative_logits(head.logits, scheme, attention, head.workspace); }, [&] { head.multiply(); },
      [&] { head.add_by_pair(row_of); });
}

TEST_CASE("banded logits, L = 1024, d = 16, E = 512") {
  const Index length = 1024, d = 16, extent = 512;
  const AttentionSpan span = AttentionSpan::square(length);
  const Matrix r = numbers(length, d);
  const Matrix projection = numbers(d, extent);
  Matrix logits = numbers(length, length);
  Matrix grad_r = Matrix::Zero(length, d);
  Matrix grad_projection = Matrix::Zero(d, extent);
  Matrix scores(length, extent);
  posenc::Workspace<float> workspace;
  const double bytes = bytes_of(length, length);
  measure(
      "banded logits 1024x1024 d16 E512", bytes,
      [&] { posenc::add_banded_logits(logits, r, projection, span, workspace); },
      [&] { scores.noalias() = r * projection; },  // the product alone
      [&] {                                        // the product, gathered by pair, as frameworks do
        scores.noalias() = r * projection;
        for (Index i = 0; i < length; ++i) {
          for (Index j = 0; j < length; ++j) {
            if (i - j >= 0 && i - j < extent) logits(i, j) += scores(i, i - j);
          }
        }
      });
  measure(
      "Gradients of banded logits 1024x1024 d16 E512", bytes,
      [&] {
        posenc::banded_logits_backward(posenc::RelativeGradients(grad_r, grad_projection), logits, r, projection, span,
                                       workspace);
      },
      [&] {
        grad_r.noalias() += scores * projection.transpose();
        grad_projection.noalias() += r.transpose() * scores;
      },
      [&] {
        scores.setZero();
        for (Index i = 0; i < length; ++i) {
          for (Index j = 0; j < length; ++j) {
            if (i - j >= 0 && i - j < extent) scores(i, i - j) = logits(i, j);
          }
        }
        grad_r.noalias() += scores * projection.transpose();
        grad_projection.noalias() += r.transpose() * scores;
      });
}

TEST_CASE("DeBERTa, L = 512, d = 64, 256 buckets") {
  const posenc::DebertaBuckets buckets(512, 256);
  Head head(512, buckets.rows());
  const Matrix k_table = head.table;
  Matrix grad_k_table = head.grad_table;
  const auto scheme =
      posenc::Deberta(buckets, posenc::ContentToPosition(head.table), posenc::PositionToContent(k_table));
  const auto attention = posenc::ContentAttention(head.q, head.k, 0.125f, AttentionSpan::square(512));
  const auto row_of = [&](Index i, Index j) { return buckets(i - j); };
  measure(
      "DeBERTa 512x512 d64", bytes_of(512, 512),
      [&] { posenc::add_deberta_logits(head.logits, scheme, attention, head.workspace); },
      [&] {
        head.multiply();
        head.multiply();
      },
      [&] {
        head.add_by_pair(row_of);
        head.add_by_pair(row_of);
      });
  measure(
      "DeBERTa backward 512x512 d64", bytes_of(512, 512) / 2,
      [&] {
        posenc::deberta_logits_backward(
            posenc::DebertaGradients(posenc::ContentToPositionGradients(head.grad_q, head.grad_table),
                                     posenc::PositionToContentGradients(head.grad_k, grad_k_table)),
            head.logits, scheme, attention, head.workspace);
      },
      [&] {
        head.multiply_back();
        head.multiply_back();
      },
      [&] {
        head.add_gradients_by_pair(row_of);
        head.add_gradients_by_pair(row_of);
      });
}

/// Contextual positions of one row of logits, from the last visible key back, as frameworks do with a sigmoid, a
/// reversed running sum, a floor and a ceiling.
template <typename Add>
void walk_contextual_positions(const Matrix& logits, Index row, Index num_positions, Add add) {
  float position = 0;
  for (Index j = row; j >= 0; --j) {
    position = std::min(position + 1 / (1 + std::exp(-logits(row, j))), static_cast<float>(num_positions - 1));
    const Index low = static_cast<Index>(position);
    add(j, low, std::min(low + 1, num_positions - 1), position - static_cast<float>(low));
  }
}

TEST_CASE("CoPE, L = 512, d = 64, 64 positions") {
  Head head(512, 64);
  const auto scheme = posenc::Cope(head.table, 64);
  const auto attention = posenc::ContentAttention(head.q, head.k, 1.0f, AttentionSpan::square(512));
  Matrix grad_logits = numbers(512, 512);
  measure(
      "CoPE 512x512 d64", bytes_of(512, 512) / 2,
      [&] { posenc::add_cope_logits(head.logits, scheme, attention, head.workspace); }, [&] { head.multiply(); },
      [&] {
        head.multiply();
        for (Index i = 0; i < 512; ++i) {
          walk_contextual_positions(head.logits, i, 64, [&](Index j, Index low, Index high, float share) {
            head.logits(i, j) += (1 - share) * head.scores(i, low) + share * head.scores(i, high);
          });
        }
      });
  measure(
      "CoPE backward 512x512 d64", bytes_of(512, 512),
      [&] {
        posenc::cope_logits_backward(posenc::CopeGradients(grad_logits, head.grad_q, head.grad_table), head.logits,
                                     scheme, attention, head.workspace);
      },
      [&] {
        head.multiply();
        head.multiply_back();
      },
      [&] {
        head.multiply();
        Matrix sums = Matrix::Zero(512, 64);
        std::vector<float> by_position(512);
        for (Index i = 0; i < 512; ++i) {
          walk_contextual_positions(head.logits, i, 64, [&](Index j, Index low, Index high, float share) {
            sums(i, low) += (1 - share) * grad_logits(i, j);
            sums(i, high) += share * grad_logits(i, j);
            by_position[static_cast<std::size_t>(j)] = grad_logits(i, j) * (head.scores(i, high) - head.scores(i, low));
          });
          float sum = 0;
          for (Index j = 0; j <= i; ++j) {
            sum += by_position[static_cast<std::size_t>(j)];
            const float gate = 1 / (1 + std::exp(-head.logits(i, j)));
            grad_logits(i, j) += sum * gate * (1 - gate);
          }
        }
        head.grad_q.noalias() += sums * head.table;
        head.grad_table.noalias() += sums.transpose() * head.q;
      });
}

TEST_CASE("Forgetting, 4 heads, L = 1024") {
  constexpr Index heads = 4;
  constexpr Index length = 1024;
  const AttentionSpan span = AttentionSpan::square(length);
  const Matrix gate_logits = numbers(length, heads);
  const auto sums = posenc::forgetting_sums(gate_logits);
  Matrix logits = numbers(heads * length, length);
  Matrix grad_sums = Matrix::Zero(length, heads);
  Matrix grad_gate_logits = Matrix::Zero(length, heads);
  measure(
      "Forgetting, sums 1024x4", bytes_of(length, heads),
      [&] { Catch::Benchmark::deoptimize_value(posenc::forgetting_sums(gate_logits).sum()); },
      [&] { grad_sums = gate_logits; },
      [&] {
        for (Index head = 0; head < heads; ++head) {
          float sum = 0;
          for (Index t = 0; t < length; ++t) {
            sum += std::log(1 / (1 + std::exp(-gate_logits(t, head))));
            grad_sums(t, head) = sum;
          }
        }
      });
  // Half of the logits are visible; the ceiling adds to as many.
  measure(
      "Forgetting, add 4096x1024", bytes_of(heads * length, length) / 2,
      [&] { posenc::add_forgetting_bias(logits, sums, span); },
      [&] { logits.topRows(heads * length / 2).array() += 1e-9f; },
      [&] {  // the bias of a head as a matrix, then added, as frameworks do
        Matrix bias(length, length);
        for (Index head = 0; head < heads; ++head) {
          for (Index i = 0; i < length; ++i) {
            for (Index j = 0; j < length; ++j) bias(i, j) = j <= i ? sums(i, head) - sums(j, head) : 0.0f;
          }
          logits.middleRows(head * length, length) += bias;
        }
      });
  measure(
      "Forgetting, backward 4096x1024", bytes_of(heads * length, length) / 4,
      [&] { posenc::forgetting_bias_backward(grad_sums, logits, span); },
      [&] { Catch::Benchmark::deoptimize_value(logits.topRows(heads * length / 2).sum()); },
      [&] {
        for (Index head = 0; head < heads; ++head) {
          for (Index i = 0; i < length; ++i) {
            for (Index j = 0; j <= i; ++j) {
              grad_sums(i, head) += logits(head * length + i, j);
              grad_sums(j, head) -= logits(head * length + i, j);
            }
          }
        }
      });
  measure(
      "Forgetting, sums backward 1024x4", bytes_of(length, heads),
      [&] { posenc::forgetting_sums_backward(grad_gate_logits, grad_sums, gate_logits); },
      [&] { grad_gate_logits += grad_sums; },
      [&] {
        for (Index head = 0; head < heads; ++head) {
          float sum = 0;
          for (Index t = length - 1; t >= 0; --t) {
            sum += grad_sums(t, head);
            grad_gate_logits(t, head) += sum / (1 + std::exp(gate_logits(t, head)));
          }
        }
      });
}

TEST_CASE("Gradients of tables by distance, L = 512, d = 64") {
  const AttentionSpan span = AttentionSpan::square(512);
  const double bytes = bytes_of(512, 512) / 2;
  {
    const auto clip = posenc::DistanceClip::symmetric(16);
    Head head(512, clip.rows());
    const auto attention = posenc::ContentAttention(head.q, head.k, 0.125f, span);
    const auto row_of = [](Index i, Index j) { return std::min<Index>(std::max<Index>(j - i, -16), 16) + 16; };
    const auto sum = [&] { Catch::Benchmark::deoptimize_value(head.logits.sum()); };
    measure(
        "Gradients of Shaw keys 512x512 d64 k16", bytes,
        [&] {
          posenc::shaw_logits_backward(posenc::RelativeGradients(head.grad_q, head.grad_table), head.logits,
                                       posenc::ShawKeys(head.table, clip), attention, head.workspace);
        },
        sum, [&] { head.add_gradients_by_pair(row_of); });
    Matrix grad_weights = numbers(512, 512);
    measure(
        "Gradients of Shaw values 512x512 d64 k16", 3 * bytes,
        [&] {
          posenc::shaw_values_backward(posenc::RelativeGradients(grad_weights, head.grad_table), head.q,
                                       posenc::ShawValues(head.table, clip), head.logits, span, head.workspace);
        },
        [&] { grad_weights += head.logits; },
        [&] {
          for (Index i = 0; i < 512; ++i) {
            for (Index j = 0; j < 512; ++j) {
              const Index row = row_of(i, j);
              grad_weights(i, j) += head.q.row(i).dot(head.table.row(row));
              head.grad_table.row(row) += head.logits(i, j) * head.q.row(i);
            }
          }
        });
  }
  Head head(512, span.distances().size());
  const auto attention = posenc::ContentAttention(head.q, head.k, 0.125f, span);
  const auto row_of = [](Index i, Index j) { return j - i + 511; };
  measure(
      "Gradients of the Music Transformer 512x512 d64", bytes,
      [&] {
        posenc::relative_logits_backward(posenc::RelativeGradients(head.grad_q, head.grad_table), head.logits,
                                         posenc::RelativeKeys(head.table), attention, head.workspace);
      },
      [&] { head.multiply_back(); }, [&] { head.add_gradients_by_pair(row_of); });
  const Matrix u = numbers(1, Head::kHeadDim);
  Matrix grad_u = Matrix::Zero(1, Head::kHeadDim);
  Matrix grad_v = grad_u;
  measure(
      "Gradients of Transformer-XL 512x512 d64", bytes,
      [&] {
        posenc::transformer_xl_logits_backward(
            posenc::TransformerXlGradients(head.grad_q, head.grad_k, head.grad_table, grad_u, grad_v), head.logits,
            posenc::TransformerXl(head.table, u, u), attention, head.workspace);
      },
      [&] { head.multiply_back(); }, [&] { head.add_gradients_by_pair(row_of); });
}

}  // namespace
