#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What including posenc costs a unit that is compiled with -O2: user seconds beside Eigen/Core alone, and bytes of text.

    cost.py <compiler> <include folder> <folder of Eigen> [--rounds N]

Units are compiled in turn, and the fastest round of each counts. Seconds depend on the machine, so that what is
compared with a limit is the time over Eigen/Core's in multiples of it. Exits with 1 where a limit is passed.
"""
import argparse
import os
import resource
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROTATE = os.path.join(HERE, "rotate.cpp")
# Name, source, flags; what is asked and what fails, in multiples of Eigen/Core; the same in KiB of text. The first is
# what the others stand beside.
UNITS = [
    ("Eigen/Core", "#include <Eigen/Core>\n", [], None, None),
    ("rope.hpp", "#include <posenc/rope.hpp>\n", [], (0.64, 0.85), None),
    ("posenc.hpp", "#include <posenc/posenc.hpp>\n", [], (1.64, 2.0), None),
    ("a table and one apply_rope, AVX2 alone", None, ["-DPOSENC_PIN_LEVEL=avx2"], (2.36, 2.9), (24, 30)),
    ("a table and one apply_rope, all levels", None, [], (3.64, 4.3), (48, 52)),
]


def user_seconds(command):
    """Runs a compiler, and returns the seconds that it computed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run(command, check=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def text_bytes(size, unit):
    """What `size` counts as text: code, constants and unwinding tables."""
    return int(subprocess.run([size, unit], check=True, capture_output=True, text=True).stdout.splitlines()[1].split()[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("compiler")
    parser.add_argument("include")
    parser.add_argument("eigen")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", default="size")
    given = parser.parse_args()
    seconds = [[] for _ in UNITS]
    text = [0] * len(UNITS)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.rounds):
            for i, (_, source, flags, _, _) in enumerate(UNITS):
                path = ROTATE
                if source is not None:
                    path = os.path.join(folder, f"unit{i}.cpp")
                    with open(path, "w", encoding="utf-8") as file:
                        file.write(source)
                unit = os.path.join(folder, f"unit{i}.o")
                seconds[i].append(user_seconds(
                    [given.compiler, "-std=c++17", "-O2", "-DNDEBUG", *flags, "-I", given.include,
                     "-isystem", given.eigen, "-c", path, "-o", unit]))
                if number == 0:
                    text[i] = text_bytes(given.size, unit)
    core = min(seconds[0])
    failed = False
    for (name, _, _, times_limits, text_limits), times, size in zip(UNITS, seconds, text):
        over = min(times) - core
        line = f"{name:40s} {min(times):6.2f} s  +{over:5.2f} s  {over / core:5.2f} x Eigen/Core  {size / 1024:6.1f} KiB"
        for what, value, limits in (("x", over / core, times_limits), ("KiB", size / 1024, text_limits)):
            if limits is not None:
                verdict = "met" if value <= limits[0] else "more" if value <= limits[1] else "FAILED"
                line += f"   {verdict}: {limits[0]} {what}"
                failed = failed or value > limits[1]
        print(line)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
