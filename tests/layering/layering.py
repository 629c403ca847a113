#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads the includes of the headers and prints what breaks the house.

    layering.py INCLUDE_FOLDER [--known FILE] [--self-test]

An arrow is an include. It points down: to a lower floor, or to the file's own room. FILE lists what is still wrong, in
the words of this script; a line of it that is no longer true is an error too, so that the list can only get shorter.
"""
import argparse
import collections
import pathlib
import re
import statistics
import sys
import tempfile

# A kernel is included by the name that POSENC_LEVEL_FILE has.
INCLUDE = re.compile(r'^\s*#\s*(?:include|define POSENC_LEVEL_FILE)\s*[<"](posenc/[^>"]+)[>"]', re.M)
PRIVATE = ("detail", "kernels")
MOST_LINES = 300

# The floors, from the ground up. Rooms of one floor do not know one another.
FLOORS = (
    ("version",),
    ("detail",),
    ("positions",),
    ("frequency",),
    ("sinusoidal", "learnable", "relative_bias", "rope"),
    ("model_config",),
    ("posenc",),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def room(name):
    """posenc/rope/kernels/x.hpp and posenc/rope.hpp are of the room rope."""
    parts = name.split("/")
    return parts[1] if len(parts) > 2 else parts[1].rsplit(".", 1)[0]


def is_facade(name):
    return name.count("/") == 1


def is_private(name):
    return any(part in PRIVATE for part in name.split("/")[2:-1])


def wrong_arrow(source, target):
    """What is wrong with this arrow, or None."""
    from_room, to_room = room(source), room(target)
    if from_room not in FLOOR_OF or to_room not in FLOOR_OF:
        return None  # said once, of the room
    if from_room == to_room:
        if is_facade(target):
            return "up, to the entry header of its own room"
        return None
    if FLOOR_OF[to_room] > FLOOR_OF[from_room]:
        return "up"
    if FLOOR_OF[to_room] == FLOOR_OF[from_room]:
        return "sideways"
    if is_private(target):
        return "into a private room"
    return None


def cycle(arrows):
    """One circle of includes, or None."""
    state = {}
    for start in sorted(arrows):
        stack = [(start, iter(sorted(arrows[start])))]
        if start in state:
            continue
        state[start] = "open"
        path = [start]
        while stack:
            name, targets = stack[-1]
            for target in targets:
                if state.get(target) == "open":
                    return path[path.index(target) :] + [target]
                if target not in state and target in arrows:
                    state[target] = "open"
                    path.append(target)
                    stack.append((target, iter(sorted(arrows[target]))))
                    break
            else:
                state[name] = "done"
                path.pop()
                stack.pop()
    return None


def findings(folder):
    paths = [path for path in folder.glob("posenc/**/*") if path.suffix in (".hpp", ".inc")]
    files = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    arrows = {name: set(INCLUDE.findall(text)) for name, text in files.items()}
    found = [f"{name}: a room without a floor" for name in sorted({room(name) for name in files} - set(FLOOR_OF))]
    for source in sorted(arrows):
        for target in sorted(arrows[source]):
            wrong = wrong_arrow(source, target) if target in files else "to a header that does not exist"
            if wrong:
                found.append(f"{source} -> {target}: {wrong}")
    circle = cycle(arrows)
    if circle:
        found.append(" -> ".join(circle) + ": a circle")

    by_name = collections.defaultdict(list)
    for name in sorted(files):
        by_name[name.rsplit("/", 1)[1]].append(name)
    found += [f"{' and '.join(names)}: two files of one name" for names in by_name.values() if len(names) > 1]
    found += [f"{name}: more than {MOST_LINES} lines" for name in sorted(files) if files[name].count("\n") > MOST_LINES]

    # Who uses a common file, also through another common file.
    users = collections.defaultdict(set)
    for name in files:
        if room(name) in ("detail", "version"):
            continue
        waiting, seen = [name], set()
        while waiting:
            for target in arrows[waiting.pop()]:
                if room(target) == "detail" and target in files and target not in seen:
                    seen.add(target)
                    users[target].add(room(name))
                    waiting.append(target)
    for name in sorted(files):
        if room(name) == "detail" and len(users[name]) < 2:
            who = "".join(users[name]) or "nobody"
            found.append(f"{name}: only {who} uses it, and detail/ is for what several rooms use")

    # What is public is reached through its room's entry header.
    for name in sorted(files):
        if room(name) == "detail" or is_facade(name) or is_private(name):
            continue
        if name not in arrows.get(f"posenc/{room(name)}.hpp", ()):
            found.append(f"{name}: not in posenc/{room(name)}.hpp")
    lines = sorted(text.count("\n") for name, text in files.items() if not is_facade(name))
    return found, lines


WRONG_TREE = {
    "version.hpp": [],
    "detail/check.hpp": ["version.hpp"],
    "detail/upwards.hpp": ["frequency/table.hpp"],
    "detail/lonely.hpp": [],
    "positions.hpp": ["positions/range.hpp"],
    "positions/range.hpp": ["detail/check.hpp"],
    "frequency.hpp": ["positions.hpp", "frequency/table.hpp"],
    "frequency/table.hpp": ["positions/range.hpp", "detail/check.hpp", "frequency/detail/rounding.hpp"],
    "frequency/detail/rounding.hpp": ["detail/upwards.hpp"],
    "learnable.hpp": ["learnable/lookup.hpp"],
    "learnable/lookup.hpp": ["rope.hpp", "detail/upwards.hpp"],
    "rope.hpp": ["frequency.hpp", "rope/rotate.hpp", "rope/lookup.hpp"],
    "rope/rotate.hpp": ["rope.hpp", "frequency/detail/rounding.hpp", "nowhere.hpp"],
    "rope/lookup.hpp": ["learnable/lookup.hpp", "detail/lonely.hpp"],
    "rope/forgotten.hpp": [],
    "rope/kernels/long.hpp": [],
    "attic/box.hpp": [],
}
WRONG_FINDINGS = [
    "attic: a room without a floor",
    "posenc/attic/box.hpp: not in posenc/attic.hpp",
    "posenc/detail/lonely.hpp: only rope uses it, and detail/ is for what several rooms use",
    "posenc/detail/upwards.hpp -> posenc/frequency/table.hpp: up",
    "posenc/detail/upwards.hpp -> posenc/frequency/table.hpp -> posenc/frequency/detail/rounding.hpp -> posenc/detail/upwards.hpp: a circle",
    "posenc/learnable/lookup.hpp -> posenc/rope.hpp: sideways",
    "posenc/learnable/lookup.hpp and posenc/rope/lookup.hpp: two files of one name",
    "posenc/rope/forgotten.hpp: not in posenc/rope.hpp",
    "posenc/rope/kernels/long.hpp: more than 300 lines",
    "posenc/rope/lookup.hpp -> posenc/learnable/lookup.hpp: sideways",
    "posenc/rope/rotate.hpp -> posenc/frequency/detail/rounding.hpp: into a private room",
    "posenc/rope/rotate.hpp -> posenc/nowhere.hpp: to a header that does not exist",
    "posenc/rope/rotate.hpp -> posenc/rope.hpp: up, to the entry header of its own room",
]


def self_test():
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        for name, includes in WRONG_TREE.items():
            path = folder / "posenc" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = [f'#include "posenc/{include}"' for include in includes]
            if name.endswith("long.hpp"):
                lines += [""] * (MOST_LINES + 1)
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        found = sorted(findings(folder)[0])
    for line in sorted(set(found) ^ set(WRONG_FINDINGS)):
        print(f"{'missed' if line in WRONG_FINDINGS else 'unexpected'}: {line}")
    return found == sorted(WRONG_FINDINGS)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--known", type=pathlib.Path)
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    if options.self_test:
        sys.exit(0 if self_test() else 1)
    found, lines = findings(options.folder)
    if not lines:
        sys.exit(f"no header in {options.folder}")
    known = set()
    if options.known:
        known = {line for line in options.known.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"}
    wrong = [line for line in found if line not in known]
    stale = sorted(known - set(found))
    for line in wrong:
        print(line)
    for line in stale:
        print(f"no longer true, take it out of {options.known}: {line}")
    print(f"{len(lines)} headers beside the entry headers, median {statistics.median(lines):.0f} lines, longest {lines[-1]}")
    sys.exit(1 if wrong or stale else 0)


if __name__ == "__main__":
    main()
