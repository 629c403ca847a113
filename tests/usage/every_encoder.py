#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Says which encoders five_properties.cpp does not ask for what one asks of an encoding of positions.

    every_encoder.py SURFACE_TXT FIVE_PROPERTIES_CPP

An encoder is a public function of the rooms below that is no gradient. Those that are none are named here with why.
"""
import pathlib
import re
import sys

ROOMS = ("frequency", "sinusoidal", "learnable", "relative_bias", "rope")  # positions/ says where tokens are

NO_ENCODER = {
    "fill_table": "writes what make_table() returns",
    "wrap_cache": "the table of another codebase, as it is",
    "write_cache": "the same, written",
    "contiguous_axes": "says which axis drives a pair",
    "interleaved_axes": "the same",
    "height_width_time_axes": "the same",
    "rarest_first_axes": "the same",
    "read_npy": "a file",
    "write_npy": "a file",
    "wrap_learned_table": "the weights of another codebase, as they are",
    "resize": "makes a table of another length: tests/learnable/resize*.cpp",
    "add_sinusoidal": "adds what encode_sinusoidal() writes",
    "make_sinusoidal": "returns what encode_sinusoidal() writes",
    "add_learned": "adds what encode_learned() writes",
    "presets::detr_positions": "says where tokens are",
    "pixel_centers": "says where tokens are",
    "alibi_slopes": "slopes of make_alibi_table()",
    "view_relative_shift": "an order of memory",
    "window_index": "rows of a table, which make_window_table() takes",
    "cache_rows": "says where in a cache a token goes",
    "as_half": "a cast",
    "as_bfloat16": "a cast",
    "view_blhd": "an order of memory",
    "view_bhld": "an order of memory",
    "view_packed": "an order of memory",
    "channel_permutation": "an order of channels",
    "permute_columns": "the same",
    "permute_rows": "the same",
    "make_shift_table": "moves keys that are encoded",
    "make_rescale_table": "the same, to other frequencies",
}


def main():
    surface = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
    test = re.sub(r"//[^\n]*", "", pathlib.Path(sys.argv[2]).read_text(encoding="utf-8"))  # a comment asks nothing
    names = set()
    for block in surface.split("\n\n"):
        if not block.startswith(tuple(f"posenc/{room}/" for room in ROOMS)):
            continue
        names |= set(re.findall(r"^  ((?:presets::)?\w+)\(", block, re.MULTILINE))
    names = {name for name in names if not name.endswith("_backward")}
    asked = {name for name in names if re.search(rf"\b{name}(<\w+>)?\(", test)}
    failures = [f"{name}: is not asked: a line in five_properties.cpp, or here why it is no encoder"
                for name in sorted(names - asked - set(NO_ENCODER))]
    failures += [f"{name}: is asked, or no public function" for name in sorted(set(NO_ENCODER) - (names - asked))]
    print("\n".join(failures + [f"{len(asked)} encoders are asked, {len(NO_ENCODER)} functions are none"]))
    sys.exit(1 if failures or len(asked) < 80 else 0)


if __name__ == "__main__":
    main()
