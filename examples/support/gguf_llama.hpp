// SPDX-License-Identifier: MIT
/// A Llama in plain Eigen from a GGUF file: its weights as floats, a key/value cache, any number of tokens at a time.
///
/// Everything about positions is in five lines, marked with "positions": posenc reads from the metadata which channels of
/// which layers rotate, how fast, and how they pair up.
#ifndef POSENC_EXAMPLES_GGUF_LLAMA_HPP
#define POSENC_EXAMPLES_GGUF_LLAMA_HPP

#include "posenc/posenc.hpp"
#include "support/gguf_file.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace gguf_llama {

using Eigen::Index;
using gguf::Matrix;
using Vector = Eigen::RowVectorXf;

struct Layer {
  Vector attention_norm;  // [width]
  Matrix wq;              // [num_heads * head_dim, width]       all weights are [out, in]: y = x w^T
  Matrix wk;              // [num_kv_heads * head_dim, width]
  Matrix wv;              // [num_kv_heads * head_dim, width]
  Matrix wo;              // [width, num_heads * head_dim]
  Vector ffn_norm;        // [width]
  Matrix gate;            // [hidden, width]
  Matrix up;              // [hidden, width]
  Matrix down;            // [width, hidden]
};

struct Model {
  Index num_heads;
  Index num_kv_heads;  // each serves num_heads / num_kv_heads query heads
  Index head_dim;
  Index trained_length;
  float epsilon;
  Matrix token_embedding;  // [vocabulary, width]
  Matrix output;           // [vocabulary, width], empty where it is the embedding
  Vector output_norm;      // [width]
  std::vector<Layer> layers;
  posenc::ModelRope rope;
};

/// Reads the weights of a model of the architecture "llama".
inline Model read_model(const gguf::File& file) {
  const posenc::ConfigValue* const architecture = file.metadata.find("general.architecture");
  if (architecture == nullptr || *architecture != posenc::ConfigValue("llama")) {
    throw std::runtime_error("general.architecture is not llama");
  }
  Model model;
  constexpr Index most = 1 << 20;  // far beyond any model, and no product of two overflows
  const Index width = gguf::whole_number(file, "llama.embedding_length", most);
  const Index hidden = gguf::whole_number(file, "llama.feed_forward_length", most);
  const Index num_layers = gguf::whole_number(file, "llama.block_count", 4096);
  model.trained_length = gguf::whole_number(file, "llama.context_length", most);
  model.num_heads = gguf::whole_number(file, "llama.attention.head_count", 4096);
  model.num_kv_heads = gguf::whole_number(file, "llama.attention.head_count_kv", model.num_heads);
  model.head_dim = width / model.num_heads;
  if (width % model.num_heads != 0 || model.num_heads % model.num_kv_heads != 0) {
    throw std::runtime_error("the heads do not divide the width, or the key heads the heads");
  }
  const posenc::ConfigValue* const epsilon = file.metadata.find("llama.attention.layer_norm_rms_epsilon");
  if (epsilon == nullptr) throw std::runtime_error("the file has no llama.attention.layer_norm_rms_epsilon");
  model.epsilon = static_cast<float>(epsilon->number());

  std::optional<std::vector<double>> freq_factors;  // of Llama 3
  if (file.tensors.count("rope_freqs.weight") != 0) {
    const Matrix factors = gguf::read_tensor(file, "rope_freqs.weight", 1, model.head_dim / 2);
    freq_factors.emplace(factors.data(), factors.data() + factors.size());
  }
  model.rope = posenc::read_gguf_metadata(file.metadata, freq_factors);  // positions

  const Index vocabulary = gguf::whole_number(file, "llama.vocab_size", most);
  const Index kv_width = model.num_kv_heads * model.head_dim;
  model.token_embedding = gguf::read_tensor(file, "token_embd.weight", vocabulary, width);
  if (file.tensors.count("output.weight") != 0) {
    model.output = gguf::read_tensor(file, "output.weight", vocabulary, width);
  }
  model.output_norm = gguf::read_tensor(file, "output_norm.weight", 1, width);
  for (Index l = 0; l < num_layers; ++l) {
    const auto read = [&](const char* name, Index rows, Index columns) {
      return gguf::read_tensor(file, "blk." + std::to_string(l) + "." + name + ".weight", rows, columns);
    };
    Layer layer;
    layer.attention_norm = read("attn_norm", 1, width);
    layer.wq = read("attn_q", width, width);
    layer.wk = read("attn_k", kv_width, width);
    layer.wv = read("attn_v", kv_width, width);
    layer.wo = read("attn_output", width, width);
    layer.ffn_norm = read("ffn_norm", 1, width);
    layer.gate = read("ffn_gate", hidden, width);
    layer.up = read("ffn_up", hidden, width);
    layer.down = read("ffn_down", width, hidden);
    model.layers.push_back(std::move(layer));
  }
  return model;
}

/// Keys and values of what was read, and the angles of all positions that there is room for.
struct Cache {
  std::vector<Matrix> keys;    // for each layer [room, num_kv_heads * head_dim], rotated when they are stored
  std::vector<Matrix> values;  // for each layer [room, num_kv_heads * head_dim]
  std::vector<posenc::FrequencyTable<float>> tables;  // for each rotation of the model
  Index length = 0;                                   // tokens that were read

  Cache(const Model& model, Index room, posenc::TableOptions options = {})
      : keys(model.layers.size(), Matrix(room, model.num_kv_heads * model.head_dim)), values(keys) {
    for (const posenc::RopeSet& set : model.rope.rope_sets) {
      tables.push_back(posenc::make_table<float>(set, posenc::PositionRange(0, room), options));  // positions
    }
  }
};

inline Matrix rms_norm(const Matrix& x, const Vector& weight, float epsilon) {
  const auto mean_square = x.rowwise().squaredNorm().array() / static_cast<float>(x.cols());
  return ((mean_square + epsilon).rsqrt().matrix().asDiagonal() * x).array().rowwise() * weight.array();
}

/// Attention of the tokens that were just stored: q [tokens, num_heads * head_dim], overwritten by what the heads read.
/// All heads of a key head, 128 tokens and 512 keys at a time, so that their weights stay near the core however long the
/// cache is. What was read is scaled down whenever a higher logit comes, and divided by the sum of the weights at the end.
inline void attend(const Model& model, const Matrix& keys, const Matrix& values, Index length, Matrix& q) {
  const Index d = model.head_dim;
  const Index heads = model.num_heads / model.num_kv_heads;
  const float scale = 1 / std::sqrt(static_cast<float>(d));
  const Index most_tokens = std::min<Index>(q.rows(), 128);
  const Index most_keys = std::min<Index>(length, 512);
  Matrix queries(heads * most_tokens, d), read(heads * most_tokens, d), all_weights(heads * most_tokens, most_keys);
  Eigen::ArrayXf highest(heads * most_tokens), sum(heads * most_tokens);
  for (Index first = 0; first < q.rows(); first += most_tokens) {
    const Index tokens = std::min(most_tokens, q.rows() - first);
    const Index rows = heads * tokens;
    const Index past = length - q.rows() + first;
    for (Index kv = 0; kv < model.num_kv_heads; ++kv) {
      const auto of_head = [&](Index h) { return q.block(first, (kv * heads + h) * d, tokens, d); };
      for (Index h = 0; h < heads; ++h) queries.middleRows(h * tokens, tokens) = scale * of_head(h);
      read.setZero();
      highest.setConstant(std::numeric_limits<float>::lowest());
      sum.setZero();
      for (Index key = 0; key < past + tokens; key += most_keys) {
        const Index count = std::min(most_keys, past + tokens - key);
        auto weights = all_weights.topLeftCorner(rows, count);
        weights.noalias() = queries.topRows(rows) * keys.block(key, kv * d, count, d).transpose();
        for (Index i = 0; i < rows; ++i) {
          const Index visible = std::clamp<Index>(past + i % tokens + 1 - key, 0, count);
          weights.row(i).tail(count - visible).setZero();
          if (visible == 0) continue;
          auto seen = weights.row(i).head(visible).array();
          const float before = highest[i];
          highest[i] = std::max(before, seen.maxCoeff());
          seen = (seen - highest[i]).exp();
          const float kept = std::exp(before - highest[i]);
          sum[i] = sum[i] * kept + seen.sum();
          read.row(i) *= kept;
        }
        read.topRows(rows).noalias() += weights * values.block(key, kv * d, count, d);
      }
      for (Index h = 0; h < heads; ++h) {
        of_head(h) = read.middleRows(h * tokens, tokens).array().colwise() / sum.segment(h * tokens, tokens);
      }
    }
  }
}

/// Reads tokens after those in the cache: what the last layer makes of each, normalized, [tokens, width].
inline Matrix read_tokens(const Model& model, Cache& cache, const std::vector<int>& tokens) {
  const Index count = static_cast<Index>(tokens.size());
  const Index position = cache.length;
  if (count > cache.keys[0].rows() - position) throw std::runtime_error("the cache has no room for more tokens");
  Matrix x(count, model.token_embedding.cols());
  for (Index i = 0; i < count; ++i) {
    const int token = tokens[static_cast<std::size_t>(i)];
    if (token < 0 || token >= model.token_embedding.rows()) throw std::runtime_error("no token of this model");
    x.row(i) = model.token_embedding.row(token);
  }
  cache.length += count;
  for (std::size_t l = 0; l < model.layers.size(); ++l) {
    const Layer& layer = model.layers[l];
    auto keys = cache.keys[l].middleRows(position, count);
    const Matrix attention_in = rms_norm(x, layer.attention_norm, model.epsilon);
    Matrix q = attention_in * layer.wq.transpose();
    keys.noalias() = attention_in * layer.wk.transpose();
    cache.values[l].middleRows(position, count).noalias() = attention_in * layer.wv.transpose();
    for (const int s : model.rope.layers[l].rope_sets) {  // positions
      const std::size_t set = static_cast<std::size_t>(s);
      const posenc::RopeLayout& layout = model.rope.rope_sets[set].layout;
      posenc::apply_rope(q, cache.tables[set], layout, posenc::starting_at(position));     // positions
      posenc::apply_rope(keys, cache.tables[set], layout, posenc::starting_at(position));  // positions
    }
    attend(model, cache.keys[l], cache.values[l], cache.length, q);
    x.noalias() += q * layer.wo.transpose();

    const Matrix ffn_in = rms_norm(x, layer.ffn_norm, model.epsilon);
    Matrix gate = ffn_in * layer.gate.transpose();
    gate.array() /= 1 + (-gate.array()).exp();  // silu
    gate.array() *= (ffn_in * layer.up.transpose()).array();
    x.noalias() += gate * layer.down.transpose();
  }
  return rms_norm(x, model.output_norm, model.epsilon);
}

/// The logits [tokens, vocabulary] of what read_tokens() returns, or of some of its rows.
inline Matrix logits(const Model& model, const Eigen::Ref<const Matrix>& read) {
  return read * (model.output.size() != 0 ? model.output : model.token_embedding).transpose();
}

}  // namespace gguf_llama

#endif  // POSENC_EXAMPLES_GGUF_LLAMA_HPP
