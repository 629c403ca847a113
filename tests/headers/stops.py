#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What stops a compiler at once, and in few lines: C++14, and two versions of posenc in one unit.

The entry headers are compiled; of every other it is read that version.hpp comes before any header of others.

    stops.py INCLUDE_FOLDER EIGEN_FLAG... -- COMPILER...
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TOO_OLD = "posenc needs C++17: compile with -std=c++17 or later"
TWO_VERSIONS = "two different versions of posenc are included in one translation unit"
MOST_LINES = 15
INCLUDE = re.compile(r'^#include ([<"])([^>"]+)[>"]', re.M)


def errors(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr.splitlines() if done.returncode else ["compiles"]


def too_old(compiler, flags, folder, header):
    """What is wrong, or an empty string."""
    lines = errors([compiler, "-std=c++14", "-x", "c++", "-fsyntax-only", f"-I{folder}", *flags, str(folder / header)])
    first = next((line for line in lines if "error" in line), "")
    if TOO_OLD not in first or len(lines) > MOST_LINES:
        return f"{header}, C++14, {compiler}: {len(lines)} lines, the first error is: {first}"
    return ""


def first_include(folder, header):
    """The first header that is read to its end before another one is."""
    for kind, name in INCLUDE.findall((folder / header).read_text(encoding="utf-8")):
        if kind == "<" or name.startswith("posenc needs"):
            return name
        first = first_include(folder, name)
        if first:
            return first
    return ""


def two_versions(compiler, flags, folder, temporary):
    """version.hpp of one version meets that of another, and the single header of another."""
    source = temporary / "two.cpp"
    wrong = ""
    for own in (folder / "posenc/version.hpp", folder.parent / "single_include/posenc/posenc.hpp"):
        other = temporary / f"other_{own.name}"
        other.write_text(re.sub(r"PATCH (!= )?\d+", r"PATCH \g<1>99", own.read_text(encoding="utf-8")), encoding="utf-8")
        for second, expected in ((other, TWO_VERSIONS), (folder / "posenc/version.hpp", "compiles")):
            source.write_text(f'#include "posenc/version.hpp"\n#include "{second}"\n', encoding="utf-8")
            lines = errors([compiler, "-std=c++17", "-fsyntax-only", f"-I{folder}", *flags, str(source)])
            first = next((line for line in lines if "error" in line), "".join(lines))
            if expected not in first:
                wrong = f"two versions, {compiler}: expected {expected}, got {first}"
    return wrong


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    end = sys.argv.index("--")
    flags, compilers = sys.argv[2:end], sys.argv[end + 1 :]
    entries = sorted(path.relative_to(folder) for path in folder.glob("posenc/*.hpp"))
    wrong = []
    for path in sorted(folder.glob("posenc/**/*.hpp")):
        first = first_include(folder, path.relative_to(folder))
        if first and not first.startswith("posenc needs"):
            wrong.append(f"{path.relative_to(folder)}: {first} is read before posenc/version.hpp")
    with tempfile.TemporaryDirectory() as temporary, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = [pool.submit(too_old, compiler, flags, folder, header) for compiler in compilers for header in entries]
        wrong += [result.result() for result in results]
        wrong += [two_versions(compiler, flags, folder, pathlib.Path(temporary)) for compiler in compilers]
    wrong = [line for line in wrong if line]
    print("\n".join(wrong))
    print(f"{len(entries)} entry headers, {len(compilers)} compilers, {len(wrong)} wrong")
    sys.exit(1 if wrong or not entries or not compilers else 0)


if __name__ == "__main__":
    main()
