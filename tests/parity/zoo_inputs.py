# SPDX-License-Identifier: MIT
"""Configs that a model needs before it can be made, and inputs for it: 101 tokens, or a picture of GRID patches."""
import inspect

import numpy as np
import torch

TOKENS = 101
GRID = (8, 12)  # Rows and columns: even, and not the same number, so that a mix-up shows.

ATTENTION_EVERY_FOURTH = ["linear_attention", "linear_attention", "linear_attention", "full_attention"] * 8
HALF = {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}

# What transformers cannot do without and leaves out of its defaults.
NEEDED = {
    "deepseek_ocr2_text": {"mlp_layer_types": ["dense"] * 32},
    "deepseek_ocr2_vision": {"encoder_config": {"hidden_size": 896, "num_attention_heads": 14, "num_key_value_heads": 2,
                                                "num_hidden_layers": 24, "intermediate_size": 4864}},
    "dots1": {"n_routed_experts": 8, "num_experts_per_tok": 2, "n_shared_experts": 1, "n_group": 1, "topk_group": 1},
    "deepseek_v2": {"num_experts_per_tok": 6, "n_group": 1, "topk_group": 1},
    "glm4v_text": {"rope_parameters": HALF},
    "glm4v_moe_text": {"rope_parameters": HALF, "head_dim": 128},
    "glm_image_text": {"rope_parameters": HALF},
    "glm4_moe": {"head_dim": 128},  # Its default of 96 heads does not divide its default width, 4096.
    "hunyuan_v1_dense": {"head_dim": 128},
    "hunyuan_v1_moe": {"head_dim": 128},
    "hunyuan_vl_text": {"head_dim": 128, "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0,
                                                             "mrope_section": [16, 16, 16, 16]}},
    "qwen4_exp_text": {"indexer_n_heads": 4, "indexer_kv_heads": 1, "indexer_head_dim": 256, "indexer_budget": 64,
                       "indexer_compress_ratio": 4},
    "t5_gemma_module": {"dropout_rate": 0.0, "attention_dropout": 0.0},
    "lfm2_moe": {"layer_types": ["conv", "conv", "full_attention", "conv"] * 8},
    "ministral": {"head_dim": 128},
    "nemotron": {"num_key_value_heads": 8},
    "qwen3_omni_moe_text": {"head_dim": 128},
    "qwen3_omni_moe_talker_text": {"head_dim": 128, "shared_expert_intermediate_size": 256},
    "step3p5": {"sliding_window": 512},
    "t5gemma2_text": {"dropout_rate": 0.0, "attention_dropout": 0.0},
    "t5gemma2_decoder": {"dropout_rate": 0.0, "attention_dropout": 0.0},
    "cohere_compass_text": {
        "layer_types": ["sliding_attention", "sliding_attention", "sliding_attention", "full_attention"] * 10,
        "rope_parameters": {"sliding_attention": {"rope_type": "default", "rope_theta": 50000.0,
                                                  "mrope_section": [24, 20, 20]}, "full_attention": None}},
    "diffusion_gemma_text": {"num_experts": 4, "top_k_experts": 2, "moe_intermediate_size": 64},
    "bamba": {"attn_layer_indices": [9, 18, 27]},
    "granitemoehybrid": {"layer_types": ATTENTION_EVERY_FOURTH, "position_embedding_type": "rope"},
    "dbrx": {"attn_config": {"rope_theta": 500000.0, "kv_n_heads": 8, "clip_qkv": 8.0}},
    "esm": {"vocab_size": 33, "pad_token_id": 1, "position_embedding_type": "rotary"},
    "wav2vec2-bert": {"position_embeddings_type": "rotary"},
    "seamless_m4t": {"position_embeddings_type": "rotary"},
    "wav2vec2-conformer": {"position_embeddings_type": "rotary"},
    "chameleon": {"vocabulary_map": {"<image>": 8711}},
    "moonshine_streaming": {"num_key_value_heads": 8},
    "zamba2": {"use_mem_rope": True},
}


# Parts whose config has no model_type: the model that holds them, and the key.
HOMES = {"SaProtConfig": ("evolla", "protein_encoder_config"),
         "Qwen3OmniMoeCode2WavConfig": ("qwen3_omni_moe", "code2wav_config"),
         "EsmFold2AtomEncoderConfig": ("esmfold2", "atom_encoder"),
         "PPDocLayoutV2ReadingOrderConfig": ("pp_doclayout_v2", "reading_order_config")}


def first(config, *names, default=None):
    for name in names:
        value = getattr(config, name, None)
        if value is not None:
            return value
    return default


def patch_shape(config):
    """Channels, frames and side of one patch."""
    patch = first(config, "patch_size", "spatial_patch_size", default=14)
    patch = patch[0] if isinstance(patch, (list, tuple)) else patch
    frames = first(config, "temporal_patch_size", default=1)
    frames = frames[0] if isinstance(frames, (list, tuple)) else frames
    return first(config, "in_channels", "in_chans", "num_channels", default=3), frames, patch


def grid_of(config, given):
    """Rows and columns of the patches that inputs() gives, after the frames of a video."""
    if "pixel_values" in given and given["pixel_values"].dim() == 5 and hasattr(config, "q_aggregation_stride"):
        return GRID  # A place for each window that is aggregated.
    if "pixel_values_videos" in given and hasattr(config, "tubelet_size"):
        side = config.crop_size // config.patch_size
        return given["pixel_values_videos"].shape[1] // config.tubelet_size, side, side
    if "current_vision_features" in given:
        columns, rows = config.memory_attention_rope_feat_sizes
        return rows, columns
    if any("grid" in name or name == "pixel_position_ids" for name in given):
        return GRID
    if "pixel_values" in given and given["pixel_values"].dim() == 4:
        patch = patch_shape(config)[2]
        return tuple(int(n) // patch for n in given["pixel_values"].shape[-2:])
    return None


def places(kind, grid):
    """The positions of patches, row by row."""
    if len(grid) == 3:
        return np.stack(np.meshgrid(*map(np.arange, grid), indexing="ij"), -1).reshape(-1, 3).astype(float)
    row, column = (x.reshape(-1).astype(float) for x in np.meshgrid(*map(np.arange, grid), indexing="ij"))
    if kind == "column_row":
        return np.stack([column, row], -1)
    if kind == "centered_row_column":
        return np.stack([(2 * row + 1) / grid[0] - 1, (2 * column + 1) / grid[1] - 1], -1)
    if kind == "time_row_column":
        return np.stack([np.zeros_like(row), row, column], -1)
    return np.stack([row, column], -1)


def text_positions(axes):
    """Tokens x axes: each axis counts on its own."""
    p = np.arange(TOKENS)
    return np.stack([p, p * 7 % 50, p * 3 % 31, p * 5 % 83][:axes], -1).astype(float)


def special(model, config):
    """Inputs of models whose forward() has a form of its own."""
    name = type(model).__name__
    width = first(config, "hidden_size", default=64)
    many = GRID[0] * GRID[1]
    channels, frames, patch = patch_shape(config)
    grid = torch.tensor([[1, *GRID]])
    ids = torch.full((1, TOKENS), 5)
    places_xy = torch.tensor(places("column_row", GRID)).long()[None]
    return {
        "BltLocalEncoder": lambda: {"input_ids": ids, "patch_ids": torch.zeros(1, TOKENS).long(), "num_patches": 1,
                                    "inputs_embeds": torch.ones(1, TOKENS, width)},
        "BltLocalDecoder": lambda: {"inputs_embeds": torch.ones(1, TOKENS, width),
                                    "patch_embeds": torch.ones(1, TOKENS, config.hidden_size_global)},
        "DiaDecoder": lambda: {"input_ids": torch.full((1, TOKENS, config.num_channels), 5),
                               "encoder_hidden_states": torch.ones(1, 7, config.cross_hidden_size)},
        "T5Gemma2Decoder": lambda: {"input_ids": ids, "encoder_hidden_states": torch.ones(1, 7, width)},
        "VoxtralRealtimeTextModel": lambda: {"input_ids": ids, "t_cond": torch.ones(1, 1, width)},
        "MoonshineStreamingModel": lambda: {"input_values": torch.ones(1, 16000), "decoder_input_ids": ids},
        "Dots3NoteAudioModel": lambda: {"input_features": torch.ones(1, config.feature_size, 8 * TOKENS),
                                        "chunk_sample_lengths": torch.tensor([8 * TOKENS * 160])},
        "PeVideoEncoder": lambda: {"pixel_values_videos": torch.ones(1, 12, 3, 336, 336)},
        "PeAudioVideoEncoder": lambda: {"input_values": torch.ones(1, 1, 48000),
                                        "pixel_values_videos": torch.ones(1, 12, 3, 336, 336)},
        "DeepseekOcr2VisionEncoder": lambda: {"inputs_embeds": torch.ones(1, TOKENS, width), "num_patches": 50},
        "KyutaiSpeechToTextModel": lambda: {"input_ids": torch.full((1, TOKENS, config.num_codebooks + 1), 5)},
        "PaddleOCRVisionModel": lambda: {"pixel_values": torch.ones(1, many, channels, patch, patch), "grid_thw": grid},
        "Kimi_K25VisionModel": lambda: {"pixel_values": torch.ones(many, channels, patch, patch), "grid_thw": grid},
        "Gemma4VisionModel": lambda: {"pixel_values": torch.ones(1, many, 3 * patch * patch),
                                      "pixel_position_ids": places_xy},
        "Inkling2VisionModel": lambda: {"pixel_values": torch.ones(many // 4, 2 * patch, 2 * patch, 3),
                                        "image_grid_thw": torch.tensor([[1, GRID[0] // 2, GRID[1] // 2]])},
        "MuseGlimmerVisionModel": lambda: {"pixel_values": torch.ones(many, 6 * patch * patch), "grid_thw": grid},
        "MuseSparkVisionModel": lambda: {"pixel_values": torch.ones(many, 6 * patch * patch), "grid_thw": grid},
        "MuseGlimmerAssistantModel": lambda: {"noise_embeds": torch.ones(1, 16, width),
                                              "context_hidden_states": torch.ones(1, TOKENS - 16, 5 * width)},
        "IdeficsModel": lambda: {"input_ids": ids, "image_encoder_embeddings": torch.ones(
            1, 1, 257, config.vision_config.embed_dim), "image_attention_mask": torch.ones(1, TOKENS, 1).long()},
        "LasrEncoder": lambda: {"input_features": torch.ones(1, 4 * TOKENS + 16, config.num_mel_bins)},
        "SeamlessM4TSpeechEncoder": lambda: {
            "input_features": torch.ones(1, TOKENS, config.feature_projection_input_dim)},
        "Wav2Vec2BertModel": lambda: {"input_features": torch.ones(1, TOKENS, config.feature_projection_input_dim)},
        "Wav2Vec2ConformerModel": lambda: {"input_values": torch.ones(1, 40000)},
        "TimesFm2_5Model": lambda: {"past_values": torch.ones(1, 32 * TOKENS)},
        "EsmFold2AtomEncoder": lambda: {
            "hidden_states": torch.ones(1, TOKENS, width), "atom_conditioning": torch.ones(1, TOKENS, width),
            "attention_mask": None, "position_embeddings": model.rotary_emb(
                torch.tensor(text_positions(4)[None, :, :3]).float(), torch.tensor(text_positions(4)[None, :, 3]),
                torch.float32), "atom_mask": None, "atom_to_token": torch.zeros(1, TOKENS).long(), "num_tokens": 1},
        "PPDocLayoutV2ReadingOrder": lambda: {"boxes": torch.rand(1, TOKENS - 2, 4).cumsum(-1) * 250,
                                              "mask": torch.ones(1, TOKENS - 2).long()},
        "EfficientLoFTRModel": lambda: {"pixel_values": torch.ones(1, 2, 3, 32 * GRID[0], 32 * GRID[1])},
        "Qwen2_5OmniToken2WavDiTModel": lambda: {
            "hidden_states": torch.ones(1, TOKENS - 1, config.mel_dim), "time_step": torch.ones(1),
            "condition_vector": torch.ones(1, TOKENS - 1, config.mel_dim), "apply_cfg": False,
            "speaker_embedding": torch.ones(1, TOKENS - 1, config.enc_emb_dim),
            "quantized_code": torch.ones(1, (TOKENS - 1) // config.repeats).long()},
        "VJEPA2Model": lambda: {"pixel_values_videos": torch.ones(1, 4, 3, 256, 256), "skip_predictor": True},
        "Qwen3OmniMoeTalkerCodePredictorModel": lambda: {"inputs_embeds": torch.ones(1, TOKENS, width)},
        "Qwen3OmniMoeCode2WavTransformerModel": lambda: {"inputs_embeds": torch.ones(1, TOKENS, width)},
    }.get(name)


def inputs(model, config):
    own = special(model, config)
    if own:
        return own()
    names = [n for n, p in inspect.signature(model.forward).parameters.items() if p.kind not in (2, 4)]
    channels, frames, patch = patch_shape(config)
    out = {}
    grid = next((n for n in names if n in ("grid_thw", "image_grid_thw")), None)
    if grid:
        out[grid] = torch.tensor([[1, *GRID]])
        pixels = next(n for n in names if n in ("hidden_states", "pixel_values"))
        out[pixels] = torch.ones(GRID[0] * GRID[1], channels * frames * patch * patch)
        if "merge_sizes" in names:
            out["merge_sizes"] = torch.tensor([first(config, "spatial_merge_size", default=1)])
    elif "pixel_values" in names and "input_ids" not in names:
        size = first(config, "image_size", default=patch * 8)
        size = list(size) if isinstance(size, (list, tuple)) else [size, size]
        out["pixel_values"] = torch.ones(1, channels, *size)
    elif "input_ids" in names:
        out["input_ids"] = torch.full((1, TOKENS), 5)
    elif "inputs_embeds" in names:
        out["inputs_embeds"] = torch.ones(1, TOKENS, first(config, "hidden_size", default=64))
    elif "input_features" in names:
        out["input_features"] = torch.ones(1, first(config, "num_mel_bins", default=80), 2 * TOKENS)
    elif "input_values" in names:
        out["input_values"] = torch.ones(1, 1, 24000)
    elif "hidden_states" in names:
        out["hidden_states"] = torch.ones(1, TOKENS, first(config, "hidden_size", default=64))
    return out


def stacks(model, config):
    """Parts of a model that have a rotary module and layers, the smallest first, and inputs for them."""
    found = []
    for name, module in model.named_modules():
        inner = [n for n, m in module.named_modules()]
        names = [n for n, p in inspect.signature(module.forward).parameters.items() if p.kind not in (2, 4)]
        direct = {type(m).__name__ for m in module.children()}
        width = first(getattr(module, "config", config), "hidden_size", "d_model", default=64)
        width = getattr(getattr(module, "fc", None), "in_features", width)
        if "current_vision_features" in names:  # Memory attention of videos: keys of one picture that was seen.
            columns, rows = config.memory_attention_rope_feat_sizes
            small = getattr(config, "memory_attention_rope_k_sizes", None) or (columns, rows)
            memory = torch.ones(small[0] * small[1], 1, 64)
            given = {"current_vision_features": torch.ones(rows * columns, 1, config.memory_attention_hidden_size),
                     "memory": memory, "memory_posision_embeddings": torch.zeros_like(memory)}
            if "num_spatial_memory_tokens" in names:
                given["num_spatial_memory_tokens"] = 1
            found.append((len(inner), module, given))
        if any("Rotary" in d or "RoPE" in d or "Rope" in d for d in direct) and "ModuleList" in direct:
            for wanted in ("hidden_states", "inputs_embeds", "hidden_states_in"):
                if wanted in names:
                    found.append((len(inner), module, {wanted: torch.ones(1, TOKENS, width)}))
                    break
    return [(module, given) for _, module, given in sorted(found, key=lambda entry: entry[0])]
