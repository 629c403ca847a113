#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Says which public functions no test here calls in every form of their arguments.

    complete.py SURFACE_TXT FOLDER

A function is called where CALL(name) or CALL(name<...>) is in a *.cpp file of FOLDER.
"""
import pathlib
import re
import sys


def main():
    surface = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
    names = set(re.findall(r"^  ((?:presets::)?\w+)\(", surface, re.MULTILINE))
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(pathlib.Path(sys.argv[2]).glob("*.cpp")))
    called = set(re.findall(r"\bCALL\(\s*((?:presets::)?\w+)", text))
    missing, unknown = sorted(names - called), sorted(called - names)
    for name in missing:
        print(f"{name}: no test in tests/calls calls it: add CALL({name})")
    for name in unknown:
        print(f"{name}: is not in the list of public functions")
    print(f"{len(names)} functions and presets, {len(missing)} not called")
    sys.exit(1 if missing or unknown or len(names) < 100 else 0)


if __name__ == "__main__":
    main()
