// SPDX-License-Identifier: MIT
// A trained language model tells its story, with posenc rotating its queries and keys. The model is in
// support/tiny_llama.hpp: about 200 lines of Eigen.
//
//   10_tell_a_story [--half-split] [folder with stories260K.bin and tok512.bin]
//
// The two files are those of karpathy/tinyllamas, folder stories260K. If greedy.txt lies beside them, the story must
// equal it byte for byte. With --half-split the channels pair up as in another family of models: nothing crashes, the
// norms are right, position 0 is right, and the story falls apart.
//
// Prints:
//   Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a
//   big, red ball. She wanted to play with it, but it was too high.
//   Lily's mom said, "Lily, let's go to the park." [...]
#include "support/tiny_llama.hpp"

#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

int main(int argc, char** argv) {
  bool half_split = false;
  std::string folder;
  for (int i = 1; i < argc; ++i) {
    if (argv[i] == std::string("--half-split")) {
      half_split = true;
    } else {
      folder = argv[i];
    }
  }
  const bool folder_given = !folder.empty();
#if defined(POSENC_DATA_DIR)
  if (!folder_given) folder = POSENC_DATA_DIR "/stories260K";
#endif
  if (!std::ifstream(folder + "/stories260K.bin")) {
    std::cerr << "no stories260K.bin in '" << folder
              << "': give the folder stories260K of karpathy/tinyllamas as argument\n";
    return folder_given ? 1 : 0;
  }

  try {
    const tiny_llama::Model model = tiny_llama::read_model(folder + "/stories260K.bin");
    const auto tokenizer = tiny_llama::read_tokenizer(folder + "/tok512.bin", model.config.vocab_size);
    const auto rope = tiny_llama::rotary_embedding(
        model.config, half_split ? posenc::RopePairs::half_split : posenc::RopePairs::interleaved);
    const std::string story = tiny_llama::decode(tokenizer, tiny_llama::generate_greedily(model, rope, 256)) + "\n";
    std::cout << story << std::flush;  // the story alone goes to stdout

    std::ifstream file(folder + "/greedy.txt", std::ios::binary);
    if (!file) return 0;
    const std::string expected(std::istreambuf_iterator<char>(file), {});
    const bool same = story == expected;
    std::cerr << "-- " << (same ? "equals" : "is not") << " the published story (" << expected.size() << " bytes)\n";
    return same != half_split ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
