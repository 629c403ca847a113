// SPDX-License-Identifier: MIT
/// @file
/// The types of configs that hold a language model, and the type of that model where its own config leaves it out.
#ifndef POSENC_MODEL_CONFIG_DETAIL_TABLE_COMPOSITE_TYPES_HPP
#define POSENC_MODEL_CONFIG_DETAIL_TABLE_COMPOSITE_TYPES_HPP

#include "posenc/detail/abi.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

struct CompositeType {
  const char* model_type;
  const char* language_model;
};

/// A part of a model whose config has no model_type, by its key.
struct PartType {
  const char* key;
  const char* model_type;
};

inline constexpr PartType kPartTypes[] = {
    {"protein_encoder_config", "saprot"},
    {"code2wav_config", "qwen3_omni_moe_code2wav"},
    {"atom_encoder", "esmfold2_atom_encoder"},
    {"reading_order_config", "pp_doclayout_v2_reading_order"},
};

inline constexpr CompositeType kCompositeTypes[] = {
    {"apertus1p5", "apertus1p5_text"},
    {"aria", "aria_text"},
    {"clvp", "clvp_encoder"},
    {"aya_vision", "cohere2"},
    {"cohere2_vision", "cohere2"},
    {"cohere_compass", "cohere_compass_text"},
    {"cosmos3_edge", "cosmos3_edge_text"},
    {"deepseek_ocr2", "deepseek_ocr2_text"},
    {"deepseek_ocr2_vision", "deepseek_ocr2_encoder"},
    {"kimi_k25", "deepseek_v3"},
    {"diffusion_gemma", "diffusion_gemma_text"},
    {"dots3_note", "dots3_note_text"},
    {"embedding_gemma2", "embedding_gemma2_text"},
    {"emu3", "emu3_text_model"},
    {"ernie4_5_vl_moe", "ernie4_5_vl_moe_text"},
    {"ernie4_5_moe_vl", "ernie4_5_vl_moe_text"},
    {"exaone4_5", "exaone4"},
    {"paligemma", "gemma"},
    {"gemma3", "gemma3_text"},
    {"shieldgemma2", "gemma3_text"},
    {"gemma3n", "gemma3n_text"},
    {"gemma4", "gemma4_text"},
    {"gemma4_unified", "gemma4_unified_text"},
    {"gemma4_unified_assistant", "gemma4_unified_text"},
    {"glm4v_moe", "glm4v_moe_text"},
    {"glm46v", "glm4v_text"},
    {"glm4v", "glm4v_text"},
    {"glmga", "glm4v_text"},
    {"glm5_next", "glm5_next_text"},
    {"glm_image", "glm_image_text"},
    {"glm_ocr", "glm_ocr_text"},
    {"granite_speech", "granite"},
    {"granite_speech_plus", "granite"},
    {"granite4_vision", "granite4_vision_text"},
    {"granite_docling", "granite_docling_text"},
    {"hunyuan_vl", "hunyuan_vl_text"},
    {"hy_v4_vl", "hy_v4_vl_text"},
    {"hyperclovax_vision_v2", "hyperclovax"},
    {"lfm2_vl", "lfm2"},
    {"lfm3_vl", "lfm3"},
    {"deepseek_vl_hybrid", "llama"},
    {"smolvlm", "llama"},
    {"llava", "llama"},
    {"voxtral", "llama"},
    {"idefics3", "llama"},
    {"video_llava", "llama"},
    {"omniasr", "llama"},
    {"perception_lm", "llama"},
    {"janus", "llama"},
    {"glmasr", "llama"},
    {"vipllava", "llama"},
    {"deepseek_vl", "llama"},
    {"llava_next_video", "llama"},
    {"llava_next", "llama"},
    {"llama4", "llama4_text"},
    {"minimax_m3_vl", "minimax_m3_vl_text"},
    {"idefics2", "mistral"},
    {"mistral3", "mistral"},
    {"mistral_large4", "mistral_large4_text"},
    {"mllama", "mllama_text_model"},
    {"modernvbert", "modernbert"},
    {"pe_video", "modernbert"},
    {"pe_audio_video", "modernbert"},
    {"pe_audio", "modernbert"},
    {"molmo2", "molmo2_text"},
    {"muse_glimmer", "muse_glimmer_text"},
    {"muse_spark", "muse_spark_text"},
    {"paddleocr_vl", "paddleocr_vl_text"},
    {"fuyu", "persimmon"},
    {"llava_onevision", "qwen2"},
    {"internvl", "qwen2"},
    {"fast_vlm", "qwen2"},
    {"musicflamingo", "qwen2"},
    {"qwen2_audio", "qwen2"},
    {"ovis2", "qwen2"},
    {"got_ocr2", "qwen2"},
    {"vibevoice", "qwen2"},
    {"vibevoice_asr", "qwen2"},
    {"pp_chart2table", "qwen2"},
    {"video_llama_3", "qwen2"},
    {"audioflamingo3", "qwen2"},
    {"qwen2_5_omni_thinker", "qwen2_5_omni_text"},
    {"qwen2_5_omni", "qwen2_5_omni_text"},
    {"qwen2_5_vl", "qwen2_5_vl_text"},
    {"qwen2_vl", "qwen2_vl_text"},
    {"moss_transcribe_diarize", "qwen3"},
    {"lighton_ocr", "qwen3"},
    {"qianfan_ocr", "qwen3"},
    {"fun_asr_nano", "qwen3"},
    {"qwen3_asr", "qwen3"},
    {"qwen3_5_moe", "qwen3_5_moe_text"},
    {"jev", "qwen3_5_text"},
    {"minicpm_ocr", "qwen3_5_text"},
    {"minicpmv4_6", "qwen3_5_text"},
    {"minicpmv4_7", "qwen3_5_text"},
    {"qwen3_5", "qwen3_5_text"},
    {"qwen3_omni_moe_thinker", "qwen3_omni_moe_text"},
    {"qwen3_omni_moe", "qwen3_omni_moe_text"},
    {"qwen3_vl_moe", "qwen3_vl_moe_text"},
    {"qwen3_vl", "qwen3_vl_text"},
    {"cosmos3_omni", "qwen3_vl_text"},
    {"qwen4_exp", "qwen4_exp_text"},
    {"step3p7", "step3p5"},
    {"t5gemma2_encoder", "t5gemma2_text"},
    {"ultravbert", "ultrabert"},
    {"unlimited_ocr", "unlimited_ocr_text"},
    {"voxtral_realtime", "voxtral_realtime_text"},
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_TABLE_COMPOSITE_TYPES_HPP
