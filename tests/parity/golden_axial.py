#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/rotations/axial.csv: rotations by pixel bands and by axes in turn, as timm and diffusers compute
them on written-down inputs; and by periodic frequencies, as stable-diffusion.cpp forms its angles (pull request 914), whose
lines are repeated here in float32 one by one.

    golden_axial.py OUT_FILE          needs torch, timm 1.0.31, diffusers 0.42, rotary-embedding-torch 0.9 and
                                      transformers 5.24

A scheme has three sizes, n = 0, 1, 2. `x-n` and `y-n` are tokens x head_dim, before and after; `size-n` is rows and
columns of the grid.
"""
import sys
from types import SimpleNamespace

import numpy as np
import rotary_embedding_torch
import torch
import transformers.models.sam2_video.modeling_sam2_video
from diffusers.models.embeddings import apply_rotary_emb, get_2d_rotary_pos_embed_lumina
from diffusers.models.transformers import transformer_ernie_image
from timm.layers.pos_embed_sincos import RotaryEmbedding, apply_rot_embed

from golden_file import write_block


def numbers(*shape):
    return torch.randint(-16, 17, shape).double() / 8


def pixels(linear_bands):
    for head_dim, max_res, size in ((16, 224, (3, 5)), (4, 10, (2, 2)), (36, 77, (7, 2))):
        sin, cos = RotaryEmbedding(head_dim, max_res, in_pixels=True, linear_bands=linear_bands).get_embed(list(size))
        x = numbers(size[0] * size[1], head_dim)
        yield {"size": torch.tensor([size]), "x": x, "y": apply_rot_embed(x, sin.double(), cos.double())}


def timm_linear():
    yield from pixels(True)


def timm_geometric():
    yield from pixels(False)


def ret_pixel():
    for head_dim, max_freq, size in ((16, 224, (3, 5)), (8, 10, (2, 2)), (36, 77, (7, 2))):
        module = rotary_embedding_torch.RotaryEmbedding(head_dim // 2, freqs_for="pixel", max_freq=max_freq)
        x = numbers(size[0] * size[1], head_dim)
        y = rotary_embedding_torch.apply_rotary_emb(module.get_axial_freqs(*size).double(),
                                                    x.view(1, *size, head_dim))
        yield {"size": torch.tensor([size]), "x": x, "y": y[0].flatten(0, 1)}


def lumina_next():
    for head_dim, factor, size in ((16, 1.0, (3, 5)), (4, 1.0, (2, 2)), (36, 2.0, (7, 2))):
        freqs = get_2d_rotary_pos_embed_lumina(head_dim, *size, linear_factor=factor).flatten(0, 1)[None]
        x = numbers(1, 1, size[0] * size[1], head_dim)
        y = apply_rotary_emb(x.transpose(1, 2).float(), freqs, use_real=False)
        yield {"size": torch.tensor([size]), "factor": torch.tensor([[factor]]), "x": x[0, 0], "y": y[0, :, 0]}


def periodic():
    """Rows and columns with the periods height and width, interleaved."""
    two_pi = np.float32(6.28318530717958647692)
    for head_dim, size in ((16, (3, 5)), (8, (2, 2)), (36, (7, 24))):
        half = head_dim // 4
        omega = np.array([np.float32(1.0 / 10000 ** np.float32(2 * i / (head_dim // 2))) for i in range(half)])
        angles = []
        for axis, period in enumerate(size):
            wrap = np.float32(period)
            cycles = (omega * wrap / two_pi).astype(np.float32)
            rounded = np.sign(cycles) * np.floor(np.abs(cycles) + np.float32(0.5))
            at = torch.arange(size[0] * size[1]) // size[1] if axis == 0 else torch.arange(size[0] * size[1]) % size[1]
            angles.append(at.float()[:, None] * torch.from_numpy((two_pi * rounded / wrap).astype(np.float32)))
        angles = torch.cat(angles, 1)
        x = numbers(size[0] * size[1], head_dim)
        even, odd, cos, sin = x[:, 0::2], x[:, 1::2], angles.cos().double(), angles.sin().double()
        y = torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(1)
        yield {"size": torch.tensor([size]), "x": x, "y": y}


def ernie_image():
    """What the attention of one layer gets for queries, of two heads. Its head pairs channels that have other angles."""
    module = transformer_ernie_image
    seen = []
    module.dispatch_attention_fn = lambda query, key, value, **how: (seen.append(query), value)[1]
    for axes, tokens in (((4, 6, 6), 7), ((2, 2, 4), 3), ((32, 48, 48), 5)):
        width = sum(axes)
        attention = SimpleNamespace(heads=2, norm_q=None, norm_k=None, to_out=[lambda x: x])
        attention.to_q = attention.to_k = attention.to_v = lambda x: x
        x, ids = numbers(1, tokens, 2 * width), torch.randint(0, 9, (1, tokens, 3)).float()
        embed = module.ErnieImageEmbedND3(width, 256, axes)
        module.ErnieImageSingleStreamAttnProcessor()(attention, x, None, embed(ids))
        yield {"axes": torch.tensor([axes]), "ids": ids[0], "x": x[0], "y": seen[-1][0].flatten(1)}


def sam2_memory():
    """Queries of a frame and keys of several frames of memory, behind which are pointers that do not rotate."""
    module = transformers.models.sam2_video.modeling_sam2_video
    for head_dim, size, frames, pointers in ((16, (3, 5), 2, 3), (8, (2, 2), 1, 0), (32, (5, 3), 3, 4)):
        config = SimpleNamespace(rope_parameters={"rope_type": "axial", "rope_theta": 10000.0},
                                 memory_attention_hidden_size=head_dim, memory_attention_downsample_rate=1,
                                 memory_attention_num_attention_heads=1, memory_attention_rope_feat_sizes=size)
        tokens = size[0] * size[1]
        at = torch.arange(tokens)
        ids = torch.stack([at % size[1], at // size[1]], 1)
        cos, sin = module.Sam2VideoVisionRotaryEmbedding(config)(torch.zeros(1), ids)
        q, k = numbers(1, 1, tokens, head_dim), numbers(1, 1, frames * tokens + pointers, head_dim)
        yq, yk = module.apply_rotary_pos_emb_2d(q, k, cos, sin, pointers, repeat_freqs_k=True)
        yield {"size": torch.tensor([[*size, pointers]]), "q": q[0, 0], "k": k[0, 0], "yq": yq[0, 0], "yk": yk[0, 0]}


def main(path):
    torch.manual_seed(1)
    with open(path, "w", encoding="utf-8") as file:
        file.write("# source = timm 1.0.31, diffusers 0.42, rotary-embedding-torch 0.9, transformers 5.24; angles in float32\n")
        file.write("# script = tests/parity/golden_axial.py\n")
        for scheme in (timm_linear, timm_geometric, lumina_next, periodic, ernie_image, ret_pixel, sam2_memory):
            for n, blocks in enumerate(scheme()):
                for name, values in blocks.items():
                    values = values.detach().double().contiguous()
                    write_block(file, f"{scheme.__name__}-{name}-{n}", values, digits=9)


if __name__ == "__main__":
    main(sys.argv[1])
