#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/learnable/initializers.csv: quantiles of four million numbers that initializers of torch and timm
draw into tables of three sizes.

    golden_initializers.py OUT_FILE          needs torch and timm 1.0

Each row is a share and the number below which that share of them is.
"""
import sys

import timm.layers
import torch

from golden_file import write_block

COUNT = 4_000_000
SHARES = (0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999)
SIZES = ((4, 6), (30, 51), (512, 64))  # rows, columns


def drawn(initializer, rows, columns):
    parts, seen = [], 0
    while seen < COUNT:
        table = torch.empty(rows, columns)
        initializer(table)
        parts.append(table.flatten())
        seen += table.numel()
        if rows * columns < 1000:  # the bounds of Xavier's rules depend on rows and columns alone
            parts += [drawn_once(initializer, rows, columns) for _ in range(999)]
            seen += 999 * table.numel()
    return torch.cat(parts).double().sort().values


def drawn_once(initializer, rows, columns):
    table = torch.empty(rows, columns)
    initializer(table)
    return table.flatten()


def main(path):
    torch.manual_seed(1)
    rules = {
        "normal": lambda x: torch.nn.init.normal_(x, mean=0.1, std=0.02),
        "uniform": lambda x: torch.nn.init.uniform_(x, -0.3, 0.1),
        "truncated": lambda x: torch.nn.init.trunc_normal_(x, mean=0.01, std=0.02, a=-0.04, b=0.03),
        "timm_truncated": lambda x: timm.layers.trunc_normal_(x, mean=0.01, std=0.02, a=-0.04, b=0.03),
        "xavier_uniform": torch.nn.init.xavier_uniform_,
        "xavier_normal": torch.nn.init.xavier_normal_}
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"# source = torch {torch.__version__}, timm 1.0\n# script = tests/parity/golden_initializers.py\n")
        file.write(f"# count = {COUNT}\n")
        for name, rule in rules.items():
            for n, (rows, columns) in enumerate(SIZES):
                numbers = drawn(rule, rows, columns)
                quantiles = torch.stack([numbers[int(share * len(numbers))] for share in SHARES])
                write_block(file, f"{name}-{n}", torch.stack([torch.tensor(SHARES, dtype=torch.float64), quantiles], 1))


if __name__ == "__main__":
    main(sys.argv[1])
