#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes what classes of transformers, timm and x-transformers compute to tests/golden/relative/classes.csv and
tests/golden/learnable/classes.csv.

    golden_classes.py GOLDEN_FOLDER     needs torch, transformers 5.24, timm 1.0 and x-transformers 2.31

A scheme has three sizes, n = 0, 1, 2. Entries are multiples of 1/8 and the classes run in double where they let one.
Heads are stacked.
"""
import io
import sys
import types

import numpy as np
import torch
import x_transformers.x_transformers as xt
from timm.layers.pos_embed import resample_abs_pos_embed
from timm.layers.pos_embed_rel import resize_rel_pos_bias_table, resize_rel_pos_bias_table_simple
from transformers import DebertaV2Config, T5Config, ViTConfig, Wav2Vec2BertConfig
from transformers.models.bloom.modeling_bloom import build_alibi_tensor
from transformers.models.deberta_v2.modeling_deberta_v2 import DisentangledSelfAttention, make_log_bucket_position
from transformers.models.mpt.modeling_mpt import build_mpt_alibi_tensor
from transformers.models.sam.modeling_sam import SamVisionAttention
from transformers.models.siglip2.modeling_siglip2 import Siglip2VisionEmbeddings
from transformers.models.t5.modeling_t5 import T5Attention
from transformers.models.vit.modeling_vit import ViTEmbeddings
from transformers.models.wav2vec2_bert.modeling_wav2vec2_bert import (
    Wav2Vec2BertRelPositionalEmbedding, _apply_relative_key_position_encoding, _apply_relative_position_encoding)
from transformers.vision_utils import get_vision_interpolation_indices_and_weights

from golden_file import write_block

SIZES = [(1, 4, 3), (2, 7, 12), (3, 12, 3)]  # heads, tokens, width of a head


def eighths(*shape):
    return torch.randint(-8, 9, shape).double() / 8


def filled(module):
    module = module.double().eval()
    for parameter in module.parameters():
        parameter.copy_(eighths(*parameter.shape))
    return module


def stacked(x):
    """[heads, rows, columns] as rows."""
    return x.reshape(-1, x.shape[-1])


def numbers(*values):
    return torch.tensor([values])


def by_heads(rows, heads):
    """rows x (heads width) as (heads rows) x width."""
    return rows.reshape(rows.shape[0], heads, -1).transpose(0, 1).reshape(heads * rows.shape[0], -1)


# --- Relative biases -----------------------------------------------------------------------------------------------


def cope(n):
    heads, length, width = SIZES[n]
    module = filled(xt.CoPE(width, heads, [5, 4, 8][n]))
    q, logits = eighths(1, heads, length, width), eighths(1, heads, length, length)
    future = torch.ones(length, length).triu(1).bool()
    bias = module(q, logits.masked_fill(future, -torch.finfo(torch.float64).max))
    return {"q": stacked(q[0]), "logits": stacked(logits[0]), "table": module.pos_emb, "bias": stacked(bias[0])}


def forgetting(n):
    heads, length, width = SIZES[n]
    module = filled(xt.DataDependentAlibi(width, heads))
    x = eighths(1, length, width)
    return {"gate_logits": module.to_forget_gates[0](x)[0], "bias": stacked(module(x)[0])}


def banded(n):
    heads, length, width = SIZES[n]
    reach = [3, 7, 40][n]
    module = filled(xt.RelativeProjPositionalBias(width, heads, num_distance_basis=4, max_dist=reach))
    x = eighths(1, length, width)
    return {"r": stacked(module.to_distance_weights(x)[0]), "projection": module.distance_bank,
            "bias": stacked(module(x)[0])}


def alibi(n):
    heads, length = [(1, 4), (6, 7), (8, 5)][n]
    return {"bias": stacked(xt.AlibiPositionalBias(heads)(length, length))}


def slopes(n):
    heads = (1, 6, 40)[n]
    return {"bloom": build_alibi_tensor(torch.ones(1, 2), heads, torch.float64)[:, 0, 1:].T,
            "mpt": -build_mpt_alibi_tensor(heads, 2)[:, 0, :1].T}


def t5_bias(n):
    heads, length, both = ((1, 4, True), (2, 7, False), (3, 40, True))[n]
    config = T5Config(num_heads=heads, is_decoder=not both, relative_attention_num_buckets=8,
                      relative_attention_max_distance=20)
    module = filled(T5Attention(config, has_relative_attention_bias=True))
    return {"given": numbers(8, 20, int(both)), "weights": module.relative_attention_bias.weight,
            "bias": stacked(module.compute_bias(length, length)[0])}


def t5(n):
    size, distance, both = [(32, 128, True), (32, 128, False), (16, 50, True)][n]
    at = torch.arange(-2 * distance, 2 * distance + 1)
    return {"given": numbers(size, distance, int(both)), "at": at[None],
            "rows": T5Attention._relative_position_bucket(at, both, size, distance)[None]}


def deberta_rows(n):
    reach, size = [(512, 256), (64, 32), (20, 6)][n]
    at = torch.arange(-2 * reach, 2 * reach + 1)
    rows = (make_log_bucket_position(at, size, reach).long() + size).clamp(0, 2 * size - 1)
    return {"given": numbers(reach, size), "at": at[None], "rows": rows[None]}


def deberta(n):
    heads, length, width = SIZES[n]
    reach, size = [(5, -1), (9, 4), (20, 8)][n]
    config = DebertaV2Config(hidden_size=heads * width, num_attention_heads=heads, relative_attention=True,
                             position_buckets=size, max_relative_positions=reach, pos_att_type="c2p|p2c",
                             share_att_key=True)
    module = filled(DisentangledSelfAttention(config))
    q, k = eighths(heads, length, width), eighths(heads, length, width)
    embeddings = eighths(2 * module.pos_ebd_size, heads * width)
    return {"given": numbers(reach, size), "q": stacked(q), "k": stacked(k),
            "c2p": by_heads(module.key_proj(embeddings), heads), "p2c": by_heads(module.query_proj(embeddings), heads),
            "bias": stacked(module.disentangled_attention_bias(q, k, None, embeddings, 3))}


def shaw(n):
    heads, length, width = SIZES[n]
    left, right = [(2, 1), (3, 3), (8, 20)][n]
    module = types.SimpleNamespace(left_max_position_embeddings=left, right_max_position_embeddings=right,
                                   distance_embedding=filled(torch.nn.Embedding(left + right + 1, width)), scaling=0.5)
    q = eighths(1, heads, length, width)
    bias = _apply_relative_key_position_encoding(module, q, q)[1]
    return {"given": numbers(left, right), "q": stacked(q[0]), "table": module.distance_embedding.weight,
            "bias": stacked(bias[0])}


def transformer_xl(n):
    heads, length, width = [(1, 4, 4), (2, 7, 6), (3, 12, 2)][n]
    config = Wav2Vec2BertConfig(hidden_size=heads * width, max_source_positions=20)
    sinusoids = Wav2Vec2BertRelPositionalEmbedding(config)(torch.zeros(1, length, 1)).double()
    projection = filled(torch.nn.Linear(heads * width, heads * width, bias=False))
    module = types.SimpleNamespace(head_size=width, scaling=0.5, linear_pos=projection, pos_bias_u=eighths(heads, width),
                                   pos_bias_v=eighths(heads, width))
    q, k = eighths(1, heads, length, width), eighths(1, heads, length, width)
    with_u, bias = _apply_relative_position_encoding(module, q, k, sinusoids)
    bias = bias + module.scaling * (with_u - q) @ k.transpose(2, 3)
    return {"q": stacked(q[0]), "k": stacked(k[0]), "projection": projection.weight, "u": module.pos_bias_u,
            "v": module.pos_bias_v, "bias": stacked(bias[0])}


def decomposed(n):
    query, key, rows = [((3, 4), (3, 4), (5, 7)), ((4, 6), (2, 3), (7, 11)), ((3, 5), (3, 5), (9, 7))][n]
    module = types.SimpleNamespace(get_rel_pos=lambda *given: SamVisionAttention.get_rel_pos(None, *given))
    q, height, width = eighths(1, query[0] * query[1], 4), eighths(rows[0], 4), eighths(rows[1], 4)
    bias = SamVisionAttention.get_decomposed_rel_pos(module, q, height, width, query, key)
    return {"given": numbers(*query, *key), "q": q[0], "height": height, "width": width,
            "bias": bias.reshape(query[0] * query[1], key[0] * key[1])}


def windows(n):
    old, new, token = [((2, 2), (5, 5), 0), ((4, 4), (7, 6), 1), ((7, 7), (4, 3), 0)][n]
    table = eighths((2 * old[0] - 1) * (2 * old[1] - 1) + 3 * token, n + 1)
    shape = ((2 * new[0] - 1) * (2 * new[1] - 1) + 3 * token, n + 1)
    return {"given": numbers(*old, *new, token), "table": table, "bicubic": resize_rel_pos_bias_table_simple(table, new, shape),
            "geometric": resize_rel_pos_bias_table(table, new, shape)}


# --- Learned tables ------------------------------------------------------------------------------------------------

GRIDS = [((4, 4), (7, 7)), ((7, 7), (3, 5)), ((5, 5), (11, 4))]


def npy(n):
    values = eighths(*[(2, 3), (4, 1), (5, 7)][n]).numpy().astype([np.float32, np.float64, np.float16][n])
    file = io.BytesIO()
    np.save(file, values)
    return {"values": torch.tensor(values.astype(float)), "bytes": numbers(*file.getvalue())}


def embedding(n):
    rows, width, ids = [(5, 3, [[4, 0, 2, 2]]), (7, 4, [[1, 2, 3, 1], [1, 1, 2, 6]]), (9, 1, [[8, 8, 8]])][n]
    padding = 1
    module = torch.nn.Embedding(rows, width, padding_idx=padding).double()
    module.weight.copy_(eighths(rows, width))
    ids, g = torch.tensor(ids), None
    with torch.enable_grad():
        out = module(ids)
        g = eighths(*out.shape)
        grad, = torch.autograd.grad(out, module.weight, g)
    return {"ids": ids, "table": module.weight, "out": stacked(out.detach()), "g": stacked(g), "grad": grad}


def timm_resample(n):
    old, new = GRIDS[n]
    table = eighths(1, old[0] * old[1] + 1, 3)
    return {"given": numbers(*old, *new), "table": table[0], "out": resample_abs_pos_embed(table, list(new), list(old))[0]}


def vit(n):
    old, new = GRIDS[n]
    module = filled(ViTEmbeddings(ViTConfig(hidden_size=3, image_size=2 * old[0], patch_size=2)))
    tokens = torch.zeros(1, new[0] * new[1] + 1, 3).double()
    return {"given": numbers(*old, *new), "table": module.position_embeddings[0],
            "out": module.interpolate_pos_encoding(tokens, 2 * new[0], 2 * new[1])[0]}


def siglip(n):
    old, new = GRIDS[n]
    table = eighths(*old, 3)
    out = Siglip2VisionEmbeddings.resize_positional_embeddings(table, torch.tensor([new]), new[0] * new[1])
    return {"given": numbers(*old, *new), "table": stacked(table), "out": out[0]}


def qwen(n):
    old, new = GRIDS[n]
    table = eighths(old[0] * old[1], 3)
    rows, weights = get_vision_interpolation_indices_and_weights(torch.tensor([[1, *new]]), old[0], mode="bilinear",
                                                                 align_corners=True, spatial_merge_size=1)
    return {"given": numbers(*old, *new), "table": table, "out": (table[rows] * weights[:, :, None]).sum(1)}


FILES = {"relative": (cope, forgetting, banded, alibi, slopes, t5_bias, t5, deberta_rows, deberta, shaw, transformer_xl, decomposed, windows),
         "learnable": (npy, embedding, timm_resample, vit, siglip, qwen)}


def main(folder):
    for room, schemes in FILES.items():
        torch.manual_seed(1)
        with torch.no_grad(), open(f"{folder}/{room}/classes.csv", "w", encoding="utf-8") as file:
            file.write("# source = classes of transformers 5.24, timm 1.0 and x-transformers 2.31, torch 2.15\n")
            file.write("# script = tests/parity/golden_classes.py\n")
            for scheme in schemes:
                for n in range(3):
                    for name, values in scheme(n).items():
                        write_block(file, f"{scheme.__name__}-{name}-{n}", values)


if __name__ == "__main__":
    main(sys.argv[1])
