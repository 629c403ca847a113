// SPDX-License-Identifier: MIT
/// @file
/// Qwen, and models with several positions for each token.
#ifndef POSENC_MODEL_CONFIG_DETAIL_TABLE_QWEN_MODELS_HPP
#define POSENC_MODEL_CONFIG_DETAIL_TABLE_QWEN_MODELS_HPP

#include "posenc/model_config/detail/known_model.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline constexpr KnownModel kQwenModels[] = {
    half_split("qwen2").theta(1e4).widths(4096, 32, 32),
    half_split("qwen2_moe").theta(1e4).widths(2048, 16, 24),
    half_split("qwen2_vl_text").theta(1e6).widths(8192, 64, 80).mrope(AxisRule::contiguous, 16, 24, 24),
    half_split("qwen2_5_vl_text")
        .theta(1e6)
        .widths(8192, 64, 80)
        .mrope(AxisRule::contiguous, 16, 24, 24)
        .per_second("tokens_per_second", 4),
    half_split("qwen2_5_omni_text")
        .theta(1e6)
        .widths(3584, 28, 28)
        .mrope(AxisRule::contiguous, 16, 24, 24)
        .per_second("position_id_per_seconds", 25),
    half_split("qwen2_5_omni_talker")
        .theta(1e6)
        .widths(3584, 28, 28)
        .head(128)
        .mrope(AxisRule::contiguous, 16, 24, 24)
        .per_second("position_id_per_seconds", 25),
    half_split("qwen3").theta(1e4).widths(4096, 32, 32).head(128),
    half_split("qwen3_moe").theta(1e4).widths(2048, 32, 24),
    half_split("qwen3_vl_text").theta(5e5).widths(4096, 32, 32).head(128).mrope(AxisRule::interleaved, 24, 20, 20),
    half_split("qwen3_vl_moe_text").theta(5e5).widths(2048, 16, 24).mrope(AxisRule::interleaved, 24, 20, 20),
    half_split("qwen3_omni_moe_text")
        .theta(1e6)
        .widths(2048, 28, 28)
        .mrope(AxisRule::interleaved, 24, 20, 20)
        .head(128)
        .per_second("position_id_per_seconds", 25),
    half_split("qwen3_omni_moe_talker_text")
        .theta(1e4)
        .widths(1024, 16, 20)
        .mrope(AxisRule::interleaved, 24, 20, 20)
        .head(128)
        .per_second("position_id_per_seconds", 25),
    half_split("qwen3_omni_moe_talker_code_predictor").theta(1e4).widths(1024, 16, 5).head(128),
    half_split("qwen3_omni_moe_code2wav").theta(1e4).widths(1024, 16, 8),
    interleaved("qwen2_5_omni_dit").theta(1e4).widths(1024, 16, 22).head(64).all_heads_as_one(),
    half_split("qwen3_next").theta(1e4).widths(2048, 16, 48).head(256).partial(0.25).pattern("lllf"),
    half_split("qwen3_5_text")
        .theta(1e4)
        .widths(4096, 16, 32)
        .head(256)
        .partial(0.25)
        .pattern("lllf")
        .mrope(AxisRule::interleaved, 11, 11, 10),
    half_split("qwen3_5_moe_text")
        .theta(1e4)
        .widths(2048, 16, 40)
        .head(256)
        .partial(0.25)
        .pattern("lllf")
        .mrope(AxisRule::interleaved, 11, 11, 10),
    half_split("qwen4_exp_text")
        .theta(1e4)
        .widths(2048, 16, 40)
        .head(256)
        .partial(1)
        .pattern("lllf")
        .mrope(AxisRule::interleaved, 11, 11, 10)
        .rest_is_time()
        .noting("the indexer rotates queries and keys of its own"),
    half_split("paddleocr_vl_text").theta(5e5).widths(1024, 16, 18).head(128).mrope(AxisRule::contiguous, 16, 24, 24),
    half_split("cosmos3_edge_text").theta(1e8).widths(2048, 16, 28).head(128).mrope(AxisRule::interleaved, 24, 20, 20),
    half_split("cohere_compass_text")
        .theta(1e4)
        .widths(8192, 64, 40)
        .flat_means(FlatDictionary::refused)
        .mrope(AxisRule::interleaved, 24, 20, 20),
    interleaved("ernie4_5").theta(5e5).widths(1024, 16, 18).head(128),
    interleaved("ernie4_5_moe").theta(5e5).widths(2560, 20, 28),
    interleaved("ernie4_5_vl_moe_text").theta(5e5).widths(2560, 20, 28).mrope(AxisRule::height_width_time, 22, 22, 20),
    interleaved("glm4v_text").theta(1e4).widths(4096, 32, 40).partial(0.5).mrope(AxisRule::contiguous, 8, 12, 12),
    half_split("glm4v_moe_text")
        .theta(1e4)
        .widths(4096, 96, 46)
        .partial(0.5)
        .mrope(AxisRule::contiguous, 8, 12, 12)
        .head(128),
    interleaved("glm_ocr_text").theta(1e4).widths(1024, 16, 16).partial(1).mrope(AxisRule::contiguous, 8, 12, 12),
    half_split("glm_image_text").theta(1e4).widths(4096, 32, 40).partial(0.5).mrope(AxisRule::contiguous, 8, 12, 12),
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_TABLE_QWEN_MODELS_HPP
