#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/relative/banded.csv: InklingRelativeLogits of transformers, run on written-down inputs.

    golden_banded.py OUT_FILE          needs torch and transformers 5.24
"""
import sys

import torch
from transformers.models.inkling.modeling_inkling import InklingRelativeLogits

from golden_file import write_block

# heads, d_rel, extent, first query, queries, keys: a prompt, a chunk, a decode step
SIZES = [(2, 4, 3, 0, 6, 6), (3, 5, 7, 6, 5, 11), (1, 16, 8, 20, 1, 21)]


def main(path):
    torch.manual_seed(1)
    with open(path, "w", encoding="utf-8") as file:
        file.write("# source = InklingRelativeLogits of transformers 5.24 (models/inkling), torch, float64\n")
        file.write("# script = tests/parity/golden_banded.py\n")
        for n, (heads, d_rel, extent, first, queries, keys) in enumerate(SIZES):
            module = InklingRelativeLogits(d_rel, extent).double()
            with torch.no_grad():
                module.proj.copy_(torch.randint(-8, 9, (d_rel, extent)) / 8)
            r = torch.randint(-8, 9, (1, queries, heads, d_rel)).double() / 8
            q_at = torch.arange(first, first + queries)
            k_at = torch.arange(keys)
            with torch.no_grad():
                bias = module(r, q_at, k_at)[0]
            blocks = {"span": torch.tensor([[heads, first, queries, keys]]),
                      "r": r[0].transpose(0, 1).reshape(heads * queries, d_rel),
                      "projection": module.proj.detach(), "bias": bias.reshape(heads * queries, keys)}
            for name, values in blocks.items():
                write_block(file, f"{name}-{n}", values)


if __name__ == "__main__":
    main(sys.argv[1])
