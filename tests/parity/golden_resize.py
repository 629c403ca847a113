#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/learnable/resize_axes.csv and tests/golden/relative/window_bilinear.csv.

    golden_resize.py GOLDEN_FOLDER          needs torch and transformers 5.24

F.interpolate of torch in two and three axes; the copies of Longformer's conversion and of LongCLIP's loader, whose loops
are repeated here line by line; BeitRelativePositionBias of transformers.
"""
import sys

import torch
import torch.nn.functional as F
from transformers import BeitConfig
from transformers.models.beit.modeling_beit import BeitRelativePositionBias

from golden_file import write_block

GRIDS = [((4, 4), (7, 7)), ((3, 5), (6, 2)), ((5, 7), (3, 11))]
VOLUMES = [((2, 3, 4), (3, 5, 7)), ((4, 4, 4), (2, 8, 4)), ((3, 5, 2), (5, 3, 3))]


def pattern(rows, columns):
    i, j = torch.arange(rows)[:, None], torch.arange(columns)[None]
    return (((37 * i + 11 * j * j + 5 * i * j) % 64 - 31) / 16).double()


def interpolated(sizes, new, **how):
    rows = 1
    for size in sizes:
        rows *= size
    table = pattern(1 + rows, 2)
    grid = table[1:].T.reshape(1, 2, *sizes)
    return torch.cat([table[:1], F.interpolate(grid, size=new, **how).reshape(2, -1).T])


def tiled(rows, new):
    table, out = pattern(rows, 2), torch.zeros(new, 2).double()
    out[:2] = table[:2]
    k, step = 2, rows - 2
    while k < new - 1:
        out[k:k + step] = table[2:2 + min(step, new - k)]
        k += step
    return out


def long_clip(rows, keep):
    table = pattern(rows, 2)
    last = rows - 1
    out = torch.zeros(keep + 4 * (rows - keep), 2).double()
    out[:keep] = table[:keep]
    for i in range(rows - keep - 1):
        for r in range(4):
            out[4 * i + keep + r] = (4 - r) * table[i + keep] / 4 + r * table[i + keep + 1] / 4
    for r in range(4):
        out[4 * (rows - keep) + keep - 4 + r] = table[last] + r * (table[last] - table[last - 1]) / 4
    return out


def main(folder):
    with open(f"{folder}/learnable/resize_axes.csv", "w", encoding="utf-8") as file:
        file.write(f"# source = torch {torch.__version__} F.interpolate in float64 after one row that is kept\n")
        file.write("# script = tests/parity/golden_resize.py\n")
        file.write("# table = row i, column j: ((37 i + 11 j^2 + 5 i j) mod 64 - 31) / 16, 2 columns\n")
        for old, new in GRIDS:
            sizes = "_".join(map(str, old + new))
            write_block(file, "bilinear_" + sizes, interpolated(old, new, mode="bilinear"))
            write_block(file, "corners_" + sizes, interpolated(old, new, mode="bilinear", align_corners=True))
            write_block(file, "nearest_" + sizes, interpolated(old, new, mode="nearest"))
        for old, new in VOLUMES:
            sizes = "_".join(map(str, old + new))
            write_block(file, "bilinear_" + sizes, interpolated(old, new, mode="trilinear"))
            write_block(file, "corners_" + sizes, interpolated(old, new, mode="trilinear", align_corners=True))
            write_block(file, "nearest_" + sizes, interpolated(old, new, mode="nearest"))
        for rows, new in ((6, 10), (7, 17), (9, 13)):
            write_block(file, f"tile_{rows}_{new}", tiled(rows, new))
        for rows, keep in ((8, 3), (7, 2), (12, 5)):
            write_block(file, f"longclip_{rows}_{keep}", long_clip(rows, keep))
    torch.manual_seed(1)
    with open(f"{folder}/relative/window_bilinear.csv", "w", encoding="utf-8") as file:
        file.write("# source = BeitRelativePositionBias of transformers 5.24, torch, float64\n")
        file.write("# script = tests/parity/golden_resize.py\n")
        for n, (old, new, heads) in enumerate([(4, (6, 6), 1), (3, (5, 4), 2), (5, (3, 3), 3)]):
            module = BeitRelativePositionBias(BeitConfig(image_size=old, patch_size=1, num_attention_heads=heads))
            module = module.double()
            weights = torch.randint(-16, 17, ((2 * old - 1)**2 + 3, heads)).double() / 8
            with torch.no_grad():
                module.relative_position_bias_table.copy_(weights)
                bias = module(new)
            write_block(file, f"sides-{n}", torch.tensor([[old, *new]]))
            write_block(file, f"weights-{n}", weights)
            write_block(file, f"bias-{n}", bias.reshape(-1, bias.shape[-1]))


if __name__ == "__main__":
    main(sys.argv[1])
