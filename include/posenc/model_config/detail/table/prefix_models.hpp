// SPDX-License-Identifier: MIT
/// @file
/// Models that rotate the first channels of a head, and those whose pairs are interleaved.
#ifndef POSENC_MODEL_CONFIG_DETAIL_TABLE_PREFIX_MODELS_HPP
#define POSENC_MODEL_CONFIG_DETAIL_TABLE_PREFIX_MODELS_HPP

#include "posenc/model_config/detail/known_model.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline constexpr KnownModel kPrefixModels[] = {
    half_split("phi").theta(1e4).widths(2048, 32, 24).partial(0.5),
    half_split("phi3").theta(1e4).widths(3072, 32, 32).partial(1).yarn_as_longrope(),
    half_split("phi4_multimodal").theta(1e4).widths(3072, 32, 32).partial(1).yarn_as_longrope(),
    half_split("phimoe").theta(1e6).widths(4096, 32, 32),
    half_split("gpt_neox").theta(1e4).widths(6144, 64, 44).partial(0.25),
    half_split("gpt_neox_japanese").theta(1e4).widths(2560, 32, 32).partial(1),
    half_split("stablelm").theta(1e4).widths(2560, 32, 32).partial(0.25),
    half_split("nemotron").theta(1e4).widths(6144, 48, 32).partial(0.5),
    half_split("persimmon").theta(1e4).widths(4096, 64, 36).partial(0.5),
    half_split("falcon").theta(1e4).widths(4544, 71, 32).switched_by(RopeSwitch::alibi),
    interleaved("gptj").theta(1e4).widths(4096, 16, 28).rotary_dim(64),
    interleaved("codegen").theta(1e4).widths(4096, 16, 28).rotary_dim(64),
    interleaved("chatglm").theta(1e4).partial(0.5),
    interleaved("glm").theta(1e4).widths(4096, 32, 40).head(128).partial(0.5),
    interleaved("glm4").theta(1e4).widths(4096, 32, 40).head(128).partial(0.5),
    half_split("glm4_moe").theta(1e4).widths(4096, 96, 46).partial(0.5),
    interleaved("cohere").theta(5e5).widths(8192, 64, 40),
    interleaved("cohere2").theta(1e4).widths(8192, 64, 40).pattern("sssf").nope(Nope::full),
    interleaved("cohere2_moe").theta(1e4).widths(8192, 64, 40).head(128).pattern("sssf").nope(Nope::full),
    interleaved("helium").theta(1e5).widths(2560, 20, 24).head(128),
    interleaved("openai_privacy_filter").theta(1.5e5).widths(640, 14, 8).head(64).scaled(kGptOssYarn),
    interleaved("blt_local_encoder").theta(5e5).widths(1024, 16, 1),
    interleaved("blt_local_decoder").theta(5e5).widths(1024, 16, 9),
    interleaved("blt_global_transformer").theta(5e5).widths(2048, 16, 25),
    interleaved("blt_patcher").theta(1e4).widths(768, 12, 14),
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_TABLE_PREFIX_MODELS_HPP
