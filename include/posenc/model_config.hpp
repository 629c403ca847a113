// SPDX-License-Identifier: MIT
/// @file
/// Published configs: what a model does with positions, read from its config.json or its GGUF metadata.
#ifndef POSENC_MODEL_CONFIG_HPP
#define POSENC_MODEL_CONFIG_HPP

#include "posenc/rope.hpp"

// What is read from: a config.json or the metadata of a GGUF file.
#include "posenc/model_config/config_value.hpp"  // a config as plain data, from any JSON type

#include "posenc/model_config/hugging_face.hpp"  // config.json -> ModelRope

#include "posenc/model_config/gguf.hpp"  // the metadata of a GGUF file -> ModelRope

#include "posenc/model_config/model_hints.hpp"  // what a config does not say

#include "posenc/model_config/known_types.hpp"  // which types and architectures are known

// What is read: all that a model does with positions.
#include "posenc/model_config/model_rope.hpp"  // rotations, and which layer uses which

#include "posenc/model_config/query_temperature.hpp"  // the factor on queries of some models

#endif  // POSENC_MODEL_CONFIG_HPP
