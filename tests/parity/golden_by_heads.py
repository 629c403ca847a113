#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/rotations/by_heads.csv: rotations whose heads, axes or channels have angles of their own, as timm,
diffusers and transformers compute them on written-down inputs.

    golden_by_heads.py OUT_FILE          needs torch, timm 1.0.31, diffusers 0.42 and transformers 5.24

A scheme has three sizes, n = 0, 1, 2. `x-n` and `y-n` are tokens x (heads * head_dim), before and after.
"""
import sys
from types import SimpleNamespace

import torch
from diffusers.models.transformers.transformer_cosmos import CosmosRotaryPosEmbed
from diffusers.models.transformers.transformer_ltx2 import LTX2AudioVideoRotaryPosEmbed, apply_split_rotary_emb
from diffusers.models.transformers.transformer_mochi import MochiRoPE
from diffusers.models.embeddings import apply_rotary_emb
from timm.layers.pos_embed_sincos import RotaryEmbeddingMixed, apply_rot_embed_cat
from transformers.models.nanochat.modeling_nanochat import apply_rotary_pos_emb
from transformers.models.vjepa2.modeling_vjepa2 import VJEPA2RopeAttention

from golden_file import write_block


def numbers(*shape):
    return torch.randint(-16, 17, shape).double() / 8


def by_tokens(heads_first):
    """[heads, tokens, head_dim] as tokens x (heads * head_dim)."""
    return heads_first.transpose(0, 1).flatten(1)


def timm_mixed():
    for heads, head_dim, shape in ((3, 12, [3, 5]), (2, 8, [2, 2]), (1, 36, [1, 7])):
        module = RotaryEmbeddingMixed(heads * head_dim, 1, heads, feat_shape=shape)
        with torch.no_grad():
            module.freqs.copy_(numbers(*module.freqs.shape))
            emb = module.get_embed()[0]
        x = numbers(heads, shape[0] * shape[1], head_dim)
        y = apply_rot_embed_cat(x, emb.double())
        yield {"frequencies": module.freqs.detach()[:, 0].flatten(1), "positions": torch.stack([module.t_x, module.t_y], 1),
               "x": by_tokens(x), "y": by_tokens(y)}


def mochi():
    for heads, head_dim, size in ((3, 12, (2, 3, 5)), (2, 8, (1, 2, 2)), (1, 36, (3, 1, 1))):
        module = MochiRoPE(8, 8)
        frequencies = numbers(3, heads, head_dim // 2).float()
        cos, sin = (part.double() for part in module(frequencies, *size, dtype=torch.float32))
        x = numbers(cos.shape[0], heads, head_dim)
        even, odd = x[..., 0::2], x[..., 1::2]
        y = torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(2)
        yield {"frequencies": frequencies.flatten(1), "positions": module._get_positions(*size, dtype=torch.float32),
               "x": x.flatten(1), "y": y.flatten(1)}


def ltx2():
    for heads, head_dim, size in ((4, 16, (2, 3, 5)), (2, 14, (1, 2, 2)), (3, 10, (3, 1, 1))):
        width = heads * head_dim
        module = LTX2AudioVideoRotaryPosEmbed(width, theta=100.0, rope_type="split", num_attention_heads=heads,
                                              base_num_frames=4, base_height=8, base_width=8)
        grid = torch.stack(torch.meshgrid(*(torch.arange(n).float() for n in size), indexing="ij")).flatten(1)[None]
        cos, sin = module(grid)
        x = numbers(1, grid.shape[2], width)
        y = apply_split_rotary_emb(x.float(), (cos, sin))
        yield {"positions": 2 * grid[0].T.double() / torch.tensor([4, 8, 8]) - 1, "x": x[0], "y": y[0]}


def cosmos():
    for heads, head_dim, size in ((2, 32, (2, 3, 5)), (1, 24, (1, 2, 2)), (3, 14, (3, 1, 1))):
        module = CosmosRotaryPosEmbed(head_dim, max_size=(8, 16, 16), rope_scale=(2.0, 1.5, 3.0))
        cos, sin = module(torch.zeros(1, 1, size[0], 2 * size[1], 2 * size[2]))
        x = numbers(1, heads, cos.shape[0], head_dim)
        y = apply_rotary_emb(x, (cos, sin), use_real=True, use_real_unbind_dim=-2)
        grid = torch.stack(torch.meshgrid(*(torch.arange(n) for n in size), indexing="ij")).flatten(1).T
        yield {"positions": grid, "x": by_tokens(x[0]), "y": by_tokens(y[0])}


def vjepa2():
    for heads, head_dim, grid_size in ((2, 64, 3), (3, 26, 2), (1, 18, 2)):
        tokens = 2 * grid_size * grid_size
        module = SimpleNamespace(grid_size=grid_size, num_attention_heads=heads, attention_head_size=head_dim)
        module.d_dim = module.h_dim = module.w_dim = 2 * (head_dim // 3 // 2)
        for name in ("_get_frame_pos", "_get_height_pos"):
            setattr(module, name, getattr(VJEPA2RopeAttention, name).__get__(module))
        x = numbers(1, heads, tokens, head_dim)
        ids = VJEPA2RopeAttention.get_position_ids(module, x[:, 0])
        ids = tuple(axis.view(1, 1, -1).expand(1, heads, -1) for axis in ids)
        y = VJEPA2RopeAttention.apply_rotary_embeddings(module, x, ids)
        yield {"positions": torch.stack([axis[0, 0] for axis in ids], 1), "x": by_tokens(x[0]), "y": by_tokens(y[0])}


def nanochat():
    for heads, head_dim, tokens in ((2, 16, 5), (1, 6, 3), (3, 128, 2)):
        inv_freq = 1 / (10000.0 ** (torch.arange(0, head_dim, 2).double() / head_dim))
        angles = torch.arange(tokens).double()[:, None] * inv_freq
        angles = torch.cat((angles, angles), -1)[None]
        x = numbers(1, heads, tokens, head_dim)
        y, _ = apply_rotary_pos_emb(x, x, angles.cos(), angles.sin())
        yield {"x": by_tokens(x[0]), "y": by_tokens(y[0])}


def main(path):
    torch.manual_seed(1)
    with open(path, "w", encoding="utf-8") as file:
        file.write("# source = timm 1.0.31, diffusers 0.42.1, transformers 5.24, torch; angles in float32 but for V-JEPA 2 and nanochat\n")
        file.write("# script = tests/parity/golden_by_heads.py\n")
        for scheme in (timm_mixed, mochi, ltx2, cosmos, vjepa2, nanochat):
            for n, blocks in enumerate(scheme()):
                for name, values in blocks.items():
                    values = values.detach().double().contiguous()
                    write_block(file, f"{scheme.__name__}-{name}-{n}", values, digits=9)


if __name__ == "__main__":
    main(sys.argv[1])
