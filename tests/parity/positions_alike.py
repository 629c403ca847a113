#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the classes of diffusers whose tokens are where those of another model are, and compares them with the blocks of
tests/golden/positions/latents.csv that the other model gave.

    python3 tests/parity/positions_alike.py

needs torch and diffusers. Not part of the test command; tests/positions compares posenc with the same blocks.
"""
import importlib
import pathlib
import sys
import types

import torch

from positions import captured, columns

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden" / "positions" / "latents.csv"
VIDEOS = ((1, 2, 3), (3, 5, 2), (4, 1, 1))
WITH_TEXT = ((3, 1, 2, 3), (0, 2, 3, 5), (4, 3, 2, 1))


def module(name):
    return importlib.import_module("diffusers.models.transformers." + name)


def blocks():
    found = {}
    for line in GOLDEN.read_text().splitlines():
        if line.startswith("@"):
            rows = found[line.split()[1]] = []
        elif not line.startswith("#"):
            rows.append([float(number) for number in line.split(",")])
    return {name: torch.tensor(rows, dtype=torch.float64) for name, rows in found.items()}


def of_angles(angles, pairs):
    """Whole positions from angles whose pair `pairs` of each axis advances by 1e-4."""
    return torch.round(angles[..., pairs].reshape(-1, len(pairs)) / 1e-4).long()


# --- Wan ---------------------------------------------------------------------------------------------------------------
def wan():
    for model, name in (("transformer_skyreels_v2", "SkyReelsV2RotaryPosEmbed"), ("transformer_sana_video", "WanRotaryPosEmbed"),
                        ("transformer_chronoedit", "ChronoEditRotaryPosEmbed"), ("transformer_wan_animate", "WanRotaryPosEmbed")):
        rope = getattr(module(model), name)(24, (1, 2, 2), 64, theta=1e8)  # the third pair of an axis advances by 1e-4
        for frames, height, width in VIDEOS:
            cos, sin = rope(torch.zeros(1, 1, frames, 2 * height, 2 * width))
            yield f"{name} of {model}", f"wan_{frames}x{height}x{width}", of_angles(torch.atan2(sin, cos)[..., ::2], [2, 6, 10])
    rope = module("transformer_sana_wm").SanaWMRotaryPosEmbed(24, (1, 2, 2), 64, theta=1e8)
    for frames, height, width in VIDEOS:
        yield "SanaWMRotaryPosEmbed", f"wan_{frames}x{height}x{width}", of_angles(rope((frames, height, width)).angle(), [2, 6, 10])
    rope = module("transformer_anyflow").AnyFlowRotaryPosEmbed(24, (1, 2, 2), 64, theta=1e8)
    for frames, height, width in VIDEOS:
        layout = {"total_frames": frames, "full_frame_shape": (height, width)}
        angles = rope(layout, torch.device("cpu"))["query"].angle()
        yield "AnyFlowRotaryPosEmbed", f"wan_{frames}x{height}x{width}", of_angles(angles, [2, 6, 10])
    rope = module("transformer_helios").HeliosRotaryPosEmbed((8, 8, 8), 1e8)
    for frames, height, width in VIDEOS:
        cos, sin = rope(torch.arange(frames)[None], height, width, "cpu")[0].chunk(2)
        angles = torch.atan2(sin, cos)[::2].flatten(1).T
        yield "HeliosRotaryPosEmbed", f"wan_{frames}x{height}x{width}", of_angles(angles, [2, 6, 10])


# --- HunyuanVideo ------------------------------------------------------------------------------------------------------
def hunyuan_video():
    for model, name, make in (
            ("transformer_hunyuan_video15", "HunyuanVideo15RotaryPosEmbed", lambda rope: rope(2, 1, [16, 56, 56])),
            ("transformer_hunyuanimage", "HunyuanImageRotaryPosEmbed", lambda rope: rope((1, 2, 2), (16, 56, 56))),
            ("transformer_motif_video", "MotifVideoRotaryPosEmbed", lambda rope: rope(2, 1, [16, 56, 56]))):
        where = module(model)
        rope = make(getattr(where, name))
        for text, frames, height, width in WITH_TEXT:
            hidden = torch.zeros(1, 1, frames, 2 * height, 2 * width)
            original = where.get_1d_rotary_pos_embed
            keyword = lambda dim, pos, *args, **kwargs: original(dim, pos, *args, **kwargs)
            where.get_1d_rotary_pos_embed = keyword
            seen = captured(where, lambda: rope(hidden))
            where.get_1d_rotary_pos_embed = original
            yield name, f"hunyuan_video_{text}_{frames}x{height}x{width}", columns(torch.stack(seen, -1), torch.zeros(text, 3))
    # Text is behind the picture, and does not rotate.
    Model = module("transformer_hidream_image").HiDreamImageTransformer2DModel
    stub = types.SimpleNamespace(config=types.SimpleNamespace(patch_size=2), max_seq=64)
    ids = Model.patchify(stub, torch.zeros(1, 1, 4, 6))[3][0, :6]
    yield "HiDreamImageTransformer2DModel", "hunyuan_video_3_1x2x3", columns(ids, torch.zeros(3, 3))
    rope = module("transformer_joyimage").JoyImageEditTransformer3DModel.get_rotary_pos_embed
    stub = types.SimpleNamespace(hidden_size=24, num_attention_heads=1, rope_dim_list=[8, 8, 8], theta=1e8)
    for text, frames, height, width in WITH_TEXT:
        cos, sin = rope(stub, [frames, height, width])[0]
        ids = of_angles(torch.atan2(sin, cos)[:, ::2], [2, 6, 10])
        yield "JoyImageEditTransformer3DModel", f"hunyuan_video_{text}_{frames}x{height}x{width}", columns(ids, torch.zeros(text, 3))


# --- FLUX --------------------------------------------------------------------------------------------------------------
def flux():
    import diffusers
    for name in ("ChromaPipeline", "BriaPipeline", "BriaFiboPipeline", "FluxKontextPipeline"):
        pipeline = getattr(diffusers, name)
        for text, height, width in ((3, 2, 3), (0, 3, 5)):
            ids = pipeline._prepare_latent_image_ids(1, height, width, "cpu", torch.float32)
            yield name, f"flux_{text}_{height}x{width}", columns(torch.zeros(text, 3), ids)
    for text, height, width in ((3, 2, 3), (0, 3, 5)):
        ids = diffusers.Krea2Pipeline.prepare_position_ids(text, height, width, "cpu")
        yield "Krea2Pipeline", f"flux_{text}_{height}x{width}", ids
    # Its references are frames behind the picture; text is not rotated.
    rope = module("transformer_joyimage_edit_plus").JoyImageEditPlusTransformer3DModel
    config = types.SimpleNamespace(hidden_size=24, num_attention_heads=1, rope_dim_list=[8, 8, 8], theta=1e8)
    stub = types.SimpleNamespace(config=config)
    parts, offset = [torch.zeros(5, 3)], 0
    for height, width in ((4, 2), (3, 3)):
        cos, sin = rope._get_rotary_pos_embed_for_range(stub, (offset, 0, 0), (offset + 1, height, width))
        parts.append(of_angles(torch.atan2(sin, cos)[:, ::2], [2, 6, 10]))
        offset += 1
    yield "JoyImageEditPlusTransformer3DModel", "flux_5_4x2_3x3", columns(*parts)
    for text, (height, width), references in ((3, (2, 3), []), (5, (4, 2), [(3, 3), (1, 2)])):
        pipeline = diffusers.Flux2KleinPipeline
        parts = [pipeline._prepare_text_ids(torch.zeros(1, text, 1))[0],
                 pipeline._prepare_latent_ids(torch.zeros(1, 1, height, width))[0]]
        if references:
            parts.append(pipeline._prepare_image_ids([torch.zeros(1, 1, h, w) for h, w in references])[0])
        name = "_".join(f"{h}x{w}" for h, w in [(height, width), *references])
        yield "Flux2KleinPipeline", f"flux2_{text}_{name}", columns(*parts)


# --- Others ------------------------------------------------------------------------------------------------------------
def others():
    rope = module("transformer_nucleusmoe_image").NucleusMoEEmbedRope(10 ** 8, [4, 4, 4], scale_rope=True)
    for text, height, width in ((3, 2, 3), (0, 5, 7)):
        picture, caption = rope([(1, height, width)], max_txt_seq_len=text)
        ids = of_angles(torch.cat([caption, picture]).angle(), [1, 3, 5])
        yield "NucleusMoEEmbedRope", f"qwen_image_{text}_{height}x{width}", ids
    for name in ("transformer_kandinsky6", "transformer_kandinsky6_sr"):
        where = module(name)
        rope = (where.Kandinsky6RoPE3D if name == "transformer_kandinsky6" else where.Kandinsky6SRRoPE3D)((16, 24, 24))
        for frames, height, width, scale in ((1, 2, 3, 2.0), (3, 3, 5, 3.16), (2, 4, 1, 1.0)):
            seen, cos = [], torch.cos
            torch.cos = lambda angles: (seen.append(angles), cos(angles))[1]
            try:
                rope(tuple(torch.arange(n) for n in (frames, height, width)), (1.0, scale, scale))
            finally:
                torch.cos = cos
            ids = seen[-1].flatten(0, 2)[..., [0, 8, 20]]  # the first pair of an axis has the frequency 1
            yield type(rope).__name__, f"kandinsky5_{frames}x{height}x{width}_scale_{scale}", ids
    from diffusers.models import embeddings
    rope = module("transformer_easyanimate").EasyAnimateRotaryPosEmbed(10, 64)  # its grid is 90 / 10 by 60 / 10
    for frames, height, width in ((1, 6, 9), (3, 7, 9), (2, 5, 3)):
        seen = captured(embeddings, lambda: rope(torch.zeros(1, 1, frames, 10 * height, 10 * width)))
        grid = torch.stack(torch.meshgrid(*seen, indexing="ij"), -1)
        yield "EasyAnimateRotaryPosEmbed", f"cogvideox_{frames}x{height}x{width}", columns(grid)


# --- Grids of rows and columns -----------------------------------------------------------------------------------------
def grids():
    """Rows and columns from 0 are those of a video of one frame."""
    image_ids = module("transformer_prx").get_image_ids
    rope = module("transformer_glm_image").GlmImageRotaryPosEmbed(16, 2, theta=1e8)
    hunyuan = module("transformer_hunyuanimage")
    for height, width in ((2, 3), (5, 2), (1, 1)):
        yield "get_image_ids of PRX", (height, width), image_ids(1, 2 * height, 2 * width, 2, "cpu")[0]
        cos, sin = rope(torch.zeros(1, 1, 2 * height, 2 * width))
        yield "GlmImageRotaryPosEmbed", (height, width), of_angles(torch.atan2(sin, cos), [2, 6])
        picture = hunyuan.HunyuanImageRotaryPosEmbed((1, 1), (64, 64))
        seen = captured(hunyuan, lambda: picture(torch.zeros(1, 1, height, width)))
        yield "HunyuanImageRotaryPosEmbed", (height, width), torch.stack(seen, -1)


def main():
    golden, wrong, classes = blocks(), 0, {}
    for make in (wan, hunyuan_video, flux, others):
        for name, block, rows in make():
            expected, rows = golden[block], rows.double()
            same = rows.shape == expected.shape and torch.equal(rows.float(), expected.float())
            classes[name] = classes.get(name, 0) + 1
            if not same:
                wrong += 1
                print(f"{name} is not {block}")
    for name, (height, width), rows in grids():
        expected = torch.cartesian_prod(torch.arange(height), torch.arange(width)).reshape(-1, 2)
        classes[name] = classes.get(name, 0) + 1
        if not torch.equal(rows.long(), expected):
            wrong += 1
            print(f"{name} is no grid at {height} x {width}")
    print(f"{len(classes)} classes at {sum(classes.values())} sizes, {wrong} beside the other model's positions")
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main())
