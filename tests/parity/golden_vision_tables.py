#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/learnable/vision.csv: trained tables of pictures of any size, as classes of transformers read them.

    golden_vision_tables.py OUT_FILE          needs torch and transformers 5.24

Idefics3: `idefics-n` is the table's row of each patch, for `idefics-size-n` side of the table, height and width. Kimi K2.5:
`kimi-n` is what is added to each patch, for `kimi-size-n` side, frames, height and width and `kimi-table-n`.
"""
import sys
from types import SimpleNamespace

import torch
from transformers.models.idefics3.modeling_idefics3 import Idefics3VisionEmbeddings
from transformers.models.kimi_k25.modeling_kimi_k25 import Kimi_K25VisionPositionEmbeddings

from golden_file import write_block


def pattern(rows, columns):
    i, j = torch.arange(rows)[:, None], torch.arange(columns)[None]
    return (((37 * i + 11 * j * j + 5 * i * j) % 64 - 31) / 16).float()


def idefics():
    for n, (side, height, width) in enumerate(((7, 3, 5), (26, 26, 11), (5, 9, 13))):
        config = SimpleNamespace(hidden_size=1, image_size=side, patch_size=1, num_channels=1)
        module = Idefics3VisionEmbeddings(config)
        module.patch_embedding.weight.zero_()
        module.patch_embedding.bias.zero_()
        module.position_embedding.weight[:, 0] = torch.arange(side * side)
        rows = module(torch.zeros(1, 1, height, width), torch.ones(1, height, width, dtype=torch.bool))
        yield f"idefics-size-{n}", torch.tensor([[side, height, width]])
        yield f"idefics-{n}", rows[0].T


def kimi():
    for n, (side, frames, height, width) in enumerate(((4, 1, 3, 5), (4, 3, 6, 6), (7, 2, 7, 2))):
        config = SimpleNamespace(hidden_size=8, pos_emb_time=4, pos_emb_height=side, pos_emb_width=side,
                                 vision_config=None)
        module = Kimi_K25VisionPositionEmbeddings(config)
        table = pattern(side * side, 8)
        module.position_embeddings.copy_(table.view(side, side, 8))
        added = module(torch.zeros(frames * height * width, 8), torch.tensor([[frames, height, width]]))
        yield f"kimi-size-{n}", torch.tensor([[side, frames, height, width]])
        yield f"kimi-table-{n}", table
        yield f"kimi-{n}", added


@torch.no_grad()
def main(path):
    with open(path, "w", encoding="utf-8") as file:
        file.write("# source = transformers 5.24 Idefics3VisionEmbeddings, Kimi_K25VisionPositionEmbeddings; in float32\n")
        file.write("# script = tests/parity/golden_vision_tables.py\n")
        for scheme in (idefics, kimi):
            for name, values in scheme():
                write_block(file, name, values.double(), digits=9)


if __name__ == "__main__":
    main(sys.argv[1])
