# SPDX-License-Identifier: MIT
"""Runs the models of transformers without their weights, so that the queries and keys show what a layer does to them.

A model has the sizes of its config. Its large parameters hold no memory, and what goes through one of them becomes a
fixed vector that is the same for every token. Each layer therefore sees one repeated token, and the queries of two
positions differ by nothing but what the layer does about positions.
"""
import contextlib
import importlib
import inspect
import os
import re

import torch
import transformers
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

LARGE = 4096  # Parameters with more numbers than this hold no memory.


def fixed(shape, dim=-1):
    """Numbers that vary along one dimension and are the same along all others."""
    shape = tuple(shape)
    if not shape:
        return torch.tensor(0.5)
    dim %= len(shape)
    values = torch.randn(shape[dim], generator=torch.Generator().manual_seed(1000 + shape[dim]))
    return values.view([-1 if i == dim else 1 for i in range(len(shape))]).expand(shape).clone()


class FixedOutputs(TorchDispatchMode):
    """What has an operand without memory and one with memory becomes a fixed vector."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        tensors = [x for x in tree_flatten((args, kwargs))[0] if isinstance(x, torch.Tensor)]
        on_meta = [x.is_meta for x in tensors]
        device = kwargs.get("device")
        if device is not None and torch.device(device).type == "meta" and not any(on_meta):
            kwargs["device"] = torch.device("cpu")  # The device of a parameter without memory.
        if all(on_meta) and tensors and str(function).startswith("aten._to_copy"):
            device = kwargs.get("device")
            if device is not None and device.type != "meta":
                return fixed(tensors[0].shape).to(kwargs.get("dtype") or tensors[0].dtype)
        if not any(on_meta) or all(on_meta):
            return function(*args, **kwargs)
        if str(function).startswith("aten.copy_"):
            return args[0]
        meta = tree_map(lambda x: x.to("meta") if isinstance(x, torch.Tensor) else x, (args, kwargs))
        if "device" in meta[1]:
            meta[1]["device"] = torch.device("meta")
        out = function(*meta[0], **meta[1])
        dim = 1 if "conv" in str(function) else -1
        return tree_map(lambda x: fixed(x.shape, dim).to(x.dtype) if isinstance(x, torch.Tensor) else x, out)


@contextlib.contextmanager
def without_memory():
    """Makes modules whose large parameters hold no memory, and whose others are one."""
    saved = {}

    def replace(owner, name, value):
        saved[(owner, name)] = owner.__dict__.get(name, getattr(owner, name))
        setattr(owner, name, value)

    register = torch.nn.Module.register_parameter

    def register_parameter(self, name, parameter):
        if parameter is not None and not parameter.is_meta:
            conv = "Conv" in type(self).__name__
            if parameter.numel() > LARGE or conv:
                parameter = torch.nn.Parameter(parameter.detach().to("meta"), requires_grad=False)
            else:
                parameter = torch.nn.Parameter(torch.ones_like(parameter), requires_grad=False)
        register(self, name, parameter)

    replace(torch.nn.Module, "register_parameter", register_parameter)
    for name in dir(torch.nn.init):
        if name.endswith("_") and not name.startswith("_"):
            replace(torch.nn.init, name, lambda tensor, *args, **kwargs: tensor)
    for name in ("empty", "zeros", "ones", "randn", "rand", "full"):
        original = getattr(torch, name)

        def make(*args, _original=original, **kwargs):
            sizes = args[0] if args and isinstance(args[0], (tuple, list, torch.Size)) else args
            count = 1
            for size in sizes if isinstance(sizes, (tuple, list)) else ():
                count *= int(size) if isinstance(size, int) else 1
            if count > 1_000_000 and "device" not in kwargs:
                kwargs["device"] = "meta"
            return _original(*args, **kwargs)

        replace(torch, name, make)
    replace(transformers.PreTrainedModel, "init_weights", lambda self: None)
    try:
        yield
    finally:
        for (owner, name), value in saved.items():
            setattr(owner, name, value)


class SeeScores(TorchFunctionMode):
    """Records the first product of queries and keys in each attention module, where no interface shows them."""

    def __init__(self, record):
        super().__init__()
        self.record = record

    def __torch_function__(self, function, types, args=(), kwargs=None):
        record = self.record
        name = getattr(function, "__name__", "")
        if name in ("matmul", "__matmul__", "bmm", "baddbmm") and record.inside and not record.inside[-1][1]:
            q, k = args[-2:] if name == "baddbmm" else args[:2]
            if q.dim() >= 3 and q.dim() == k.dim() and q.shape[-1] == k.shape[-2]:
                record.inside[-1][1] = True
                shape = (-1, q.shape[-2], q.shape[-1])
                key = k.transpose(-1, -2)
                record.calls.append((record.inside[-1][0], q.detach().reshape(shape).clone(),
                                     key.detach().reshape(-1, *key.shape[-2:]).clone()))
        return function(*args, **(kwargs or {}))


class Record:
    """What one run of a model did: the attention calls in order, cosines and sines, and calls that rotate."""

    def __init__(self):
        self.calls = []  # (name of the module, layer, q, k), each of heads x tokens x channels
        self.scales = []  # (name of the module, scale of the softmax)
        self.tables = []  # (class, layer type, cos, sin)
        self.rotations = []  # (function, inputs, outputs)
        self.inputs = []  # (name of the module, hidden states before and after their rotation): heads x tokens x channels
        self.whole = True
        self.inside = []  # Attention modules that are being run, and whether their scores were seen


def capture(record, names, limit):
    def attention(module, query, key, value, *args, **kwargs):
        if limit and len(record.calls) >= limit:
            raise Enough
        record.scales.append((names.get(id(module), ""), kwargs.get("scaling")))
        record.calls.append((names.get(id(module), ""), query[0].detach().clone(), key[0].detach().clone()))
        out = value.float().mean(dim=2, keepdim=True)
        out = out.repeat_interleave(max(1, query.shape[1] // max(1, value.shape[1])), dim=1)
        out = out.expand(-1, -1, query.shape[2], -1).to(query.dtype)
        return out.transpose(1, 2).contiguous(), None

    return attention


def spy_rotations(module, record):
    """Wraps the functions of a modeling file that rotate queries and keys. Returns what undoes it."""
    saved = {}
    for name, function in list(vars(module).items()):
        if inspect.isfunction(function) and re.search(r"apply\w*(rot|rope)|deinterleave", name, re.I):
            saved[name] = function

            def spy(*args, _function=function, _name=name, **kwargs):
                tensors = [x.clone() for x in args[:1] if isinstance(x, torch.Tensor)]  # Some are written to later.
                out = _function(*args, **kwargs)
                outs = [x for x in (out if isinstance(out, tuple) else (out,)) if isinstance(x, torch.Tensor)]
                record.rotations.append((_name, tensors, outs))
                return out

            setattr(module, name, spy)
    return lambda: [setattr(module, name, function) for name, function in saved.items()]


def spy_inputs(model, record):
    """The same for methods that rotate hidden states, of which queries and keys are made: conformers."""
    for module_name, module in model.named_modules():
        if not hasattr(module, "_apply_rotary_embedding"):
            continue

        def spy(x, tables, _module=module, _name=module_name):
            out = type(_module)._apply_rotary_embedding(_module, x, tables)
            by_head = (x[0].shape[0], _module.num_heads, -1)
            record.inputs.append((_name, x[0].reshape(by_head).transpose(0, 1), out[0].reshape(by_head).transpose(0, 1)))
            return out

        module._apply_rotary_embedding = spy


class Enough(Exception):
    """Ends a run early."""


def run(model, inputs, watch_scores=False, limit=0):
    """Calls a model and returns its Record. Scores are watched where attention has no interface; with a limit the run
    ends after that many attention calls."""
    record = Record()
    names = {id(m): n for n, m in model.named_modules()}
    hooks = []

    def repeat_token(module, args, kwargs):
        def same(x):
            if isinstance(x, torch.Tensor) and x.is_floating_point() and x.dim() in (2, 3) and x.shape[-1] > 1:
                return fixed(x.shape).to(x.dtype)
            return x

        if args:
            return (same(args[0]), *args[1:]), kwargs
        if "hidden_states" in kwargs:
            kwargs["hidden_states"] = same(kwargs["hidden_states"])
        return args, kwargs

    def see_table(module, args, kwargs, out):
        outs = [x for x in (out if isinstance(out, tuple) else (out,)) if isinstance(x, torch.Tensor)]
        layer_type = next((x for x in [*args, *kwargs.values()] if isinstance(x, str)), "")
        record.tables.append((type(module).__name__, layer_type, [x.detach().clone() for x in outs]))

    for name, module in model.named_modules():
        kind = type(module).__name__
        in_list = re.search(r"\.\d+$|^\d+$", name)
        if in_list and re.search(r"Layer|Block|Decoder|Encoder", kind):
            inner = [type(m).__name__ for m in module.modules()]
            if any(re.search(r"Attention|Attn", k) for k in inner):
                hooks.append(module.register_forward_pre_hook(repeat_token, with_kwargs=True))
        if re.search(r"SelfAttention$|Attention$", kind) and watch_scores:
            hooks.append(module.register_forward_pre_hook(
                lambda m, a, n=name: record.inside.append([n, False])))
            hooks.append(module.register_forward_hook(lambda m, a, o: record.inside.pop() and None))
        if re.search(r"Rotary|RoPE|Rope", kind) and not list(module.children()):
            hooks.append(module.register_forward_hook(see_table, with_kwargs=True))
    interface = transformers.modeling_utils.AttentionInterface
    original = interface.get_interface
    function = capture(record, names, limit)
    interface.get_interface = lambda self, *args, **kwargs: function
    sdpa = torch.nn.functional.scaled_dot_product_attention

    def seen_sdpa(query, key, value, *args, **kwargs):
        names[id(None)] = record.inside[-1][0] if record.inside else ""
        return function(None, query, key, value)[0].transpose(1, 2)

    torch.nn.functional.scaled_dot_product_attention = seen_sdpa
    spy_inputs(model, record)
    undo = spy_rotations(importlib.import_module(type(model).__module__), record)
    try:
        with torch.no_grad(), FixedOutputs(), SeeScores(record) if watch_scores else contextlib.nullcontext():
            model(**inputs)
    except Enough:
        record.whole = False
    except Exception:
        if not record.calls:
            raise
        record.whole = False
    finally:
        undo()
        interface.get_interface = original
        torch.nn.functional.scaled_dot_product_attention = sdpa
        for hook in hooks:
            hook.remove()
    return record


def modeling_modules(config_class):
    folder = os.path.dirname(inspect.getfile(config_class))
    package = config_class.__module__.rsplit(".", 1)[0]
    for file in sorted(os.listdir(folder)):
        if file.startswith("modeling_") and file.endswith(".py"):
            yield importlib.import_module(f"{package}.{file[:-3]}")


ROTATING_PART = {"seamless_m4t": "SeamlessM4TSpeechEncoder"}  # Its text has sinusoids.


def model_classes(config_class):
    """The model classes that take a config, the plainest first."""
    found = []
    for module in modeling_modules(config_class):
        for name, value in vars(module).items():
            if (inspect.isclass(value) and issubclass(value, transformers.PreTrainedModel)
                    and value.__module__ == module.__name__ and value.config_class is config_class):
                found.append(value)
    if config_class.__name__ == "EsmFold2AtomEncoderConfig":
        found.append(esmfold2_atoms)
    if config_class.__name__ == "T5GemmaModuleConfig":
        found.append(transformers.models.t5gemma.modeling_t5gemma.T5GemmaEncoder)
    if not found:
        mapping = transformers.models.auto.modeling_auto.MODEL_MAPPING_NAMES
        name = mapping.get(config_class.model_type)
        if isinstance(name, (list, tuple)):
            name = name[0]
        if name:
            found.append(getattr(transformers, name))

    def order(value):
        name = value.__name__
        abstract = "PreTrained" in name and "Transformer" not in name
        return (name != ROTATING_PART.get(config_class.model_type), abstract, "For" in name, not name.endswith("Model"), len(name))

    return sorted(found, key=order)


def esmfold2_atoms(config):
    """The part of ESMFold 2 that rotates."""
    whole = transformers.EsmFold2Config()
    whole._attn_implementation = "eager"
    return transformers.models.esmfold2.modeling_esmfold2.EsmFold2AtomEncoder(whole, config)


def build(model_class, config):
    config._attn_implementation = "sdpa" if "DiT" in model_class.__name__ else "eager"  # Has no other.
    config._experts_implementation = "eager"
    with without_memory():
        model = model_class(config).eval()
    for module in model.modules():
        if hasattr(module, "create_weight"):  # Sinusoids are not learned: RoFormer.
            module._parameters["weight"] = torch.nn.Parameter(module.create_weight(), requires_grad=False)
        if re.search(STATES, type(module).__name__):
            module.forward = nothing
    return model


# Mixers without positions, which take minutes without their kernels.
STATES = r"(MambaMixer|BambaMixer|FalconH1Mixer|MambaLayer|GatedDeltaNet|DeltaAttention|Rglru|TextLinearAttention)$"


def nothing(hidden_states, *args, **kwargs):
    return torch.zeros_like(hidden_states)
