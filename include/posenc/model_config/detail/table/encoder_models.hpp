// SPDX-License-Identifier: MIT
/// @file
/// Encoders of text, proteins and time series.
#ifndef POSENC_MODEL_CONFIG_DETAIL_TABLE_ENCODER_MODELS_HPP
#define POSENC_MODEL_CONFIG_DETAIL_TABLE_ENCODER_MODELS_HPP

#include "posenc/model_config/detail/known_model.hpp"

namespace posenc {
inline namespace POSENC_ABI {
namespace detail {

inline constexpr KnownModel kEncoderModels[] = {
    half_split("esm").theta(1e4).widths(768, 12, 12).switched_by(RopeSwitch::embedding_type),
    half_split("saprot").theta(1e4).widths(1280, 20, 33).switched_by(RopeSwitch::embedding_type_on),
    half_split("esmc").theta(1e4).widths(2560, 40, 80),
    half_split("nomic_bert").theta(1e3).widths(768, 12, 12),
    half_split("gte").theta(1.6e5).widths(768, 12, 12),
    half_split("jina_embeddings_v3").theta(2e4).widths(1024, 16, 24),
    half_split("eurobert").theta(1e4).widths(768, 12, 12),
    half_split("timesfm2_5").theta(1e4).widths(1280, 16, 20).head(80),
    half_split("esmfold2_atom_encoder")
        .theta(20)
        .widths(128, 4, 3)
        .space(2, 10, 1e4)
        .theta_keys("spatial_rope_base_frequency", nullptr),
    interleaved("roformer").theta(1e4).widths(768, 12, 12),
};

}  // namespace detail
}  // namespace POSENC_ABI
}  // namespace posenc

#endif  // POSENC_MODEL_CONFIG_DETAIL_TABLE_ENCODER_MODELS_HPP
