#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs every model of transformers that rotates, and compares what its layers do with what posenc reads in its config.

    python3 tests/parity/zoo.py [--quick] [--resume] [--only TYPE ...]

makes a Python environment and the driver under build/parity, the first time, runs the models of zoo_types.txt without
their weights, writes tests/parity/ZOO.md and prints the counts. It needs a Python package index (some gigabytes, mostly
torch), a C++ compiler, Eigen and nlohmann-json. Not part of the test command. It takes half an hour to an hour; --resume
goes on where a run was ended. --quick runs configs as saved alone, --only some types; neither writes ZOO.md.
ZOO_BUILD, ZOO_PYTHON and ZOO_DRIVER name a folder, an interpreter and a driver in place of those under build/parity.
"""
import copy
import json
import math
import os
import pathlib
import signal
import subprocess
import sys
import time
import traceback
import warnings

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("ZOO_BUILD", REPOSITORY / "build" / "parity"))
DRIVER = pathlib.Path(os.environ.get("ZOO_DRIVER", BUILD / "zoo_driver"))
PACKAGES = ["numpy", "torch", "transformers==5.24.0", "gguf==0.19.0", "scipy", "pillow", "timm"]


def prepare():
    """Goes on in an environment of its own, with the others installed, and builds the driver."""
    python = pathlib.Path(os.environ.get("ZOO_PYTHON", BUILD / "zoo_env" / "bin" / "python"))
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", python.parents[1]], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    if "ZOO_DRIVER" not in os.environ:
        BUILD.mkdir(parents=True, exist_ok=True)
        eigen = subprocess.run(["pkg-config", "--cflags", "eigen3"], capture_output=True, text=True).stdout.split()
        subprocess.run([os.environ.get("CXX", "c++"), "-std=c++17", "-O1", f"-I{REPOSITORY / 'include'}", *eigen,
                        HERE / "zoo_driver.cpp", "-o", DRIVER], check=True)
    os.execve(python, [str(python), __file__, "prepared", *sys.argv[1:]],
              {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"})


if sys.argv[1:2] != ["prepared"]:
    prepare()

warnings.filterwarnings("ignore")
sys.dont_write_bytecode = True
import importlib  # noqa: E402
import inspect  # noqa: E402
import re  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402

import zoo_compare  # noqa: E402
import zoo_inputs  # noqa: E402
import zoo_models  # noqa: E402
import zoo_report  # noqa: E402

THETA = 54321.0  # Of no model: it shows that the key was read.
OLD = ("rope_theta", "partial_rotary_factor")
FAR = [0, 1, 100, 4095, 4096, 8190, 8191, 8192, 16383, 16384, 100000, 131072, 262144, 500000]  # Where a factor grows.
SECONDS = 240  # For one config of one model, of this process's time: others may run beside it.
TYPES = ("linear", "dynamic", "yarn", "longrope", "llama3", "proportional")


class Driver:
    def __init__(self):
        self.process = subprocess.Popen([DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **request):
        if "hunyuan_vl" in str(request.get("config", {}).get("model_type")) and "vision" not in request.get("tower", ""):
            request["sections"] = True  # As transformers counts.
        self.process.stdin.write(json.dumps(finite(request)) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def finite(value):
    """JSON has no infinity, which Python writes and other parsers refuse."""
    if isinstance(value, dict):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return 1e308 if value > 0 else -1e308
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def config_classes():
    """Name of a config class -> the class, over all of transformers."""
    out = {}
    root = pathlib.Path(transformers.models.__file__).parent
    for file in sorted(root.glob("*/configuration_*.py")):
        module = importlib.import_module(f"transformers.models.{file.parent.name}.{file.stem}")
        for name, value in vars(module).items():
            if isinstance(value, type) and value.__module__ == module.__name__ and hasattr(value, "model_type"):
                out[name] = value
    return out


def as_saved(config):
    return json.loads(config.to_json_string(use_diff=True))


def as_loaded(source):
    """What transformers makes of its form of infinity."""
    if isinstance(source, dict):
        if set(source) == {"__float__"}:
            return float(source["__float__"])
        return {k: as_loaded(v) for k, v in source.items()}
    return [as_loaded(v) for v in source] if isinstance(source, list) else copy.deepcopy(source)


def scaled(rope_type, pairs, extras):
    """A rope dictionary of one type, with values that every part of its formula shows in."""
    out = {**{k: v for k, v in extras.items() if k not in ("rope_type", "type", "rope_theta", "factor")},
           "rope_type": rope_type, "rope_theta": THETA}
    for key in ("original_max_position_embeddings", "low_freq_factor", "high_freq_factor", "short_factor",
                "long_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim", "truncate", "attention_factor",
                "llama_4_scaling_beta"):
        out.pop(key, None)
    if rope_type in ("linear", "dynamic", "proportional"):
        out["factor"] = 4.0
    if rope_type == "yarn":
        out |= {"factor": 4.0, "original_max_position_embeddings": 1024}
    if rope_type == "llama3":
        out |= {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                "original_max_position_embeddings": 1024}
    if rope_type == "longrope":
        out |= {"short_factor": [1.0 + i / pairs for i in range(pairs)], "factor": 4.0,
                "long_factor": [2.0 + 3 * i / pairs for i in range(pairs)], "original_max_position_embeddings": 1024}
    return out


def variants(config_class, quick):
    """(name, config as its file would be, positions beyond the trained length) of one class."""
    model_type = config_class.model_type or config_class.__name__
    needed = zoo_inputs.NEEDED.get(model_type, {})
    config = config_class(**copy.deepcopy(needed))
    saved = as_saved(config)
    yield "saved", saved, False
    if quick:
        return
    yield "all keys", json.loads(json.dumps(finite(config.to_dict()))), False
    yield "required keys", {"model_type": config_class.model_type, **needed}, False
    if "Forcing last layer" in open(sys.modules[config_class.__module__].__file__).read() and "layer_types" in saved:
        yield "last layer sliding", {**saved, "layer_types": [*saved["layer_types"][:-1], "sliding_attention"]}, False
    rope = getattr(config, "rope_parameters", None)
    if not isinstance(rope, dict) or not rope:
        return
    labels = [k for k, v in rope.items() if isinstance(v, dict)]
    plain = {k: v for k, v in saved.items() if k not in ("rope_parameters", "rope_theta", "rope_scaling")}

    def pairs(dictionary):
        head = getattr(config, "qk_rope_head_dim", None) or getattr(config, "head_dim", None)
        head = head or config.hidden_size // config.num_attention_heads
        return int(head * (dictionary.get("partial_rotary_factor") or 1)) // 2

    if "layer_rope_theta" in plain:
        plain["layer_rope_theta"] = [THETA if theta else 0 for theta in plain["layer_rope_theta"]]

    def with_rope(make, rope_type=""):
        base = dict(plain)
        if rope_type in ("yarn", "longrope", "llama3") and "original_max_position_embeddings" in plain:
            base["original_max_position_embeddings"] = 1024
        if labels:
            return {**base, "rope_parameters": {k: make(rope[k]) if k in labels else rope[k] for k in rope}}
        return {**base, "rope_parameters": make(rope)}

    if "floor_scale" in saved:
        yield "factor on queries", {**saved, "floor_scale": 16}, False
    yield "new keys", with_rope(lambda d: {**d, "rope_theta": THETA}), False
    if not labels:
        rest = {k: v for k, v in rope.items() if k not in ("rope_theta", "rope_type", "partial_rotary_factor")}
        theta, share = ("rotary_emb_base", "rotary_pct") if "gpt_neox" in model_type else OLD
        old = {**plain, theta: THETA}
        if "partial_rotary_factor" in rope:
            old[share] = rope["partial_rotary_factor"]
        if rope.get("rope_type") not in (None, "default", "axial"):
            rest["type"] = rope["rope_type"]
        yield "old keys", {**old, "rope_scaling": rest or None}, False
        yield "old keys, linear", {**old, "rope_scaling": {"type": "linear", "factor": 4.0}}, False
    elif "rope_local_base_freq" in open(sys.modules[config_class.__module__].__file__).read():
        old = {**plain, "rope_theta": THETA, "rope_local_base_freq": THETA / 7}
        yield "old keys", {**old, "rope_scaling": None}, False
        yield "old keys, linear", {**old, "rope_scaling": {"rope_type": "linear", "factor": 8.0}}, False
    yield "partial", with_rope(lambda d: {**d, "rope_theta": THETA, "partial_rotary_factor": 0.5}), False
    for rope_type in TYPES:
        try:
            made = with_rope(lambda d: scaled(rope_type, pairs(d), d), rope_type)
        except Exception:
            continue
        yield rope_type, made, False
        if rope_type == "dynamic" and str(config_class.model_type).startswith("hunyuan"):
            yield "dynamic, alpha", with_rope(lambda d: {**scaled("dynamic", 0, d), "alpha": 1000.0}), False
        if rope_type in ("dynamic", "longrope"):
            yield rope_type + ", long", made, True


def observe(config_class, source, read, whole, long, far=None):
    """Runs the model of a config, at the positions `far` if given. What it did, for zoo_compare.compare()."""
    failed = None
    axes = max([rope.get("num_axes", 1) for rope in read.get("sets", [])] + [1])
    for model_class in zoo_models.model_classes(config_class)[:3]:
        try:
            config = config_class(**as_loaded(source))
            model = zoo_models.build(model_class, config)
        except Exception as error:
            failed = failed or error
            continue
        tries = [(model, None)] + [(part, given) for part, given in zoo_inputs.stacks(model, config)]
        for part, given in tries:
            for watch in (False, True):
                try:
                    given = given if given is not None else zoo_inputs.inputs(part, config)
                    record, positions = run_part(part, config, given, axes, whole, long, watch, far)
                except Exception as error:
                    failed = failed or error
                    continue
                if record.calls:
                    return gather(model, part, config, record, given, positions, read)
    raise failed or RuntimeError("no model class takes this config")


def run_part(part, config, given, axes, whole, long, watch, far):
    given = dict(given)
    names = inspect.signature(part.forward).parameters
    positions = zoo_inputs.text_positions(axes if "position_embeddings" in given else 1)
    positions = positions if positions.shape[1] == axes else positions.repeat(axes, 1)
    text = "position_ids" in names and ("input_ids" in given or "inputs_embeds" in given)
    text = text and zoo_inputs.grid_of(config, given) is None
    if text and (axes > 1 or long or far is not None):
        positions = zoo_inputs.text_positions(axes)
        if far is not None:
            positions[: len(far)] = np.array(far, dtype=float)[:, None]
        if long:
            positions[-1] = 4 * config.max_position_embeddings - 1
        ids = torch.tensor(positions[:, :axes].T).long()
        given["position_ids"] = ids[:, None] if axes > 1 else ids
    if (long or far is not None) and (not text or "CsmDepthDecoder" in type(part).__name__):  # It counts for itself.
        raise LookupError("takes no positions")
    return zoo_models.run(part, given, watch, 0 if whole or "Video" in type(part).__name__ else 16), positions


def gather(model, part, config, record, given, positions, read):
    stacks = zoo_compare.stacks(record.calls)
    lists = {n: len(m) for n, m in part.named_modules() if isinstance(m, torch.nn.ModuleList)}
    wanted = len(read.get("layers", []))
    prefix = max(stacks, key=lambda p: (lists.get(p) == wanted, any(zoo_compare.moves(q) for _, q, _ in stacks[p]),
                                        -p.count("."), len(stacks[p])))
    calls = stacks[prefix]
    seen = {"calls": calls, "layers": lists.get(prefix), "spectra": zoo_compare.spectra(model), "positions": positions,
            "magnitudes": zoo_compare.magnitudes(record.tables), "rotations": record.rotations,
            "inputs": record.inputs,
            "all calls": [call for stack in stacks.values() for call in stack],
            "scales of scores": scales_of(prefix, record.scales),
            "whole": record.whole, "model": type(model).__name__, "grid": None,
            "tables": lambda driver: zoo_compare.tables(driver, model, part)}
    grid = zoo_inputs.grid_of(config, given)
    if grid:
        kinds = [rope["positions"] for rope in read.get("sets", []) if "axes" in rope]
        seen["grid"] = zoo_inputs.places(kinds[0] if kinds else "row_column", grid)
        seen["skips"] = "Llama4" not in type(model).__name__  # Its class token comes last.
        seen["raster"] = len(grid) == 3 or grid[0] == grid[1]
        window = getattr(config, "window_size", None)  # SAM 3: global layers count in windows' patches.
        seen["scales"] = [1.0, window / grid[0]] if isinstance(window, int) and window else [1.0]
    return seen


def scales_of(prefix, scales):
    """(layer, scale of the softmax) of the attention calls of one list of layers."""
    out = []
    for name, scale in scales:
        match = re.search(r"^(.*?)(?:^|\.)(\d+)(?:\.|$)", name)
        if match and match.group(1) == prefix:
            out.append((int(match.group(2)), scale))
    return out


def alarm(*_):
    raise TimeoutError(f"{SECONDS} s")


def check(driver, config_class, quick):
    """One row: verdicts of all variants."""
    row = {"model_type": config_class.model_type or "", "class": config_class.__name__, "variants": {}, "rule": ""}
    signal.signal(signal.SIGPROF, alarm)
    try:
        todo = variants(config_class, quick)
        first = True
        for name, source, long in todo:
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            verdict = judge(driver, config_class, source, first, long, row)
            signal.setitimer(signal.ITIMER_PROF, 0)
            if first or verdict != "not permitted":
                row["variants"][name] = verdict
            first = False
    except Exception as error:
        row["variants"]["saved"] = "not run: " + where(error)
    signal.setitimer(signal.ITIMER_PROF, 0)
    return row


def where(error):
    frames = traceback.extract_tb(error.__traceback__)
    inner = [f for f in frames if "/models/" in f.filename] or frames
    text = re.sub(r"\s+", " ", str(error))[:160]
    if not inner:
        return text
    return f"{type(error).__name__}: {text} ({pathlib.Path(inner[-1].filename).name}:{inner[-1].lineno})"


def drops_keys(source, config):
    """Whether old keys were not taken into the dictionary that the model reads."""
    rope = getattr(config, "rope_parameters", None)
    if not isinstance(rope, dict) or any(isinstance(v, dict) for v in rope.values()):
        return False
    scaling = source.get("rope_scaling")
    return (source.get("rope_theta") == THETA and rope.get("rope_theta") != THETA
            or isinstance(scaling, dict) and "factor" in scaling and "factor" not in rope)


def judge(driver, config_class, source, first, long, row):
    try:
        config = config_class(**as_loaded(source))
    except Exception as error:
        return "not run: " + where(error) if first else "not permitted"
    length = 4 * getattr(config, "max_position_embeddings", 4096) if long else zoo_inputs.TOKENS
    if drops_keys(source, config):
        return "dropped"  # By transformers, without a word.
    if config_class.__name__ in zoo_inputs.HOMES:
        holder, key = zoo_inputs.HOMES[config_class.__name__]
        part = {k: v for k, v in source.items() if k != "model_type"}
        read = driver.ask(config={"model_type": holder, key: part}, tower=key, serving_length=length)
    else:
        read = driver.ask(config=source, serving_length=length)
    try:
        seen = observe(config_class, source, {} if "refused" in read else read, first, long)
    except Exception as error:
        if first:
            return ("refused: " + read["refused"] + "; " if "refused" in read else "") + "not run: " + where(error)
        return "not permitted"
    if "refused" in read:
        return "refused: " + read["refused"]
    if first:
        row["rule"] = zoo_report.rule(read)
        row["model"] = seen["model"]
    faults = zoo_compare.compare(read, seen)
    scales = zoo_compare.softmax(read, seen)
    if first:
        row["softmax"] = {str(place): scale for place, scale in scales.items()}
    for place, scale in scales.items():
        usual = row.get("softmax", {}).get(str(place))
        if usual is not None and abs(scale / usual - 1) > 1e-6:
            faults.append(f"scale of the softmax of set {place} is {scale / usual:.7g} times what is read")
            break
    if first:
        with_axes = any("axes" in rope for rope in read["sets"])
        row["tables"] = None if with_axes else seen["tables"](driver)
        if row["tables"] is not None and row["tables"] > zoo_report.ULPS:
            faults.append(f"cosines and sines differ by {row['tables']:.3g} ulp")
        try:
            if "floor_scale" in source:
                raise LookupError("counts tokens, not positions: another config shows it")
            faults += zoo_compare.temperatures(read, observe(config_class, source, read, True, False, FAR), FAR)
            row["temperature"] = True
        except LookupError:
            pass
        except RuntimeError:
            pass  # Tables of a fixed length.
    return "WRONG: " + "; ".join(faults) if faults else "right"


def main():
    arguments = sys.argv[2:]
    quick = "--quick" in arguments
    only = arguments[arguments.index("--only") + 1 :] if "--only" in arguments else []
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    classes = config_classes()
    driver = Driver()
    kept = BUILD / "zoo_rows.jsonl"
    kept.parent.mkdir(parents=True, exist_ok=True)
    if "--resume" not in arguments:
        kept.unlink(missing_ok=True)
    before = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    done = {row["class"]: row for row in before if row["quick"] == quick}
    rows = []
    names = (HERE / "zoo_types.txt").read_text().split()
    begun = time.time()
    for name in names:
        if name not in classes:
            rows.append({"model_type": "", "class": name, "variants": {"saved": "not run: not in this transformers"},
                         "rule": ""})
            continue
        if only and classes[name].model_type not in only and name not in only:
            continue
        row = done.get(name)
        if row is None:
            started = time.time()
            row = check(driver, classes[name], quick)
            row |= {"run": begun, "quick": quick, "seconds": time.time() - started}
            with kept.open("a") as file:
                file.write(json.dumps(row) + "\n")
        rows.append(row)
        print(f"{row['model_type'] or name}: {zoo_report.verdict_of(row)} {zoo_report.note_of(row)[:300]}", flush=True)
    counts, variants_seen = zoo_report.counts_of(rows), zoo_report.configs_of(rows)
    print(f"{len(rows)} classes: " + ", ".join(f"{counts[k]} {k}" for k in ("right", "wrong", "refused", "not run")))
    print(f"{sum(variants_seen.values())} configs: " + ", ".join(f"{n} {k}" for k, n in variants_seen.most_common()))
    shown, near = zoo_report.within_ulps(rows)
    print(f"cosines and sines: {near} of {shown} classes within {zoo_report.ULPS:g} ulp, "
          f"temperature looked for in {sum('temperature' in row for row in rows)}")
    if not only:
        import zoo_composites
        import zoo_gguf
        composites = zoo_composites.check(driver, classes, set(names))
        architectures = zoo_gguf.check(driver)
        for what, found in (("composites", composites), ("GGUF architectures", architectures)):
            right = sum(verdict == "right" for _, verdict in found)
            print(f"{what}: {right} of {len(found)} right", flush=True)
            for name, verdict in found:
                if verdict != "right":
                    print(f"  {name}: {verdict[:300]}")
        for row in rows:
            needed = zoo_inputs.NEEDED.get(row["model_type"], {})
            read = driver.ask(config={"model_type": row["model_type"], **needed}, serving_length=zoo_inputs.TOKENS)
            row["notes"] = read.get("notes", [])
        if not quick:
            zoo_report.write(HERE / "ZOO.md", rows, transformers.__version__, composites, architectures)
    print(f"{time.time() - begun:.0f} s")


if __name__ == "__main__":
    main()
