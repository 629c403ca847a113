// SPDX-License-Identifier: MIT
/// @file
/// Models with latent attention, which rotate the last channels of a head.
#ifndef POSENC_MODEL_CONFIG_DETAIL_TABLE_LATENT_MODELS_HPP
#define POSENC_MODEL_CONFIG_DETAIL_TABLE_LATENT_MODELS_HPP

#include "posenc/model_config/detail/known_model.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline constexpr KnownModel kLatentModels[] = {
    interleaved("deepseek_v2").theta(1e4).widths(4096, 32, 32).latent(128, 64).softmax(),
    interleaved("deepseek_v3").theta(1e4).widths(7168, 128, 61).latent(128, 64).softmax(),
    interleaved("deepseek_v32")
        .theta(1e4)
        .widths(7168, 128, 61)
        .latent(128, 64)
        .softmax()
        .noting("the indexer rotates queries and keys of its own, in half_split pairs"),
    interleaved("deepseek_v4")
        .theta(1.6e5)
        .sliding_theta(1e4)
        .widths(4096, 64, 43)
        .head(512)
        .last(64)
        .labels("compress", "main")
        .theta_keys("compress_rope_theta", "rope_theta")
        .flat_means(FlatDictionary::every_layer)
        .magnitude_one()
        .noting("compressed keys rotate by the position at which their window begins, in attention and in the indexer"),
    interleaved("kimi_k2").softmax(),
    interleaved("dots3_note_text")
        .theta(8e7)
        .sliding_theta(5e4)
        .widths(5120, 128, 46)
        .head(256)
        .latent(128, 64)
        .pattern("sfss", "ff")
        .sliding_switch()
        .labels("indexed_attention", "sliding_attention")
        .theta_keys("rope_theta", "swa_rope_theta")
        .sliding_latent(192)
        .noting("the indexer rotates queries and keys of its own, in interleaved pairs"),
    interleaved("axk1").theta(1e4).widths(7168, 64, 61).latent(128, 64).softmax(),
    interleaved("axk2")
        .theta(1e4)
        .widths(2048, 32, 48)
        .latent(64, 32)
        .softmax()
        .noting("the indexer rotates queries and keys of its own, in half_split pairs"),
    interleaved("bailing_hybrid").theta(6e6).widths(2560, 32, 42).latent(128, 64).pattern("lllllf").softmax(),
    interleaved("glm4_moe_lite").theta(1e4).widths(2048, 20, 47).latent(192, 64).softmax(),
    interleaved("glm_moe_dsa")
        .theta(1e4)
        .widths(6144, 64, 78)
        .latent(192, 64)
        .softmax()
        .noting("the indexer rotates queries and keys of its own, in interleaved pairs"),
    interleaved("longcat_flash").theta(1e7).widths(6144, 64, 28).latent(128, 64).softmax().attentions(2),
    interleaved("youtu").theta(1e4).widths(2048, 16, 32).latent(128, 64).softmax(),
    interleaved("sarvam_mla").theta(1e4).widths(4096, 64, 32).latent(128, 64).softmax(),
    interleaved("mistral4").theta(1e4).widths(4096, 32, 36).latent(64, 64).softmax().scaled(kMistral4Yarn),
    half_split("mistral_large4_text")
        .refused("each frequency is multiplied by exp(rotary_emb.alpha), and the queries of each head by scale ln(p + "
                 "1) + bias: "
                 "weights of the checkpoint, which a config does not hold"),
    half_split("minicpm3").theta(1e4).widths(2560, 40, 62).latent(64, 32).softmax(),
    half_split("hy_v4")
        .theta(1e4)
        .widths(2816, 32, 34)
        .latent(192, 64)
        .softmax()
        .noting("the indexer rotates queries and keys of its own"),
    interleaved("hy_v4_vl_text")
        .theta(1e4)
        .widths(6144, 64, 78)
        .latent(192, 64)
        .mrope(AxisRule::interleaved, 12, 10, 10)
        .softmax()
        .noting("the indexer rotates queries and keys of its own"),
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_TABLE_LATENT_MODELS_HPP
