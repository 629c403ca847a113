// SPDX-License-Identifier: MIT
/// A GGUF file of a few kilobytes, part by part: a Llama of one layer and the vocabulary of twelve tokens.
#ifndef POSENC_TESTS_SMALL_GGUF_HPP
#define POSENC_TESTS_SMALL_GGUF_HPP

#include "../../examples/support/gguf_file.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace small_gguf {

/// The lowest byte first, on every platform.
inline std::string bytes_of(std::uint64_t value, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes += static_cast<char>(value >> 8 * i & 0xff);
  return bytes;
}
inline std::string u32(std::uint64_t value) { return bytes_of(value, 4); }
inline std::string u64(std::uint64_t value) { return bytes_of(value, 8); }
inline std::string text(const std::string& value) { return u64(value.size()) + value; }
inline std::string f32(float value) { return u32(Eigen::numext::bit_cast<Eigen::numext::uint32_t>(value)); }
inline std::string f16(float value) {
  return bytes_of(Eigen::numext::bit_cast<Eigen::numext::uint16_t>(Eigen::half(value)), 2);
}

/// The parts of a file, which a test changes before it is put together.
struct Parts {
  std::uint64_t version = 3;
  std::vector<std::string> entries;
  struct Tensor {
    std::string name;
    std::vector<std::uint64_t> shape;
    std::uint64_t type;
    std::string data;
    std::uint64_t move = 0;  // added to its offset
  };
  std::vector<Tensor> tensors;

  void entry(const std::string& key, std::uint64_t type, const std::string& value) {
    entries.push_back(text(key) + u32(type) + value);
  }
  void number(const std::string& key, std::uint64_t value) { entry(key, 4, u32(value)); }
  void texts(const std::string& key, const std::vector<std::string>& values) {
    std::string list = u32(8) + u64(values.size());
    for (const std::string& value : values) list += text(value);
    entry(key, 9, list);
  }

  std::string file() const {
    std::string bytes = "GGUF" + u32(version) + u64(tensors.size()) + u64(entries.size());
    for (const std::string& entry : entries) bytes += entry;
    std::string data;
    for (const Tensor& tensor : tensors) {
      bytes += text(tensor.name) + u32(tensor.shape.size());
      for (const std::uint64_t dimension : tensor.shape) bytes += u64(dimension);
      bytes += u32(tensor.type) + u64(data.size() + tensor.move);
      data += tensor.data;
      data.resize((data.size() + 31) / 32 * 32);
    }
    bytes.resize((bytes.size() + 31) / 32 * 32);
    return bytes + data;
  }
};

/// Blocks of 32 numbers, or floats, of small values.
inline std::string tensor_data(std::uint64_t type, std::uint64_t count, std::mt19937& random) {
  std::string data;
  const auto byte = [&] { return static_cast<char>(random() & 0xff); };
  for (std::uint64_t i = 0; i < count; i += type == gguf::kF32 ? 1U : 32U) {
    if (type == gguf::kF32) {
      data += f32(0.5F + static_cast<float>(random() % 16) / 16);
    } else if (type == gguf::kQ8_0) {
      data += f16(1.0F / 512);
      for (int j = 0; j < 32; ++j) data += byte();
    } else {
      data += f16(1.0F / 64) + f16(-0.125F);
      for (int j = 0; j < 16; ++j) data += byte();
    }
  }
  return data;
}

/// A Llama of one layer: width 32, 2 heads and 1 key head of 16, hidden 32, 12 tokens.
inline Parts small_model() {
  Parts parts;
  parts.entry("general.architecture", 8, text("llama"));
  parts.number("llama.block_count", 1);
  parts.number("llama.context_length", 64);
  parts.number("llama.embedding_length", 32);
  parts.number("llama.feed_forward_length", 32);
  parts.number("llama.attention.head_count", 2);
  parts.number("llama.attention.head_count_kv", 1);
  parts.number("llama.rope.dimension_count", 16);
  parts.number("llama.vocab_size", 12);
  parts.entry("llama.rope.freq_base", 6, f32(10000));
  parts.entry("llama.attention.layer_norm_rms_epsilon", 6, f32(1e-5F));
  parts.entry("tokenizer.ggml.model", 8, text("gpt2"));
  parts.entry("tokenizer.ggml.pre", 8, text("smollm"));
  parts.texts("tokenizer.ggml.tokens", {"<|im_start|>", "<|im_end|>", "a", "b", "c", "\xc4\xa0", "1", "ab", "abc",
                                        "\xc4\xa0"
                                        "a",
                                        "\xc4\xa0\xc4\xa0", "\xc4\x8a"});
  std::string types = u32(5) + u64(12);
  for (int i = 0; i < 12; ++i) types += u32(i < 2 ? 3 : 1);
  parts.entry("tokenizer.ggml.token_type", 9, types);
  parts.texts("tokenizer.ggml.merges", {"a b", "ab c", "\xc4\xa0 a", "\xc4\xa0 \xc4\xa0"});
  std::mt19937 random(1);
  const auto add = [&](const std::string& name, std::uint64_t type, std::uint64_t columns, std::uint64_t rows) {
    std::vector<std::uint64_t> shape{columns};
    if (rows != 0) shape.push_back(rows);
    parts.tensors.push_back(
        {name + ".weight", shape, type, tensor_data(type, columns * (rows != 0 ? rows : 1), random)});
  };
  add("token_embd", gguf::kQ8_0, 32, 12);
  add("output_norm", gguf::kF32, 32, 0);
  add("blk.0.attn_norm", gguf::kF32, 32, 0);
  add("blk.0.ffn_norm", gguf::kF32, 32, 0);
  add("blk.0.attn_q", gguf::kQ4_1, 32, 32);
  add("blk.0.attn_k", gguf::kQ4_1, 32, 16);
  add("blk.0.attn_v", gguf::kQ4_1, 32, 16);
  add("blk.0.attn_output", gguf::kQ4_1, 32, 32);
  add("blk.0.ffn_gate", gguf::kQ4_1, 32, 32);
  add("blk.0.ffn_up", gguf::kQ4_1, 32, 32);
  add("blk.0.ffn_down", gguf::kQ4_1, 32, 32);
  return parts;
}

}  // namespace small_gguf

#endif  // POSENC_TESTS_SMALL_GGUF_HPP
