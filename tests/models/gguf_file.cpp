// SPDX-License-Identifier: MIT
// A GGUF file of a few kilobytes, written here: what is read from it, how bad ones are refused, and that no change of
// its bytes makes a reader leave it.
#include "support/catch2.hpp"
#include "support/small_gguf.hpp"

#include "../../examples/support/byte_pair_encoding.hpp"
#include "../../examples/support/chat.hpp"
#include "../../examples/support/gguf_file.hpp"
#include "../../examples/support/gguf_llama.hpp"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace small_gguf;

/// Everything that a program does with a file.
void use(const std::string& bytes) {
  const gguf::File file = gguf::parse(bytes);
  const byte_pair::Tokenizer tokenizer(file);
  const gguf_llama::Model model = gguf_llama::read_model(file);
  gguf_llama::Cache cache(model, 8);
  const gguf_llama::Matrix read = gguf_llama::read_tokens(model, cache, tokenizer.encode("ab  1 abc"));
  gguf_llama::logits(model, read);
}

std::string refusal(const std::string& bytes) {
  try {
    use(bytes);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing";
}

}  // namespace

TEST_CASE("a GGUF file says what was written to it", "[gguf_file][portable]") {
  const std::string bytes = small_model().file();
  CHECK(bytes.size() < 20 * 1024);
  const gguf::File file = gguf::parse(bytes);
  CHECK(file.metadata.keys().size() == 16);
  CHECK(*file.metadata.find("llama.rope.freq_base") == posenc::ConfigValue(10000));
  CHECK(file.metadata.find("tokenizer.ggml.tokens")->items()[8].text() == "abc");
  CHECK(file.tensors.size() == 11);

  // One block of each type, by hand.
  Parts parts;
  std::string nibbles;
  std::string signed_bytes;
  for (int i = 0; i < 16; ++i) nibbles += static_cast<char>(i | (15 - i) << 4);
  for (int i = 0; i < 32; ++i) signed_bytes += static_cast<char>(8 * i - 128);
  parts.tensors = {{"q4", {32, 1}, gguf::kQ4_1, f16(0.5F) + f16(-3) + nibbles},
                   {"q8", {32, 1}, gguf::kQ8_0, f16(0.25F) + signed_bytes},
                   {"f", {3}, gguf::kF32, f32(1) + f32(-2.5F) + f32(1e-30F)}};
  const gguf::File blocks = gguf::parse(parts.file());
  const gguf::Matrix q4 = gguf::read_tensor(blocks, "q4", 1, 32);
  const gguf::Matrix q8 = gguf::read_tensor(blocks, "q8", 1, 32);
  for (int i = 0; i < 32; ++i) {
    CHECK(q4(0, i) == 0.5F * static_cast<float>(i < 16 ? i : 31 - i) - 3);
    CHECK(q8(0, i) == 0.25F * static_cast<float>(8 * i - 128));
  }
  CHECK(gguf::read_tensor(blocks, "f", 1, 3) == Eigen::RowVector3f(1, -2.5F, 1e-30F));
}

TEST_CASE("text splits into words as SmolLM2 was trained, and words into tokens", "[gguf_file][portable]") {
  const auto words = [](const std::string& text) {
    std::string joined;
    for (const std::string_view word : byte_pair::split_words(text)) joined += std::string(word) + "|";
    return joined;
  };
  CHECK(words("I'm here, don't 'Say'") == "I|'m| here|,| don|'t| '|Say|'|");
  CHECK(words("in 1987 or  7") == "in| |1|9|8|7| or|  |7|");
  CHECK(words("a   b\n\n c \n") == "a|  | b|\n\n| c| \n|");
  CHECK(words("x\n\ny\t z") == "x|\n|\n|y|\t| z|");
  CHECK(words("na\xc3\xafve \xe2\x82\xac\xc2\xbd \xf0\x9f\x98\x80!") ==
        "na\xc3\xafve| \xe2\x82\xac|\xc2\xbd| \xf0\x9f\x98\x80!|");
  CHECK(words("\xff\xc3") == "\xff\xc3|");
  CHECK(words("").empty());

  const gguf::File file = gguf::parse(small_model().file());
  const byte_pair::Tokenizer tokenizer(file);
  CHECK(tokenizer.encode("abc ab  1z") == std::vector<int>{8, 5, 7, 10, 6});  // no token has z
  CHECK(tokenizer.encode("abab\nca") == std::vector<int>{7, 7, 11, 4, 2});
  CHECK(tokenizer.encode("<|im_end|>").empty());  // text, whatever it says
  CHECK(tokenizer.control("<|im_end|>") == 1);
  CHECK(tokenizer.piece(9) == " a");
  CHECK(tokenizer.piece(1).empty());
}

TEST_CASE("tokens read one by one and together give the same logits", "[gguf_file]") {
  const gguf_llama::Model model = gguf_llama::read_model(gguf::parse(small_model().file()));
  const std::vector<int> tokens{8, 9, 3, 10, 6, 2, 2};
  gguf_llama::Cache together(model, 7);
  const gguf_llama::Matrix all = gguf_llama::logits(model, gguf_llama::read_tokens(model, together, tokens));
  gguf_llama::Cache one_by_one(model, 7);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const gguf_llama::Matrix one = gguf_llama::logits(model, gguf_llama::read_tokens(model, one_by_one, {tokens[i]}));
    // Sums of 32 products in another order, five of them one after the other: some 100 roundings of 2^-24.
    CHECK((one - all.row(static_cast<Eigen::Index>(i))).cwiseAbs().maxCoeff() <= 1e-5F * all.cwiseAbs().maxCoeff());
  }
  CHECK_THROWS_AS(gguf_llama::read_tokens(model, together, {1}), std::runtime_error);
  // The same token at another position gives other logits.
  CHECK((all.row(5) - all.row(6)).cwiseAbs().maxCoeff() > 1e-3F);
}

TEST_CASE("a bad GGUF file is refused with a sentence", "[gguf_file]") {
  const Parts good = small_model();
  const auto changed = [&](const std::function<void(Parts&)>& change) {
    Parts parts = good;
    change(parts);
    return refusal(parts.file());
  };
  CHECK(refusal(good.file()) == "nothing");
  CHECK(refusal("") == "the file does not begin with GGUF");
  CHECK(refusal("PK\3\4") == "the file does not begin with GGUF");
  CHECK(refusal("GGUF") == "the file ends within the version");
  CHECK(changed([](Parts& p) { p.version = 2; }) == "the version is 2, and only 3 is read");
  CHECK(refusal("GGUF" + u32(3) + u64(0) + u64(1) + u64(~0ULL)) == "the file ends within a key");
  CHECK(refusal("GGUF" + u32(3) + u64(0) + u64(5000)) == "the file has 5000 entries, and at most 4096 are read");
  CHECK(refusal("GGUF" + u32(3) + u64(~0ULL) + u64(0)) == "the file ends within the name of a tensor");
  CHECK(changed([](Parts& p) { p.entries.push_back(p.entries[0]); }) == "the key general.architecture is there twice");
  CHECK(changed([](Parts& p) { p.entry("x", 13, ""); }) == "the value of x has type 13, which GGUF 3 lacks");
  CHECK(changed([](Parts& p) { p.entry("x", 9, u32(9) + u64(0)); }) ==
        "the value of x is a list of lists, which is not read");
  CHECK(refusal("GGUF" + u32(3) + u64(0) + u64(1) + text("x") + u32(9) + u32(0) + u64(~0ULL)) ==
        "the file ends within x");
  CHECK(changed([](Parts& p) { p.number("general.alignment", 0); }) ==
        "general.alignment is 0, and no power of two from 8 to 65536");
  CHECK(changed([](Parts& p) { p.tensors[1].shape = {}; }) ==
        "the tensor output_norm.weight has 0 dimensions, and not 1 to 4");
  CHECK(changed([](Parts& p) { p.tensors[1].shape = {0}; }) == "the tensor output_norm.weight has a dimension of 0");
  CHECK(changed([](Parts& p) { p.tensors[1].shape = {1ULL << 62}; }) ==
        "the tensor output_norm.weight is larger than the file");
  CHECK(changed([](Parts& p) {
          p.tensors[1].shape = {1ULL << 32, 1ULL << 32};
        }) == "the tensor output_norm.weight is larger than the file");
  CHECK(changed([](Parts& p) {
          p.tensors[0].shape = {16, 24};
        }) == "the rows of the tensor token_embd.weight are no multiple of 32 numbers");
  CHECK(changed([](Parts& p) { p.tensors[1].shape = {31}; }) ==
        "the tensor output_norm.weight is not 1 x 32, as the metadata has it");
  CHECK(changed([](Parts& p) { p.tensors[0].type = 12; }) ==
        "the tensor token_embd.weight has type 12, and only 0 (F32), 3 (Q4_1) and 8 (Q8_0) are read");
  CHECK(changed([](Parts& p) { p.tensors[1].move = 4; }) == "the tensor output_norm.weight is not aligned");
  CHECK(changed([](Parts& p) { p.tensors[10].move = 32; }) == "the file ends within the tensor blk.0.ffn_down.weight");
  CHECK(changed([](Parts& p) { p.tensors[1].move = ~0ULL - 1023; }) ==
        "the tensor output_norm.weight begins after the end of the file");
  CHECK(changed([](Parts& p) { p.tensors.push_back(p.tensors[1]); }) == "the tensor output_norm.weight is there twice");
  CHECK(changed([](Parts& p) { p.tensors.pop_back(); }) == "the file has no tensor blk.0.ffn_down.weight");
  CHECK(changed([](Parts& p) { p.tensors[1].data.replace(0, 4, u32(0x7fc00000)); }) ==
        "the tensor output_norm.weight holds a number that is not finite");
  CHECK(changed([](Parts& p) { p.entries[0] = text("general.architecture") + u32(8) + text("gpt2"); }) ==
        "general.architecture is not llama");
  CHECK(changed([](Parts& p) { p.entries.erase(p.entries.begin() + 1); }) == "the file has no llama.block_count");
  CHECK(changed([](Parts& p) { p.entries[5] = text("llama.attention.head_count") + u32(4) + u32(0); }) ==
        "llama.attention.head_count is 0, and no whole number from 1 to 4096");
  CHECK(changed([](Parts& p) { p.entries[5] = text("llama.attention.head_count") + u32(4) + u32(3); }) ==
        "the heads do not divide the width, or the key heads the heads");
  CHECK(changed([](Parts& p) { p.entries[12] = text("tokenizer.ggml.pre") + u32(8) + text("llama-bpe"); }) ==
        "the tokenizer is gpt2 with llama-bpe, and only gpt2 with smollm is read");
  CHECK(changed([](Parts& p) {
          p.entries.pop_back();
          p.texts("tokenizer.ggml.merges", {"a c"});
        }) == "the merge \"a c\" is not of two tokens into a third");
  CHECK_THROWS_AS(gguf::read_file("no such file"), std::runtime_error);
}

TEST_CASE("no change of a GGUF file makes its readers leave it", "[gguf_file]") {
  const std::string good = small_model().file();
  for (std::size_t size = 0; size < good.size(); ++size) {
    if (size % 16 == 0) CHECK(refusal(good.substr(0, size)) != "nothing");
  }
  // In the header, where most bytes are sizes and kinds, more often than in the data.
  std::mt19937 random(2);
  const std::size_t header = good.find("blk.0.ffn_down") + 64;
  int refused = 0;
  for (int i = 0; i < 10000; ++i) {
    std::string bytes = good;
    for (std::size_t n = 1 + random() % 3; n > 0; --n) {
      const std::size_t at = random() % (random() % 8 == 0 ? bytes.size() : header);
      const auto value = random() % 4 == 0 ? 0xff : random() % 2 == 0 ? 1U << random() % 8 : random();
      bytes[at] = static_cast<char>(value & 0xff);
    }
    if (random() % 8 == 0) bytes.resize(random() % bytes.size());
    refused += refusal(bytes) != "nothing" ? 1 : 0;
  }
  // Some changes are of a weight or a character, or of nothing; most are found.
  CHECK(refused > 5000);
  CHECK(refused < 10000);
}
