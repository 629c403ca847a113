#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/positions/long_text.csv: positions of Self-Extend as LongLM's patch of Llama hands them to its
rotation, and of dual chunk attention as the caches of its authors' ChunkLlama and of SGLang, whose class is vLLM's, show
them.

    golden_long_text.py OUT_FILE LONGLM CHUNKLLAMA SGLANG    needs torch and transformers, clones of datamllab/LongLM and
                                                             HKUNLP/ChunkLlama, and the wheel of sglang 0.5, unpacked
"""
import pathlib
import sys
import types
import unittest.mock

import torch

from golden_file import write_block
from golden_scaling import sglang

SELF_EXTEND = ((12, 2, 4), (37, 3, 9), (50, 8, 16), (20, 3, 10))  # tokens, group, window: the last is no multiple
DUAL_CHUNK = ((24, 8, 2), (61, 20, 7), (40, 6, 3))  # tokens, chunk, local


def source(path, **names):
    """A file run with what it imports left out, where that is not installed."""
    module = types.ModuleType(pathlib.Path(path).stem)
    module.__package__ = "patch"
    module.__dict__.update(names)
    kept = [line for line in pathlib.Path(path).read_text().splitlines()
            if not line.startswith(("from flash_attn", "from .", "from transformers", "import transformers"))]
    exec(compile("\n".join(kept), path, "exec"), module.__dict__)
    return module


class Found(Exception):
    pass


def self_extend(folder):
    module = source(f"{folder}/self_extend_patch/Llama.py", Cache=object)
    for tokens, group, window in SELF_EXTEND:
        seen = []

        def rotary(_, positions, seq_len=None):
            seen.append(positions[0])
            if len(seen) == 4:
                raise Found
            return torch.ones(1, tokens, 2), torch.zeros(1, tokens, 2)

        attention = unittest.mock.MagicMock(num_heads=1, num_key_value_heads=1, head_dim=2, rotary_emb=rotary)
        attention.config.pretraining_tp = 1
        attention.q_proj = attention.k_proj = attention.v_proj = torch.nn.Identity()
        attention.past_key_value = None
        try:
            module.self_extend_forward(attention, torch.zeros(1, tokens, 2), position_ids=torch.arange(tokens)[None],
                                       group_size_1=group, group_size_2=window)
        except Found:
            pass
        yield f"self_extend_{tokens}_{group}_{window}", torch.stack(seen[2:], 1).double()


def of_pair(cos, sin):
    """Positions from the angles of the second of two pairs, which advances by 1e-4."""
    return torch.round(torch.atan2(sin, cos)[..., 1].double() / 1e-4)


def by_token(tokens, size, key, intra, successive, inter, *critical):
    """A row for each token: its key, then what its query is against nearer and farther keys."""
    at = torch.arange(tokens) % size
    return torch.stack([key[:tokens], intra[at], successive[at], inter.expand(tokens), *(c[at] for c in critical)], 1)


def chunk_llama(folder):
    module = source(f"{folder}/chunkllama_attn_replace.py", Cache=object, rotate_half=None, repeat_kv=None)
    for tokens, chunk, local in DUAL_CHUNK:
        module.chunk_size, module.local_window, module.MAX_NEW_TOKENS = chunk, local, 0
        rope = module.ChunkLlamaRotaryEmbedding(4, max_position_embeddings=tokens, base=1e8)
        q, qc, k = (of_pair(getattr(rope, n + "_cos_cached"), getattr(rope, n + "_sin_cached")) for n in ("q", "qc", "k"))
        yield f"chunkllama_{tokens}_{chunk}_{local}", by_token(tokens, chunk - local, k, q, qc, qc[chunk - local - 1])


def vllm(folder):
    kind, device = sglang(folder).rope_variant.DualChunkRotaryEmbedding, torch.device
    torch.device = lambda *_: device("cpu")
    for tokens, chunk, local in DUAL_CHUNK:
        rope = kind(4, 4, tokens, 10 ** 8, True, torch.float32, chunk, local)
        q, qc, k, no_clamp, inter = (of_pair(*getattr(rope, f"cos_sin_{n}_cache").chunk(2, -1))
                                     for n in ("q", "qc", "k", "qc_no_clamp", "q_inter"))
        rows = by_token(tokens, chunk - local, k, q, qc, qc[chunk - local - 1], no_clamp, inter)
        yield f"vllm_{tokens}_{chunk}_{local}", rows
    torch.device = device


def main(path, longlm, chunkllama, sglang_folder):
    with open(path, "w", encoding="utf-8") as file:
        file.write("# source = LongLM, ChunkLlama and SGLang 0.5, whose class is vLLM's\n")
        file.write("# script = tests/parity/golden_long_text.py\n")
        for blocks in (self_extend(longlm), chunk_llama(chunkllama), vllm(sglang_folder)):
            for name, rows in blocks:
                write_block(file, name, rows, digits=9)


if __name__ == "__main__":
    main(*sys.argv[1:])
