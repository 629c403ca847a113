#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/learnable/rows_columns.csv: trained tables of rows and of columns, as classes of transformers put
them together.

    golden_rows_columns.py OUT_FILE          needs torch and transformers 5.24

In three sizes n: `size-n` height and width, `rows-n` and `columns-n` the tables, `both-n` tokens x channels.
"""
import sys
from types import SimpleNamespace

import torch
from transformers.models.detr.modeling_detr import DetrLearnedPositionEmbedding
from transformers.models.florence2.modeling_florence2 import Florence2VisionLearnedAbsolutePositionEmbedding2D
from transformers.models.reformer.modeling_reformer import AxialPositionEmbeddings

from golden_file import write_block

SIZES = [(3, 5), (2, 2), (7, 4)]


def pattern(rows, columns, first):
    i, j = torch.arange(rows)[:, None] + first, torch.arange(columns)[None]
    return (((37 * i + 11 * j * j + 5 * i * j) % 64 - 31) / 16).float()


def filled(module):
    for weights, first in ((module.row_embeddings, 1), (module.column_embeddings, 5)):
        weights.weight.copy_(pattern(*weights.weight.shape, first))
    return module.row_embeddings.weight, module.column_embeddings.weight


def detr():
    for height, width in SIZES:
        module = DetrLearnedPositionEmbedding(3)
        rows, columns = filled(module)
        got = module(torch.Size((1, 1, height, width)), "cpu", torch.float32)
        yield (height, width), rows, columns, got[0].flatten(1).T


def florence2():
    for height, width in SIZES:
        config = SimpleNamespace(vision_config=SimpleNamespace(max_position_embeddings=9, embed_dim=[7]))
        module = Florence2VisionLearnedAbsolutePositionEmbedding2D(config)
        rows, columns = filled(module)
        yield (height, width), rows, columns, module(torch.zeros(1, 1, height, width))[0].flatten(1).T


def reformer():
    for height, width in SIZES:
        config = SimpleNamespace(axial_pos_shape=(height, width), axial_pos_embds_dim=(3, 4), hidden_size=7,
                                 hidden_dropout_prob=0.0, attn_layers=["local"], lsh_attn_chunk_length=1,
                                 local_attn_chunk_length=1)
        module = AxialPositionEmbeddings(config).eval()
        rows, columns = pattern(height, 3, 1), pattern(width, 4, 5)
        module.weights[0].copy_(rows[:, None])
        module.weights[1].copy_(columns[None])
        yield (height, width), rows, columns, module(torch.arange(height * width)[None])[0]


@torch.no_grad()
def main(path):
    with open(path, "w", encoding="utf-8") as file:
        file.write("# source = transformers 5.24 DetrLearnedPositionEmbedding, Florence2VisionLearnedAbsolutePositionEmbedding2D,")
        file.write(" Reformer's AxialPositionEmbeddings\n# script = tests/parity/golden_rows_columns.py\n")
        for scheme in (detr, florence2, reformer):
            for n, (size, rows, columns, both) in enumerate(scheme()):
                blocks = {"size": torch.tensor([size]), "rows": rows, "columns": columns, "both": both}
                for name, values in blocks.items():
                    write_block(file, f"{scheme.__name__}-{name}-{n}", values.double(), digits=9)


if __name__ == "__main__":
    main(sys.argv[1])
