// SPDX-License-Identifier: MIT
/// A Llama in plain Eigen that reads the checkpoints of llama2.c: one token at a time, with a key/value cache.
///
/// Everything about positions is in two places: RotaryEmbedding below, and the two apply_rope() calls in forward().
#ifndef POSENC_EXAMPLES_TINY_LLAMA_HPP
#define POSENC_EXAMPLES_TINY_LLAMA_HPP

#include "posenc/posenc.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace tiny_llama {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::RowVectorXf;  // what belongs to one token is a row

// ---------------------------------------------------------------------------------------------------------------------
// The checkpoint

struct Config {  // the first seven numbers of the file
  std::int32_t dim;
  std::int32_t hidden_dim;
  std::int32_t num_layers;
  std::int32_t num_heads;
  std::int32_t num_kv_heads;  // each key/value head serves num_heads / num_kv_heads query heads
  std::int32_t vocab_size;
  std::int32_t seq_len;  // trained length

  int head_dim() const { return dim / num_heads; }
  int kv_dim() const { return num_kv_heads * head_dim(); }
};

struct Layer {
  Vector rms_attention;  // [dim]
  Matrix wq;             // [dim, dim]         all weights are [out, in]: y = x w^T
  Matrix wk;             // [kv_dim, dim]
  Matrix wv;             // [kv_dim, dim]
  Matrix wo;             // [dim, dim]
  Vector rms_ffn;        // [dim]
  Matrix w1;             // [hidden_dim, dim]  gate
  Matrix w2;             // [dim, hidden_dim]  down
  Matrix w3;             // [hidden_dim, dim]  up
};

struct Model {
  Config config;
  Matrix token_embedding;  // [vocab_size, dim], also the classifier
  std::vector<Layer> layers;
  Vector rms_final;  // [dim]
};

/// Reads `stories260K.bin` and its kin: the config, then float32 tensors, each for all layers before the next one.
inline Model read_model(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Model model;
  Config& c = model.config;
  file.read(reinterpret_cast<char*>(&c), sizeof c);
  if (!file || c.dim <= 0 || c.num_heads <= 0 || c.num_layers <= 0 || c.vocab_size <= 0) {
    throw std::runtime_error(path + " is no llama2.c checkpoint with a shared classifier");
  }
  const auto read = [&file](auto& tensor, int rows, int columns) {
    tensor.resize(rows, columns);
    file.read(reinterpret_cast<char*>(tensor.data()), tensor.size() * static_cast<std::streamsize>(sizeof(float)));
  };
  model.layers.resize(static_cast<std::size_t>(c.num_layers));
  read(model.token_embedding, c.vocab_size, c.dim);
  for (Layer& layer : model.layers) read(layer.rms_attention, 1, c.dim);
  for (Layer& layer : model.layers) read(layer.wq, c.dim, c.dim);
  for (Layer& layer : model.layers) read(layer.wk, c.kv_dim(), c.dim);
  for (Layer& layer : model.layers) read(layer.wv, c.kv_dim(), c.dim);
  for (Layer& layer : model.layers) read(layer.wo, c.dim, c.dim);
  for (Layer& layer : model.layers) read(layer.rms_ffn, 1, c.dim);
  for (Layer& layer : model.layers) read(layer.w1, c.hidden_dim, c.dim);
  for (Layer& layer : model.layers) read(layer.w2, c.dim, c.hidden_dim);
  for (Layer& layer : model.layers) read(layer.w3, c.hidden_dim, c.dim);
  read(model.rms_final, 1, c.dim);
  if (!file) throw std::runtime_error(path + " ends too early");
  return model;  // the cos/sin tables that follow are not needed: posenc makes them
}

struct Tokenizer {
  std::vector<std::string> pieces;
  std::vector<float> scores;  // of two pieces that could merge into one, the better result goes first
};

/// Reads `tok512.bin`: the longest length, then for each token a score, a length and that many bytes.
inline Tokenizer read_tokenizer(const std::string& path, int vocab_size) {
  std::ifstream file(path, std::ios::binary);
  Tokenizer tokenizer;
  std::int32_t max_length = 0;
  file.read(reinterpret_cast<char*>(&max_length), sizeof max_length);
  for (int token = 0; token < vocab_size; ++token) {
    float score = 0;
    std::int32_t length = 0;
    file.read(reinterpret_cast<char*>(&score), sizeof score);
    file.read(reinterpret_cast<char*>(&length), sizeof length);
    if (!file || length < 0 || length > max_length) throw std::runtime_error(path + " is no tokenizer of this model");
    std::string piece(static_cast<std::size_t>(length), ' ');
    file.read(piece.data(), length);
    tokenizer.pieces.push_back(piece);
    tokenizer.scores.push_back(score);
  }
  if (!file) throw std::runtime_error(path + " ends too early");
  return tokenizer;
}

// ---------------------------------------------------------------------------------------------------------------------
// Positions

/// The table of all positions, made once, and the pair layout: what a model needs to know about RoPE.
struct RotaryEmbedding {
  posenc::FrequencyTable<float> table;  // [seq_len, head_dim / 2] cosines and sines
  posenc::RopeLayout layout;
};

/// What the models of llama2.c were trained with: adjacent channels pair up, base 10000.
inline RotaryEmbedding rotary_embedding(const Config& config,
                                        posenc::RopePairs pairs = posenc::RopePairs::interleaved) {
  const int head_dim = config.head_dim();
  const auto frequencies = posenc::geometric_frequencies(head_dim, 10000.0);
  return {posenc::make_table<float>(frequencies, posenc::PositionRange(0, config.seq_len)),
          posenc::RopeLayout(pairs, head_dim)};
}

// ---------------------------------------------------------------------------------------------------------------------
// The model

struct Cache {
  std::vector<Matrix> keys;    // for each layer [seq_len, kv_dim], rotated: a key rotates once, when it is stored
  std::vector<Matrix> values;  // for each layer [seq_len, kv_dim]

  explicit Cache(const Config& c)
      : keys(static_cast<std::size_t>(c.num_layers), Matrix::Zero(c.seq_len, c.kv_dim())), values(keys) {}
};

/// Queries and keys of one token in every layer, kept for whoever wants to compare them.
struct Trace {
  struct QueryAndKey {
    Vector q;  // [num_heads * head_dim]
    Vector k;  // [num_kv_heads * head_dim]
  };
  std::vector<QueryAndKey> before;  // for each layer, before RoPE
  std::vector<QueryAndKey> after;   // and after
};

inline Vector rms_norm(const Vector& x, const Vector& weight) {
  return (x.array() * weight.array() / std::sqrt(x.squaredNorm() / static_cast<float>(x.size()) + 1e-5F)).matrix();
}

/// The logits [vocab_size] that follow `token` at `position`. The cache must hold the positions before it.
inline Vector forward(const Model& model, const RotaryEmbedding& rope, Cache& cache, int token, int position,
                      Trace* trace = nullptr) {
  const Config& c = model.config;
  const int head_dim = c.head_dim();
  const int num_keys = position + 1;
  Vector x = model.token_embedding.row(token);  // [dim]

  for (std::size_t l = 0; l < model.layers.size(); ++l) {
    const Layer& layer = model.layers[l];

    const Vector attention_in = rms_norm(x, layer.rms_attention);  // [dim]
    Vector q = attention_in * layer.wq.transpose();                // [num_heads * head_dim]
    Vector k = attention_in * layer.wk.transpose();                // [num_kv_heads * head_dim]
    if (trace) trace->before.push_back({q, k});
    posenc::apply_rope(q, rope.table, rope.layout, posenc::starting_at(position));  // all heads at once
    posenc::apply_rope(k, rope.table, rope.layout, posenc::starting_at(position));  // fewer heads: the same call
    if (trace) trace->after.push_back({q, k});
    cache.keys[l].row(position) = k;
    cache.values[l].row(position) = attention_in * layer.wv.transpose();

    Vector heads(c.dim);  // [num_heads * head_dim]
    for (int h = 0; h < c.num_heads; ++h) {
      const int kv_head = h / (c.num_heads / c.num_kv_heads);
      const auto keys = cache.keys[l].block(0, kv_head * head_dim, num_keys, head_dim);      // [num_keys, head_dim]
      const auto values = cache.values[l].block(0, kv_head * head_dim, num_keys, head_dim);  // [num_keys, head_dim]
      Vector weights = q.segment(h * head_dim, head_dim) * keys.transpose();                 // [num_keys]
      weights /= std::sqrt(static_cast<float>(head_dim));
      weights = (weights.array() - weights.maxCoeff()).exp();  // softmax
      weights /= weights.sum();
      heads.segment(h * head_dim, head_dim) = weights * values;
    }
    x += heads * layer.wo.transpose();

    const Vector ffn_in = rms_norm(x, layer.rms_ffn);                              // [dim]
    const Vector gate = ffn_in * layer.w1.transpose();                             // [hidden_dim]
    const Vector up = ffn_in * layer.w3.transpose();                               // [hidden_dim]
    const Vector silu = (gate.array() / (1.0F + (-gate.array()).exp())).matrix();  // [hidden_dim]
    x += silu.cwiseProduct(up) * layer.w2.transpose();
  }
  return rms_norm(x, model.rms_final) * model.token_embedding.transpose();
}

// ---------------------------------------------------------------------------------------------------------------------
// Text

constexpr int kBeginOfStory = 1;

/// The likeliest token at every step: num_steps tokens, or fewer when the story ends.
inline std::vector<int> generate_greedily(const Model& model, const RotaryEmbedding& rope, int num_steps) {
  Cache cache(model.config);
  std::vector<int> tokens;
  int token = kBeginOfStory;
  for (int position = 0; position < num_steps; ++position) {
    forward(model, rope, cache, token, position).maxCoeff(&token);
    if (token == kBeginOfStory) break;  // a new story begins: this one is over
    tokens.push_back(token);
  }
  return tokens;
}

inline std::string decode(const Tokenizer& tokenizer, const std::vector<int>& tokens) {
  std::string text;
  for (const int token : tokens) {
    std::string piece = tokenizer.pieces.at(static_cast<std::size_t>(token));
    if (text.empty() && piece[0] == ' ') piece.erase(0, 1);  // the first word has no space in front
    if (piece.size() == 6 && piece.compare(0, 3, "<0x") == 0) {
      piece = std::string(1, static_cast<char>(std::stoi(piece.substr(3, 2), nullptr, 16)));  // one byte: <0x0A>
    }
    text += piece;
  }
  return text;
}

}  // namespace tiny_llama

#endif  // POSENC_EXAMPLES_TINY_LLAMA_HPP
