# SPDX-License-Identifier: MIT
"""What was found, in words: the rows of ZOO.md."""
import collections
import re

MAY_REFUSE = ("partial", "proportional")
TITLE = "# The zoo: every config class of transformers with a rotary embedding, run against posenc"
TEXT = """`python3 tests/parity/zoo.py` writes this file. It runs each model's own code on one repeated token and compares
spectrum, queries and keys, magnitude, layout, window, axes and plan of each layer with what `read_hugging_face_config()`
says of the same config: as saved, with all keys, with the required keys only, with old and new forms of the keys, and with
each rope_type that the class permits. transformers {version}."""


def letter_plan(model):
    names = []
    for layer in model["layers"]:
        key = tuple(layer["sets"])
        names.append("." if not key else "+".join(chr(65 + i) for i in key))
    runs = []
    for name in names:
        if runs and runs[-1][0] == name:
            runs[-1][1] += 1
        else:
            runs.append([name, 1])
    text = " ".join(n if k == 1 else f"{n}x{k}" for n, k in runs)
    whole = "".join(names)
    for period in range(1, 13):
        if len(whole) > 2 * period and all(whole[i] == whole[i % period] for i in range(len(whole))):
            return f"{whole[:period]} ({len(whole)} layers)"
    return text if len(text) < 60 else text[:57] + "..."


def rule(model):
    """What posenc read, in a line."""
    sets = []
    for i, rope in enumerate(model["sets"]):
        inv_freq = rope["inv_freq"]
        text = f"{chr(65 + i)}: {'half' if rope['pairs'] == 'half_split' else 'interleaved'}"
        text += f" {rope['offset']}+{rope['rotary_dim']} of {rope['head_dim']}, {min(inv_freq):.3g} to {max(inv_freq):.3g}"
        if rope.get("by channel"):
            text += ", an angle for each channel"
        if rope["magnitude"] != 1:
            text += f", magnitude {rope['magnitude']:.6g}"
        if "axes" in rope:
            counts = [rope["axes"].count(a) for a in range(rope["num_axes"])]
            text += f", axes {'/'.join(map(str, counts))} ({rope['positions']})"
        sets.append(text)
    if any("temperature" in layer for layer in model["layers"]):
        sets.append("temperature")
    return "; ".join(sets + [letter_plan(model)])


def verdict_of(row):
    """A class is right where all its configs are. Those of MAY_REFUSE may be refused: no such config is published."""
    texts = [t for name, t in row["variants"].items() if not (name in MAY_REFUSE and t.startswith("refused"))]
    for kind in ("WRONG", "not run", "refused"):
        if any(t.startswith(kind) for t in texts):
            return kind.lower() if kind != "WRONG" else "wrong"
    return "right"


def note_of(row):
    """The variants that are not right, those of one text together."""
    texts = collections.OrderedDict()
    for name, text in row["variants"].items():
        if text == "dropped":
            text = "transformers drops these keys"
        if text != "right":
            texts.setdefault(re.sub(r"posenc::\w+: ", "", text), []).append(name)
    return "; ".join(f"{', '.join(names)}: {text[:220]}" for text, names in texts.items()).replace("|", "/")


def write(path, rows, version):
    """Writes ZOO.md and returns the counts of verdicts."""
    counts = collections.Counter(verdict_of(row) for row in rows)
    lines = [TITLE, "", TEXT.format(version=version), "", "| verdict | classes |", "|---|---|"]
    lines += [f"| {k} | {counts[k]} |" for k in ("right", "wrong", "refused", "not run")]
    lines += ["", "| model_type | verdict | variants right | what is read | note |", "|---|---|---|---|---|"]
    for row in sorted(rows, key=lambda r: (r["model_type"] or r["class"]).lower()):
        good = sum(t == "right" for t in row["variants"].values())
        lines.append(f"| {row['model_type'] or row['class']} | {verdict_of(row)} | {good} of {len(row['variants'])} "
                     f"| {row['rule']} | {note_of(row)} |")
    path.write_text("\n".join(lines) + "\n")
    return counts
