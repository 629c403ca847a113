#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/relative/mlp.csv: biases that small networks make of distances and displacements.

    golden_mlp.py OUT_FILE CROSSFORMER      needs torch, timm 1.0, x-transformers 2.31 and a clone of cheerss/CrossFormer

DynamicPositionBias of x-transformers, with layer norms and without, RelPosMlp of timm, modes "cr" and "swin", and the
attention of CrossFormer, whose bias is what it adds to logits of zero. The parameters are multiples of 1/8 and run in
double; the first two form their inputs in float32.
"""
import importlib.util
import itertools
import sys
import types

import torch
from timm.layers.pos_embed_rel import RelPosMlp
from x_transformers.x_transformers import DynamicPositionBias

from golden_file import write_block


def eighths(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randint(-12, 13, parameter.shape).double() / 8)
    return module.double().eval()


def stacked(bias):
    """[heads, queries, keys] as rows."""
    return bias.reshape(-1, bias.shape[-1])


def layers(module):
    """The parameters of a sequence of layers, in order: name of the block, then a matrix."""
    k = -1
    for part in module.modules():
        if isinstance(part, torch.nn.Linear):
            k += 1
            yield f"weight{k}", part.weight
            if part.bias is not None:
                yield f"bias{k}", part.bias[:, None]
        elif isinstance(part, torch.nn.LayerNorm) and part.weight is not None:
            yield f"norm_weight{k}", part.weight[:, None]
            yield f"norm_bias{k}", part.bias[:, None]
        elif hasattr(part, "gamma"):
            yield f"norm_weight{k}", part.gamma[:, None]


def cases():
    for n, (length, heads, width, depth, log, norm) in enumerate(
            [(4, 1, 5, 1, False, True), (7, 2, 6, 3, True, True), (12, 3, 8, 2, False, True), (9, 2, 4, 2, True, False)]):
        module = eighths(DynamicPositionBias(width, heads=heads, depth=depth, log_distance=log, norm=norm))
        module.mlp[0].register_forward_pre_hook(lambda _, arguments: (arguments[0].double(),))
        yield f"dynamic-{n}", {"log": torch.tensor([[int(log)]]), **dict(layers(module)),
                               "bias": stacked(module(length, length))}
    for mode, windows in (("cr", [((2, 2), (0, 0)), ((3, 5), (0, 0)), ((4, 3), (0, 0))]),
                          ("swin", [((2, 2), (0, 0)), ((3, 5), (4, 7)), ((4, 3), (5, 5))])):
        for n, (window, pretrained) in enumerate(windows):
            module = RelPosMlp(window, n + 1, hidden_dim=6, mode=mode, pretrained_window_size=pretrained)
            eighths(module)
            yield f"{mode}-{n}", {"window": torch.tensor([window]), "pretrained": torch.tensor([pretrained]),
                                  **dict(layers(module)), "bias": stacked(module.get_bias()[0])}


def crossformer(folder):
    layers_of_timm = types.ModuleType("timm.models.layers")
    layers_of_timm.DropPath = layers_of_timm.to_2tuple = layers_of_timm.trunc_normal_ = None
    sys.modules["timm.models.layers"] = layers_of_timm
    spec = importlib.util.spec_from_file_location("crossformer", f"{folder}/models/crossformer.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for n, (window, heads, width) in enumerate([((2, 2), 1, 64), ((3, 5), 2, 96), ((4, 3), 3, 48)]):
        attention = eighths(module.Attention(width * heads, window, heads))  # dim / 16 inner units
        attention.biases = attention.biases.double()
        with torch.no_grad():
            attention.qkv.weight.zero_()
            attention.qkv.bias.zero_()
        seen = []
        attention.softmax.register_forward_pre_hook(lambda _, given: seen.append(given[0][0]))
        attention(torch.zeros(1, window[0] * window[1], width * heads).double())
        yield f"crossformer-{n}", {"window": torch.tensor([window]), **dict(layers(attention.pos)),
                                   "bias": stacked(seen[0])}


def main(path, folder):
    torch.manual_seed(1)
    with open(path, "w", encoding="utf-8") as file:
        file.write("# source = x-transformers 2.31 (DynamicPositionBias), timm 1.0 (RelPosMlp), CrossFormer, torch, float64\n")
        file.write("# script = tests/parity/golden_mlp.py\n")
        with torch.no_grad():
            for case, blocks in itertools.chain(cases(), crossformer(folder)):
                for name, values in blocks.items():
                    write_block(file, f"{case}-{name}", values)


if __name__ == "__main__":
    main(*sys.argv[1:])
