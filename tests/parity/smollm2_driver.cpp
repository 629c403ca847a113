// SPDX-License-Identifier: MIT
/// The chat model of example 16 behind a command line, for smollm2.py. Arrays are raw little-endian files.
///
///   smollm2_driver tokens <gguf> <lines, each ended by a zero byte> <out: int32, each line ended by -1>
///   smollm2_driver logits <gguf> <tokens, int32> <exact|float32> <out: float>
///   smollm2_driver answer <gguf> <question> <number of tokens> <exact|float32> <out: int32, the prompt, -1, the answer>
#include "posenc/posenc.hpp"

#include "support/byte_pair_encoding.hpp"
#include "support/chat.hpp"
#include "support/gguf_file.hpp"
#include "support/gguf_llama.hpp"

#include <cstdint>
#include <cstring>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <typename Number>
void write(const std::string& path, const Number* numbers, std::size_t count) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(numbers), static_cast<std::streamsize>(count * sizeof(Number)));
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

posenc::TableOptions angles(const std::string& mode) {
  posenc::TableOptions options;
  if (mode == "float32") options.angles = posenc::AngleMode::float32;
  return options;
}

void tokens(const gguf::File& file, const std::string& lines, const std::string& out) {
  const byte_pair::Tokenizer tokenizer(file);
  std::vector<std::int32_t> all;
  const std::string bytes = read_bytes(lines);
  for (std::size_t begin = 0, end = 0; (end = bytes.find('\0', begin)) != std::string::npos; begin = end + 1) {
    for (const int token : tokenizer.encode(bytes.substr(begin, end - begin))) all.push_back(token);
    all.push_back(-1);
  }
  write(out, all.data(), all.size());
}

void logits(const gguf::File& file, const std::string& path, const std::string& mode, const std::string& out) {
  const std::string bytes = read_bytes(path);
  std::vector<int> read(bytes.size() / sizeof(std::int32_t));
  std::memcpy(read.data(), bytes.data(), read.size() * sizeof(std::int32_t));
  const gguf_llama::Model model = gguf_llama::read_model(file);
  gguf_llama::Cache cache(model, static_cast<Eigen::Index>(read.size()), angles(mode));
  const gguf_llama::Matrix all = gguf_llama::logits(model, gguf_llama::read_tokens(model, cache, read));
  write(out, all.data(), static_cast<std::size_t>(all.size()));
}

void answer(const gguf::File& file, const std::string& question, int most, const std::string& mode,
            const std::string& out) {
  const byte_pair::Tokenizer tokenizer(file);
  const gguf_llama::Model model = gguf_llama::read_model(file);
  std::vector<int> all = chat::prompt(tokenizer, question);
  gguf_llama::Cache cache(model, static_cast<Eigen::Index>(all.size()) + most, angles(mode));
  const std::vector<int> answered = chat::answer(model, cache, all, tokenizer.control("<|im_end|>"), most);
  all.push_back(-1);
  all.insert(all.end(), answered.begin(), answered.end());
  write(out, all.data(), all.size());
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    const std::string what = arguments.at(0);
    const gguf::File file = gguf::read_file(arguments.at(1));
    if (what == "tokens") {
      tokens(file, arguments.at(2), arguments.at(3));
    } else if (what == "logits") {
      logits(file, arguments.at(2), arguments.at(3), arguments.at(4));
    } else if (what == "answer") {
      answer(file, arguments.at(2), std::stoi(arguments.at(3)), arguments.at(4), arguments.at(5));
    } else {
      throw std::runtime_error("no command " + what);
    }
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  return 0;
}
