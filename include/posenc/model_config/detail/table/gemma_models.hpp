// SPDX-License-Identifier: MIT
/// @file
/// Gemma, and encoders whose full and sliding layers have rotations of their own.
#ifndef POSENC_MODEL_CONFIG_DETAIL_TABLE_GEMMA_MODELS_HPP
#define POSENC_MODEL_CONFIG_DETAIL_TABLE_GEMMA_MODELS_HPP

#include "posenc/model_config/detail/known_model.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline constexpr KnownModel kGemmaModels[] = {
    half_split("gemma").theta(1e4).widths(3072, 16, 28).head(256),
    half_split("gemma2").theta(1e4).widths(2304, 8, 26).head(256).pattern("sf"),
    half_split("vaultgemma").theta(1e4).widths(2304, 8, 26).head(256).pattern("sf"),
    half_split("t5_gemma_module").theta(1e4).widths(2304, 8, 26).head(256).pattern("sf"),
    half_split("gemma3_text")
        .theta(1e6)
        .sliding_theta(1e4)
        .widths(2304, 8, 26)
        .head(256)
        .pattern("sssssf")
        .flat_means(FlatDictionary::full_layers),
    half_split("gemma3n_text")
        .theta(1e6)
        .sliding_theta(1e4)
        .widths(2048, 8, 35)
        .head(256)
        .pattern("ssssf")
        .flat_means(FlatDictionary::full_layers),
    half_split("t5gemma2_text")
        .theta(1e6)
        .sliding_theta(1e4)
        .widths(2304, 8, 26)
        .head(256)
        .pattern("sssssf")
        .flat_means(FlatDictionary::full_layers),
    half_split("t5gemma2_decoder")
        .theta(1e6)
        .sliding_theta(1e4)
        .widths(2304, 8, 26)
        .head(256)
        .pattern("sssssf")
        .flat_means(FlatDictionary::full_layers),
    half_split("gemma4_text")
        .theta(1e6)
        .sliding_theta(1e4)
        .proportional(0.25)
        .widths(2304, 8, 30)
        .head(256)
        .pattern("sssssf")
        .last_is_always_full()
        .flat_means(FlatDictionary::refused)
        .full_head(512),
    half_split("gemma4_unified_text")
        .theta(1e6)
        .sliding_theta(1e4)
        .proportional(0.25)
        .widths(2304, 8, 30)
        .head(256)
        .pattern("sssssf")
        .last_is_always_full()
        .flat_means(FlatDictionary::refused)
        .full_head(512),
    half_split("diffusion_gemma_text")
        .theta(1e6)
        .sliding_theta(1e4)
        .proportional(0.25)
        .widths(2304, 8, 30)
        .head(256)
        .pattern("sssssf")
        .last_is_always_full()
        .flat_means(FlatDictionary::refused)
        .full_head(512),
    half_split("embedding_gemma2_text")
        .theta(1e6)
        .sliding_theta(1e4)
        .widths(512, 4, 24)
        .head(256)
        .pattern("sssssf")
        .last_is_always_full()
        .flat_means(FlatDictionary::refused)
        .full_head(512),
    half_split("modernbert")
        .theta(1.6e5)
        .sliding_theta(1e4)
        .widths(768, 12, 22)
        .pattern("fss")
        .flat_means(FlatDictionary::both),
    half_split("modernbert-decoder")
        .theta(1.6e5)
        .sliding_theta(1e4)
        .widths(768, 12, 22)
        .pattern("fss")
        .flat_means(FlatDictionary::both),
    half_split("ultrabert")
        .theta(2.56e6)
        .sliding_theta(1e4)
        .widths(4096, 32, 32)
        .pattern("ssf")
        .flat_means(FlatDictionary::refused),
    half_split("neomme")
        .theta(1e6)
        .sliding_theta(1e4)
        .partial(0.25, 1)
        .widths(1024, 16, 17)
        .head(64)
        .pattern("sssssf")
        .last_is_full()
        .flat_means(FlatDictionary::refused)
        .grid(AxisRule::height_width)
        .theta_keys("rope_theta", "rope_theta"),
    half_split("beam")
        .theta(1e4)
        .widths(5120, 48, 52)
        .head(128)
        .pattern("sssssf")
        .last_is_full()
        .nope(Nope::full)
        .tempered(TemperatureRule::nope_power),
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_TABLE_GEMMA_MODELS_HPP
