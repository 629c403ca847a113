#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/relative/chunked.csv: position logits of chunked local attention (USM), as the audio tower of
Gemma 3n forms them.

    golden_chunked.py OUT_FILE          needs torch and transformers 5.24

Gemma3nAudioRelativePositionEmbedding with keys of zeros, in double but for its sinusoids, which it forms in float32.
"""
import sys

import torch
from transformers import Gemma3nAudioConfig
from transformers.models.gemma3n.modeling_gemma3n import Gemma3nAudioRelativePositionEmbedding

from golden_file import write_block

# Chunk, keys before it, keys after it, heads, width of a head, number of chunks.
SIZES = [(3, 2, 1, 1, 4, 2), (4, 5, 0, 2, 4, 1), (5, 3, 2, 3, 2, 3)]


def main(path):
    torch.manual_seed(1)
    with open(path, "w", encoding="utf-8") as file, torch.no_grad():
        file.write("# source = Gemma3nAudioRelativePositionEmbedding of transformers 5.24, torch, float64\n")
        file.write("# script = tests/parity/golden_chunked.py\n")
        for n, (chunk, before, after, heads, width, chunks) in enumerate(SIZES):
            config = Gemma3nAudioConfig(hidden_size=heads * width, conf_num_attention_heads=heads,
                                        conf_attention_chunk_size=chunk, conf_attention_context_left=before + 1,
                                        conf_attention_context_right=after)
            module = Gemma3nAudioRelativePositionEmbedding(config).double()
            weights = torch.randint(-8, 9, module.pos_proj.weight.shape).double() / 8
            module.pos_proj.weight.copy_(weights)
            q = torch.randint(-8, 9, (1, chunks, chunk, heads, width)).double() / 8
            logits = module(q, torch.zeros(1, chunks, before + chunk + after, heads, width).double())[0]
            blocks = {"sizes": torch.tensor([[chunk, before, after, heads]]), "weights": weights,
                      "q": q[0].permute(0, 2, 1, 3).reshape(-1, width),  # chunk by chunk, head by head
                      "logits": logits.permute(1, 0, 2, 3).reshape(chunks * heads * chunk, -1)}
            for name, values in blocks.items():
                write_block(file, f"{name}-{n}", values)


if __name__ == "__main__":
    main(sys.argv[1])
