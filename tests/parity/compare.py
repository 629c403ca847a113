#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs other projects and posenc on the same inputs and prints how far they are apart.

    python3 tests/parity/compare.py

makes a Python environment and the driver under build/parity, the first time. It needs a Python package index (some
gigabytes, mostly torch), a C++ compiler, Eigen and nlohmann-json. Not part of the test command. What cannot be installed
is left out and named.
"""
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BUILD = REPOSITORY / "build" / "parity"
DRIVER = BUILD / "driver"


def prepare():
    """Goes on in an environment of its own, with the others installed where they can be, and builds the driver."""
    python = BUILD / "env" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", BUILD / "env"], check=True)
        for packages in (["numpy"], ["onnx", "onnxruntime"], ["torch", "transformers"], ["ctranslate2"]):
            subprocess.run([python, "-m", "pip", "install", "--quiet", *packages])
    eigen = subprocess.run(["pkg-config", "--cflags", "eigen3"], capture_output=True, text=True).stdout.split()
    subprocess.run([os.environ.get("CXX", "c++"), "-std=c++17", "-O2", f"-I{REPOSITORY / 'include'}",
                    f"-I{REPOSITORY / 'examples'}", *eigen, REPOSITORY / "tests/parity/driver.cpp", "-o", DRIVER],
                   check=True)
    os.execv(python, [str(python), __file__, "prepared"])


if sys.argv[1:] != ["prepared"]:
    prepare()

import numpy as np  # noqa: E402

FOLDER = pathlib.Path(tempfile.mkdtemp())

# Every position that one meets, some in between, and a million.
POSITIONS = np.unique(
    np.concatenate([
        np.arange(0, 300), 2 ** np.arange(9, 20), 2 ** np.arange(9, 20) - 1,
        np.random.default_rng(1).integers(0, 1_000_001, 3000), [999_999, 1_000_000]
    ])).astype(np.int64)


def path(name):
    return str(FOLDER / name)


def run(*arguments):
    done = subprocess.run([DRIVER, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"driver {arguments[0]}: {done.stderr}")


def ulps(a, b):
    """Distance in units of the last place of float, counted at the larger of the two, at least at 2^-24."""
    unit = np.spacing(np.maximum(np.maximum(np.abs(a), np.abs(b)), np.float32(2.0**-24)))
    return float(np.max(np.abs(a.astype(np.float64) - b.astype(np.float64)) / unit))


def row(name, *columns):
    print("| " + " | ".join([name, *columns]) + " |", flush=True)


# --- Hugging Face: cos and sin tables of its own rotary classes.

LLAMA31 = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
           "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
YARN = {"rope_type": "yarn", "rope_theta": 1000000.0, "factor": 4.0, "original_max_position_embeddings": 32768}
GPT_OSS = {"rope_type": "yarn", "rope_theta": 150000.0, "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0,
           "truncate": False, "original_max_position_embeddings": 4096}
LONGROPE = {"rope_type": "longrope", "rope_theta": 10000.0, "original_max_position_embeddings": 4096,
            "short_factor": [1 + 0.03 * i for i in range(48)], "long_factor": [1 + 1.3 * i for i in range(48)]}


def hugging_face_models():
    """Name, model_type, config keys, serving length."""
    base = {"hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 2, "max_position_embeddings": 4096}

    def config(**keys):
        return {**base, **keys}

    return [
        ("Llama 2 (default)", "llama", config(rope_parameters={"rope_type": "default", "rope_theta": 10000.0})),
        ("CodeLlama (theta 1e6)", "llama", config(rope_parameters={"rope_type": "default", "rope_theta": 1e6})),
        ("Llama 3.1 (llama3)", "llama", config(rope_parameters=LLAMA31, max_position_embeddings=131072)),
        ("Vicuna 16k (linear)", "llama",
         config(rope_parameters={"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0})),
        ("Qwen2.5 (YaRN)", "qwen2", config(rope_parameters=YARN, max_position_embeddings=131072)),
        ("gpt-oss (YaRN, no truncate)", "gpt_oss",
         config(head_dim=64, hidden_size=2880, num_attention_heads=64, rope_parameters=GPT_OSS,
                max_position_embeddings=131072)),
        ("Phi-3.5-mini shape (LongRoPE)", "phi3",
         config(hidden_size=3072, rope_parameters=LONGROPE, original_max_position_embeddings=4096,
                max_position_embeddings=131072)),
        ("GPT-NeoX-20B (partial 0.25)", "gpt_neox",
         config(hidden_size=6144, num_attention_heads=64,
                rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.25})),
        ("Mistral (theta 1e6)", "mistral", config(rope_parameters={"rope_type": "default", "rope_theta": 1e6})),
        ("SmolLM3 (theta 5e6)", "smollm3", config(rope_parameters={"rope_type": "default", "rope_theta": 5e6})),
    ]


def compare_hugging_face():
    try:
        import torch
        import transformers
        from transformers import AutoConfig
    except ImportError as error:
        print(f"left out: Hugging Face ({error})")
        return
    print(f"\nHugging Face transformers {transformers.__version__}, torch {torch.__version__}, cos and sin in float32, "
          f"{len(POSITIONS)} positions to 1,000,000\n")
    row("model", "inv_freq, relative", "to the exact mode", "to the float32 mode [ulp]")
    row("---", "---", "---", "---")
    POSITIONS.tofile(path("positions"))
    for name, model_type, keys in hugging_face_models():
        config = AutoConfig.for_model(model_type, **{k: (dict(v) if isinstance(v, dict) else v) for k, v in keys.items()})
        module = __import__(f"transformers.models.{model_type}.modeling_{model_type}", fromlist=["x"])
        rotary = next(getattr(module, n) for n in dir(module) if n.endswith("RotaryEmbedding"))(config)
        with torch.no_grad():
            cos, sin = rotary(torch.zeros(1, 1, 1), torch.from_numpy(POSITIONS)[None])
        pairs = rotary.inv_freq.numel()
        cos, sin = cos[0, :, :pairs].numpy(), sin[0, :, :pairs].numpy()
        inv_freq = rotary.inv_freq.numpy().astype(np.float32)
        magnitude = float(rotary.attention_scaling)

        serving = int(POSITIONS[-1]) + 1
        pathlib.Path(path("config.json")).write_text(json.dumps({"model_type": model_type, **keys}))
        run("config", path("config.json"), serving, path("positions"), path("out"))
        out = np.fromfile(path("out"), np.float32)
        ours, tables = out[:pairs], out[pairs:].reshape(2, -1, pairs)
        relative = float(np.max(np.abs(ours / inv_freq - 1)))
        exact = max(float(np.max(np.abs(cos - tables[0]))), float(np.max(np.abs(sin - tables[1]))))

        inv_freq.tofile(path("inv_freq"))
        run("float32", path("inv_freq"), repr(magnitude), path("positions"), path("out"))
        tables = np.fromfile(path("out"), np.float32).reshape(2, -1, pairs)
        row(name, f"{relative:.1e}", f"{exact:.1e}", f"{max(ulps(cos, tables[0]), ulps(sin, tables[1])):.2g}")


# --- ONNX Runtime: the rotation itself, given a cache.


def compare_onnx_runtime():
    try:
        import onnx
        import onnxruntime
        from onnx import TensorProto, helper
    except ImportError as error:
        print(f"left out: ONNX Runtime ({error})")
        return
    tokens, heads, head_dim = 512, 8, 128
    random = np.random.default_rng(2)
    x = random.standard_normal((tokens, heads * head_dim)).astype(np.float32)
    angles = (POSITIONS[-tokens:, None] * 10000.0 ** (-np.arange(64) / 64)).astype(np.float64)
    cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    for name, array in (("cos", cos), ("sin", sin), ("x", x)):
        array.tofile(path(name))
    print(f"\nONNX Runtime {onnxruntime.__version__}, RotaryEmbedding of opset 23, {heads} heads of {head_dim}\n")
    row("layout", "largest difference", "of the largest |x|")
    row("---", "---", "---")
    for layout, interleaved in (("half_split", 0), ("interleaved", 1)):
        node = helper.make_node("RotaryEmbedding", ["x", "cos", "sin"], ["y"], interleaved=interleaved, num_heads=heads)
        shapes = {"x": [1, tokens, heads * head_dim], "cos": [1, tokens, 64], "sin": [1, tokens, 64]}
        inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()]
        outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, shapes["x"])]
        model = helper.make_model(helper.make_graph([node], "rope", inputs, outputs),
                                  opset_imports=[helper.make_opsetid("", 23)], ir_version=10)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        theirs = session.run(None, {"x": x[None], "cos": cos[None], "sin": sin[None]})[0][0]
        run("rotate", layout, head_dim, path("cos"), path("sin"), path("x"), path("out"))
        ours = np.fromfile(path("out"), np.float32).reshape(theirs.shape)
        row(layout, f"{np.max(np.abs(ours - theirs)):.1e}", f"{np.max(np.abs(x)):.1f}")


# --- One small Llama with random weights, run by Hugging Face, by CTranslate2 and on posenc (examples/support/tiny_llama.hpp).


def compare_whole_model():
    try:
        import ctranslate2
        import torch
        from transformers import LlamaConfig, LlamaForCausalLM
    except ImportError as error:
        print(f"left out: CTranslate2 ({error})")
        return
    dim, hidden, layers, heads, kv_heads, vocab, length = 64, 160, 3, 8, 4, 256, 1024
    torch.manual_seed(3)
    config = LlamaConfig(vocab_size=vocab, hidden_size=dim, intermediate_size=hidden, num_hidden_layers=layers,
                         num_attention_heads=heads, num_key_value_heads=kv_heads, max_position_embeddings=length,
                         rms_norm_eps=1e-5, tie_word_embeddings=True,
                         rope_parameters={"rope_type": "default", "rope_theta": 10000.0})
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 2.0 / math.sqrt(parameter.shape[1]))
        model.model.embed_tokens.weight.normal_(0, 0.2)
        tokens = torch.randint(3, vocab, (length,))
        theirs = model(tokens[None]).logits[0].numpy()

    # llama2.c's file: pairs are adjacent there, so each head's rows of wq and wk change places.
    def adjacent(weight, count):
        rows = weight.detach().numpy().reshape(count, 2, dim // heads // 2, dim)
        return rows.transpose(0, 2, 1, 3).reshape(-1, dim)

    def numbers(name):
        return [dict(layer.named_parameters())[name].detach().numpy() for layer in model.model.layers]

    attention = [layer.self_attn for layer in model.model.layers]
    with open(path("model.bin"), "wb") as file:
        np.array([dim, hidden, layers, heads, kv_heads, vocab, length], np.int32).tofile(file)
        groups = [[model.model.embed_tokens.weight.detach().numpy()], numbers("input_layernorm.weight"),
                  [adjacent(a.q_proj.weight, heads) for a in attention],
                  [adjacent(a.k_proj.weight, kv_heads) for a in attention],
                  [a.v_proj.weight.detach().numpy() for a in attention],
                  [a.o_proj.weight.detach().numpy() for a in attention],
                  numbers("post_attention_layernorm.weight"), numbers("mlp.gate_proj.weight"),
                  numbers("mlp.down_proj.weight"), numbers("mlp.up_proj.weight"),
                  [model.model.norm.weight.detach().numpy()]]
        for group in groups:
            for array in group:
                np.ascontiguousarray(array, np.float32).tofile(file)
    tokens.numpy().astype(np.int64).tofile(path("tokens"))
    run("logits", path("model.bin"), path("tokens"), path("out"))
    ours = np.fromfile(path("out"), np.float32).reshape(theirs.shape)
    model.model.rotary_emb.inv_freq.numpy().astype(np.float32).tofile(path("inv_freq"))
    run("logits", path("model.bin"), path("tokens"), path("out"), path("inv_freq"))
    float32 = np.fromfile(path("out"), np.float32).reshape(theirs.shape)

    spec = ctranslate2.specs.TransformerDecoderModelSpec.from_config(
        layers, heads, pre_norm=True, activation=ctranslate2.specs.common_spec.Activation.SWISH, ffn_glu=True,
        rms_norm=True, rotary_dim=0, rotary_interleave=False, rotary_base=10000.0, num_heads_kv=kv_heads)
    spec.decoder.scale_embeddings = False
    spec.decoder.embeddings.weight = spec.decoder.projection.weight = model.model.embed_tokens.weight.detach().numpy()
    spec.decoder.layer_norm.gamma = model.model.norm.weight.detach().numpy()
    for layer, source in zip(spec.decoder.layer, model.model.layers):
        a = source.self_attn
        layer.self_attention.layer_norm.gamma = source.input_layernorm.weight.detach().numpy()
        layer.self_attention.linear[0].weight = np.concatenate(
            [w.weight.detach().numpy() for w in (a.q_proj, a.k_proj, a.v_proj)])
        layer.self_attention.linear[1].weight = a.o_proj.weight.detach().numpy()
        layer.ffn.layer_norm.gamma = source.post_attention_layernorm.weight.detach().numpy()
        layer.ffn.linear_0.weight = source.mlp.gate_proj.weight.detach().numpy()
        layer.ffn.linear_0_noact.weight = source.mlp.up_proj.weight.detach().numpy()
        layer.ffn.linear_1.weight = source.mlp.down_proj.weight.detach().numpy()
    vocabulary = [f"t{i}" for i in range(vocab)]
    spec.config.bos_token, spec.config.eos_token, spec.config.unk_token = vocabulary[:3]
    spec.config.layer_norm_epsilon = 1e-5
    spec.register_vocabulary(vocabulary)
    spec.validate()
    folder = FOLDER / "ctranslate2"
    folder.mkdir()
    spec.save(str(folder))
    generator = ctranslate2.Generator(str(folder), compute_type="float32")
    ids = ctranslate2.StorageView.from_array(tokens.numpy().astype(np.int32)[None])
    lengths = ctranslate2.StorageView.from_array(np.array([length], np.int32))
    ct2 = np.array(generator.forward_batch(ids, lengths))[0]

    print(f"\nA Llama of {layers} layers with random weights, {length} positions: logits by three engines "
          f"(CTranslate2 {ctranslate2.__version__})\n")
    row("pair", "largest difference", "of the largest |logit|")
    row("---", "---", "---")
    for name, a, b in (("Hugging Face, CTranslate2", theirs, ct2), ("posenc float32 mode, Hugging Face", float32, theirs),
                       ("posenc float32 mode, CTranslate2", float32, ct2), ("posenc exact, Hugging Face", ours, theirs)):
        row(name, f"{np.max(np.abs(a - b)):.1e}", f"{np.max(np.abs(theirs)):.1f}")


compare_hugging_face()
compare_onnx_runtime()
compare_whole_model()
