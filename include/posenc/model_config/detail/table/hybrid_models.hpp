// SPDX-License-Identifier: MIT
/// @file
/// Hybrids of attention with state spaces, linear attention or convolutions.
#ifndef POSENC_MODEL_CONFIG_DETAIL_TABLE_HYBRID_MODELS_HPP
#define POSENC_MODEL_CONFIG_DETAIL_TABLE_HYBRID_MODELS_HPP

#include "posenc/model_config/detail/known_model.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline constexpr KnownModel kHybridModels[] = {
    half_split("bamba").theta(1e4).widths(4096, 32, 32).partial(0.5).pattern("l"),
    half_split("falcon_h1").theta(1e4).widths(4096, 32, 32),
    half_split("granitemoehybrid").theta(1e4).widths(4096, 32, 32).switched_by(RopeSwitch::embedding_type).pattern("l"),
    half_split("zamba2")
        .theta(1e4)
        .widths(2560, 32, 54)
        .switched_by(RopeSwitch::memory)
        .head(160)
        .pattern("llllllflllllflllllflllllflllllflllllflllllfllllflllfll"),
    half_split("recurrent_gemma").theta(1e4).widths(2560, 10, 26).partial(0.5).pattern("lls"),
    half_split("olmo_hybrid").theta(1e4).widths(3840, 30, 32).pattern("lllf"),
    half_split("minimax").theta(1e6).widths(4096, 32, 32).pattern("fl"),
    half_split("lfm2").theta(1e6).widths(2560, 32, 32),
    half_split("lfm2_moe").theta(1e6).widths(2048, 32, 32),
    half_split("lfm3")
        .theta(1e6)
        .sliding_theta(1e4)
        .proportional(0.5)
        .widths(2048, 16, 24)
        .head(128)
        .pattern("scfc", "c")
        .flat_means(FlatDictionary::refused),
    half_split("zaya")
        .theta(5e6)
        .sliding_theta(1e4)
        .partial(0.5)
        .widths(2048, 8, 40)
        .head(128)
        .flat_means(FlatDictionary::refused)
        .labels("hybrid", "hybrid_sliding"),
    half_split("kimi_linear").widths(2304, 32, 27).nope(Nope::all),
    half_split("glm5_next_text").widths(4096, 64, 45).nope(Nope::all),
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_TABLE_HYBRID_MODELS_HPP
