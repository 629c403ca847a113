#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/relative/windows.csv and tests/golden/learnable/tiles.csv.

    golden_windows.py GOLDEN_FOLDER          needs torch, torchvision, timm 1.0 and transformers 5.24

Biases of windows: RelPosBias and RelPosBiasTf (MaxViT) of timm, its LeViT and HaloNet, ShiftedWindowAttention3d of
torchvision (Video Swin). Tables of tiles: MllamaPrecomputedPositionEmbedding and MllamaPrecomputedAspectRatioEmbedding.
"""
import sys

import torch
from timm.layers.halo_attn import PosEmbedRel
from timm.layers.pos_embed_rel import RelPosBias, RelPosBiasTf, gen_relative_position_index
from timm.models.levit import Attention, AttentionDownsample
from torchvision.models.video.swin_transformer import ShiftedWindowAttention3d
from transformers import MllamaVisionConfig
from transformers.models.mllama.modeling_mllama import (MllamaPrecomputedAspectRatioEmbedding,
                                                        MllamaPrecomputedPositionEmbedding)

from golden_file import write_block

WINDOWS = [(2, 2), (3, 5), (4, 3)]


def eighths(*shape):
    return torch.randint(-16, 17, shape).double() / 8


def stacked(bias):
    """[heads, queries, keys] as rows."""
    return bias.reshape(-1, bias.shape[-1])


def windows(n, window):
    heads, class_token = n + 1, n % 2
    module = RelPosBias(window, heads, prefix_tokens=class_token).double()
    weights = eighths(*module.relative_position_bias_table.shape)
    module.relative_position_bias_table.copy_(weights)
    yield "swin", {"window": torch.tensor([[*window, class_token]]), "weights": weights,
                   "index": gen_relative_position_index(window), "bias": stacked(module.get_bias()[0])}
    module = RelPosBiasTf(window, heads).double()
    weights = eighths(*module.relative_position_bias_table.shape)
    module.relative_position_bias_table.copy_(weights)
    yield "maxvit", {"window": torch.tensor([window]), "weights": weights.reshape(heads, -1),
                     "bias": stacked(module.get_bias())}
    for name, module in (("levit", Attention(8, 4, heads, resolution=window)),
                         ("levit_down", AttentionDownsample(8, 8, 4, heads, resolution=window))):
        module = module.double()
        weights = eighths(*module.attention_biases.shape)
        module.attention_biases.copy_(weights)
        yield name, {"window": torch.tensor([window]), "weights": weights,
                     "bias": stacked(module.get_attention_biases("cpu"))}
    block, halo, width = [(1, 1, 4), (2, 1, 3), (3, 2, 5)][n]
    side = block + 2 * halo
    module = PosEmbedRel(block, side, width, 1.0).double()
    module.height_rel.copy_(eighths(2 * side - 1, width))
    module.width_rel.copy_(eighths(2 * side - 1, width))
    q = eighths(block * block, width)
    yield "halo", {"sides": torch.tensor([[block, side]]), "q": q, "height": module.height_rel, "width": module.width_rel,
                   "logits": module(q[None, None])[0, 0]}
    window = [(2, 2, 3), (3, 2, 2), (2, 3, 1)][n]
    module = ShiftedWindowAttention3d(4 * heads, list(window), [0, 0, 0], heads).double()
    weights = eighths(*module.relative_position_bias_table.shape)
    module.relative_position_bias_table.copy_(weights)
    yield "video", {"window": torch.tensor([window]), "weights": weights,
                    "bias": stacked(module.get_relative_position_bias(list(window))[0])}


def tiles(n):
    side, tiles, width, ratios = [(2, 1, 3, 2), (3, 2, 4, 3), (1, 4, 5, 8)][n]
    config = MllamaVisionConfig(image_size=side, patch_size=1, hidden_size=width, max_num_tiles=tiles,
                                supported_aspect_ratios=[[1, 1]] * ratios)
    position = MllamaPrecomputedPositionEmbedding(config).double()
    ratio = MllamaPrecomputedAspectRatioEmbedding(config).double()
    for parameter in (*position.parameters(), *ratio.parameters()):
        parameter.copy_(eighths(*parameter.shape))
    ids = torch.tensor([ratios, 1])
    patches = side * side + 1
    x = eighths(2, tiles, patches, width)
    yield {"ids": ids[None], "gates": torch.tensor([[position.gate.item(), ratio.gate.item()]]),
           "positions": position.embedding, "tiles": position.tile_embedding.weight.reshape(-1, width),
           "ratios": ratio.embedding.weight.reshape(-1, width), "x": x.reshape(-1, width),
           "with_positions": position(x, ids).reshape(-1, width), "with_ratios": ratio(x, ids).reshape(-1, width)}


def main(folder):
    torch.manual_seed(1)
    with torch.no_grad(), open(f"{folder}/relative/windows.csv", "w", encoding="utf-8") as file:
        file.write("# source = timm 1.0, torchvision 0.29, torch, float64\n")
        file.write("# script = tests/parity/golden_windows.py\n")
        for n, window in enumerate(WINDOWS):
            for kind, blocks in windows(n, window):
                for name, values in blocks.items():
                    write_block(file, f"{kind}-{name}-{n}", values)
    with torch.no_grad(), open(f"{folder}/learnable/tiles.csv", "w", encoding="utf-8") as file:
        file.write("# source = MllamaPrecomputedPositionEmbedding and MllamaPrecomputedAspectRatioEmbedding of "
                   "transformers 5.24, float64\n")
        file.write("# script = tests/parity/golden_windows.py\n")
        for n in range(3):
            for blocks in tiles(n):
                for name, values in blocks.items():
                    write_block(file, f"{name}-{n}", values)


if __name__ == "__main__":
    main(sys.argv[1])
