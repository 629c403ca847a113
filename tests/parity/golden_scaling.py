#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/rotations/scaling.csv: frequencies and magnitudes of context extension as mlx-lm, transformers and
SGLang, whose classes are vLLM's, apply them, in three sizes.

    golden_scaling.py OUT_FILE SGLANG    needs torch, transformers, mlx[cpu] 0.32, mlx-lm 0.32 and the wheel of sglang 0.5, unpacked into
                                         the folder SGLANG: of it only the rotary classes run

Each row is [inv_freq ..., magnitude]: angle and length of what a class makes of the pair (1, 0) at position 1.
"""
import importlib.machinery
import importlib.util
import math
import pathlib
import sys
import types
import unittest.mock

import torch

from golden_file import write_block

DIMS = (8, 36, 128)
LENGTHS = (64, 2048, 4096)  # trained


def sglang(folder):
    """The modules of SGLang's rotary embeddings, with the rest of SGLang left out."""
    root = pathlib.Path(folder) / "sglang/srt/layers/rotary_embedding"

    class Module(torch.nn.Module):
        def __init_subclass__(cls, **_):
            pass

        def __init__(self, *_, **__):
            super().__init__()
            self._forward_method = None

    class Finder:
        def find_spec(self, name, path=None, target=None):
            if not name.startswith("sglang"):
                return None
            file = root / (name.rsplit(".", 1)[-1] + ".py")
            if name.startswith("sglang.srt.layers.rotary_embedding.") and file.exists():
                return importlib.util.spec_from_file_location(name, file)
            return importlib.machinery.ModuleSpec(name, self, is_package=True)

        def create_module(self, spec):
            module = unittest.mock.MagicMock(name=spec.name)
            module.__path__, module.__spec__, module.__name__ = [], spec, spec.name
            module.BaseFusedOp = Module
            for question in ("is_cuda", "is_hip", "is_npu", "is_xpu", "is_musa", "is_mps", "cpu_has_amx_support",
                             "get_bool_env_var"):
                setattr(module, question, lambda *_: False)
            module.is_cpu, module.get_device = (lambda: True), (lambda: "cpu")
            module.publish_role = lambda: None
            return module

        def exec_module(self, module):
            pass

    sys.meta_path.insert(0, Finder())
    torch.cuda.current_device = lambda: 0
    return types.SimpleNamespace(**{
        name: importlib.import_module("sglang.srt.layers.rotary_embedding." + name)
        for name in ("base", "rope_variant", "yarn", "mrope")})


def of_cache(cache):
    """cos and sin side by side, at positions 0, 1, ..."""
    cos, sin = cache[1].double().chunk(2)
    return torch.atan2(sin, cos), torch.hypot(cos, sin)[0]


def of_mlx(rope, dim, length=2):
    import mlx.core as mx
    x = torch.cat([torch.ones(1, 1, length, dim // 2), torch.zeros(1, 1, length, dim // 2)], -1)
    y = rope(mx.array(x.numpy()), offset=0)
    cos, sin = torch.tensor(y.tolist(), dtype=torch.float64)[0, 0, 1].chunk(2)
    return torch.atan2(sin, cos), torch.hypot(cos, sin)[0]


def factors(dim):
    return [1 + 0.25 * i for i in range(dim // 2)], [2 + 0.5 * i for i in range(dim // 2)]


def mlx_rules():
    from mlx_lm.models.rope_utils import initialize_rope
    for n, (dim, length) in enumerate(zip(DIMS, LENGTHS)):
        short, long = factors(dim)
        for name, config in {
                "linear": {"rope_type": "linear", "factor": 4.0},
                "llama3": {"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": length},
                "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": length},
                "yarn_deepseek": {"rope_type": "yarn", "factor": 40.0, "original_max_position_embeddings": length,
                                  "mscale": 1.0, "mscale_all_dim": 0.707},
                "longrope": {"rope_type": "longrope", "original_max_position_embeddings": length,
                             "short_factor": short, "long_factor": long},
                "proportional": {"rope_type": "proportional", "partial_rotary_factor": 0.5, "factor": 8.0}}.items():
            yield f"mlx_{name}-{n}", of_mlx(initialize_rope(dim, 1e4, False, config, 8 * length), dim)
        dynamic = initialize_rope(dim, 1e4, False, {"rope_type": "dynamic", "factor": 2.0}, 10)
        yield f"mlx_dynamic-{n}", of_mlx(dynamic, dim, 25)


def hf_sequences():
    """Dynamic NTK of sequences that run alone, one by one."""
    from transformers import LlamaConfig
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding
    rope = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}
    for n, length in enumerate((5, 25, 41)):
        config = LlamaConfig(hidden_size=36, num_attention_heads=1, max_position_embeddings=10, rope_parameters=rope)
        cos, sin = LlamaRotaryEmbedding(config)(torch.zeros(1), torch.arange(length)[None])
        yield f"hf_sequence-{n}", of_cache(torch.cat([cos[0, :, :18], sin[0, :, :18]], 1))


def vllm_rules(classes):
    for n, (dim, length) in enumerate(zip(DIMS, LENGTHS)):
        short, long = factors(dim)
        given = (dim, dim, length, 10000, True)
        variant, dtype = classes.rope_variant, torch.float32
        yield f"vllm_linear-{n}", of_cache(classes.base.LinearScalingRotaryEmbedding(*given, 4.0, dtype).cos_sin_cache)
        yield f"vllm_alpha-{n}", of_cache(variant.DynamicNTKAlphaRotaryEmbedding(*given, 8.0, dtype).cos_sin_cache)
        yield f"vllm_yarn-{n}", of_cache(classes.yarn.YaRNScalingRotaryEmbedding(*given, 4, dtype).cos_sin_cache)
        deepseek = variant.DeepseekScalingRotaryEmbedding(*given, 40, dtype, mscale=1.0, mscale_all_dim=0.707)
        yield f"vllm_deepseek-{n}", of_cache(deepseek.cos_sin_cache)
        yield f"vllm_llama3-{n}", of_cache(
            variant.Llama3RotaryEmbedding(*given, dtype, 8.0, 1.0, 4.0, length).cos_sin_cache)
        phi = variant.Phi3LongRoPEScaledRotaryEmbedding(dim, dim, 8 * length, length, 10000, True, dtype, short, long)
        yield f"vllm_longrope_short-{n}", of_cache(phi.short_cos_sin_cache)
        yield f"vllm_longrope_long-{n}", of_cache(phi.long_cos_sin_cache)


def main(path, folder):
    with open(path, "w", encoding="utf-8") as file:
        file.write("# source = mlx-lm 0.32, transformers 5.24 and SGLang 0.5, whose classes are vLLM's; float32\n")
        file.write("# script = tests/parity/golden_scaling.py\n")
        for rules in (mlx_rules(), hf_sequences(), vllm_rules(sglang(folder))):
            for name, (inv_freq, magnitude) in rules:
                write_block(file, name, torch.cat([inv_freq, magnitude[None]])[None])


if __name__ == "__main__":
    main(*sys.argv[1:])
