# SPDX-License-Identifier: MIT
"""The form of the files in tests/golden: `# key = value` lines, then blocks of numbers."""


def write_block(file, name, values, digits=None):
    """`@ name rows columns`, then a line for each row: with the digits that bring each number back, or so many of them."""
    file.write(f"@ {name} {values.shape[0]} {values.shape[1]}\n")
    for row in values.tolist():
        file.write(",".join(repr(v) if digits is None else f"{v:.{digits}g}" for v in row) + "\n")
