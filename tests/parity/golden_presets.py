#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/sinusoidal/model_presets.csv: what the models' own classes compute at three widths or sizes.

    golden_presets.py OUT_FILE          needs torch, transformers 5.24 and diffusers
"""
import math
import sys
import types

import torch
from diffusers.models.embeddings import get_fourier_embeds_from_boundingbox
from transformers import DabDetrConfig
from transformers.models.dab_detr.modeling_dab_detr import (DabDetrSinePositionEmbedding,
                                                            encode_sinusoidal_position_embedding)
from transformers.models.marian.modeling_marian import MarianSinusoidalPositionalEmbedding
from transformers.models.musicgen.modeling_musicgen import MusicgenSinusoidalPositionalEmbedding
from transformers.models.perceiver.modeling_perceiver import generate_fourier_features
from transformers.models.pi0.modeling_pi0 import PI0TimestepEmbeddings
from transformers.models.xglm.modeling_xglm import XGLMSinusoidalPositionalEmbedding

from golden_file import write_block


def nemo(length, width):
    """FixedPositionalEncoding._create_pos_enc of NeMo, line by line."""
    pos_enc = torch.zeros(length, width)
    position = torch.arange(0.0, length).unsqueeze(1)
    coef = -math.log(10000.0) / width
    div_term = torch.exp(coef * torch.arange(0.0, width, 2))
    pos_enc[:, 0::2] = torch.sin(position * div_term)
    pos_enc[:, 1::2] = torch.cos(position * div_term)
    return pos_enc.div_(math.sqrt(width))


def cases():
    at = torch.arange(9)[:, None]
    for width in (4, 7, 18):
        yield f"musicgen_{width}", at, MusicgenSinusoidalPositionalEmbedding(9, width)(torch.zeros(1, 1, 9).long())
        yield f"xglm_{width}", at, XGLMSinusoidalPositionalEmbedding(9, width, 1)(at.T)[0]
        marian = MarianSinusoidalPositionalEmbedding(9, width)
        with torch.no_grad():
            marian.weight.copy_(marian.create_weight())
            yield f"marian_{width}", at, marian(torch.Size([1, 9]))
    for width in (4, 6, 18):
        yield f"nemo_{width}", at, nemo(9, width)
        config = types.SimpleNamespace(min_period=4e-3, max_period=4.0,
                                       dit_config=types.SimpleNamespace(hidden_size=width))
        times = torch.tensor([0, 1 / 16, 3 / 8, 0.5, 1])
        yield f"pi0_{width}", times[:, None], PI0TimestepEmbeddings(config)(times)
    torch.manual_seed(1)
    boxes = torch.randint(0, 65, (5, 4)) / 64
    for count in (1, 3, 8):
        yield f"gligen_{count}", boxes, get_fourier_embeds_from_boundingbox(count, boxes[None])[0]
    for features, sides in ((4, (2, 3)), (6, (3, 5)), (10, (4, 4))):
        module = DabDetrSinePositionEmbedding(DabDetrConfig(hidden_size=2 * features, temperature_width=30))
        encoded = module(torch.zeros(1, 3, *sides), torch.ones(1, *sides))[0].flatten(1).T
        yield f"dabdetr_{features}_{sides[0]}_{sides[1]}", torch.tensor([sides]), encoded
        yield f"queries_{features}_2", boxes[:, :2], encode_sinusoidal_position_embedding(boxes[:, :2], features)
        yield f"queries_{features}_4", boxes, encode_sinusoidal_position_embedding(boxes, features)
    points = torch.randint(-32, 33, (6, 3)) / 32
    for bands, sides in ((1, (8,)), (3, (5, 7)), (4, (16, 9, 4))):
        given = points[:, :len(sides)]
        name = "_".join(map(str, (bands, *sides)))
        yield f"perceiver_{name}", given, generate_fourier_features(given[None], bands, sides)[0]
        yield f"sines_{name}", given, generate_fourier_features(given[None], bands, sides, False, True)


def main(path):
    with open(path, "w", encoding="utf-8") as file:
        file.write("# source = transformers 5.24 and diffusers 0.42, in float32; NeMo's lines in torch\n")
        file.write("# script = tests/parity/golden_presets.py\n")
        for name, positions, encoded in cases():
            for kind, values in (("at", positions), ("row", encoded)):
                write_block(file, f"{name}-{kind}", values)


if __name__ == "__main__":
    main(sys.argv[1])
