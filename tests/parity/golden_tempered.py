#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/relative/tempered.csv: what InklingAttention of transformers hands to its attention function.

    golden_tempered.py OUT_FILE          needs torch and transformers 5.24

In three sizes n: `sizes-n` heads, tokens, log_scaling_n_floor; `alpha-n`; `q-n` queries without and `tempered-n` with the
scaling, (heads * tokens) x head_dim; `r-n`, `projection-n` and `bias-n` as in banded.csv, the bias scaled.
"""
import sys

import torch
from transformers.models.inkling.configuration_inkling import InklingTextConfig
from transformers.models.inkling.modeling_inkling import ALL_ATTENTION_FUNCTIONS, InklingAttention

from golden_file import write_block

handed = {}


def listen(module, query, key, value, mask, position_bias=None, **rest):
    handed.update(query=query, bias=position_bias)
    return value.repeat_interleave(module.num_key_value_groups, 1).transpose(1, 2), None


def main(path):
    torch.manual_seed(1)
    ALL_ATTENTION_FUNCTIONS.register("listen", listen)
    with open(path, "w", encoding="utf-8") as file:
        file.write("# source = InklingAttention of transformers 5.24 (models/inkling), torch; the scaling in float32\n")
        file.write("# script = tests/parity/golden_tempered.py\n")
        for n, (heads, tokens, floor, alpha) in enumerate(((2, 9, 3, 0.1), (1, 5, 1, 0.5), (3, 8, 1000, 0.1))):
            config = InklingTextConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=heads, head_dim=4,
                                       num_key_value_heads=1, d_rel=4, rel_extent=6, log_scaling_alpha=alpha,
                                       layer_types=["hybrid"])
            config._attn_implementation = "listen"
            module = InklingAttention(config, 0).double().eval()
            with torch.no_grad():
                for weights in module.parameters():
                    weights.copy_(torch.randint(-8, 9, weights.shape) / 8)
            x = torch.randint(-8, 9, (1, tokens, 8)).double() / 8
            blocks = {"sizes": torch.tensor([[heads, tokens, floor]]), "alpha": torch.tensor([[alpha]], dtype=torch.float64)}
            with torch.no_grad():
                for name, config.log_scaling_n_floor in (("q", None), ("tempered", floor)):
                    module(x, None)
                    blocks[name] = handed["query"][0].flatten(0, 1)
                r = module.r_proj(x).view(tokens, heads, 4).transpose(0, 1).flatten(0, 1)
            blocks |= {"r": r, "projection": module.rel_logits_proj.proj.detach(), "bias": handed["bias"][0].flatten(0, 1)}
            for name, values in blocks.items():
                write_block(file, f"{name}-{n}", values, digits=9)


if __name__ == "__main__":
    main(sys.argv[1])
