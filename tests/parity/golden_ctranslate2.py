#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/relative/ctranslate2.csv: what encoders of CTranslate2 add for positions, in three sizes.

    golden_ctranslate2.py OUT_FILE          needs ctranslate2 4.8

An encoder of one layer whose feed-forward part is zero and whose projections are the identity: what it adds to its
embeddings is its attention. `q-n`, `k-n` and `v-n` are tokens x (heads * head_dim), `out-n` what attention makes of them.
`shaw`: relative_position_keys and _values; `t5`: relative_attention_bias; `sinusoids`: position encodings of no weights.
"""
import sys
import tempfile

import ctranslate2
import numpy as np

from golden_file import write_block

SIZES = [(1, 4, 3), (2, 6, 7), (3, 8, 12)]  # heads, head_dim, tokens
LAST = (2, 3, 5)  # of Shaw's distances
BUCKETS = ((8, 16), (16, 40), (32, 128))


def eighths(rng, *shape):
    return rng.integers(-16, 17, shape).astype(np.float32) / 8


def encoder(n, rng, **kind):
    heads, head_dim, tokens = SIZES[n]
    width = heads * head_dim
    spec = ctranslate2.specs.TransformerEncoderSpec(1, heads, pre_norm=True, no_final_norm=True, **kind)
    spec.scale_embeddings = False
    spec.embeddings[0].weight = eighths(rng, tokens, width)
    layer, zero = spec.layer[0], np.zeros(width, np.float32)
    for norm in (layer.self_attention.layer_norm, layer.ffn.layer_norm):
        norm.gamma, norm.beta = np.ones(width, np.float32), zero
    layer.self_attention.linear[0].weight = eighths(rng, 3 * width, width) / 2
    layer.self_attention.linear[0].bias = np.zeros(3 * width, np.float32)
    layer.self_attention.linear[1].weight, layer.self_attention.linear[1].bias = np.eye(width, dtype=np.float32), zero
    for linear in (layer.ffn.linear_0, layer.ffn.linear_1):
        linear.weight, linear.bias = np.zeros((width, width), np.float32), zero
    return spec


def run(spec, tokens):
    model = ctranslate2.specs.TransformerEncoderModelSpec(spec)
    model.register_vocabulary([str(i) for i in range(tokens)])
    model.config.unk_token = "0"
    x = spec.embeddings[0].weight.astype(np.float64)
    normed = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    qkv = normed @ spec.layer[0].self_attention.linear[0].weight.astype(np.float64).T
    model.validate()
    with tempfile.TemporaryDirectory() as folder:
        model.save(folder)
        out = ctranslate2.Encoder(folder, compute_type="float32").forward_batch([list(range(tokens))]).last_hidden_state
    return qkv, np.array(out)[0].astype(np.float64) - x


def shaw(n, rng):
    heads, head_dim, tokens = SIZES[n]
    spec = encoder(n, rng, relative_position=True)
    keys, values = eighths(rng, 2 * LAST[n] + 1, head_dim), eighths(rng, 2 * LAST[n] + 1, head_dim)
    spec.layer[0].self_attention.relative_position_keys = keys
    spec.layer[0].self_attention.relative_position_values = values
    qkv, out = run(spec, tokens)
    q, k, v = np.split(qkv, 3, 1)
    return {"keys": keys, "values": values, "q": q, "k": k, "v": v, "out": out}


def t5(n, rng):
    heads, head_dim, tokens = SIZES[n]
    spec = encoder(n, rng, relative_attention_bias=True)
    weights = eighths(rng, BUCKETS[n][0], heads)
    spec.layer[0].self_attention.relative_attention_bias = weights
    spec.layer[0].self_attention.relative_attention_max_distance = np.dtype("int32").type(BUCKETS[n][1])
    qkv, out = run(spec, tokens)
    q, k, v = np.split(qkv, 3, 1)
    return {"buckets": np.array([BUCKETS[n]]), "weights": weights, "q": q, "k": k, "v": v, "out": out}


def sinusoids(n, rng):
    spec = encoder(n, rng)
    spec.layer[0].self_attention.linear[1].weight = np.zeros_like(spec.layer[0].self_attention.linear[1].weight)
    return {"rows": run(spec, SIZES[n][2])[1]}


def main(path):
    rng = np.random.default_rng(1)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"# source = CTranslate2 {ctranslate2.__version__}, float32\n")
        file.write("# script = tests/parity/golden_ctranslate2.py\n")
        for scheme in (shaw, t5, sinusoids):
            for n in range(3):
                for name, values in scheme(n, rng).items():
                    write_block(file, f"{scheme.__name__}-{name}-{n}", values, digits=9)


if __name__ == "__main__":
    main(sys.argv[1])
