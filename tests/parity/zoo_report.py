# SPDX-License-Identifier: MIT
"""What was found, in words: the rows of ZOO.md."""
import collections
import re
import textwrap

MAY_REFUSE = ("partial", "proportional")
TITLE = "# The zoo: every config class of transformers with a rotary embedding, run against posenc"
TEXT = """`python3 tests/parity/zoo.py` writes this file. It runs each model's own code on one repeated token and compares
spectrum, queries and keys, magnitude, layout, window, axes and plan of each layer with what `read_hugging_face_config()`
says of the same config: as saved, with all keys, with the required keys only, with old and new forms of the keys, and with
each rope_type that the class permits. transformers {version}."""
ULPS = 2.0  # Of cosines and sines to position 100,000, both from the frequencies that the model holds.


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
    found = [f"{', '.join(names)}: {text[:220]}" for text, names in texts.items()]
    return "; ".join(row.get("notes", []) + found).replace("|", "/")


def counts_of(rows):
    return collections.Counter(verdict_of(row) for row in rows)


def configs_of(rows):
    """How many configs were right, refused, dropped, ..."""
    return collections.Counter(text.split(":")[0] for row in rows for text in row["variants"].values())


def within_ulps(rows):
    """How many classes show cosines and sines, and how many of these are as near as they should be."""
    tables = [row["tables"] for row in rows if row.get("tables") is not None]
    return len(tables), sum(t <= ULPS for t in tables)


def what_ran(rows, composites, architectures):
    """The paragraph about this run: what it saw, and whether it is one."""
    runs = collections.Counter(row.get("run") for row in rows)
    minutes = round(sum(row.get("seconds", 0) for row in rows) / 60)
    configs = configs_of(rows)
    shown, near = within_ulps(rows)
    softmax = sum(bool(row.get("softmax")) for row in rows)
    grows = sum("temperature" in row for row in rows)
    others = ", ".join(f"{n} {kind}" for kind, n in configs.most_common() if kind not in ("right", "refused", "dropped"))
    parts = " and ".join(str(count) for count in runs.values())
    text = [
        f"The rows are of {'one run' if len(runs) == 1 else f'{len(runs)} runs ({parts} classes)'},",
        f"{minutes} minutes in all. Of {sum(configs.values())} configs {configs['right']} are right and",
        f"{configs['refused']} refused{', ' + others if others else ''}, and of {configs['dropped']} transformers",
        f"drops the keys. Cosines and sines are within {ULPS:g} ulp for {near} of the {shown} classes whose modules show",
        f"them; the scale of the softmax was seen for {softmax} classes, not for those that rotate nothing or compute their",
        f"scores in code of their own, and a factor on queries was looked for in {grows}. A class is right although",
        " and ".join('"%s"' % name for name in MAY_REFUSE), "are refused where it permits them, which no published",
        "config has. Sections of HunYuan-VL are counted as transformers does, by channels, whose angles differ within a pair. Besides,",
        " and ".join(f"{sum(verdict == 'right' for _, verdict in found)} of {len(found)} {what}" for what, found in (
            ("configs that hold such models", composites), ("architectures of gguf 0.19", architectures))),
        "were read right."]
    return textwrap.fill(" ".join(text), 120, break_long_words=False, break_on_hyphens=False)


def write(path, rows, version, composites, architectures):
    """Writes ZOO.md."""
    counts = counts_of(rows)
    lines = [TITLE, "", TEXT.format(version=version), "", what_ran(rows, composites, architectures), ""]
    lines += [f"- {name}: {verdict}" for name, verdict in composites + architectures if verdict != "right"] + [""]
    if not lines[-2]:
        lines.pop()
    lines += ["| verdict | classes |", "|---|---|"]
    lines += [f"| {k} | {counts[k]} |" for k in ("right", "wrong", "refused", "not run")]
    lines += ["", "| model_type | verdict | variants right | what is read | note |", "|---|---|---|---|---|"]
    for row in sorted(rows, key=lambda r: (r["model_type"] or r["class"]).lower()):
        good = sum(t == "right" for t in row["variants"].values())
        lines.append(f"| {row['model_type'] or row['class']} | {verdict_of(row)} | {good} of {len(row['variants'])} "
                     f"| {row['rule']} | {note_of(row)} |")
    path.write_text("\n".join(lines) + "\n")
