// SPDX-License-Identifier: MIT
/// A GPT in plain Eigen, with trained positions: reads minGPT's weights as .npy and runs a batch of sequences.
///
/// Everything about positions is one line of forward(): add_learned().
#ifndef POSENC_EXAMPLES_SORT_MODEL_HPP
#define POSENC_EXAMPLES_SORT_MODEL_HPP

#include "posenc/learnable.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace sort_model {

using Eigen::Index;
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::RowVectorXf;
using Tokens = Eigen::Matrix<int, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;  // [batch, len]

constexpr Index kNumLayers = 3;
constexpr Index kNumHeads = 3;
constexpr Index kHeadDim = 16;
constexpr Index kWidth = kNumHeads * kHeadDim;

struct LayerNorm {
  Vector weight;  // [width]
  Vector bias;    // [width]

  Matrix operator()(const Matrix& x) const {
    Matrix y = x.colwise() - x.rowwise().mean();
    const Eigen::VectorXf scale = (y.rowwise().squaredNorm() / static_cast<float>(x.cols())).array() + 1e-5F;
    y.array().colwise() /= scale.array().sqrt();
    return (y.array().rowwise() * weight.array()).rowwise() + bias.array();
  }
};

struct Linear {
  Matrix weight;  // [out, in]
  Vector bias;    // [out]

  Matrix operator()(const Matrix& x) const { return (x * weight.transpose()).rowwise() + bias; }
};

struct Block {
  LayerNorm ln_1;
  Linear c_attn;  // queries, keys and values of all heads side by side
  Linear c_proj;
  LayerNorm ln_2;
  Linear mlp_fc;
  Linear mlp_proj;
};

struct Model {
  Matrix token_embedding;                 // [vocabulary, width]
  posenc::LearnedTable<float> positions;  // [trained length, width]
  std::vector<Block> blocks;
  LayerNorm ln_f;
  Matrix lm_head;  // [vocabulary, width]
};

/// Reads the folder `weights` of the sort model: one file for each parameter.
inline Model read_model(const std::string& folder) {
  const auto matrix = [&](const std::string& name) -> Matrix {
    return posenc::read_npy<float>(folder + "/" + name + ".npy").values;
  };
  const auto norm = [&](const std::string& name) -> LayerNorm {
    return {matrix(name + ".weight"), matrix(name + ".bias")};
  };
  const auto linear = [&](const std::string& name) -> Linear {
    return {matrix(name + ".weight"), matrix(name + ".bias")};
  };
  Model model{matrix("transformer.wte.weight"),
              posenc::LearnedTable<float>(matrix("transformer.wpe.weight")),
              {},
              norm("transformer.ln_f"),
              matrix("lm_head.weight")};
  for (Index i = 0; i < kNumLayers; ++i) {
    const std::string block = "transformer.h." + std::to_string(i);
    model.blocks.push_back({norm(block + ".ln_1"), linear(block + ".attn.c_attn"), linear(block + ".attn.c_proj"),
                            norm(block + ".ln_2"), linear(block + ".mlp.c_fc"), linear(block + ".mlp.c_proj")});
  }
  return model;
}

/// Causal attention of every sequence and head: [batch * len, 3 width] -> [batch * len, width].
inline Matrix attention(const Matrix& qkv, Index len) {
  Matrix out(qkv.rows(), kWidth);
  for (Index first = 0; first < qkv.rows(); first += len) {
    for (Index head = 0; head < kNumHeads; ++head) {
      const auto part = [&](Index i) { return qkv.block(first, i * kWidth + head * kHeadDim, len, kHeadDim); };
      Matrix weights = part(0) * part(1).transpose() / std::sqrt(static_cast<float>(kHeadDim));  // [len, len]
      for (Index i = 0; i < len; ++i) {
        weights.row(i).tail(len - 1 - i).setConstant(-std::numeric_limits<float>::infinity());
        weights.row(i) = (weights.row(i).array() - weights.row(i).maxCoeff()).exp();
        weights.row(i) /= weights.row(i).sum();
      }
      out.block(first, head * kHeadDim, len, kHeadDim).noalias() = weights * part(2);
    }
  }
  return out;
}

inline Matrix gelu(const Matrix& x) {
  const auto inner = std::sqrt(2 / std::acos(-1.0F)) * (x.array() + 0.044715F * x.array().cube());
  return 0.5F * x.array() * (1 + inner.tanh());
}

/// What the model computes on the way; a row is a token, sequence after sequence.
struct Activations {
  Matrix embedded;             // [batch * len, width]  tokens and positions
  std::vector<Matrix> blocks;  // the same after each block
  Matrix ln_f;
  Matrix logits;  // [batch * len, vocabulary]
};

inline Activations forward(const Model& model, const Tokens& tokens) {
  const Index len = tokens.cols();
  Matrix x(tokens.size(), kWidth);
  for (Index i = 0; i < tokens.size(); ++i) x.row(i) = model.token_embedding.row(tokens.reshaped<Eigen::RowMajor>()(i));
  posenc::add_learned(x, model.positions, posenc::each_sequence(len, posenc::starting_at(0)));

  Activations all;
  all.embedded = x;
  for (const Block& block : model.blocks) {
    x += block.c_proj(attention(block.c_attn(block.ln_1(x)), len));
    x += block.mlp_proj(gelu(block.mlp_fc(block.ln_2(x))));
    all.blocks.push_back(x);
  }
  all.ln_f = model.ln_f(x);
  all.logits = all.ln_f * model.lm_head.transpose();
  return all;
}

/// Continues each sequence by `count` tokens, the likeliest one each time; returns those, [batch, count].
inline Tokens continue_greedily(const Model& model, Tokens tokens, Index count) {
  for (Index step = 0; step < count; ++step) {
    const Index len = tokens.cols();
    const Matrix logits = forward(model, tokens).logits;
    tokens.conservativeResize(Eigen::NoChange, len + 1);
    for (Index b = 0; b < tokens.rows(); ++b) logits.row(b * len + len - 1).maxCoeff(&tokens(b, len));
  }
  return tokens.rightCols(count);
}

}  // namespace sort_model

#endif  // POSENC_EXAMPLES_SORT_MODEL_HPP
