#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/relative/gated.csv: the gated position bias of WavLMAttention of transformers.

    golden_gated.py OUT_FILE          needs torch and transformers 5.24
"""
import sys

import torch
from transformers.models.wavlm.modeling_wavlm import WavLMAttention

from golden_file import write_block


def main(path):
    torch.manual_seed(1)
    with open(path, "w", encoding="utf-8") as file:
        file.write("# source = WavLMAttention of transformers 5.24, torch, float64: the bias that it gives to attention\n")
        file.write("# script = tests/parity/golden_gated.py\n")
        for n, (heads, length) in enumerate([(1, 4), (2, 7), (3, 12)]):
            module = WavLMAttention(8 * heads, heads, num_buckets=32, max_distance=40).double().eval()
            seen = {}
            module.torch_multi_head_self_attention = lambda hidden, mask, bias, output_attentions=False: (
                seen.update(bias=bias) or (hidden, None))
            weights = torch.randint(-16, 17, (32, heads)).double() / 8
            with torch.no_grad():
                module.rel_attn_embed.weight.copy_(weights)
                module.gru_rel_pos_const.copy_(torch.randint(1, 9, (1, heads, 1, 1)).double() / 4)
                x = torch.randn(1, length, 8 * heads).double()
                module(x)
                heads_x = x.view(1, length, heads, -1).permute(0, 2, 1, 3)
                a, b = torch.sigmoid(module.gru_rel_pos_linear(heads_x).view(1, heads, length, 2, 4).sum(-1)).chunk(2, -1)
                gates = (a * (b * module.gru_rel_pos_const - 1) + 2).reshape(heads * length, 1)
            bias = seen["bias"].reshape(heads * length, length)
            for name, values in (("weights", weights), ("gates", gates), ("bias", bias)):
                write_block(file, f"{name}-{n}", values)


if __name__ == "__main__":
    main(sys.argv[1])
