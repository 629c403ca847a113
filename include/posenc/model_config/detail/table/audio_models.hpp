// SPDX-License-Identifier: MIT
/// @file
/// Speech and sound.
#ifndef POSENC_MODEL_CONFIG_DETAIL_TABLE_AUDIO_MODELS_HPP
#define POSENC_MODEL_CONFIG_DETAIL_TABLE_AUDIO_MODELS_HPP

#include "posenc/model_config/detail/known_model.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline constexpr KnownModel kAudioModels[] = {
    half_split("csm").theta(5e5).widths(2048, 32, 16),
    half_split("csm_depth_decoder_model").theta(5e5).widths(1024, 8, 4),
    half_split("moshi").theta(1e4).widths(4096, 32, 32),
    half_split("mimi").theta(1e4).widths(512, 8, 8),
    half_split("mimi_encoder").theta(1e4).widths(512, 8, 8),
    half_split("mimi_decoder").theta(1e4).widths(512, 8, 8),
    half_split("kyutai_speech_to_text").theta(1e4).widths(2048, 32, 48),
    half_split("dia_encoder").theta(1e4).widths(1024, 16, 12).head(128),
    half_split("dia_decoder").theta(1e4).widths(2048, 16, 18).head(128),
    half_split("higgs_audio_v2").theta(5e5).widths(3072, 24, 28).head(128).scaled(kHiggsBands),
    half_split("glmasr_encoder").theta(1e4).widths(1280, 20, 32).partial(0.5),
    half_split("lasr_encoder").theta(1e4).widths(512, 8, 17),
    half_split("voxtral_realtime_text").theta(1e4).widths(4096, 32, 32),
    half_split("voxtral_realtime_encoder").theta(1e4).widths(1280, 32, 32).head(64),
    half_split("xcodec2").theta(1e4).widths(1024, 16, 12).head(64).by_head(),
    half_split("neucodec").theta(1e4).widths(1024, 16, 12).head(64).by_head(),
    interleaved("moonshine").theta(1e4).widths(288, 8, 6).partial(0.9),
    interleaved("moonshine_streaming").theta(1e4).widths(320, 8, 6).partial(0.8),
    interleaved("pe_audio_encoder").theta(2e4).widths(1792, 14, 6).head(128),
    interleaved("pe_video_encoder").theta(2e4).widths(1792, 14, 6).head(128),
    interleaved("pe_audio_video_encoder").theta(2e4).widths(1792, 14, 6).head(128),
    half_split("pocket_tts").theta(1e4).widths(1024, 16, 6),
    half_split("pocket_tts_audio_tokenizer").theta(1e4).widths(512, 8, 2),
    half_split("pocket_tts_audio_tokenizer_encoder").theta(1e4).widths(512, 8, 2),
    half_split("pocket_tts_audio_tokenizer_decoder").theta(1e4).widths(512, 8, 2),
    half_split("gradium_phonon_tts").theta(1e4).widths(768, 12, 6),
    half_split("nemotron3_5_transcribe_asr_audio").theta(1e4).widths(1280, 10, 32).partial(0.5),
    half_split("nemotron3_5_transcribe_word_timestamp").theta(1e4).widths(1280, 16, 2).partial(0.5),
    half_split("nemotron3_diarization_audio").theta(1e4).widths(512, 8, 31).partial(1),
    half_split("dots3_note_audio_encoder").theta(1e4).widths(1280, 20, 32).partial(0.5),
    half_split("clvp_encoder")
        .theta(1e4)
        .widths(768, 12, 20)
        .projected(768)
        .rotating(RotatedStates::queries_keys_values)
        .switched_by(RopeSwitch::rotary_embedding),
    half_split("seamless_m4t")
        .theta(1e4)
        .widths(1024, 16, 24)
        .count_keys("speech_encoder_layers", "speech_encoder_attention_heads")
        .rotating(RotatedStates::attention_inputs)
        .switched_by(RopeSwitch::conformer),
    half_split("wav2vec2-bert")
        .theta(1e4)
        .widths(1024, 16, 24)
        .rotating(RotatedStates::attention_inputs)
        .switched_by(RopeSwitch::conformer),
    half_split("wav2vec2-conformer")
        .theta(1e4)
        .widths(768, 12, 12)
        .rotating(RotatedStates::attention_inputs)
        .switched_by(RopeSwitch::conformer),
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_TABLE_AUDIO_MODELS_HPP
