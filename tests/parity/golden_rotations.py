#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/rotations/classes.csv: rotations as classes of transformers, x-transformers and
rotary-embedding-torch compute them, and initial frequencies of timm, in three sizes, n = 0, 1, 2.

    golden_rotations.py OUT_FILE        needs torch, transformers 5.24, timm 1.0, x-transformers 2.31 and
                                        rotary-embedding-torch 0.9 and mlx[cpu] 0.32

`x-n` and `y-n` are tokens x (heads * head_dim), before and after; `g-n` and `gx-n` a gradient of y and autograd's of x.
"""
import sys

import mlx.core as mx
import rotary_embedding_torch as ret
import torch
import x_transformers.x_transformers as xt
from timm.layers.pos_embed_sincos import (RotaryEmbeddingCat, RotaryEmbeddingDinoV3, RotaryEmbeddingMixed,
                                           apply_rot_embed_cat, init_random_2d_freqs)
from transformers import CohereConfig, LlamaConfig
from transformers.models.cohere import modeling_cohere
from transformers.models.llama import modeling_llama

from golden_file import write_block

SIZES = [(1, 6, 3), (2, 16, 5), (3, 8, 9)]  # heads, head_dim, tokens


def eighths(*shape):
    return torch.randint(-16, 17, shape).double() / 8


def by_tokens(x):
    """[1, heads, tokens, head_dim] as tokens x (heads * head_dim)."""
    return x[0].transpose(0, 1).flatten(1)


def hugging_face(module, config, embedding, n):
    heads, head_dim, tokens = SIZES[n]
    rope = {"rope_type": "default", "rope_theta": 10000.0}
    rotary = embedding(config(hidden_size=heads * head_dim, num_attention_heads=heads, rope_parameters=rope))
    cos, sin = rotary(torch.zeros(1), torch.arange(tokens)[None])
    x, g = eighths(1, heads, tokens, head_dim).requires_grad_(), eighths(1, heads, tokens, head_dim)
    y = module.apply_rotary_pos_emb(x, x, cos.double(), sin.double())[0].double()
    gx, = torch.autograd.grad(y, x, g)
    return {"x": by_tokens(x), "y": by_tokens(y), "g": by_tokens(g), "gx": by_tokens(gx)}


def llama(n):
    return hugging_face(modeling_llama, LlamaConfig, modeling_llama.LlamaRotaryEmbedding, n)


def cohere(n):
    return hugging_face(modeling_cohere, CohereConfig, modeling_cohere.CohereRotaryEmbedding, n)


def ret_rescaled(n):
    heads, head_dim, tokens = SIZES[n]
    factor = (1.0, 4.0, 2.5)[n]
    x = eighths(1, heads, tokens, head_dim)
    y = ret.RotaryEmbedding(head_dim, theta_rescale_factor=factor).rotate_queries_or_keys(x)
    return {"factor": torch.tensor([[factor]]), "x": by_tokens(x), "y": by_tokens(y)}


def ret_xpos(n):
    heads, head_dim, tokens = SIZES[n]
    q, k = eighths(1, heads, tokens, head_dim), eighths(1, heads, tokens, head_dim)
    rotated = ret.RotaryEmbedding(head_dim, use_xpos=True, xpos_scale_base=16).rotate_queries_and_keys(q, k)
    return {"q": by_tokens(q), "k": by_tokens(k), "yq": by_tokens(rotated[0]), "yk": by_tokens(rotated[1])}


def xt_xpos(n):
    heads, head_dim, tokens = SIZES[n]
    freqs, scale = xt.RotaryEmbedding(head_dim, use_xpos=True, scale_base=16).forward_from_seq_len(tokens)
    q, k = eighths(1, heads, tokens, head_dim), eighths(1, heads, tokens, head_dim)
    return {"q": by_tokens(q), "k": by_tokens(k), "yq": by_tokens(xt.apply_rotary_pos_emb(q, freqs, scale)),
            "yk": by_tokens(xt.apply_rotary_pos_emb(k, freqs, scale ** -1))}


def xt_rescaled(n):
    head_dim, factor = [(6, 2.0), (16, 4.0), (128, 8.0)][n]
    return {"factor": torch.tensor([[factor]]),
            "inv_freq": xt.RotaryEmbedding(head_dim, base_rescale_factor=factor).inv_freq[None]}


def timm_initial(n):
    heads, head_dim = [(1, 4), (3, 12), (2, 64)][n]
    torch.manual_seed(n)
    angles = torch.rand(1, heads, 1, dtype=torch.float64) * 2 * torch.pi
    torch.manual_seed(n)
    frequencies = init_random_2d_freqs(head_dim, 1, heads, dtype=torch.float64)
    return {"angles": angles[0].T, "frequencies": frequencies[:, 0].flatten(1)}


def timm_gradient(n):
    heads, head_dim, shape = ((3, 12, [3, 5]), (2, 8, [2, 2]), (1, 36, [1, 7]))[n]
    module = RotaryEmbeddingMixed(heads * head_dim, 1, heads, feat_shape=shape)
    with torch.no_grad():
        module.freqs.copy_(eighths(*module.freqs.shape))
    x, g = eighths(heads, shape[0] * shape[1], head_dim), eighths(heads, shape[0] * shape[1], head_dim)
    y = apply_rot_embed_cat(x, module.get_embed()[0].double())
    grad, = torch.autograd.grad(y, module.freqs, g)
    return {"positions": torch.stack([module.t_x, module.t_y], 1), "y": by_tokens(y[None].detach()),
            "g": by_tokens(g[None]), "grad": grad[:, 0].flatten(1)}


def mlx_rope(n):
    heads, head_dim, tokens = SIZES[n]
    x = eighths(1, heads, tokens, head_dim)
    y = mx.fast.rope(mx.array(x.float().numpy()), head_dim, traditional=n != 1, base=10000.0, scale=1.0, offset=n)
    return {"x": by_tokens(x), "y": by_tokens(torch.tensor(y.tolist()))}


GRIDS = [(8, (3, 5), (2, 2)), (4, (2, 2), (7, 3)), (36, (1, 7), (3, 3))]  # head_dim, rows and columns, trained ones


def timm_stretched(n):
    head_dim, shape, trained = GRIDS[n]
    module = RotaryEmbeddingCat(head_dim, in_pixels=False, feat_shape=list(shape), ref_feat_shape=list(trained))
    x = eighths(shape[0] * shape[1], head_dim)
    return {"size": torch.tensor([shape + trained]), "x": x, "y": apply_rot_embed_cat(x, module.get_embed().double())}


def timm_dinov3(n):
    head_dim, shape, _ = GRIDS[n]
    module = RotaryEmbeddingDinoV3(head_dim, feat_shape=list(shape)).eval()
    x = eighths(shape[0] * shape[1], head_dim)
    return {"size": torch.tensor([shape]), "x": x, "y": apply_rot_embed_cat(x, module.get_embed().double(), half=True)}


def main(path):
    torch.manual_seed(1)
    with open(path, "w", encoding="utf-8") as file:
        file.write("# source = transformers 5.24, x-transformers 2.31, rotary-embedding-torch 0.9, timm 1.0; angles in float32\n")
        file.write("# script = tests/parity/golden_rotations.py\n")
        for scheme in (llama, cohere, ret_rescaled, ret_xpos, xt_xpos, xt_rescaled, timm_initial, timm_gradient,
                       timm_stretched, timm_dinov3, mlx_rope):
            for n in range(3):
                for name, values in scheme(n).items():
                    write_block(file, f"{scheme.__name__}-{name}-{n}", values)


if __name__ == "__main__":
    main(sys.argv[1])
