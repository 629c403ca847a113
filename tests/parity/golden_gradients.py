#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/rotations/gradients.csv: norms with rotations, and the phases of PoPE, forward and through
autograd, as classes of transformers and PoPE-pytorch compute them; and weights in another channel order, as transformers
reads them from GGUF. Three sizes, n = 0, 1, 2.

    golden_gradients.py OUT_FILE        needs torch, transformers 5.24 and PoPE-pytorch 0.2

`x-n`, `y-n`, `g-n` (a gradient of y) and `gx-n` are tokens x (heads * head_dim); `weight-n` and `gw-n` those of the norm.
"""
import sys

import numpy as np
import torch
from PoPE_pytorch import PoPE
from transformers.modeling_gguf_pytorch_utils import LlamaTensorProcessor
from transformers.models.gemma3 import modeling_gemma3
from transformers.models.llama4 import modeling_llama4
from transformers.models.olmo2 import modeling_olmo2
from transformers.models.qwen3 import modeling_qwen3

from golden_file import write_block

SIZES = [(1, 6, 3), (2, 16, 5), (3, 8, 9)]  # heads, head_dim, tokens
EPS = 1e-6


def eighths(*shape):
    return torch.randint(-16, 17, shape).double() / 8


def angles(head_dim, tokens):
    inv_freq = 1 / 1e4 ** (torch.arange(0, head_dim, 2).double() / head_dim)
    return torch.arange(tokens)[:, None] * inv_freq


def by_tokens(x):
    """[1, heads, tokens, head_dim] as tokens x (heads * head_dim)."""
    return x[0].transpose(0, 1).flatten(1)


def half_split(module, norm, n, over_token=False):
    heads, head_dim, tokens = SIZES[n]
    with torch.no_grad():
        norm.weight.copy_(eighths(*norm.weight.shape))
    x, g = eighths(tokens, heads * head_dim).requires_grad_(), eighths(tokens, heads * head_dim)
    full = angles(head_dim, tokens).repeat(1, 2)[None]
    normed = norm(x) if over_token else norm(x.view(tokens, heads, head_dim)).flatten(1)
    q = normed.view(1, tokens, heads, head_dim).transpose(1, 2)
    y = by_tokens(module.apply_rotary_pos_emb(q, q, full.cos(), full.sin())[0].double())
    gx, gw = torch.autograd.grad(y, (x, norm.weight), g)
    return {"x": x, "y": y, "g": g, "gx": gx, "weight": norm.weight[None], "gw": gw[None]}


def qwen3(n):
    return half_split(modeling_qwen3, modeling_qwen3.Qwen3RMSNorm(SIZES[n][1], EPS).double(), n)


def gemma3(n):
    return half_split(modeling_gemma3, modeling_gemma3.Gemma3RMSNorm(SIZES[n][1], EPS).double(), n)


def olmo2(n):
    norm = modeling_olmo2.Olmo2RMSNorm(SIZES[n][0] * SIZES[n][1], EPS).double()
    return half_split(modeling_olmo2, norm, n, over_token=True)


def llama4(n):
    heads, head_dim, tokens = SIZES[n]
    x, g = eighths(tokens, heads * head_dim).requires_grad_(), eighths(tokens, heads * head_dim)
    turned = angles(head_dim, tokens).float()
    rotated = modeling_llama4.apply_rotary_emb(*[x.view(1, tokens, heads, head_dim)] * 2,
                                               torch.polar(torch.ones_like(turned), turned)[None])[0]
    y = modeling_llama4.Llama4TextL2Norm(EPS)(rotated).flatten(2)[0]
    gx, = torch.autograd.grad(y, x, g)
    return {"x": x, "y": y, "g": g, "gx": gx}


def pope(n):
    heads, dim, tokens = ((2, 8, 5), (1, 5, 3), (3, 16, 4))[n]
    module = PoPE(dim, heads=heads).double()
    with torch.no_grad():
        module.bias.copy_(-torch.rand(heads, dim).double() * 6)
    module.inv_freqs.requires_grad_()
    k, g = eighths(1, heads, tokens, dim), eighths(1, heads, tokens, 2 * dim)
    y = PoPE.apply_pope_to_qk(module(tokens), k, k)[1].double()
    by_phases, by_frequencies = torch.autograd.grad(y, (module.bias, module.inv_freqs), g)
    return {"y": by_tokens(y), "g": by_tokens(g), "phases": by_phases, "frequencies": by_frequencies[None]}


def gguf(n):
    heads, head_dim, columns = SIZES[n]
    weights = eighths(heads * head_dim, columns)
    read = LlamaTensorProcessor({"num_attention_heads": heads, "num_key_value_heads": heads}).process(
        np.array(weights), name="blk.0.attn_q.weight").weights
    return {"x": weights, "y": torch.tensor(read)}


def main(path):
    torch.manual_seed(1)
    with open(path, "w", encoding="utf-8") as file:
        file.write("# source = transformers 5.24, PoPE-pytorch 0.2; norms in float32\n")
        file.write("# script = tests/parity/golden_gradients.py\n")
        for scheme in (qwen3, gemma3, olmo2, llama4, pope, gguf):
            for n in range(3):
                for name, values in scheme(n).items():
                    write_block(file, f"{scheme.__name__}-{name}-{n}", values.detach(), digits=9)


if __name__ == "__main__":
    main(sys.argv[1])
