// SPDX-License-Identifier: MIT
/// @file
/// Llama and decoders that rotate as it does.
#ifndef POSENC_MODEL_CONFIG_DETAIL_TABLE_LLAMA_MODELS_HPP
#define POSENC_MODEL_CONFIG_DETAIL_TABLE_LLAMA_MODELS_HPP

#include "posenc/model_config/detail/known_model.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline constexpr KnownModel kLlamaModels[] = {
    half_split("llama").theta(1e4).widths(4096, 32, 32),
    half_split("mistral").theta(1e4).widths(4096, 32, 32),
    half_split("ministral").theta(1e4).widths(4096, 32, 32),
    half_split("ministral3").theta(1e6).widths(4096, 32, 34).head(128).scaled(kMinistralYarn),
    half_split("mixtral").theta(1e6).widths(4096, 32, 32),
    interleaved("llama4_text")
        .theta(5e5)
        .widths(5120, 40, 48)
        .head(128)
        .nope_every(4)
        .tempered(TemperatureRule::nope_layers),
    half_split("mllama_text_model").theta(5e5).widths(4096, 32, 40).cross_layers(),
    half_split("olmo").theta(1e4).widths(4096, 32, 32),
    half_split("olmo2").theta(1e4).widths(4096, 32, 32),
    half_split("olmoe").theta(1e4).widths(2048, 16, 16),
    half_split("olmo3")
        .theta(5e5)
        .sliding_theta(5e5)
        .widths(4096, 32, 32)
        .pattern("sssf")
        .flat_means(FlatDictionary::full_layers),
    half_split("flex_olmo").theta(5e5).widths(4096, 32, 32),
    half_split("granite").theta(1e4).widths(4096, 32, 32),
    half_split("granitemoe").theta(1e4).widths(4096, 32, 32),
    half_split("granitemoeshared").theta(1e4).widths(4096, 32, 32),
    half_split("granite4_vision_text").theta(1e4).widths(4096, 32, 32),
    half_split("granite_docling_text").theta(1e4).widths(1024, 16, 28),
    half_split("granite_swa").theta(1e4).widths(2560, 20, 24).pattern("fsss"),
    half_split("granitemoe_swa").theta(1e4).widths(4096, 32, 32).pattern("fsss"),
    half_split("internlm2").theta(1e4),
    half_split("internlm3").theta(1e4).widths(4096, 32, 48).head(128),
    half_split("smollm3").theta(2e6).widths(2048, 16, 36).nope_every(4),
    half_split("apertus").theta(1.2e7).widths(4096, 32, 32).scaled(kApertusBands),
    half_split("apertus1p5_text").theta(1.2e7).widths(4096, 32, 32).scaled(kApertusBands),
    half_split("arcee").theta(1e4).widths(2560, 32, 32),
    half_split("aria_text").theta(1e4).widths(4096, 32, 32),
    half_split("bitnet").theta(5e5).widths(2560, 20, 30),
    half_split("cwm").theta(1e6).widths(6144, 48, 64).head(128).pattern("fsss").scaled(kCwmBands),
    half_split("seed_oss").theta(1e4).widths(4096, 80, 64).head(128),
    half_split("exaone").theta(5e5).widths(4096, 32, 32),
    half_split("exaone4").theta(1e4).widths(4096, 32, 32).pattern("sssf").nope(Nope::full_beside_window),
    half_split("exaone_moe").theta(1e4).widths(4096, 32, 32).pattern("sssf").nope(Nope::full_beside_window),
    half_split("solar_open").theta(1e6).widths(4096, 64, 48).head(128).partial(1),
    half_split("hyperclovax").theta(1e4).widths(4096, 32, 32),
    half_split("jais2").theta(1e4).widths(3328, 26, 32),
    half_split("diffllama").theta(1e4).widths(2048, 32, 16),
    half_split("doge").theta(1e4).widths(1024, 8, 32),
    half_split("chameleon").theta(1e4).widths(4096, 32, 32),
    half_split("emu3_text_model").theta(1e6).widths(4096, 32, 32),
    half_split("idefics").theta(1e4).widths(4096, 32, 32),
    half_split("evolla").theta(5e5).widths(4096, 32, 32),
    half_split("iquestcoder").theta(1e4).widths(5120, 40, 80).head(128),
    half_split("dots1").theta(1e4).widths(4608, 32, 62),
    half_split("hrm_text").theta(1e4).widths(1536, 12, 128).head(128),
    half_split("mellum")
        .theta(5e5)
        .sliding_theta(1e4)
        .widths(2304, 32, 28)
        .head(128)
        .flat_means(FlatDictionary::refused)
        .partial(1),
    half_split("laguna")
        .theta(5e5)
        .sliding_theta(1e4)
        .partial(0.5, 1)
        .widths(2048, 48, 40)
        .head(128)
        .flat_means(FlatDictionary::refused),
    half_split("afmoe").theta(1e4).widths(2048, 16, 32).head(128).pattern("sssf").nope(Nope::full),
    half_split("flint").theta(1e4).widths(2048, 32, 49).head(128).pattern("sfss", "ff").last_is_full().nope(Nope::full),
    half_split("kolibri1").theta(1e4).widths(2560, 48, 50).head(128).pattern("ssssf").nope(Nope::full_beside_window),
    half_split("lara_mini").theta(1e4).widths(1024, 16, 34).head(128).pattern("lslfs").nope(Nope::full),
    half_split("muse_spark_text").theta(5e5).widths(8192, 128, 62).head(64).pattern("fsss").from_end().nope(Nope::full),
    half_split("muse_glimmer_text")
        .theta(1e4)
        .widths(6656, 32, 52)
        .head(128)
        .pattern("fsss")
        .from_end()
        .nope(Nope::full),
    half_split("muse_glimmer_assistant").theta(5e5).widths(6656, 32, 5).head(128),
    half_split("molmo2_text").theta(1e4).widths(4096, 32, 36).head(128),
    half_split("nanochat").theta(1e4).widths(768, 6, 12).reversed(),
    half_split("sarvam_moe").theta(8e6).widths(4096, 64, 19).head(64).partial(1),
    half_split("jetmoe").theta(1e4).widths(2048, 32, 12).head(128),
    half_split("dbrx").theta(1e4).widths(2048, 16, 24),
    half_split("deepseek_ocr2_text").theta(1e4).widths(4096, 32, 32),
    half_split("unlimited_ocr_text").theta(1e4).widths(1280, 10, 12),
    half_split("hunyuan_v1_dense").theta(1e4).widths(4096, 32, 32),
    half_split("hunyuan_v1_moe").theta(1e4).widths(4096, 32, 32),
    half_split("hunyuan_vl_text").theta(1e4).widths(4096, 32, 32).grid(AxisRule::contiguous).sections_by_caller(),
    half_split("hy_v3").theta(11158840).widths(4096, 64, 80).head(128),
    half_split("step3p5")
        .theta(1e4)
        .sliding_theta(1e4)
        .widths(4096, 64, 45)
        .head(128)
        .flat_means(FlatDictionary::full_layers)
        .partial(1),
    half_split("mimo_v2_flash")
        .theta(5e6)
        .sliding_theta(1e4)
        .partial(0.334)
        .widths(4096, 64, 48)
        .head(192)
        .pattern("sssssf", "f")
        .flat_means(FlatDictionary::refused),
    half_split("dory")
        .theta(1e7)
        .sliding_theta(1e4)
        .widths(2560, 16, 36)
        .head(256)
        .pattern("sssf")
        .flat_means(FlatDictionary::refused),
    half_split("starcoder2").theta(1e4).widths(3072, 24, 30),
    half_split("minimax_m2").theta(5e6).widths(3072, 48, 62).head(128).rotary_dim().partial(1),
    half_split("minimax_m3_vl_text")
        .theta(5e6)
        .widths(6144, 64, 60)
        .head(128)
        .partial(1)
        .noting("the indexer rotates queries and keys of its own"),
    half_split("gpt_oss").theta(1.5e5).widths(2880, 64, 36).head(64).pattern("sf").scaled(kGptOssYarn),
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_TABLE_LLAMA_MODELS_HPP
