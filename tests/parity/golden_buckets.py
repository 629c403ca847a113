#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/relative/buckets.csv: biases by bucket of transformers, run on written-down inputs.

    golden_buckets.py OUT_FILE          needs torch and transformers 5.24

LayoutLMv3Encoder, CpmAntSegmentPositionEmbedding, EsmFoldRelativePosition, Phi4MultimodalAudioRelativeAttentionBias, and
the formula of AlphaFold-Multimer (relative_residue_embedding of its supplement: rows by query - key).
"""
import sys

import torch
from transformers import CpmAntConfig, LayoutLMv3Config, Phi4MultimodalAudioConfig
from transformers.models.cpmant.modeling_cpmant import CpmAntSegmentPositionEmbedding
from transformers.models.esm.modeling_esmfold import EsmFoldRelativePosition
from transformers.models.layoutlmv3.modeling_layoutlmv3 import LayoutLMv3Encoder
from transformers.models.phi4_multimodal.modeling_phi4_multimodal import Phi4MultimodalAudioRelativeAttentionBias

from golden_file import write_block

LENGTHS = [4, 7, 12]


def eighths(*shape):
    return torch.randint(-16, 17, shape).double() / 8


def stacked(bias):
    """[heads, queries, keys] as rows."""
    return bias.reshape(-1, bias.shape[-1])


def cases(n, length):
    heads = n + 1
    config = LayoutLMv3Config(hidden_size=16 * heads, num_attention_heads=heads, num_hidden_layers=0,
                              has_relative_attention_bias=True, has_spatial_attention_bias=True)
    encoder = LayoutLMv3Encoder(config).double()
    ids = torch.randperm(3 * length)[:length][None] * 20
    boxes = torch.randint(0, 1001, (1, length, 4))
    with torch.no_grad():
        tables = {}
        for name in ("rel_pos_bias", "rel_pos_x_bias", "rel_pos_y_bias"):
            module = getattr(encoder, name)
            rows = module.weight.shape[0] if isinstance(module, torch.nn.Embedding) else module.weight.shape[1]
            tables[name] = eighths(rows, heads)
            module.weight.copy_(tables[name] if isinstance(module, torch.nn.Embedding) else tables[name].T)
        bias = encoder._compute_position_bias(ids, boxes)[0]
    yield "layoutlm", {"ids": ids, "boxes": boxes[0], "line": tables["rel_pos_bias"], "x": tables["rel_pos_x_bias"],
                       "y": tables["rel_pos_y_bias"], "bias": stacked(bias)}

    segments = torch.randint(0, 3, (1, length))
    config = CpmAntConfig(num_attention_heads=heads, segment_types=3, position_bias_num_buckets=16,
                          position_bias_max_distance=20)
    module = CpmAntSegmentPositionEmbedding(config).double()
    weights = eighths(16 + 9, heads)
    with torch.no_grad():
        module.relative_attention_bias.copy_(weights)
        at = torch.arange(length)[None]
        bias = module(at, at, segments, segments)[0]
    yield "cpmant", {"segments": segments, "weights": weights, "bias": stacked(bias)}

    class Esm:
        position_bins = 3
        pairwise_state_dim = heads
    module = EsmFoldRelativePosition(Esm).double()
    weights = eighths(8, heads)
    residues = torch.randperm(2 * length)[:length][None]
    with torch.no_grad():
        module.embedding.weight.copy_(weights)
        bias = module(residues)[0].permute(2, 0, 1)
    yield "esmfold", {"residues": residues, "weights": weights, "bias": stacked(bias)}

    config = Phi4MultimodalAudioConfig(num_attention_heads=heads, bias_max_distance=4, bias_symmetric=False)
    module = Phi4MultimodalAudioRelativeAttentionBias(config).double()
    weights = eighths(8, heads)
    with torch.no_grad():
        module.bias_values.weight.copy_(weights)
        bias = module(torch.zeros(1, length, 2))[0]
    yield "phi4", {"weights": weights, "bias": stacked(bias)}

    chains = torch.randint(0, 2, (1, length))
    weights = eighths(8, heads)  # distances query - key = -3 .. 3, then other chains
    rows = (residues[0][:, None] - residues[0][None, :] + 3).clamp(0, 6)
    rows[chains[0][:, None] != chains[0][None, :]] = 7
    yield "alphafold", {"residues": residues, "chains": chains, "weights": weights,
                        "bias": stacked(weights[rows].permute(2, 0, 1))}


def main(path):
    torch.manual_seed(1)
    with open(path, "w", encoding="utf-8") as file:
        file.write("# source = transformers 5.24 (layoutlmv3, cpmant, esm, phi4_multimodal), torch, float64\n")
        file.write("# script = tests/parity/golden_buckets.py\n")
        for n, length in enumerate(LENGTHS):
            for kind, blocks in cases(n, length):
                for name, values in blocks.items():
                    write_block(file, f"{kind}-{name}-{n}", values)


if __name__ == "__main__":
    main(sys.argv[1])
