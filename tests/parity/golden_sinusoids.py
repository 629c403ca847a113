#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/sinusoidal/classes.csv: sinusoids and Fourier features as classes of diffusers, transformers, timm,
x-transformers, mlx and positional-encodings compute them, in three sizes, n = 0, 1, 2.

    golden_sinusoids.py OUT_FILE        needs torch, diffusers 0.42, transformers 5.24, timm 1.0, x-transformers 2.31
                                        positional-encodings 6.0 and mlx[cpu] 0.32

`numbers-n` are the arguments, `at-n` the positions (a column for each axis) and `row-n` what the class gives there.
"""
import sys
import types

import mlx.core as mx
import torch
from diffusers.models.embeddings import (GaussianFourierProjection, get_2d_sincos_pos_embed, get_3d_sincos_pos_embed,
                                         get_timestep_embedding)
from mlx.nn import SinusoidalPositionalEncoding
from positional_encodings.torch_encodings import PositionalEncoding1D, PositionalEncoding2D, PositionalEncoding3D
from timm.layers.pos_embed_sincos import build_sincos2d_pos_embed
from transformers.models.detr.modeling_detr import DetrSinePositionEmbedding
from transformers.models.m2m_100.modeling_m2m_100 import M2M100SinusoidalPositionalEmbedding
from transformers.models.roformer.modeling_roformer import RoFormerSinusoidalPositionalEmbedding
from transformers.models.sam.modeling_sam import SamModel, SamPositionalEmbedding
from transformers.models.whisper.modeling_whisper import sinusoids
from x_transformers.x_transformers import ScaledSinusoidalEmbedding

from golden_file import write_block

LINE = torch.arange(9)
GRIDS = [(2, 2), (3, 5), (4, 1)]


def column(values):
    return torch.as_tensor(values)[:, None]


def grid(height, width):
    return torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"), -1).reshape(-1, 2)


def whisper(n):
    width = (4, 6, 18)[n]
    return (width,), column(LINE), sinusoids(9, width)


def fairseq(n):
    width = (4, 7, 18)[n]
    rows = M2M100SinusoidalPositionalEmbedding.get_embedding(10, width, 1)
    return (width,), column(LINE + 1), rows[1:]


def mlx(n):
    width, low, high, cos_first, full = ((4, 1e-4, 1, False, False), (6, 0.01, 2, True, False), (18, 0.5, 3, False, True))[n]
    module = SinusoidalPositionalEncoding(width, low, high, cos_first=cos_first, full_turns=full)
    rows = torch.tensor(module(mx.array(LINE.tolist())).tolist())
    return (width, low, high, int(cos_first), int(full)), column(LINE), rows


def roformer(n):
    width = (4, 6, 18)[n]
    return (width,), column(LINE), RoFormerSinusoidalPositionalEmbedding(9, width).create_weight()


def scaled(n):
    width = (4, 6, 18)[n]
    return (width,), column(LINE), ScaledSinusoidalEmbedding(width)(torch.zeros(1, 9, width))


def timestep(n):
    width, flip, shift, scale = ((7, False, 1, 1), (8, True, 0, 1), (18, False, 0.5, 2))[n]
    at = torch.tensor([0.0, 1, 2.5, 37, 999])
    return (width, int(flip), shift, scale), column(at), get_timestep_embedding(at, width, flip, shift, scale)


def mae(n):
    width, side = ((4, 2), (8, 3), (20, 5))[n]  # the class takes square grids
    return (width,), grid(side, side), get_2d_sincos_pos_embed(width, side, base_size=side, output_type="pt")


def timm(n):
    width = (4, 8, 20)[n]
    return (width,), grid(*GRIDS[n]), build_sincos2d_pos_embed(list(GRIDS[n]), width)


def timm_interleaved(n):
    width = (4, 8, 20)[n]
    return (width,), grid(*GRIDS[n]), build_sincos2d_pos_embed(list(GRIDS[n]), width, interleave_sin_cos=True)


def detr(n):
    features, normalize = ((2, True), (4, False), (10, True))[n]
    valid = torch.ones(*GRIDS[n])
    valid[-1:, :n] = 0
    module = DetrSinePositionEmbedding(features, normalize=normalize)
    encoded = module((1, 3, *GRIDS[n]), "cpu", torch.float64, valid[None])
    return (features, int(normalize)), valid, encoded[0].flatten(1).T


def video(n):
    width, frames, (height, side) = (16, 32, 48)[n], (1, 2, 3)[n], GRIDS[n]
    at = torch.cat([torch.cat([torch.full((height * side, 1), t), grid(height, side)], 1) for t in range(frames)])
    return (width,), at, get_3d_sincos_pos_embed(width, (side, height), frames).flatten(0, 1)


def tatp22(n):
    width, module, sides = ((7, PositionalEncoding1D, (9,)), (10, PositionalEncoding2D, (3, 5)),
                            (16, PositionalEncoding3D, (2, 3, 2)))[n]
    at = torch.stack(torch.meshgrid(*(torch.arange(side) for side in sides), indexing="ij"), -1)
    return (width, len(sides)), at.reshape(-1, len(sides)), module(width)(torch.zeros(1, *sides, width))[0].reshape(-1, width)


def gaussian(n):
    module = GaussianFourierProjection((1, 5, 8)[n], scale=4.0, log=False)
    at = torch.randint(-32, 33, (6,)) / 32
    return module.weight[None], column(at), module(at)


def picture(n):
    module = SamPositionalEmbedding(types.SimpleNamespace(scale=1.0, num_pos_feats=(1, 5, 8)[n]))
    side = (2, 3, 5)[n]
    config = types.SimpleNamespace(prompt_encoder_config=types.SimpleNamespace(image_embedding_size=side))
    stub = types.SimpleNamespace(config=config, shared_image_embedding=module)
    return module.positional_embedding, torch.tensor([[side]]), (
        SamModel.get_image_wide_positional_embeddings(stub)[0].flatten(1).T)


def segment_anything(n):
    module = SamPositionalEmbedding(types.SimpleNamespace(scale=1.0, num_pos_feats=(1, 5, 8)[n]))
    at = torch.randint(0, 33, (6, 2)) / 32
    return module.positional_embedding, at, module(at[None, None])[0, 0]


SCHEMES = (whisper, fairseq, mlx, roformer, scaled, timestep, mae, timm, timm_interleaved, detr, video, tatp22, gaussian, picture, segment_anything)


def main(path):
    torch.manual_seed(1)
    with torch.no_grad(), open(path, "w", encoding="utf-8") as file:
        file.write("# source = classes of diffusers 0.42, transformers 5.24, timm 1.0, x-transformers 2.31, positional-encodings 6.0\n")
        file.write("# script = tests/parity/golden_sinusoids.py\n")
        for scheme in SCHEMES:
            for n in range(3):
                numbers, at, row = scheme(n)
                numbers = torch.tensor([numbers]) if isinstance(numbers, tuple) else numbers
                for name, values in (("numbers", numbers), ("at", at), ("row", row)):
                    write_block(file, f"{scheme.__name__}-{name}-{n}", values)


if __name__ == "__main__":
    main(sys.argv[1])
