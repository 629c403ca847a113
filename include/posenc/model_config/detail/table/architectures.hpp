// SPDX-License-Identifier: MIT
/// @file
/// The architectures of llama.cpp that are known, and find_known_architecture().
#ifndef POSENC_MODEL_CONFIG_DETAIL_TABLE_ARCHITECTURES_HPP
#define POSENC_MODEL_CONFIG_DETAIL_TABLE_ARCHITECTURES_HPP

#include "posenc/model_config/detail/known_architecture.hpp"

#include <string>

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline constexpr KnownArchitecture kArchitectures[] = {
    norm("llama"),
    norm("deci"),
    norm("internlm2"),
    norm("minicpm"),
    norm("xverse"),
    norm("command-r"),
    norm("cohere2").pattern("sssf").nope(Nope::full),
    norm("olmo"),
    norm("arctic"),
    norm("deepseek"),
    norm("deepseek2").last(),
    norm("chatglm"),
    norm("glm4").mrope(AxisRule::contiguous, true),
    norm("granite").switched(),
    norm("granitemoe").switched(),
    norm("smollm3").nope_every(4),
    norm("ernie4_5"),
    norm("mistral3"),
    norm("llama4").nope_every(4).tempered(),
    norm("granitehybrid").switched(),
    norm("ernie4_5-moe"),
    norm("mistral4").last(),
    norm("glm-dsa").last(),
    norm("bailingmoe"),
    norm("arcee"),
    norm("baichuan").alibi_of(40),
    norm("deepseek2-ocr"),
    norm("llada"),
    norm("llama-embed"),
    norm("maincoder"),
    norm("neo-bert"),
    norm("plm").last(),
    norm("chameleon"),
    norm("starcoder").nope(Nope::all),
    neox("falcon"),
    neox("stablelm"),
    neox("qwen"),
    neox("qwen2"),
    neox("qwen2moe"),
    neox("qwen3"),
    neox("qwen3moe"),
    neox("qwen2vl").mrope(AxisRule::contiguous),
    neox("qwen3vl").mrope(AxisRule::interleaved),
    neox("qwen3vlmoe").mrope(AxisRule::interleaved),
    neox("phi2"),
    neox("phi3"),
    neox("phimoe"),
    neox("gemma"),
    neox("gemma2"),
    neox("gemma3").pattern("sssssf").sliding_theta(1e4),
    neox("gemma4").pattern("sssssf").sliding_theta(1e4),
    neox("starcoder2"),
    neox("openelm"),
    neox("gptneox"),
    neox("orion"),
    neox("nemotron"),
    neox("exaone"),
    neox("glm4moe").mrope(AxisRule::contiguous, true),
    neox("minimax-m2"),
    neox("modern-bert").pattern("fss").sliding_theta(1e4),
    neox("gpt-oss").exact_ramp(),
    neox("olmo2").pattern_of_window("sssf").unscaled_sliding(),
    neox("olmoe"),
    neox("exaone4").pattern_of_window("sssf").nope(Nope::full_beside_window),
    neox("exaone-moe").pattern("sssf").nope(Nope::full),
    neox("gemma3n").pattern("ssssf").sliding_theta(1e4),
    neox("gemma-embedding").pattern("sssssf").sliding_theta(1e4),
    neox("lfm2"),
    neox("lfm2moe"),
    neox("qwen3next").pattern("lllf"),
    neox("hunyuan-dense"),
    neox("hunyuan-moe"),
    neox("seed_oss"),
    neox("dots1"),
    neox("nomic-bert"),
    neox("nomic-bert-moe"),
    neox("bert").nope(Nope::all),
    neox("jina-bert-v3"),
    neox("eurobert"),
    neox("falcon-h1"),
    neox("grok"),
    neox("dbrx"),
    neox("bitnet"),
    neox("apertus"),
    neox("afmoe").pattern("sssf").nope(Nope::full),
    neox("mimo2"),
    neox("step35").half_of_full(),
    neox("minicpm3").last(),
    neox("bailingmoe2"),
    neox("smallthinker").pattern_of_window("fsss").nope(Nope::full_beside_window),
    neox("dream"),
    neox("llada-moe"),
    neox("grovemoe"),
    neox("plamo"),
    neox("plamo2"),
    neox("plamo3").pattern_of_window("sssssssf").unscaled_sliding(),
    neox("pangu-embedded"),
    neox("rnd1"),
    neox("codeshell"),
    neox("cogvlm"),
    neox("jais2"),
    neox("qwen35").pattern("lllf").mrope(AxisRule::interleaved),
    neox("qwen35moe").pattern("lllf").mrope(AxisRule::interleaved),
    neox("paddleocr").mrope(AxisRule::contiguous),
    neox("hunyuan_vl").mrope(AxisRule::contiguous, true),
    // No rotation at all.
    neox("jamba").nope(Nope::all),
    neox("kimi-linear").nope(Nope::all),
    neox("nemotron_h").nope(Nope::all),
    neox("nemotron_h_moe").nope(Nope::all),
};

inline const KnownArchitecture* find_known_architecture(const std::string& name) {
  for (const KnownArchitecture& architecture : kArchitectures) {
    if (name == architecture.name) return &architecture;
  }
  return nullptr;
}

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_TABLE_ARCHITECTURES_HPP
