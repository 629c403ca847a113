// SPDX-License-Identifier: MIT
/// Encodings of encodings.hpp that only example 15 compares: codes of a position, randomized positions, Sandwich, and
/// what is changed about RoPE after training.
#ifndef POSENC_EXAMPLES_EXTRAPOLATION_ENCODINGS_HPP
#define POSENC_EXAMPLES_EXTRAPOLATION_ENCODINGS_HPP

#include "support/encodings.hpp"

#include <cstdint>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

namespace tiny_transformer {

using PositionList = Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1>;

/// A fixed code of each position (row p: position p), which a trained matrix projects to the embedding's width.
template <typename Scalar>
class ProjectedCode : public Encoding<Scalar> {
 public:
  ProjectedCode(Matrix<Scalar> codes, Index width, std::uint64_t seed)
      : codes_(std::move(codes)), projection_(codes_.cols(), width, 0.5, seed, false) {}

  std::vector<Parameter<Scalar>*> parameters() override { return {&projection_}; }
  void add_to_embeddings(Matrix<Scalar>& x, Index seq_len, Index first) override {
    const Matrix<Scalar> rows = codes_.middleRows(first, seq_len) * projection_.value;
    for (Index begin = 0; begin < x.rows(); begin += seq_len) x.middleRows(begin, seq_len) += rows;
  }
  void embeddings_backward(const Matrix<Scalar>& grad_x, Index seq_len, Index first) override {
    for (Index begin = 0; begin < grad_x.rows(); begin += seq_len) {
      projection_.gradient.noalias() +=
          codes_.middleRows(first, seq_len).transpose() * grad_x.middleRows(begin, seq_len);
    }
  }

 private:
  Matrix<Scalar> codes_;
  Parameter<Scalar> projection_;
};

/// Ruoss et al. 2023: ascending positions drawn anew for each batch, so that short text shows the positions of long one.
template <typename Scalar>
class RandomizedSinusoidal : public Encoding<Scalar> {
 public:
  RandomizedSinusoidal(Index width, Index most) : encoding_(posenc::presets::paper(width)), most_(most) {}

  void begin(Index length, std::uint64_t seed) override {
    positions_ = posenc::random_positions(length, most_, posenc::Seed(static_cast<std::int64_t>(seed)));
  }
  void add_to_embeddings(Matrix<Scalar>& x, Index seq_len, Index first) override {
    const PositionList positions = positions_.segment(first, seq_len);
    for (Index begin = 0; begin < x.rows(); begin += seq_len) {
      posenc::add_sinusoidal(x.middleRows(begin, seq_len), encoding_, positions);
    }
  }

 private:
  posenc::SinusoidalEncoding encoding_;
  Index most_;
  PositionList positions_;
};

template <typename Scalar>
class RandomizedRotary : public Encoding<Scalar> {
 public:
  RandomizedRotary(const posenc::RopeLayout& layout, Index most)
      : layout_(layout),
        table_(posenc::make_table<Scalar>(posenc::geometric_frequencies(layout.rotary_dim(), 10000.0),
                                          posenc::PositionRange(0, most))) {}

  void begin(Index length, std::uint64_t seed) override {
    positions_ = posenc::random_positions(length, table_.rows(), posenc::Seed(static_cast<std::int64_t>(seed)));
  }
  void rotate(Matrix<Scalar>& q, Matrix<Scalar>& k, const posenc::AttentionSpan& span) override {
    rotate_heads(q, table_, span.query_offset(), span.query_len());
    rotate_heads(k, table_, 0, span.key_len());
  }
  void rotate_backward(Matrix<Scalar>& grad_q, Matrix<Scalar>& grad_k, const posenc::AttentionSpan& span) override {
    rotate_heads(grad_q, table_.adjoint(), span.query_offset(), span.query_len());
    rotate_heads(grad_k, table_.adjoint(), 0, span.key_len());
  }

 private:
  template <typename Table>
  void rotate_heads(Matrix<Scalar>& x, const Table& table, Index first, Index count) const {
    const PositionList rows = positions_.segment(first, count);
    for (Index head = 0; head < x.rows(); head += count) {
      posenc::apply_rope(x.middleRows(head, count), table, layout_, posenc::rows(rows));
    }
  }

  posenc::RopeLayout layout_;
  posenc::FrequencyTable<Scalar> table_;
  PositionList positions_;
};

template <typename Scalar>
class Sandwich : public DistanceBias<Scalar> {
 public:
  Sandwich(Index num_heads, Index head_dim) : num_heads_(num_heads), head_dim_(head_dim) {}

 private:
  posenc::DistanceTable<Scalar> table(const posenc::DistanceRange& distances) override {
    return posenc::make_sandwich_table<Scalar>(num_heads_, head_dim_, distances, 10000.0);
  }
  void table_backward(const posenc::DistanceTable<Scalar>&) override {}  // nothing trains

  Index num_heads_;
  Index head_dim_;
};

// ---------------------------------------------------------------------------------------------------------------------
// RoPE, changed after training. None has a gradient of its own.

/// Keys at a distance of `window` or more are out of sight.
template <typename Scalar>
class LastTokens : public Encoding<Scalar> {
 public:
  LastTokens(Encoding<Scalar>& rope, Index window) : rope_(rope), window_(window) {}

  void rotate(Matrix<Scalar>& q, Matrix<Scalar>& k, const posenc::AttentionSpan& span) override {
    rope_.rotate(q, k, span);
  }
  void add_to_logits(Matrix<Scalar>& logits, const Attention<Scalar>& attention) override {
    const posenc::AttentionSpan& span = attention.span();
    for (Index row = 0; row < logits.rows(); ++row) {
      const Index hidden = span.query_offset() + row % span.query_len() - window_ + 1;
      if (hidden > 0) logits.row(row).head(hidden).setConstant(-std::numeric_limits<Scalar>::infinity());
    }
  }

 private:
  Encoding<Scalar>& rope_;
  Index window_;
};

/// Dynamic NTK: the frequencies follow the number of keys. Keys are kept unrotated, so all of them follow.
template <typename Scalar>
class DynamicRotary : public Encoding<Scalar> {
 public:
  DynamicRotary(const posenc::RopeLayout& layout, Index trained) : layout_(layout), trained_(trained) {}

  void rotate(Matrix<Scalar>& q, Matrix<Scalar>& k, const posenc::AttentionSpan& span) override {
    const auto frequencies = posenc::scale_dynamic_ntk(posenc::geometric_frequencies(layout_.rotary_dim(), 10000.0),
                                                       {1.0, trained_}, span.key_len());
    Rotary<Scalar>(layout_, posenc::make_table<Scalar>(frequencies, posenc::PositionRange(0, span.key_len())))
        .rotate(q, k, span);
  }

 private:
  posenc::RopeLayout layout_;
  Index trained_;
};

/// Logits made several times with other positions of queries and keys, of which each pair of tokens takes one: ReRoPE,
/// Self-Extend, dual chunk attention.
struct Pass {
  std::function<Index(Index)> query;  // the row of the table by the token's position
  std::function<Index(Index)> key;
  std::function<bool(Index, Index)> takes;  // whether a query at i and a key at j <= i take this pass
};

template <typename Scalar>
class SeveralPasses : public Encoding<Scalar> {
 public:
  SeveralPasses(const posenc::RopeLayout& layout, Index rows, std::vector<Pass> passes)
      : layout_(layout),
        table_(posenc::make_table<Scalar>(posenc::geometric_frequencies(layout.rotary_dim(), 10000.0),
                                          posenc::PositionRange(0, rows))),
        passes_(std::move(passes)) {}

  void add_to_logits(Matrix<Scalar>& logits, const Attention<Scalar>& attention) override {
    const posenc::AttentionSpan& span = attention.span();
    for (const Pass& pass : passes_) {
      const Matrix<Scalar> q = at(attention.q(), span.query_offset(), span.query_len(), pass.query);
      const Matrix<Scalar> k = at(attention.k(), 0, span.key_len(), pass.key);
      const Matrix<Scalar> made = scaled_logits(Attention<Scalar>(q, k, attention.scale(), span));
      for (Index row = 0; row < logits.rows(); ++row) {
        const Index i = span.query_offset() + row % span.query_len();
        for (Index j = 0; j <= i; ++j) {
          if (pass.takes(i, j)) logits(row, j) = made(row, j);
        }
      }
    }
  }

 private:
  Matrix<Scalar> at(Matrix<Scalar> x, Index first, Index count, const std::function<Index(Index)>& row) const {
    PositionList list(count);
    for (Index i = 0; i < count; ++i) list[i] = row(first + i);
    for (Index head = 0; head < x.rows(); head += count) {
      posenc::apply_rope(x.middleRows(head, count), table_, layout_, posenc::rows(list));
    }
    return x;
  }

  posenc::RopeLayout layout_;
  posenc::FrequencyTable<Scalar> table_;
  std::vector<Pass> passes_;
};

/// Su 2023, ReRoPE: whatever is `window` or more away is `window` away.
inline std::vector<Pass> rerope(Index window) {
  const auto own = [](Index p) { return p; };
  return {{own, own, [=](Index i, Index j) { return i - j < window; }},
          {[=](Index) { return window; }, [](Index) { return Index(0); },
           [=](Index i, Index j) { return i - j >= window; }}};
}

/// Jin et al. 2024, Self-Extend.
inline std::vector<Pass> self_extend(Index group, Index window) {
  const auto own = [](Index p) { return p; };
  const auto column = [=](Index p, Index c) {
    return static_cast<Index>(posenc::self_extend_positions(posenc::PositionRange(p, 1), group, window)(0, c));
  };
  return {{own, own, [=](Index i, Index j) { return i - j < window; }},
          {[=](Index p) { return column(p, 0); }, [=](Index p) { return column(p, 1); },
           [=](Index i, Index j) { return i - j >= window; }}};
}

/// An et al. 2024, dual chunk attention.
/// @param trained  The largest distance of training: vLLM, which posenc matches, lets a query be as far as this.
inline std::vector<Pass> dual_chunks(Index trained, Index local) {
  const auto of = [=](Index p) { return posenc::dual_chunk_positions(p, trained, local); };
  const auto key = [=](Index p) { return static_cast<Index>(of(p).key); };
  const auto apart = [=](Index i, Index j) { return i / (trained - local) - j / (trained - local); };
  return {{[=](Index p) { return static_cast<Index>(of(p).intra); }, key,
           [=](Index i, Index j) { return apart(i, j) == 0; }},
          {[=](Index p) { return static_cast<Index>(of(p).successive); }, key,
           [=](Index i, Index j) { return apart(i, j) == 1; }},
          {[=](Index p) { return static_cast<Index>(of(p).inter); }, key,
           [=](Index i, Index j) { return apart(i, j) > 1; }}};
}

}  // namespace tiny_transformer

#endif  // POSENC_EXAMPLES_EXTRAPOLATION_ENCODINGS_HPP
