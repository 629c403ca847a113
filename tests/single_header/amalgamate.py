#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints the headers of posenc as one file. It is a function of the sources alone: no date, no hash.

    amalgamate.py INCLUDE_FOLDER [--output FILE] [--check FILE] [ROOT_HEADER]

Each header comes once, after those that it includes, with its own include guard: the result and the split headers may
meet in one translation unit. Includes of the standard library and of Eigen are collected at the top. A file *.inc has
no guard and includes nothing: it is repeated wherever it is included. One of them includes POSENC_LEVEL_FILE, the file that
the line `#define POSENC_LEVEL_FILE "posenc/..."` before it names: that file is repeated there.
"""
import argparse
import pathlib
import re
import sys

OWN = re.compile(r'#include "(posenc/[^"]+)"')
KERNEL = re.compile(r'#define POSENC_LEVEL_FILE "(posenc/[^"]+\.inc)"')
SENTENCE = re.compile(r'#include "posenc needs ')  # what stops a compiler, not a file
OUTSIDE = re.compile(r"#include (<[^>]+>)")
BANNER = """\
// SPDX-License-Identifier: MIT
//
// posenc {version}: Transformer positional encodings on Eigen, in one header. Needs C++17 and Eigen 3.4 or later.
// Generated: edit include/ instead.
//
{license}
"""


class Amalgam:
    def __init__(self, folder):
        self.folder = folder
        self.seen = set()
        self.outside = set()
        self.text = []

    def add(self, name):
        """Appends `name` and, before it, every header that it includes."""
        if name in self.seen:
            return
        self.seen.add(name)
        depth = 0  # of #if; 1 is inside the include guard
        body = []
        kernel = None  # what POSENC_LEVEL_FILE is
        for number, line in enumerate((self.folder / name).read_text(encoding="utf-8").splitlines(), 1):
            code = line.strip()
            depth += code.startswith("#if") - code.startswith("#endif")
            own, outside = OWN.match(code), OUTSIDE.match(code)
            if KERNEL.match(code):
                kernel = KERNEL.match(code)[1]
            elif own and own[1].endswith(".inc"):
                body += self.repeated(own[1], kernel)
                kernel = None
            elif own or (outside and depth <= 1):
                if depth > 1:
                    sys.exit(f"{name}:{number}: a header of posenc must be included without a condition")
                if own:
                    self.add(own[1])
                else:
                    self.outside.add(outside[1])
            elif code.startswith("#include") and not outside and not SENTENCE.match(code):
                sys.exit(f'{name}:{number}: include the headers of posenc as "posenc/..."')
            elif not code.startswith("// SPDX") and code != "/// @file":
                body.append(line)
        self.text.append(f"// ---- {name}\n" + re.sub(r"\n{3,}", "\n\n", "\n".join(body)).strip() + "\n")

    def repeated(self, name, kernel=None):
        """The lines of a file without include guard, with those of the kernel where it includes POSENC_LEVEL_FILE."""
        lines = []
        for line in (self.folder / name).read_text(encoding="utf-8").splitlines():
            if line.strip() == "#include POSENC_LEVEL_FILE" and kernel:
                lines += self.repeated(kernel)
            elif line.strip().startswith("#include"):
                sys.exit(f"{name}: a repeated file includes nothing")
            elif line != "#undef POSENC_LEVEL_FILE" and not line.startswith("// SPDX"):
                lines.append(line)
        return lines


def amalgamate(folder, root):
    amalgam = Amalgam(folder)
    amalgam.add("posenc/version.hpp")
    amalgam.add(root)
    numbers = re.findall(r"^#define POSENC_VERSION_\w+ (\d+)$", (folder / "posenc/version.hpp").read_text(encoding="utf-8"), re.M)
    license = (folder.parent / "LICENSE").read_text(encoding="utf-8").strip().splitlines()
    banner = BANNER.format(
        version=".".join(numbers), license="\n".join(("// " + line).rstrip() for line in license)
    )
    eigen = sorted(name for name in amalgam.outside if "Eigen" in name)
    standard = sorted(amalgam.outside - set(eigen))
    blocks = ["\n".join(f"#include {name}" for name in names) for names in (eigen, standard)]
    version, *rest = amalgam.text  # what is too old is said in front of Eigen
    return banner + "\n" + version + "\n" + "\n\n".join(blocks) + "\n\n" + "\n".join(rest)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("root", nargs="?", default="posenc/posenc.hpp")
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("--check", type=pathlib.Path, help="fails when FILE is not what would be written")
    options = parser.parse_args()
    text = amalgamate(options.folder, options.root)
    if options.check:
        if options.check.read_bytes() != text.encode():
            sys.exit(f"{options.check} is stale: build the target single_header")
    elif options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_bytes(text.encode())
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
