# SPDX-License-Identifier: MIT
"""Says where what a model was seen to do differs from what posenc reads in its config."""
import inspect
import re

import numpy as np
import torch

SPECTRUM = 2e-6  # Relative, of frequencies that can be read.
ROTATED = 1e-5  # Of queries and keys at positions to 100, as a part of the largest channel.


def angles(rope, positions):
    inv_freq = np.array(rope["inv_freq"])
    if "axes" not in rope:
        return positions[:, :1] * inv_freq[None]
    return positions[:, np.array(rope["axes"])] * inv_freq[None]


def rotate(x, rope, positions):
    """Tokens x channels, each token rotated by its own positions, or its channels mixed by angles of their own."""
    a = angles(rope, positions)
    pairs = np.arange(rope["rotary_dim"] // 2)
    half = rope["pairs"] == "half_split"
    first = rope["offset"] + (pairs if half else 2 * pairs)
    second = rope["offset"] + (pairs + len(pairs) if half else 2 * pairs + 1)
    out = np.array(x, dtype=np.float64)
    by_channel = rope.get("by channel")
    a, b = (a[:, first - rope["offset"]], a[:, second - rope["offset"]]) if by_channel else (a, a)
    out[:, first] = x[:, first] * np.cos(a) - x[:, second] * np.sin(a)
    out[:, second] = x[:, second] * np.cos(b) + x[:, first] * np.sin(b)
    return out


def undeal(x, rope):
    """Channels of the window in the order 0 2 4 ... 1 3 5 ..., as DeepSeek's code leaves them, back to 0 1 2 3."""
    out = np.array(x)
    window = slice(rope["offset"], rope["offset"] + rope["rotary_dim"])
    half = rope["rotary_dim"] // 2
    out[:, window] = np.stack([x[:, window][:, :half], x[:, window][:, half:]], -1).reshape(len(x), -1)
    return out


def moves(x):
    """Whether heads x tokens x channels differ from token to token."""
    return bool((x - x[:, :1]).abs().max() > 1e-4)


def is_dealt(rotations):
    """Whether the code exchanges channels beside rotating them: seen at position 0, where nothing rotates."""
    for _, before, after in rotations:
        if not before or not after or before[0].shape != after[0].shape or before[0].is_complex() or before[0].is_meta:
            continue
        x = before[0].double().reshape(-1, before[0].shape[-1]).numpy()
        y = after[0].double().reshape(-1, after[0].shape[-1]).numpy()
        dealt = np.concatenate([x[0, 0::2], x[0, 1::2]])
        scale = np.linalg.norm(y[0]) / max(np.linalg.norm(x[0]), 1e-30)
        if np.allclose(y[0], dealt * scale, atol=1e-5) and not np.allclose(y[0], x[0] * scale, atol=1e-5):
            return True
    return False


def difference(seen, ropes, positions, dealt):
    """The largest difference of tokens x channels from what posenc does, where the order of tokens is known."""
    if dealt:
        for rope in ropes:
            seen = undeal(seen, rope)
    expected = np.repeat(seen[:1], len(seen), 0)
    for rope in ropes:
        own = positions[:, : rope.get("num_axes", 1)]
        expected = rotate(expected, rope, own - own[:1])
    lengths = np.linalg.norm(seen, axis=1, keepdims=True)
    if any(rope.get("by channel") for rope in ropes) and np.ptp(lengths) <= 1e-4 * lengths.max():  # A norm follows.
        expected = expected * lengths / np.linalg.norm(expected, axis=1, keepdims=True)
    return np.abs(seen - expected).max() / max(np.abs(seen).max(), 1e-30)


def grid_difference(seen, ropes, places):
    """The same for a grid whose order of patches is not known but for the first: each patch must be one place of the
    grid, and each place have one patch."""
    expected = np.repeat(seen[:1], len(places), 0)
    for rope in ropes:
        expected = rotate(expected, rope, places - places[:1])
    apart = np.abs(seen[:, None, :] - expected[None, :, :]).max(-1)
    if len(set(apart.argmin(1).tolist())) != len(seen):
        return 1.0
    return apart.min(1).max() / max(np.abs(seen).max(), 1e-30)


def stacks(calls):
    """Attention calls by the list of layers that they belong to: prefix -> [(layer, q, k)]."""
    out = {}
    for name, q, k in calls:
        if re.search(r"cross|encoder_attn|context_attn", name):
            continue
        match = re.search(r"^(.*?)(?:^|\.)(\d+)(?:\.|$)", name)
        prefix, layer = (match.group(1), int(match.group(2))) if match else (name, -1)
        out.setdefault(prefix, []).append((layer, q, k))
    return out


def spectra(model):
    """The frequencies that the rotary modules of a model hold: (label, numbers)."""
    out = []
    for name, value in model.named_buffers():
        last = name.split(".")[-1]
        if "inv_freq" in last and "original" not in last and "long" not in last:
            out.append((last, value.double().flatten().numpy()))
    return out


def magnitudes(tables):
    """(layer type, A) of the tables of cosines and sines that were made."""
    out = []
    for _, layer_type, tensors in tables:
        if any(x.is_meta for x in tensors):
            continue
        if len(tensors) == 2 and tensors[0].shape == tensors[1].shape and not tensors[0].is_complex():
            square = tensors[0].double() ** 2 + tensors[1].double() ** 2
            out.append((layer_type, float(square.mean().sqrt())))
        elif len(tensors) == 1 and tensors[0].is_complex():
            out.append((layer_type, float(tensors[0].abs().double().mean())))
    return out


def factor(rule, positions):
    if rule["power"]:
        return (1 + (positions + rule["shift"]) / rule["length"]) ** rule["scale"]
    return 1 + rule["scale"] * np.log1p(np.floor((positions + rule["shift"]) / rule["length"]))


def temperatures(read, seen, far):
    """Factors on queries that grow with the position, and were read otherwise or not at all."""
    wrong = []
    for order, (index, q, _) in enumerate(seen["calls"]):
        layer = order if len(seen["calls"]) == len(read["layers"]) else index
        if not 0 <= layer < len(read["layers"]):
            continue
        rule = read["layers"][layer].get("temperature")
        expected = factor(rule, np.array(far)) if rule else np.ones(len(far))
        norms = q[0, : len(far)].double().norm(dim=-1).numpy()
        if not np.allclose(norms / norms[0], expected / expected[0], rtol=ROTATED):
            wrong.append(layer)
    return [f"factor on queries of {len(wrong)} layers, the first {wrong[0]}"] if wrong else []


def tables(driver, model, part):
    """The largest distance, in ulp, of the cosines and sines of a model's rotary modules from the float32 mode."""
    positions = [*range(0, 130), 1000, 4095, 8191, 32767, 65535, 99999, 100000]
    worst = None
    for module in part.modules():
        parameters = list(inspect.signature(module.forward).parameters)
        if parameters[:2] != ["x", "position_ids"] or list(module.children()):
            continue
        for name, buffer in module.named_buffers():
            if not name.endswith("inv_freq") or "original" in name or buffer.dim() != 1 or buffer.is_meta:
                continue
            label = name[: -len("_inv_freq")] if name != "inv_freq" else None
            if getattr(module, "rope_type", "default") in ("dynamic", "longrope"):
                continue
            try:
                ids = torch.tensor([positions])
                out = module(torch.zeros(1, len(positions), 8), ids, *([label] if "layer_type" in parameters else []))
            except Exception:
                continue
            if not isinstance(out, tuple) or len(out) != 2 or out[0].shape[:2] != ids.shape or out[0].dim() != 3:
                continue
            scaling = getattr(module, f"{label}_attention_scaling" if label else "attention_scaling", 1.0)
            expected = driver.ask(inv_freq=buffer.double().tolist(), magnitude=scaling, positions=positions)
            count = buffer.numel()
            for given, key in zip(out, ("cos", "sin")):
                a = given[0].detach().numpy()
                b = np.array(expected[key], dtype=np.float32).reshape(len(positions), count)
                if a.shape[1] not in (count, 2 * count):
                    continue
                ways = [a[:, :count], a[:, ::2]] if a.shape[1] == 2 * count else [a]
                apart = min(ulps(way, b) for way in ways)
                worst = apart if worst is None else max(worst, apart)
    return worst


def ulps(a, b):
    """Distance in units of the last place of float, counted at the larger of the two, at least at 2^-24."""
    unit = np.spacing(np.maximum(np.maximum(np.abs(a), np.abs(b)), np.float32(2.0**-24)))
    return float(np.max(np.abs(a.astype(np.float64) - b.astype(np.float64)) / unit))


def softmax(read, seen):
    """Layer's set -> scale of the softmax over the multiplier that was read: a rule must not change it."""
    found = {}
    for index, scale in seen["scales of scores"]:
        if scale is not None and 0 <= index < len(read["layers"]):
            for place in read["layers"][index]["sets"]:
                found.setdefault(place, scale / read["sets"][place]["softmax_multiplier"])
    return found


def compare(read, seen, explain=True):
    """Differences in words. `seen` is what zoo.gather() makes."""
    faults = [fault for rope in read["sets"] for fault in compare_set(rope, seen)]
    calls = seen["calls"]
    if len(seen["all calls"]) == len(read["layers"]) != len(calls):
        calls = [(order, q, k) for order, (_, q, k) in enumerate(seen["all calls"])]
    counts = (seen["layers"], len(seen["calls"]), len(seen["all calls"]))
    if seen["whole"] and seen["layers"] is not None and len(read["layers"]) not in counts:
        faults.append(f"{len(read['layers'])} layers, seen {seen['layers']}")
    wrong = compare_layers(read, seen, calls)
    if wrong and seen["grid"] is not None and explain:
        faults += what_would_do(read, seen)
    if wrong:
        texts = {}
        for layer, text in wrong.items():
            texts.setdefault(re.sub(r"[\d.e+-]+$", "", text), []).append(layer)
        worst = "; ".join(f"layers {v[:4]}{'...' if len(v) > 4 else ''}: {wrong[v[0]]}" for v in texts.values())
        faults.append(f"{len(wrong)} of {len(read['layers'])} layers: {worst}")
    return faults


def compare_set(rope, seen):
    """Faults of the spectrum and magnitude of one rotation."""
    faults = []
    inv_freq = np.array(rope["inv_freq"])
    label = rope["layer_type"]
    name = label or "A"
    known = [v for n, v in seen["spectra"] if not label or n.startswith(label) or n == "inv_freq"]
    known = known or [v for _, v in seen["spectra"]]
    if known and np.any(inv_freq):  # Else positions cancel in the scores, and the magnitude is left.
        pool = np.abs(np.concatenate([*[v.reshape(-1) for v in known], [0.0]]))
        if rope["positions"] == "centered_row_column":  # DINOv3 keeps 2 pi out of its frequencies.
            pool = np.concatenate([pool, 2 * np.pi * pool])
        apart = max(np.min(np.abs(pool - abs(f))) / abs(f) if f else 0.0 for f in inv_freq)
        if apart > SPECTRUM:
            faults.append(f"spectrum of set {name} differs by {apart:.2g}")
        same = [v for v in known if v.size == inv_freq.size]
        if same and "axes" not in rope:
            scale = [np.maximum(np.abs(v), 1e-30) for v in same]
            apart = min(np.max(np.abs(np.abs(v) - np.abs(inv_freq)) / s) for v, s in zip(same, scale))
            if apart > SPECTRUM:
                faults.append(f"spectrum of set {name} differs by {apart:.2g} pair by pair")
    values = [a for n, a in seen["magnitudes"] if not label or not n or n == label]
    states = {"queries_keys_values": 3}.get(rope["rotates"])
    counts = {len(after) for name, _, after in seen["rotations"] if "deinterleave" not in name}
    if (states == 3) != (3 in counts and rotated_values(rope, seen)):
        faults.append(f"rotates {rope['rotates']}, seen calls with {sorted(counts)} results")
    if values and min(abs(a / rope["magnitude"] - 1) for a in values) > 1e-5:
        faults.append(f"magnitude {rope['magnitude']:.6g}, seen {sorted({round(a, 6) for a in values})}")
    return faults


def rotated_values(rope, seen):
    """Whether the third result of calls that rotate is rotated as queries and keys are."""
    own = {**rope, "offset": 0}
    worst = 0.0
    for _, _, after in seen["rotations"]:
        if len(after) == 3 and not after[2].is_meta:
            x = after[2].double().reshape(-1, *after[2].shape[-2:])[0].numpy()
            worst = max(worst, difference(x, [own], seen["positions"][: len(x)], False))
    return worst <= ROTATED


def compare_layers(read, seen, calls):
    """Layer -> what is wrong with it, by the queries and keys of each attention call."""
    dealt = is_dealt(seen["rotations"])
    per_layer = len(calls) / max(1, len({c[0] for c in calls}))
    by_order = per_layer > 1 and (not seen["whole"] or len(calls) == len(read["layers"]))
    touched, wrong = set(), {}
    for order, (index, q, k) in enumerate(calls):
        layer = order if by_order or index < 0 else index
        touched.add(layer)
        if layer >= len(read["layers"]):
            wrong[layer] = "no such layer"
            continue
        entry = read["layers"][layer]
        ropes = [read["sets"][i] for i in entry["sets"]]
        if ropes and ropes[0]["head_dim"] == q.shape[0] * q.shape[-1]:  # All heads count as one.
            q, k = (x.transpose(0, 1).reshape(1, x.shape[1], -1) for x in (q, k))
        if ropes and ropes[0]["rotates"] == "attention_inputs":
            if order >= len(seen["inputs"]):
                wrong[layer] = "no rotated hidden states were seen"
                continue
            q = k = seen["inputs"][order][2]
        elif seen["inputs"]:
            wrong[layer] = "hidden states rotate"
            continue
        if any(rope["head_dim"] != q.shape[-1] for rope in ropes):
            wrong[layer] = f"head_dim {ropes[0]['head_dim']}, seen {q.shape[-1]}"
            continue
        apart = 0.0
        for which, x in enumerate((q[0], q[-1], k[0], k[-1])):
            x = x.double().numpy()
            if which < 2 and "temperature" in entry and len(x) == len(seen["positions"]):
                x = x / factor(entry["temperature"], seen["positions"][:, 0])[:, None]
            apart = max(apart, compare_tokens(x, ropes, seen, dealt))
        if not apart <= ROTATED:
            wrong[layer] = f"q or k differs by {apart:.2g}"
    for layer, entry in enumerate(read["layers"]):
        if entry["sets"] and layer not in touched and (seen["whole"] or layer < max(touched, default=0)):
            wrong[layer] = "rotates, and no attention was seen"
    return wrong


def compare_tokens(x, ropes, seen, dealt):
    """The difference of one head, tokens x channels."""
    if seen["grid"] is None or not ropes or "axes" not in ropes[0]:
        # The last position is far away where a rule for long sequences is to be seen.
        count = min(len(x), len(seen["positions"]) - (seen["positions"].max() > 1000))
        return difference(x[:count], ropes, seen["positions"][:count], dealt)
    grid = seen["grid"]
    skip = max(0, len(x) - len(grid)) if seen["skips"] else 0
    side = round(len(x) ** 0.5)
    if len(x) < len(grid) and side * side == len(x):  # A window of a square picture.
        index = np.arange(len(x))
        grid = np.stack([index // side, index % side], -1).astype(float)
        if (ropes[0]["positions"] == "column_row") != seen.get("flip", False):
            grid = grid[:, ::-1]
    part = x[skip:][: len(grid)]
    if seen["raster"]:
        return min(difference(part, ropes, grid * scale, dealt) for scale in seen["scales"])
    return grid_difference(part, ropes, grid)


def what_would_do(read, seen):
    """Which other pairs or order of axes a picture tower was seen to have."""
    found = []
    for pairs in ("half_split", "interleaved"):
        for flip in (False, True):
            other = {**read, "sets": [{**rope, "pairs": pairs} for rope in read["sets"]]}
            flipped = {**seen, "flip": flip, "grid": seen["grid"][:, ::-1] if flip else seen["grid"]}
            if not compare(other, flipped, False):
                axes = "rows and columns exchanged" if flip else "the same axes"
                found.append(f"right with {pairs} pairs and {axes}")
    return found
