#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/rotations/by_phase.csv: rotations by phases, by frequencies in two axes, and by sums of cosines, as
x-transformers, PoPE-pytorch, mlx-vlm and lmdeploy compute them on written-down inputs.

    golden_by_phase.py OUT_FILE    needs torch, x-transformers 2.31, PoPE-pytorch 0.2, mlx[cpu] 0.32, mlx-vlm 0.7, and
                                   lmdeploy 0.18, of whose wheel lmdeploy/pytorch is enough, unpacked into the path

A scheme has three sizes, n = 0, 1, 2. PoPE: `q-n` and `k-n` are tokens x (heads * d), before, `q_rotated-n` and
`k_rotated-n` tokens x (heads * 2 d), after. Falcon: `golden-n` is 2 x (heads * pairs). FoPE: `cos-n`, `sin-n`.
"""
import importlib.util
import sys
import types

import mlx.core as mx
import numpy as np
import torch
from PoPE_pytorch import PoPE
from mlx_vlm.models.falcon_ocr.language import (apply_3d_rotary_emb, compute_golden_freqs, compute_pos_hw,
                                                precompute_freqs_1d)
from x_transformers.x_transformers import PolarEmbedding, apply_polar_pos_emb

from golden_file import write_block


def only(package, *modules, without=()):
    """Modules of a package without running the __init__.py of the folders above them, which import its engine, and with
    modules of nothing in place of those in `without`."""
    for name in without:
        sys.modules[f"{package}.{name}"] = types.SimpleNamespace(BackendConfig=None, CacheConfig=None, ModelConfig=None)
    folder = list(importlib.util.find_spec(package).submodule_search_locations)[0]
    for module in modules:
        parts = module.split(".")
        for depth in range(1, len(parts)):
            name = ".".join([package, *parts[:depth]])
            sys.modules[name] = types.ModuleType(name)
            sys.modules[name].__path__ = ["/".join([folder, *parts[:depth]])]
    return [importlib.import_module(f"{package}.{module}") for module in modules]


FOPE, FOPE_TYPES = only("lmdeploy", "pytorch.backends.default.rotary_embedding", "pytorch.backends.rotary_embedding",
                        without=["pytorch.config"])


def numbers(*shape):
    return torch.randint(-16, 17, shape).double() / 8


def by_tokens(heads_first):
    """[heads, tokens, head_dim] as tokens x (heads * head_dim)."""
    return heads_first.transpose(0, 1).flatten(1)


def pope(rotate):
    for heads, dim, tokens in ((2, 8, 5), (1, 5, 3), (3, 16, 4)):
        bias = -torch.rand(heads, dim) * 6
        q, k = numbers(1, heads, tokens, dim), numbers(1, heads, tokens, dim)
        q_rotated, k_rotated = rotate(heads, dim, tokens, bias, q.float(), k.float())
        yield {"phases": bias, "q": by_tokens(q[0]), "k": by_tokens(k[0]), "q_rotated": by_tokens(q_rotated[0]),
               "k_rotated": by_tokens(k_rotated[0])}


def x_transformers():
    def rotate(heads, dim, tokens, bias, q, k):
        module = PolarEmbedding(dim, heads)
        with torch.no_grad():
            module.learned_bias.copy_(bias[:, None])
            freqs, of_keys = module(torch.arange(tokens))
            return apply_polar_pos_emb(q, freqs), apply_polar_pos_emb(k, freqs + of_keys)

    yield from pope(rotate)


def pope_pytorch():
    def rotate(heads, dim, tokens, bias, q, k):
        module = PoPE(dim, heads=heads)
        with torch.no_grad():
            module.bias.copy_(bias)
            return PoPE.apply_pope_to_qk(module(tokens), q, k)

    yield from pope(rotate)


def falcon():
    for heads, head_dim, grid in ((2, 16, (3, 5)), (1, 8, (2, 2)), (3, 32, (4, 1))):
        tokens, pairs = grid[0] * grid[1] + 3, head_dim // 4
        ids = [7, 7] + [5] * (tokens - 3) + [7]
        golden = numbers(heads, pairs, 2).float()
        pos_hw = compute_pos_hw(mx.array([ids]), 5, [grid])
        x = numbers(1, heads, tokens, head_dim)
        of_text = precompute_freqs_1d(head_dim // 2, tokens)
        y, _ = apply_3d_rotary_emb(*[mx.array(x.float().numpy())] * 2, *of_text,
                                   *compute_golden_freqs(mx.array(golden.numpy()), pos_hw))
        yield {"grid": torch.tensor([grid]), "golden": golden.permute(2, 0, 1).flatten(1),
               "positions": torch.from_numpy(np.array(pos_hw))[0], "x": by_tokens(x[0]),
               "y": by_tokens(torch.from_numpy(np.array(y))[0])}


def fope():
    for heads, head_dim, longest, tokens in ((2, 16, 40, 5), (1, 24, 512, 7), (3, 64, 2048, 4)):
        inv_freq = 1 / 1e4 ** (torch.arange(0, head_dim, 2).float() / head_dim)
        kept = int((inv_freq > 2 * torch.pi / longest).sum())
        params = FOPE_TYPES.FopeParameters(num_inv_freq=None, num_key_value_heads=heads, fope_sep_head=True,
                                           inv_freq=inv_freq)
        cos, sin = (numbers(heads, kept, kept).float() for _ in range(2))
        at = torch.arange(11, 11 + tokens)[None]
        module = FOPE.FopeRotaryEmbeddingImpl(head_dim, longest, params=params)
        got = module(torch.zeros(1, tokens, 1), at, sin, cos)
        yield {"by_cos": cos.transpose(0, 1).flatten(1), "by_sin": sin.transpose(0, 1).flatten(1),
               "cos": got[0][0, :, :, :kept].flatten(1), "sin": got[1][0, :, :, :kept].flatten(1)}


def main(path):
    torch.manual_seed(1)
    with open(path, "w", encoding="utf-8") as file:
        file.write("# source = x-transformers 2.31, PoPE-pytorch 0.2, mlx-vlm 0.7 falcon_ocr, lmdeploy 0.18; angles in float32\n")
        file.write("# script = tests/parity/golden_by_phase.py\n")
        for scheme in (x_transformers, pope_pytorch, falcon, fope):
            for n, blocks in enumerate(scheme()):
                for name, values in blocks.items():
                    values = values.detach().double().contiguous()
                    write_block(file, f"{scheme.__name__}-{name}-{n}", values, digits=9)


if __name__ == "__main__":
    main(sys.argv[1])
