#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the `Matches:` lines of include/ with the rows of MATCHES.md.

    python3 tests/parity/matches.py [--all]

Lists each call whose comment names a library that the scripts of this folder run, and that has no row there or in the
list below the table, and each row whose call or script does not exist. --all prints the calls that name other projects
too. Exit status 1 where something is listed.
"""
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
INCLUDE = HERE.parents[1] / "include"

# A word of a comment -> the library of MATCHES.md that it means.
LIBRARIES = {
    "Hugging Face": "transformers", "transformers": "transformers", "diffusers": "diffusers", "timm": "timm",
    "torchvision": "torchvision", "PyTorch": "torch", "torch's": "torch", "F.interpolate": "torch",
    "x-transformers": "x-transformers", "PoPE-pytorch": "PoPE-pytorch",
    "rotary-embedding-torch": "rotary-embedding-torch", "attention_sinks": "attention_sinks",
    "scikit-learn": "scikit-learn", "scipy": "SciPy", "e3nn": "e3nn", "numpy": "NumPy", "lmdeploy": "lmdeploy",
    "mlx": "mlx", "MLX": "mlx", "mlx-lm": "mlx-lm", "mlx-vlm": "mlx-vlm", "ONNX": "ONNX Runtime",
    "CTranslate2": "CTranslate2", "tatp22": "positional-encodings", "Whisper": "transformers",
    "LongLM": "LongLM", "tiny-cuda-nn": "tiny-cuda-nn", "stable-diffusion.cpp": "stable-diffusion.cpp of August", "CrossFormer": "CrossFormer", "SGLang": "SGLang", "wav2vec2-BERT": "transformers",
}


def documented_calls():
    """(header, names of the call, text of its Matches line)"""
    for path in sorted(INCLUDE.rglob("*.hpp")):
        lines = path.read_text().splitlines()
        for i, line in enumerate(lines):
            start = re.match(r"\s*/// Matches:\s*(.*)", line)
            if not start:
                continue
            text, j = start.group(1), i + 1
            while j < len(lines) and re.match(r"\s*///\s{9,}\S", lines[j]):
                text += " " + lines[j].strip()[3:].strip()
                j += 1
            while lines[j].strip().startswith("///"):
                j += 1
            declared, depth = "", 0
            while j < len(lines) and not re.search(r"[;{]\s*$", declared):
                declared += " " + lines[j].strip()
                j += 1
            declared = re.sub(r"^\s*template\s*<.*?>\s*(?=inline|Eigen|std|void|class|struct|[A-Z]\w*<|[A-Z]\w* |auto|Freq)", "",
                              declared)
            kind = re.match(r"\s*(?:class|struct)\s+(\w+)", declared)
            call = kind or re.search(r"\b([a-z]\w+)\(", declared)
            yield path.relative_to(INCLUDE), call.group(1) if call else "?", text


def rows():
    listed, scripts = {}, set()
    text = (HERE / "MATCHES.md").read_text()
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) < 7 or cells[1] in ("call", "---"):
            continue
        scripts |= set(re.findall(r"`(\w+\.\w+)`", cells[4]))
        for name in re.findall(r"`(?:presets::)?(\w+)", cells[1]):
            listed.setdefault(name, set()).update(re.sub(r" [0-9.]+$", "", part.strip()) for part in cells[2].split(","))
    below = text[text.rindex("\n|"):]
    named = {name for code in re.findall(r"`([^`]*)`", below) for name in re.findall(r"\w+", code)}
    return listed, scripts, named


def main():
    listed, scripts, named = rows()
    everything = {word for path in INCLUDE.rglob("*.hpp") for word in re.findall(r"\w+", path.read_text())}
    missing = 0
    calls = 0
    for header, call, text in documented_calls():
        means = {library for word, library in LIBRARIES.items() if re.search(r"(?<![\w-])" + re.escape(word) + r"(?![\w-])", text)}
        calls += 1
        if text.startswith("no other project"):
            continue
        if not means and "--all" in sys.argv:
            print(f"elsewhere: {header}: {call}: {text}")
        lacks = means - listed.get(call, set())
        if means and not (means & listed.get(call, set())) and call not in named:
            missing += 1
            print(f"{header}: {call} has no row of {', '.join(sorted(means))}: {text}")
        elif lacks and "--all" in sys.argv and call not in named:
            print(f"partly: {header}: {call} lacks {', '.join(sorted(lacks))}: {text}")
    for name in sorted(set(listed) - everything):
        missing += 1
        print(f"MATCHES.md: no call is named {name}")
    for script in sorted(s for s in scripts if not (HERE / s).exists()):
        missing += 1
        print(f"MATCHES.md: there is no {script}")
    print(f"{calls} comments, {len(listed)} names in {len(scripts)} scripts' rows, {missing} lacking")
    return missing != 0


if __name__ == "__main__":
    sys.exit(main())
