// SPDX-License-Identifier: MIT
// A trained language model tells a story, with posenc rotating its queries and keys; then the same weights with the
// pair layout of another family of models: nothing crashes, the norms are right, position 0 is right, and it forgets
// what it was told.
//
//   10_tell_a_story [--half-split] [folder with stories260K.bin and tok512.bin]
//
// Without a folder it is the model that example 14 trained (models/tales.bin, 250,000 parameters). With the folder
// stories260K of karpathy/tinyllamas it is that Llama (support/tiny_llama.hpp: about 200 lines of Eigen), whose pairs
// are interleaved. If greedy.txt lies there, the story must equal it byte for byte; with --half-split it falls apart.
//
// Prints (a word may differ elsewhere):
//   -- pairs half-split, as in training
//   Once there was a cheerful boy named Bruno. Bruno lived near the hill. Bruno liked grapes best.
//   Far away lived a clever girl named Nora. Nora had a green boat. Nora liked plums best. Nora dreamed of being a
//   smith. For dinner there was what Bruno liked, grapes. [...] Years later Nora became a smith. [...]
//      loss per token 0.71 on other tales; of 137 words in them that were told before, it knows 0.82
//
//   -- the same weights, pairs interleaved
//   Once there was a cheerful boy named Bruno.
//   Once there was a lazy girl named Simon.
//   Once. [...] Clara had a mouse named Nora Olga liked honey. [...] Clara called the wind blew over the beach. [...]
//      loss per token 2.89 on other tales; of 137 words in them that were told before, it knows 0.15
//   ok
#include "posenc/posenc.hpp"

#include "support/tales_model.hpp"
#include "support/tiny_llama.hpp"
#include "support/weights_file.hpp"

#include <algorithm>
#include <exception>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <string>

#if !defined(POSENC_MODELS_DIR)
#define POSENC_MODELS_DIR "examples/models"
#endif

// Lines of at most 74 characters, broken between words; the page of the demo indents them by six.
std::string wrapped(const std::string& text) {
  std::string lines;
  std::size_t column = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \n", begin), text.size());
    if (column != 0 && column + 1 + end - begin > 74) {
      lines += '\n';
      column = 0;
    }
    if (column != 0) lines += ' ';
    lines += text.substr(begin, end - begin);
    column += (column != 0 ? 1 : 0) + end - begin;
    if (end < text.size() && text[end] == '\n') {
      lines += '\n';
      column = 0;
    }
    begin = end + 1;
  }
  return lines;
}

// A tale that the model makes up, and what it knows of tales that it did not read.
tiny_transformer::Score tell_tale(posenc::RopePairs pairs) {
  const tales::Language language;
  tiny_transformer::Transformer<float> model(tiny_transformer::tales_config(language), 1);
  tiny_transformer::read_weights(POSENC_MODELS_DIR "/tales.bin", model);
  const auto rope = tiny_transformer::tales_rope<float>(pairs);
  const int new_line = language.token("\n");
  const std::string tale = language.text(tiny_transformer::go_on(model, *rope, {new_line}, 140, 1));
  const auto score = tiny_transformer::measure(model, *rope, language, 10, 250);
  std::cout << wrapped(tale.substr(0, tale.rfind('.') + 1)) << "\n   loss per token " << score.loss
            << " on other tales; of " << score.clues << " words in them that were told before, it knows "
            << score.recall << "\n\n";
  return score;
}

int tell_tales() {
  std::cout << std::fixed << std::setprecision(2) << "-- pairs half-split, as in training\n";
  const auto right = tell_tale(posenc::RopePairs::half_split);
  std::cout << "-- the same weights, pairs interleaved\n";
  const auto wrong = tell_tale(posenc::RopePairs::interleaved);
  const bool ok = right.recall > 0.7 && wrong.recall < 0.2 && right.loss + 1 < wrong.loss;
  std::cout << (ok ? "ok\n" : "FAILED\n");
  return ok ? 0 : 1;
}

int tell_story(const std::string& folder, posenc::RopePairs pairs) {
  const tiny_llama::Model model = tiny_llama::read_model(folder + "/stories260K.bin");
  const auto tokenizer = tiny_llama::read_tokenizer(folder + "/tok512.bin", model.config.vocab_size);
  const auto rope = tiny_llama::rotary_embedding(model.config, pairs);
  const std::string story = tiny_llama::decode(tokenizer, tiny_llama::generate_greedily(model, rope, 256)) + "\n";
  std::cout << story << std::flush;  // the story alone goes to stdout

  std::ifstream file(folder + "/greedy.txt", std::ios::binary);
  if (!file) return 0;
  const std::string expected(std::istreambuf_iterator<char>(file), {});
  const bool same = story == expected;
  std::cerr << "-- " << (same ? "equals" : "is not") << " the published story (" << expected.size() << " bytes)\n";
  return same == (pairs == posenc::RopePairs::interleaved) ? 0 : 1;
}

int main(int argc, char** argv) {
  auto pairs = posenc::RopePairs::interleaved;
  std::string folder;
  for (int i = 1; i < argc; ++i) {
    if (argv[i] == std::string("--half-split")) {
      pairs = posenc::RopePairs::half_split;
    } else {
      folder = argv[i];
    }
  }
  try {
    return folder.empty() ? tell_tales() : tell_story(folder, pairs);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
