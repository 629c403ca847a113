#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the positions of tests/golden/positions by the libraries that they come from, and compares them with the files.

    python3 tests/parity/positions.py [--write [FILE...]]

needs torch, transformers, diffusers and the wheel of attention_sinks 0.4, unpacked into the path. Not part of the test command; tests/positions compares posenc with the files.
Positions that a library keeps to itself are read where it uses them: its 1-D rotation gets them as an argument, or the
angle of a slow pair tells them.
"""
import pathlib
import sys
import types

import diffusers
import torch
import transformers

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden" / "positions"


def zigzag_shards():
    from torch.distributed.tensor.experimental._context_parallel._load_balancer import _HeadTailLoadBalancer
    for length, ranks in ((8, 2), (18, 3), (40, 4)):
        rows = _HeadTailLoadBalancer(length, ranks, "cpu")._generate_indices()[0].view(ranks, -1)
        yield f"tokens_{length}_shards_{ranks}", rows


# --- Prompts -----------------------------------------------------------------------------------------------------------
TEXT, IMAGE, VIDEO, AUDIO, START, AUDIO_START = 1, 2, 3, 4, 5, 6


def omni(parts, model, per_second, audio_in_video=False, padding=0):
    """parts: ("text", n), ("image", t, h, w), ("video", t, h, w, seconds per frame), ("audio", tokens), ("both", ...)."""
    ids, images, videos, seconds, audios = [], [], [], [], []
    for kind, *sizes in parts:
        if kind == "text":
            ids += [TEXT] * sizes[0]
        elif kind == "image":
            ids += [START] + [IMAGE] * (sizes[0] * sizes[1] * sizes[2]) + [TEXT]
            images.append([sizes[0], 2 * sizes[1], 2 * sizes[2]])
        elif kind == "video":
            ids += [START] + [VIDEO] * (sizes[0] * sizes[1] * sizes[2]) + [TEXT]
            videos.append([sizes[0], 2 * sizes[1], 2 * sizes[2]])
            seconds.append(sizes[3])
        elif kind == "audio":
            ids += [AUDIO_START] + [AUDIO] * sizes[0] + [TEXT]
            audios.append(4 * sizes[0])
        else:  # audio inside video
            tokens = sizes[0] * sizes[1] * sizes[2]
            ids += [START, AUDIO_START] + [VIDEO] * tokens + [AUDIO] * sizes[4] + [TEXT, TEXT]
            videos.append([sizes[0], 2 * sizes[1], 2 * sizes[2]])
            seconds.append(sizes[3])
            audios.append(4 * sizes[4])
    config = types.SimpleNamespace(image_token_id=IMAGE, video_token_id=VIDEO, audio_token_id=AUDIO,
                                   vision_start_token_id=START, audio_start_token_id=AUDIO_START,
                                   position_id_per_seconds=per_second, seconds_per_chunk=2)
    stub = types.SimpleNamespace(config=config, spatial_merge_size=2)
    for name in ("get_llm_pos_ids_for_vision", "get_chunked_index"):
        if hasattr(model, name):
            setattr(stub, name, types.MethodType(getattr(model, name), stub))
    both = torch.tensor([[0] * padding + ids])
    mask = torch.tensor([[0] * padding + [1] * len(ids)])
    positions, delta = model.get_rope_index(
        stub, both, torch.tensor(images) if images else None, torch.tensor(videos) if videos else None,
        mask, audio_in_video, torch.tensor(audios) if audios else None, torch.tensor(seconds) if seconds else None)
    return torch.cat([positions[:, 0].T.long(), torch.full((1, 3), int(delta.flatten()[0]))])


def omni_3(parts):
    """As omni(), with ("both", t, h, w, seconds per frame, frames of sound); yields the numbers of audio tokens too."""
    from transformers.models.qwen3_omni_moe import modeling_qwen3_omni_moe as module
    model = module.Qwen3OmniMoePreTrainedModelForConditionalGeneration
    ids, grids, seconds, sounds, tokens = [], [], [], [], []
    for kind, *sizes in parts:
        if kind == "text":
            ids += [TEXT] * sizes[0]
            continue
        if kind != "video":
            sounds.append(sizes[-1])
            tokens.append(int(module._get_feat_extract_output_lengths(torch.tensor(sizes[-1]), 50)))
        if kind == "audio":
            ids += [AUDIO_START] + [AUDIO] * tokens[-1] + [TEXT]
            continue
        grids.append([sizes[0], 2 * sizes[1], 2 * sizes[2]])
        seconds.append(sizes[3])
        frames = [VIDEO] * (sizes[0] * sizes[1] * sizes[2])
        ids += [START, AUDIO_START] + frames + [AUDIO] * tokens[-1] + [TEXT] * 2 if kind == "both" else (
            [START] + frames + [TEXT])
    config = types.SimpleNamespace(image_token_id=IMAGE, video_token_id=VIDEO, audio_token_id=AUDIO,
                                   vision_start_token_id=START, audio_start_token_id=AUDIO_START,
                                   position_id_per_seconds=13, audio_config=types.SimpleNamespace(n_window=50),
                                   vision_config=types.SimpleNamespace(spatial_merge_size=2))
    stub = types.SimpleNamespace(config=config, spatial_merge_size=2)
    stub.get_llm_pos_ids_for_vision = types.MethodType(model.get_llm_pos_ids_for_vision, stub)
    positions, delta = model.get_rope_index(
        stub, torch.tensor([ids]), None, torch.tensor(grids), torch.ones(1, len(ids), dtype=torch.long),
        any(part[0] == "both" for part in parts), torch.tensor(sounds) if sounds else None, torch.tensor(seconds))
    return torch.cat([positions[:, 0].T, torch.full((1, 3), float(delta))]), tokens


def omni_3_prompts():
    for name, parts in (("video_audio", [("text", 3), ("video", 3, 1, 2, 1.0), ("text", 1), ("audio", 77)]),
                        ("audio_in_video", [("text", 2), ("both", 3, 1, 2, 1.0, 301), ("text", 1)]),
                        ("short_audio_in_video", [("both", 5, 3, 1, 2.0, 130), ("text", 2)]),
                        ("audio_in_wide_video", [("text", 1), ("both", 2, 2, 40, 1.0, 99), ("text", 3)])):
        positions, tokens = omni_3(parts)
        yield name, positions
        yield f"{name}_tokens", torch.tensor([tokens])


def vision_prompts(model, **config):
    """Pictures and videos of Qwen2-VL and Qwen2.5-VL, videos no longer than they are wide: see mrope_positions()."""
    vision = types.SimpleNamespace(spatial_merge_size=2, **config)
    stub = types.SimpleNamespace(config=types.SimpleNamespace(vision_config=vision))
    stub.get_vision_position_ids = types.MethodType(model.get_vision_position_ids, stub)
    for name, pads, parts in (
            ("picture", 0, [(0, 3), (1, 1, 2, 3), (0, 2)]),
            ("pictures_padded", 3, [(0, 2), (1, 1, 3, 1), (0, 1), (1, 1, 5, 7), (0, 4)]),
            ("picture_video", 0, [(1, 1, 4, 2), (0, 1), (2, 3, 2, 60), (0, 3)])):
        types_of, images, videos = [], [], []
        for kind, *sizes in parts:
            if kind == 0:
                types_of += [0] * sizes[0]
                continue
            (images if kind == 1 else videos).append([sizes[0], 2 * sizes[1], 2 * sizes[2]])
            types_of += [kind] * (sizes[0] * sizes[1] * sizes[2])
        more = {"second_per_grid_ts": torch.tensor([0.5])} if "tokens_per_second" in config else {}
        positions, delta = model.get_rope_index(
            stub, torch.ones(1, pads + len(types_of), dtype=torch.long), torch.tensor([[0] * pads + types_of]),
            image_grid_thw=torch.tensor(images), video_grid_thw=torch.tensor(videos) if videos else None,
            attention_mask=torch.tensor([[0] * pads + [1] * len(types_of)]), **more)
        yield name, torch.cat([positions[:, 0].T, torch.full((1, 3), int(delta))])


def qwen_vl_prompts():
    from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLModel
    from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VLModel
    for name, positions in vision_prompts(Qwen2VLModel):
        yield f"qwen2_vl_{name}", positions
    for name, positions in vision_prompts(Qwen2_5_VLModel, tokens_per_second=25):
        yield f"qwen2_5_vl_{name}", positions
    yield from glm_image_prompts()


def glm_image_prompts():
    """Prompts of GLM-Image, then the pictures that it makes, the last grid first, and the token that ends them."""
    from transformers.models.glm_image.modeling_glm_image import GlmImageModel as Model
    begin, end, other = 7, 8, 1
    stub = types.SimpleNamespace(config=types.SimpleNamespace(image_start_token_id=begin, image_end_token_id=end))
    for name in ("get_vision_position_ids",):
        setattr(stub, name, types.MethodType(getattr(Model, name), stub))
    for name, text, given, made in (("text", 4, [], [(5, 7), (2, 3)]), ("picture", 3, [(2, 3)], [(4, 4), (2, 2)]),
                                    ("pictures", 1, [(3, 1), (5, 6)], [(1, 9)])):
        ids = [other] * text
        for height, width in given:
            ids += [begin] + [other] * (height * width) + [end]
        grids = torch.tensor([[1, h, w] for h, w in given + made])
        prompt = Model.get_rope_index(stub, torch.tensor([ids + [other] * 2 + [begin]]), grids)[0][:, 0]
        yield f"glm_image_{name}", torch.cat([prompt, stub._cached_decode_position_ids[0]], 1).T


def omni_prompts():
    from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import (
        Qwen2_5OmniPreTrainedModelForConditionalGeneration as Omni)
    yield "picture_video_audio", omni([("text", 3), ("image", 1, 2, 3), ("text", 2), ("audio", 5), ("text", 1),
                                       ("video", 3, 1, 2, 0.5), ("text", 2)], Omni, 24)
    yield "left_padded", omni([("text", 2), ("image", 1, 3, 1), ("text", 1)], Omni, 25, padding=4)
    yield "audio_in_video", omni([("text", 2), ("both", 3, 1, 2, 1.0, 70), ("text", 1)], Omni, 25, True)
    yield "audio_in_video_odd", omni([("text", 1), ("both", 5, 3, 1, 1.0, 113), ("text", 3)], Omni, 25, True)
    yield "short_audio_in_video", omni([("both", 6, 2, 2, 1.0, 20), ("text", 2)], Omni, 25, True)


# --- Text --------------------------------------------------------------------------------------------------------------
def texts():
    from transformers import DataCollatorWithFlattening, GenerationMixin
    from transformers.models.opt.modeling_opt import OPTLearnedPositionalEmbedding
    from transformers.models.roberta.modeling_roberta import RobertaEmbeddings
    masks = ([[0, 0, 1, 1, 1], [1, 1, 1, 1, 0]], [[1, 1, 1]], [[0, 0, 0, 0, 0, 1, 1], [0, 1, 1, 1, 1, 1, 1], [1] * 7])
    for n, mask in enumerate(masks):
        mask = torch.tensor(mask)
        yield f"mask_{n}", mask
        yield f"padded_{n}", GenerationMixin._prepare_position_ids_for_generation(None, mask, {"attention_mask": mask})
        opt = OPTLearnedPositionalEmbedding(9, 1)
        opt.weight.data[:, 0] = torch.arange(11)
        for past in (0, 2):
            yield f"opt_{n}_past_{past}", opt(mask, past)[..., 0]
        tokens = torch.where(mask == 1, torch.arange(mask.shape[1]) + 5, 1)
        for past in (0, 4):
            made = RobertaEmbeddings.create_position_ids_from_input_ids(tokens, 1, past)
            yield f"roberta_{n}_past_{past}", made
        yield f"tokens_{n}", tokens
    for n, lengths in enumerate(((3, 2), (1, 7, 4), (5,))):
        collate = DataCollatorWithFlattening(return_flash_attn_kwargs=True)
        batch = collate([{"input_ids": [9] * length} for length in lengths])
        yield f"cu_seqlens_{n}", batch["cu_seq_lens_q"][None]
        yield f"packed_{n}", batch["position_ids"]


def evicted():
    """Keys are their positions, and come one by one. Of the package only the cache runs: the rest is for old models."""
    import importlib.util
    folder = list(importlib.util.find_spec("attention_sinks").submodule_search_locations)[0]
    spec = importlib.util.spec_from_file_location("attention_sink_kv_cache", folder + "/attention_sink_kv_cache.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for tokens, sinks, window in ((10, 2, 4), (7, 4, 4), (301, 4, 28)):
        cache, keys = module.AttentionSinkKVCache(sinks, window), torch.zeros(1, 1, 0, 1, dtype=torch.long)
        for token in range(tokens):
            keys = torch.cat([keys, torch.full((1, 1, 1, 1), token)], 2)
            keys = cache([[keys, keys]])[0][0]
        yield f"streaming_{tokens}_{sinks}_{window}", keys[0, 0].T


# --- Latents -----------------------------------------------------------------------------------------------------------
def columns(*ids):
    return torch.cat([torch.as_tensor(i).reshape(-1, torch.as_tensor(i).shape[-1]) for i in ids])


def flux():
    from diffusers import FluxPipeline
    for text, sizes in ((3, [(2, 3)]), (0, [(3, 5)]), (5, [(4, 2), (3, 3)])):
        parts = [torch.zeros(text, 3)]
        for i, (height, width) in enumerate(sizes):
            ids = FluxPipeline._prepare_latent_image_ids(1, height, width, "cpu", torch.float32).clone()
            ids[..., 0] = min(i, 1)
            parts.append(ids)
        yield f"flux_{text}_" + "_".join(f"{h}x{w}" for h, w in sizes), columns(*parts)


def flux2():
    from diffusers import Flux2Pipeline
    for text, (height, width), references in ((3, (2, 3), []), (0, (3, 5), [(2, 2)]), (5, (4, 2), [(3, 3), (1, 2)])):
        parts = [Flux2Pipeline._prepare_text_ids(torch.zeros(1, text, 1))[0]] if text else []
        parts.append(Flux2Pipeline._prepare_latent_ids(torch.zeros(1, 1, height, width))[0])
        if references:
            parts.append(Flux2Pipeline._prepare_image_ids([torch.zeros(1, 1, h, w) for h, w in references])[0])
        name = "_".join(f"{h}x{w}" for h, w in [(height, width), *references])
        yield f"flux2_{text}_{name}", columns(*parts)


def qwen_image():
    from diffusers.models.transformers.transformer_qwenimage import QwenEmbedRope
    rope = QwenEmbedRope(10 ** 8, [4, 4, 4], scale_rope=True)  # the second pair of an axis advances by 1e-4
    for text, sizes in ((3, [(2, 3)]), (0, [(5, 7)]), (5, [(4, 2), (3, 5)])):
        picture, caption = rope([[(1, h, w) for h, w in sizes]], max_txt_seq_len=text)
        angles = torch.cat([caption, picture]).angle()[:, 1::2]
        yield f"qwen_image_{text}_" + "_".join(f"{h}x{w}" for h, w in sizes), torch.round(angles / 1e-4).long()


def qwen_image21():
    from diffusers.models.transformers.transformer_qwenimage21 import QwenImage21Rope
    rope = QwenImage21Rope(10 ** 8, [4, 4, 4])  # the second pair of an axis advances by 1e-4
    for parts in ([3, (2, 3)], [1, (5, 7), 4, (3, 1), 2], [2, (4, 4), (6, 2)]):
        shapes = [(1, *part) for part in parts if not isinstance(part, int)]
        mask = sum(([False] * part if isinstance(part, int) else [True] * (part[0] * part[1]) for part in parts), [])
        angles = rope(shapes, torch.tensor(mask), "cpu").angle()[:, 1::2]
        name = "_".join(str(part) if isinstance(part, int) else f"{part[0]}x{part[1]}" for part in parts)
        yield f"qwen_image21_{name}", torch.round(angles / 1e-4).long()


def captured(module, call):
    """The positions that a module hands to its 1-D rotation, a column for each."""
    seen, original = [], module.get_1d_rotary_pos_embed

    def keep(dim, pos, *args, **kwargs):
        seen.append(pos)
        return original(dim, pos, *args, **kwargs)

    module.get_1d_rotary_pos_embed = keep
    try:
        call()
    finally:
        module.get_1d_rotary_pos_embed = original
    return seen


def hunyuan_video():
    from diffusers.models.transformers import transformer_hunyuan_video as module
    for text, frames, height, width in ((3, 1, 2, 3), (0, 2, 3, 5), (4, 3, 2, 1)):
        rope = module.HunyuanVideoRotaryPosEmbed(2, 1, [16, 56, 56])
        seen = captured(module, lambda: rope(torch.zeros(1, 1, frames, 2 * height, 2 * width)))
        yield (f"hunyuan_video_{text}_{frames}x{height}x{width}",
               columns(torch.stack(seen, -1), torch.zeros(text, 3)))  # text is behind, and does not rotate


def wan():
    from diffusers.models.transformers.transformer_wan import WanRotaryPosEmbed
    for frames, height, width in ((1, 2, 3), (3, 5, 2), (4, 1, 1)):
        rope = WanRotaryPosEmbed(24, (1, 2, 2), 64, theta=1e8)  # 8 channels an axis: the third pair advances by 1e-4
        cos, sin = rope(torch.zeros(1, 1, frames, 2 * height, 2 * width))
        angles = torch.atan2(sin[0, :, 0], cos[0, :, 0])[:, 4::8]
        yield f"wan_{frames}x{height}x{width}", torch.round(angles / 1e-4).long()


def z_image():
    from diffusers.models.transformers.transformer_z_image import ZImageTransformer2DModel as Model
    for text, height, width in ((5, 2, 3), (32, 4, 8), (37, 5, 7)):
        stub = types.SimpleNamespace(create_coordinate_grid=Model.create_coordinate_grid)
        for name in ("_pad_with_ids", "_patchify_image"):
            setattr(stub, name, types.MethodType(getattr(Model, name), stub))
        picture = torch.zeros(1, 1, 2 * height, 2 * width)
        result = Model.patchify_and_embed(stub, [picture], [torch.zeros(text, 4)], 2, 1)
        # Behind the positions of the text there are some that no token has.
        yield f"z_image_{text}_{height}x{width}", columns(result[3][0], result[4][0][:len(result[1][0])])


def lumina2():
    from diffusers.models.transformers.transformer_lumina2 import Lumina2RotaryPosEmbed
    for text, height, width in ((3, 2, 3), (1, 3, 5), (6, 4, 1)):
        rope = Lumina2RotaryPosEmbed(10000, [4, 4, 4], patch_size=2)
        seen = []
        rope._get_freqs_cis = lambda ids: (seen.append(ids), torch.zeros(*ids.shape[:2], 6))[1]
        rope(torch.zeros(1, 1, 2 * height, 2 * width), torch.ones(1, text, dtype=torch.long))
        yield f"lumina2_{text}_{height}x{width}", seen[0][0]


def ernie_image():
    from diffusers.models.transformers.transformer_ernie_image import ErnieImageTransformer2DModel
    for text, height, width in ((3, 2, 3), (0, 3, 5), (6, 4, 1)):
        model = ErnieImageTransformer2DModel(8, 1, 0, 8, 2, 2, 1, 8, rope_axes_dim=(4, 2, 2))
        seen = []
        model.pos_embed.register_forward_pre_hook(lambda module, given: seen.append(given[0][0]))
        model(torch.zeros(1, 2, height, width), torch.zeros(1), torch.zeros(1, text, 8), torch.tensor([text]))
        yield f"ernie_image_{text}_{height}x{width}", seen[0]


def cogview4():
    from diffusers.models.transformers.transformer_cogview4 import CogView4RotaryPosEmbed
    for height, width, axes in ((3, 5, (256, 256)), (7, 2, (64, 48)), (9, 11, (4, 6))):
        rope = CogView4RotaryPosEmbed(12, 1, axes, theta=1e6)  # 6 channels an axis: the third pair advances by 1e-4
        cos, sin = rope(torch.zeros(1, 1, height, width))
        ids = torch.round(torch.atan2(sin, cos)[:, [2, 5]] / 1e-4).long()
        yield f"cogview4_{height}x{width}_of_{axes[0]}x{axes[1]}", ids


def cogvideox():
    from diffusers.models import embeddings as module
    from diffusers.pipelines.cogvideo.pipeline_cogvideox import get_resize_crop_region_for_grid as crop
    for frames, height, width in ((1, 6, 9), (3, 7, 9), (2, 5, 3)):
        region = crop((height, width), 9, 6)
        seen = captured(module, lambda: module.get_3d_rotary_pos_embed(64, region, (height, width), frames))
        grid = torch.stack(torch.meshgrid(*seen, indexing="ij"), -1)
        yield f"cogvideox_{frames}x{height}x{width}", columns(grid)


def cosmos():
    from diffusers.models.transformers import transformer_cosmos as module
    for frames, height, width, fps in ((1, 2, 3, None), (3, 3, 5, 30), (4, 2, 1, 16)):
        rope = module.CosmosRotaryPosEmbed(128, patch_size=(1, 2, 2))
        seen, outer = [], torch.outer
        torch.outer = lambda a, b: (seen.append(a), outer(a, b))[1]
        try:
            rope(torch.zeros(1, 1, frames, 2 * height, 2 * width), fps)
        finally:
            torch.outer = outer
        h, w, t = seen
        yield (f"cosmos_{frames}x{height}x{width}_fps_{fps or 0}",
               columns(torch.stack(torch.meshgrid(t, h, w, indexing="ij"), -1)))


def ltx():
    from diffusers import LTXConditionPipeline
    from diffusers.models.transformers.transformer_ltx import LTXVideoRotaryPosEmbed
    for frames, height, width, fps in ((1, 2, 3, 25), (3, 3, 5, 24), (4, 2, 1, 30)):
        rope = LTXVideoRotaryPosEmbed(12)
        grid = rope._prepare_video_coords(1, frames, height, width, (8 / fps, 32, 32), "cpu")[0]
        yield f"ltx_{frames}x{height}x{width}_fps_{fps}", grid * 2 - 1
        ids = LTXConditionPipeline._prepare_video_ids(1, frames, height, width)
        coordinates = LTXConditionPipeline._scale_video_ids(ids, 32, 8).float()
        coordinates[:, 0] = coordinates[:, 0] * (1.0 / fps)
        grid = coordinates[0].T / torch.tensor([20.0, 2048.0, 2048.0])
        yield f"ltx_causal_{frames}x{height}x{width}_fps_{fps}", grid * 2 - 1


def kandinsky5():
    from diffusers.models.transformers.transformer_kandinsky import Kandinsky5RoPE3D
    for frames, height, width, scale in ((1, 2, 3, 2.0), (3, 3, 5, 3.16), (2, 4, 1, 1.0)):
        seen, cos = [], torch.cos
        torch.cos = lambda angles: (seen.append(angles), cos(angles))[1]
        try:
            pos = [torch.arange(n) for n in (frames, height, width)]
            Kandinsky5RoPE3D((16, 24, 24))((1, frames, height, width), pos, (1.0, scale, scale))
        finally:
            torch.cos = cos
        # The first pair of an axis has the frequency 1.
        yield f"kandinsky5_{frames}x{height}x{width}_scale_{scale}", columns(seen[-1][0][..., [0, 8, 20]])


def mochi():
    from diffusers.models.transformers.transformer_mochi import MochiRoPE
    for frames, height, width in ((1, 2, 3), (3, 3, 5), (2, 4, 1)):
        positions = MochiRoPE()._get_positions(frames, height, width, dtype=torch.float32)
        yield f"mochi_{frames}x{height}x{width}", positions


def flux3():
    from diffusers.modular_pipelines.flux3 import before_denoise as module
    for text, (height, width), references in ((3, (2, 3), []), (0, (3, 5), [(2, 2)]), (5, (4, 2), [(3, 3), (1, 2)])):
        parts = [module.Flux3TextRoPEInputsStep._prepare_text_ids(torch.zeros(1, text, 1))] if text else []
        parts.append(module._prepare_image_ids(height, width, 0.5))
        parts += [module._prepare_image_ids(h, w, 0.5, l_coord=-(1 + i)) for i, (h, w) in enumerate(references)]
        name = "_".join(f"{h}x{w}" for h, w in [(height, width), *references])
        yield f"flux3_{text}_{name}", columns(*parts)


def ovis_image():
    """The ids of text are made inside encode_prompt(), which runs on embeddings that are given."""
    from diffusers import OvisImagePipeline
    for text, height, width in ((3, 2, 3), (1, 3, 5), (6, 4, 1)):
        stub = types.SimpleNamespace(text_encoder=None, transformer=types.SimpleNamespace(dtype=torch.float32),
                                     _execution_device="cpu")
        ids = OvisImagePipeline._prepare_prompt_embeds(
            stub, prompt="", prompt_embeds=torch.zeros(1, text, 1), num_images_per_prompt=1,
            max_sequence_length=256, device="cpu")[1]
        picture = OvisImagePipeline._prepare_latent_image_ids(1, height, width, "cpu", torch.float32)
        yield f"ovis_image_{text}_{height}x{width}", columns(ids, picture)


def longcat_image():
    from diffusers.pipelines.longcat_image.pipeline_longcat_image_edit import prepare_pos_ids
    for text, sizes in ((3, [(2, 3)]), (1, [(3, 5)]), (5, [(4, 2), (4, 2)])):
        parts = [prepare_pos_ids(0, "text", (0, 0), num_token=text)]
        parts += [prepare_pos_ids(1 + i, "image", (text, text), height=h, width=w) for i, (h, w) in enumerate(sizes)]
        yield f"longcat_image_{text}_" + "_".join(f"{h}x{w}" for h, w in sizes), columns(*parts)


def ideogram4():
    from diffusers import Ideogram4Pipeline
    for text, height, width in ((3, 2, 3), (0, 3, 5), (6, 4, 1)):
        yield f"ideogram4_{text}_{height}x{width}", Ideogram4Pipeline._prepare_ids([text], height, width, text, "cpu")[0][0]


def minimax_h3():
    from diffusers.modular_pipelines.minimax_h3.before_denoise import MiniMaxH3PrepareLayoutStep as Step
    for text, audio, frames, height, width in ((3, 2, 1, 2, 3), (0, 0, 7, 3, 5), (4, 5, 12, 4, 1)):
        ids = Step.build_packed_sequence(torch.ones(text), frames, 2 * height, 2 * width, audio, (1, 2, 2), 2, 2, 0)[0]
        yield f"minimax_h3_{text}_{audio}_{frames}x{height}x{width}", ids


def latents():
    for make in (flux, flux2, qwen_image, qwen_image21, wan, hunyuan_video, z_image, lumina2, ernie_image, cogview4, cogvideox, cosmos, ltx, kandinsky5,
                 mochi, flux3, ovis_image, longcat_image, ideogram4, minimax_h3):
        yield from make()


# --- Random positions, from the definition of the generator and of the draws -------------------------------------------
def mersenne_twister_64(seed):
    mask = 2 ** 64 - 1
    state = [seed & mask]
    for i in range(1, 312):
        state.append((6364136223846793005 * (state[-1] ^ (state[-1] >> 62)) + i) & mask)
    while True:
        for i in range(312):
            x = (state[i] & ~(2 ** 31 - 1) & mask) | (state[(i + 1) % 312] & (2 ** 31 - 1))
            state[i] = state[(i + 156) % 312] ^ (x >> 1) ^ (0xB5026F5AA96619E9 if x & 1 else 0)
        for x in state:
            x ^= (x >> 29) & 0x5555555555555555
            x ^= (x << 17) & 0x71D67FFFEDA60000
            x ^= (x << 37) & 0xFFF7EEE000000000 & mask
            yield x ^ (x >> 43)


def below(numbers, bound):
    for x in numbers:
        if x >= 2 ** 64 % bound:
            return x % bound


def random_ids():
    for count, most, name, seed in ((5, 100, "100", 1), (16, 17, "17", 7), (9, 2 ** 40, "2^40", -3)):
        numbers, chosen = mersenne_twister_64(seed), set()
        for j in range(most - count, most):
            t = below(numbers, j + 1)
            chosen.add(j if t in chosen else t)
        yield f"random_{count}_of_{name}_seed_{seed}", torch.tensor([sorted(chosen)])
    for lengths, target, seed in (((3, 2), 20, 1), ((4, 1, 7), 4096, 5), ((6, 6), 12, 9)):
        numbers, skip, ids, room = mersenne_twister_64(seed), 0, [], target - sum(lengths)
        for i, length in enumerate(lengths):
            skip += below(numbers, room - skip + 1) if i else 0
            ids += [skip + len(ids) + t for t in range(length)]
        yield f"skip_{'_'.join(map(str, lengths))}_of_{target}_seed_{seed}", torch.tensor([ids])


# --- Files -------------------------------------------------------------------------------------------------------------
FILES = {
    "shards.csv": (f"torch {torch.__version__} _HeadTailLoadBalancer", zigzag_shards),
    "omni.csv": (f"transformers {transformers.__version__} get_rope_index of Qwen2.5-Omni; the last row is the delta",
                 omni_prompts),
    "omni_3.csv": (f"transformers {transformers.__version__} get_rope_index of Qwen3-Omni; the last row is the delta",
                   omni_3_prompts),
    "qwen_vl.csv": (f"transformers {transformers.__version__} get_rope_index of Qwen2-VL and Qwen2.5-VL, the last row "
                    "being the delta, and of GLM-Image", qwen_vl_prompts),
    "text.csv": (f"transformers {transformers.__version__} generation, flattening collator, OPT, RoBERTa", texts),
    "evicted.csv": ("attention_sinks 0.4 AttentionSinkKVCache", evicted),
    "random.csv": ("MT19937-64 of Nishimura 2000 and the draws of random_positions.hpp, in Python integers", random_ids),
    "latents.csv": (f"diffusers {diffusers.__version__}", latents),
}


def number(value):
    value = float(value)
    return str(int(value)) if value == int(value) else repr(value)


def main():
    wrong = 0
    for name, (source, blocks) in FILES.items():
        text = f"# source = {source}\n# made by = tests/parity/positions.py\n"
        for block, rows in blocks():
            text += f"@ {block} {rows.shape[0]} {rows.shape[1]}\n"
            text += "".join(",".join(number(value) for value in row) + "\n" for row in rows.tolist())
        path = GOLDEN / name
        if "--write" in sys.argv and (len(sys.argv) == 2 or name in sys.argv):
            path.write_text(text)
        elif path.read_text().split("\n", 1)[1] != text.split("\n", 1)[1]:
            wrong += 1
            print(f"{path}: {source} gives other numbers")
    print(f"{len(FILES) - wrong} of {len(FILES)} files", "written" if "--write" in sys.argv else "as the libraries give them")
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main())
