// SPDX-License-Identifier: MIT
/// @file
/// Picture and video towers.
#ifndef POSENC_MODEL_CONFIG_DETAIL_TABLE_VISION_MODELS_HPP
#define POSENC_MODEL_CONFIG_DETAIL_TABLE_VISION_MODELS_HPP

#include "posenc/model_config/detail/known_model.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline constexpr const char* kPrefixTokensRest = "the class token and the registers do not rotate";
inline constexpr const char* kObjectPointersRest = "keys of object pointers do not rotate";

inline constexpr KnownModel kVisionModels[] = {
    half_split("qwen2_vl_vision").theta(1e4).widths(1280, 16, 32).grid(AxisRule::rows_then_columns),
    half_split("qwen2_5_vl_vision").theta(1e4).widths(3584, 16, 32).grid(AxisRule::rows_then_columns),
    half_split("qwen3_vl_vision").theta(1e4).widths(1152, 16, 27).grid(AxisRule::rows_then_columns),
    half_split("qwen3_vl_moe_vision").theta(1e4).widths(1152, 16, 27).grid(AxisRule::rows_then_columns),
    half_split("qwen3_5_vision").theta(1e4).widths(1152, 16, 27).grid(AxisRule::rows_then_columns),
    half_split("qwen3_5_moe_vision").theta(1e4).widths(1152, 16, 27).grid(AxisRule::rows_then_columns),
    half_split("qwen2_5_omni_vision_encoder").theta(1e4).widths(3584, 16, 32).grid(AxisRule::rows_then_columns),
    half_split("qwen3_omni_moe_vision_encoder").theta(1e4).widths(1152, 16, 27).grid(AxisRule::rows_then_columns),
    half_split("qwen4_exp_vision").theta(1e4).widths(1152, 16, 27).grid(AxisRule::rows_then_columns),
    half_split("glm4v_vision").theta(1e4).widths(1536, 12, 24).grid(AxisRule::rows_then_columns),
    half_split("glm4v_moe_vision").theta(1e4).widths(1536, 12, 24).grid(AxisRule::rows_then_columns),
    half_split("glm_ocr_vision").theta(1e4).widths(1024, 16, 24).grid(AxisRule::rows_then_columns),
    half_split("glm5_next_vision").theta(1e4).widths(1024, 16, 24).grid(AxisRule::rows_then_columns),
    half_split("ernie4_5_vl_moe_vision").theta(1e4).widths(1280, 16, 32).grid(AxisRule::rows_then_columns),
    half_split("paddleocr_vl_vision").theta(1e4).widths(1152, 16, 27).grid(AxisRule::rows_then_columns),
    half_split("exaone4_5_vision").theta(1e4).widths(3584, 16, 32).grid(AxisRule::rows_then_columns),
    half_split("video_llama_3_vision").theta(1e4).widths(768, 12, 12).grid(AxisRule::rows_then_columns),
    half_split("mlcd_vision_model")
        .theta(1e4)
        .widths(1664, 16, 48)
        .grid(AxisRule::rows_then_columns)
        .noting("the class token rotates by class_pos_emb, angles that are weights"),
    half_split("lfm3_vl_vision").theta(1e6).widths(1024, 16, 14).grid(AxisRule::rows_then_columns).pattern("fc", "cc"),
    half_split("cohere_compass_vision").theta(1e4).widths(1152, 16, 27).grid(AxisRule::rows_then_columns),
    half_split("dots3_note_vision_encoder").theta(1e4).widths(1536, 24, 42).grid(AxisRule::rows_then_columns),
    half_split("muse_glimmer_vision").theta(1e4).widths(1536, 16, 50).grid(AxisRule::columns_then_rows).from_one(),
    half_split("muse_spark_vision").theta(1e4).widths(1536, 16, 50).grid(AxisRule::columns_then_rows).from_one(),
    interleaved("sam3_vit_model").theta(1e4).widths(1024, 16, 32).grid(AxisRule::columns_then_rows),
    interleaved("llama4_vision_model")
        .theta(1e4)
        .widths(768, 16, 34)
        .grid(AxisRule::columns_then_rows)
        .any_rope_type()
        .from_one()
        .noting("the class token, which comes last, does not rotate"),
    interleaved("inkling2_vision")
        .theta(1e4)
        .widths(1024, 16, 23)
        .grid(AxisRule::columns_then_rows)
        .from_one()
        .noting("the class token lies at (0, 0)"),
    half_split("step3p5_vision").theta(1e4).widths(1536, 16, 47).grid(AxisRule::columns_then_rows),
    half_split("pixtral").theta(1e4).widths(1024, 16, 24).grid(AxisRule::rows_and_columns),
    half_split("dinov3_vit").theta(100).widths(384, 6, 12).grid(AxisRule::centered_patches).noting(kPrefixTokensRest),
    half_split("eomt_dinov3")
        .theta(100)
        .widths(1024, 16, 24)
        .grid(AxisRule::centered_patches)
        .noting(kPrefixTokensRest),
    half_split("sapiens2").theta(100).widths(1024, 16, 24).grid(AxisRule::centered_patches).noting(kPrefixTokensRest),
    half_split("gemma4_vision").theta(100).widths(768, 12, 16).head(64).grid(AxisRule::columns_rows_halves),
    half_split("deepseek_ocr2_encoder").theta(1e4).widths(4096, 32, 32),
    half_split("kimi_k25_vision").theta(1e4).widths(1152, 16, 27).grid(AxisRule::columns_rows_in_turn),
    half_split("minimax_m3_vl_vision").theta(1e4).widths(1280, 16, 32).grid(AxisRule::time_rows_columns),
    // The encoder; the predictor has the same rule and the widths of pred_hidden_size and pred_num_attention_heads.
    interleaved("vjepa2").theta(1e4).widths(1024, 16, 24).grid(AxisRule::time_rows_columns_by_channel),
    interleaved("efficientloftr")
        .theta(1e4)
        .widths(256, 8, 4)
        .partial(4)
        .all_heads_as_one()
        .grid(AxisRule::rows_columns_in_turn)
        .from_one(),
    half_split("pp_doclayout_v2_reading_order").widths(512, 8, 6).nope(Nope::all),
    interleaved("edgetam_video")
        .theta(1e4)
        .widths(256, 1, 2)
        .grid(AxisRule::columns_then_rows)
        .noting(kObjectPointersRest),
    interleaved("sam2_video")
        .theta(1e4)
        .widths(256, 1, 4)
        .grid(AxisRule::columns_then_rows)
        .noting(kObjectPointersRest),
    interleaved("sam3_tracker_video")
        .theta(1e4)
        .widths(256, 1, 4)
        .grid(AxisRule::columns_then_rows)
        .noting(kObjectPointersRest),
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_TABLE_VISION_MODELS_HPP
