// SPDX-License-Identifier: MIT
/// @file
/// Published configs: what a model does with positions, read from its config.json or its GGUF metadata.
#ifndef POSENC_MODEL_CONFIG_HPP
#define POSENC_MODEL_CONFIG_HPP

#include "posenc/rope.hpp"

#include "posenc/model_config/config_value.hpp"  // a config in plain data, from any JSON type
#include "posenc/model_config/gguf.hpp"          // GGUF metadata -> ModelRope
#include "posenc/model_config/hugging_face.hpp"  // config.json -> ModelRope
#include "posenc/model_config/model_rope.hpp"    // rotations, and which layer uses which

#endif  // POSENC_MODEL_CONFIG_HPP
