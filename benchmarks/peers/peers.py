#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times posenc beside other libraries: one thread, the same data, in turn.

    python3 benchmarks/peers/peers.py [--quick]

runs what is there of these, and says in one line what is not:

    torch; onnx with onnxruntime; openvino    what Python can import
    CTranslate2    the library of the Python package ctranslate2, and the folder `include` of its sources in
                   CTRANSLATE2_INCLUDE
    ggml           a folder with include/ and its libraries in GGML, or else the Python package libggml
    SLEEF          libsleef and its header; libmvec of glibc

It builds driver.cpp with CXX (g++) and the flags of CXXFLAGS (-O3 -march=native) into build/peers. Printed is, for each
case, how many times as fast posenc is as the peer: the median over rounds, each of which times both one after the other,
and in brackets the quarters below and above it. RoPE also shows its share of the speed of moving as many bytes, in the
same rounds. The last word of a line is `ahead` from 1.3 on, `bytes` where posenc is at .9 of moving the bytes, so that
nobody can be far ahead, `BEHIND` where the peer is faster, `close` elsewhere. Time is that of the thread, so that what
else runs on the machine disturbs caches only. A call from Python costs both sides about a microsecond, which is most of
what one token takes. Not part of any test.

Tables: RoPE gets cosines and sines in both, but beside ggml, where both make theirs in each call. "in place" stands
beside a peer that cannot, and writes elsewhere.
"""
import argparse
import ctypes
import glob
import importlib.metadata
import importlib.util
import os
import pathlib
import statistics
import subprocess
import time

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
import numpy as np  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
HEADS, HEAD_DIM = 32, 128


def folder_of(package):
    """Where a Python package lies, without importing it, or None."""
    spec = importlib.util.find_spec(package)
    return None if spec is None or not spec.submodule_search_locations else spec.submodule_search_locations[0]


def found_libraries():
    """Options of the compiler for the C and C++ libraries that are here."""
    options = []
    ggml = os.environ.get("GGML", folder_of("libggml"))
    if ggml is None:
        print("ggml is not here (GGML, or the Python package libggml): its rows are left out")
    else:
        options += ["-isystem", f"{ggml}/include"]
        for name in ("ggml-cpu", "ggml-base"):
            path = glob.glob(f"{ggml}/**/lib{name}.so", recursive=True)[0]
            options += [path, f"-Wl,-rpath,{os.path.dirname(path)}"]
    package, include = folder_of("ctranslate2"), os.environ.get("CTRANSLATE2_INCLUDE")
    if package is None or include is None:
        print("CTranslate2 is not here (its Python package and CTRANSLATE2_INCLUDE): its rows are left out")
    else:
        path = glob.glob(f"{package}.libs/libctranslate2*.so*")[0]
        options += ["-isystem", include, path, f"-Wl,-rpath,{os.path.dirname(path)}"]
    if os.path.exists("/usr/include/sleef.h") or glob.glob("/usr/include/*/sleef.h"):
        options += ["-lsleef"]
    return options


def build():
    folder = REPOSITORY / "build" / "peers"
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / "libpeers.so"
    source = HERE / "driver.cpp"
    libraries = found_libraries()
    newest = max(path.stat().st_mtime for path in [source, *(REPOSITORY / "include").rglob("*")])
    if not library.exists() or library.stat().st_mtime < newest:
        flags = os.environ.get("CXXFLAGS", "-O3 -march=native").split()
        eigen = os.environ.get("EIGEN_INCLUDE", "/usr/include/eigen3")
        command = [os.environ.get("CXX", "g++"), "-std=c++17", *flags, "-DNDEBUG", "-fPIC", "-shared"]
        command += ["-isystem", eigen, "-I", REPOSITORY / "include", source, "-o", library, *libraries, "-lmvec"]
        subprocess.run(command, check=True)
    return ctypes.CDLL(str(library))


def pointer(array):
    return ctypes.c_void_p(array.ctypes.data)


def size(value):
    return ctypes.c_int64(value)


class Race:
    """Rounds of two functions in turn."""

    def __init__(self, quick):
        self.seconds = 0.3 if quick else 2.0

    @staticmethod
    def repetitions(run):
        run()  # pages that are written for the first time
        count = 1
        while True:
            start = time.thread_time()
            for _ in range(count):
                run()
            if time.thread_time() - start > 1e-3:
                return count
            count *= 2

    def run(self, case, peer, ours, theirs, moving=None):
        runs = (ours, theirs) if moving is None else (ours, theirs, moving)
        counts = [self.repetitions(run) for run in runs]
        ratios, shares = [], []
        end = time.perf_counter() + self.seconds
        while len(ratios) < 11 or time.perf_counter() < end:
            seconds = []
            for run, count in zip(runs, counts):
                start = time.thread_time()
                for _ in range(count):
                    run()
                seconds.append((time.thread_time() - start) / count)
            ratios.append(seconds[1] / seconds[0])
            shares.append(seconds[-1] / seconds[0])
        low, middle, high = statistics.quantiles(ratios, n=4)
        share = None if moving is None else statistics.median(shares)
        verdict = "ahead" if middle >= 1.3 else "bytes" if share is not None and share >= 0.9 else "BEHIND" if middle < 1 else "close"
        moved = "" if share is None else f"{share:.2f} of moving the bytes"
        print(f"{case:44} {peer:28} {middle:7.2f}  [{low:.2f}, {high:.2f}]  {moved:26} {verdict}", flush=True)


def imported(name):
    try:
        return __import__(name)
    except ImportError:
        print(f"{name} cannot be imported: its rows are left out")
        return None


def angles(tokens):
    inv_freq = 10000.0 ** (-2.0 * np.arange(HEAD_DIM // 2) / HEAD_DIM)
    table = np.arange(tokens)[:, None] * inv_freq[None, :]
    return inv_freq, np.cos(table).astype(np.float32), np.sin(table).astype(np.float32)


def mover(posenc, out, x):
    arguments = (pointer(out), pointer(x), size(x.nbytes // 4), ctypes.c_float(1.0))
    return lambda: posenc.move_bytes(*arguments)


def onnx_session(onnx, runtime, interleaved, scalar):
    kind = onnx.TensorProto.FLOAT if scalar == np.float32 else onnx.TensorProto.FLOAT16
    value = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node(
        "RotaryEmbedding", ["x", "ids", "cos", "sin"], ["y"], domain="com.microsoft", interleaved=int(interleaved), num_heads=HEADS
    )
    graph = onnx.helper.make_graph(
        [node],
        "rope",
        [
            value("x", kind, [1, None, HEADS * HEAD_DIM]),
            value("ids", onnx.TensorProto.INT64, [1, None]),
            value("cos", kind, [None, HEAD_DIM // 2]),
            value("sin", kind, [None, HEAD_DIM // 2]),
        ],
        [value("y", kind, [1, None, HEADS * HEAD_DIM])],
    )
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("com.microsoft", 1)]
    model = onnx.helper.make_model(graph, opset_imports=opsets)
    model.ir_version = 8
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def onnx_rope(race, posenc, tokens):
    onnx, runtime = imported("onnx"), imported("onnxruntime")
    if onnx is None or runtime is None:
        return
    _, cos, sin = angles(tokens)
    for scalar, function in ((np.float32, posenc.posenc_rope_float), (np.float16, posenc.posenc_rope_half)):
        x = np.random.default_rng(1).standard_normal((1, tokens, HEADS * HEAD_DIM)).astype(scalar)
        out = np.zeros_like(x)
        kept = x.copy()
        for interleaved in (False, True):
            session = onnx_session(onnx, runtime, interleaved, scalar)
            binding = session.io_binding()
            y = np.zeros_like(x)
            for name, array in {
                "x": x,
                "ids": np.arange(tokens, dtype=np.int64)[None, :],
                "cos": cos.astype(scalar),
                "sin": sin.astype(scalar),
            }.items():
                binding.bind_cpu_input(name, array)
            binding.bind_output("y", "cpu", 0, scalar, y.shape, y.ctypes.data)
            rest = (pointer(cos), pointer(sin), size(tokens), size(HEADS), size(HEAD_DIM), ctypes.c_int(not interleaved))
            forward = (pointer(out), pointer(x), *rest)
            in_place = (pointer(kept), pointer(kept), *rest)
            function(*forward)
            session.run_with_iobinding(binding)
            apart = np.abs(out.astype(np.float32) - y.astype(np.float32)).max()
            assert apart < (1e-5 if scalar == np.float32 else 2e-2), apart
            case = f"rope {np.dtype(scalar).name} {'interleaved' if interleaved else 'half-split'} {tokens}"
            peer = f"ONNX Runtime {runtime.__version__}"
            theirs = lambda: session.run_with_iobinding(binding)  # noqa: E731
            race.run(case, peer, lambda: function(*forward), theirs, mover(posenc, out, x))
            race.run(case + ", in place", peer, lambda: function(*in_place), theirs, mover(posenc, kept, kept))


def openvino_model(openvino, cos, sin, tokens):
    """x cos + rotate_half(x) sin as exported models have it, which its CPU plugin makes one operation of."""
    opset = openvino.opset13
    half = HEAD_DIM // 2
    x = opset.parameter([1, HEADS, tokens, HEAD_DIM], np.float32, "x")
    table = [opset.constant(np.concatenate([part, part], 1)[None, None]) for part in (cos, sin)]

    def piece(first, last):
        return opset.slice(x, opset.constant([first]), opset.constant([last]), opset.constant([1]), opset.constant([3]))

    negated = opset.multiply(piece(half, HEAD_DIM), opset.constant(np.float32(-1)))
    rotated = opset.concat([negated, piece(0, half)], axis=-1)
    y = opset.add(opset.multiply(x, table[0]), opset.multiply(rotated, table[1]))
    return openvino.Model([y], [x])


def openvino_rope(race, posenc, tokens):
    openvino = imported("openvino")
    if openvino is None:
        return
    _, cos, sin = angles(tokens)
    options = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(openvino_model(openvino, cos, sin, tokens), "CPU", options)
    kinds = {node.get_rt_info()["layerType"].astype(str) for node in compiled.get_runtime_model().get_ops()}
    request = compiled.create_infer_request()
    x = np.random.default_rng(1).standard_normal((1, HEADS, tokens, HEAD_DIM)).astype(np.float32)
    y, out = np.zeros_like(x), np.zeros_like(x)
    request.set_input_tensor(openvino.Tensor(x, shared_memory=True))
    request.set_output_tensor(openvino.Tensor(y, shared_memory=True))
    arguments = (pointer(out), pointer(x), pointer(cos), pointer(sin), size(tokens), size(HEADS), size(HEAD_DIM), ctypes.c_int(1))
    ours = lambda: posenc.posenc_rope_by_head(*arguments)  # noqa: E731
    ours()
    request.infer()
    assert np.abs(out - y).max() < 1e-5
    peer = f"OpenVINO {openvino.__version__.split('-')[0]}" + ("" if "RoPE" in kinds else ", not fused")
    race.run(f"rope float32 half-split {tokens}, by head", peer, ours, request.infer, mover(posenc, out, x))


def ctranslate2_rope(race, posenc, tokens):
    if not posenc.have_ctranslate2():
        return
    posenc.ctranslate2_make.restype = ctypes.c_void_p
    _, cos, sin = angles(tokens)
    x = np.random.default_rng(1).standard_normal((1, HEADS, tokens, HEAD_DIM)).astype(np.float32)
    y, out = np.zeros_like(x), np.zeros_like(x)
    for interleaved in (False, True):
        wide = [np.repeat(part, 2, 1) if interleaved else np.concatenate([part, part], 1) for part in (cos, sin)]
        sizes = (size(tokens), size(HEADS), size(HEAD_DIM), ctypes.c_int(not interleaved))
        made = posenc.ctranslate2_make(pointer(y), pointer(x), pointer(wide[0]), pointer(wide[1]), *sizes)
        kept = ctypes.c_void_p(made)
        theirs = lambda: posenc.ctranslate2_run(kept)  # noqa: E731
        arguments = (pointer(out), pointer(x), pointer(cos), pointer(sin), *sizes)
        ours = lambda: posenc.posenc_rope_by_head(*arguments)  # noqa: E731
        ours()
        theirs()
        assert np.abs(out - y).max() < 1e-5
        case = f"rope float32 {'interleaved' if interleaved else 'half-split'} {tokens}, by head"
        race.run(case, f"CTranslate2 {race.ctranslate2}", ours, theirs, mover(posenc, out, x))
        posenc.ctranslate2_drop(kept)


def ggml_rope(race, posenc, tokens):
    if not posenc.have_ggml():
        return
    posenc.ggml_make.restype = ctypes.c_void_p
    posenc.ggml_result.restype = ctypes.c_void_p
    functions = ((np.float32, posenc.posenc_table_and_rope_float), (np.float16, posenc.posenc_table_and_rope_half))
    for scalar, function in functions:
        x = np.random.default_rng(1).standard_normal((tokens, HEADS, HEAD_DIM)).astype(scalar)
        out = np.zeros_like(x)
        for interleaved in (False, True):
            half_split = ctypes.c_int(not interleaved)
            sizes = (size(tokens), size(HEADS), size(HEAD_DIM), half_split, ctypes.c_int(scalar == np.float16))
            kept = ctypes.c_void_p(posenc.ggml_make(pointer(x), *sizes))
            theirs = lambda: posenc.ggml_run(kept)  # noqa: E731
            arguments = (pointer(out), pointer(x), size(tokens), size(HEADS), half_split)
            ours = lambda: function(*arguments)  # noqa: E731
            ours()
            theirs()
            y = np.ctypeslib.as_array((ctypes.c_char * x.nbytes).from_address(posenc.ggml_result(kept)))
            y = y.view(scalar).reshape(x.shape)
            apart = np.abs(out.astype(np.float32) - y.astype(np.float32)).max()
            assert apart < 2e-2, apart  # its angles are products of floats
            case = f"rope and table {np.dtype(scalar).name} {'interleaved' if interleaved else 'half-split'} {tokens}"
            race.run(case, "ggml", ours, theirs, mover(posenc, out, x))
            posenc.ggml_drop(kept)


def torch_cases(race, posenc, tokens):
    torch = imported("torch")
    if torch is None:
        return
    torch.set_num_threads(1)
    peer = f"torch {torch.__version__.split('+')[0]}"
    _, cos, sin = angles(tokens)
    x = np.random.default_rng(1).standard_normal((tokens, HEADS, HEAD_DIM)).astype(np.float32)
    out = np.zeros_like(x)
    tensor = torch.from_numpy(x)
    wide_cos = torch.from_numpy(np.concatenate([cos, cos], 1))[:, None, :]
    wide_sin = torch.from_numpy(np.concatenate([sin, sin], 1))[:, None, :]
    rest = (pointer(cos), pointer(sin), size(tokens), size(HEADS), size(HEAD_DIM))
    arguments = [(pointer(out), pointer(x), *rest, ctypes.c_int(half_split)) for half_split in (0, 1)]
    ours = lambda half_split: posenc.posenc_rope_float(*arguments[half_split])  # noqa: E731
    moving = mover(posenc, out, x)
    complex_table = torch.complex(torch.from_numpy(cos), torch.from_numpy(sin))[:, None, :]
    weight = np.ones(HEAD_DIM, np.float32)
    torch_weight = torch.from_numpy(weight)

    def rotate_half(y):
        half = HEAD_DIM // 2
        return y * wide_cos + torch.cat([-y[..., half:], y[..., :half]], -1) * wide_sin

    def as_complex():
        return torch.view_as_real(torch.view_as_complex(tensor.reshape(tokens, HEADS, -1, 2)) * complex_table).flatten(2)

    def norm_and_rotate():
        return rotate_half(tensor * torch.rsqrt(tensor.pow(2).mean(-1, keepdim=True) + 1e-6) * torch_weight)

    with torch.inference_mode():
        ours(1)
        assert np.abs(out - rotate_half(tensor).numpy()).max() < 1e-5
        race.run(f"rope float32 half-split {tokens}", peer + " rotate_half", lambda: ours(1), lambda: rotate_half(tensor), moving)
        ours(0)
        assert np.abs(out - as_complex().numpy()).max() < 1e-5
        race.run(f"rope float32 interleaved {tokens}", peer + " complex", lambda: ours(0), as_complex, moving)
        kept = x.copy()
        normed = (pointer(kept), pointer(weight), *rest)
        norm = lambda: posenc.posenc_norm_rope(*normed)  # noqa: E731
        norm()
        assert np.abs(kept - norm_and_rotate().numpy()).max() < 1e-5
        race.run(f"norm and rope float32 {tokens}, in place", peer, norm, norm_and_rotate)


def torch_additions(race, posenc):
    torch = imported("torch")
    if torch is None:
        return
    peer = f"torch {torch.__version__.split('+')[0]}"
    posenc.posenc_kept_sinusoids.restype = ctypes.c_void_p
    posenc.posenc_window_table.restype = ctypes.c_void_p
    with torch.inference_mode():
        for tokens in (64, 1024, 16384):
            x = np.zeros((tokens, 512), np.float32)
            kept = torch.randn(tokens, 512)
            table = ctypes.c_void_p(posenc.posenc_kept_sinusoids(size(tokens), size(512)))
            target = torch.from_numpy(x)
            arguments = (pointer(x), table, size(tokens), size(512))
            ours = lambda: posenc.posenc_add_kept_sinusoids(*arguments)  # noqa: E731
            race.run(f"kept sinusoids added, {tokens} x 512", peer, ours, lambda: target.add_(kept))
        for side, windows, heads in ((7, 64, 3), (7, 64, 12), (7, 64, 32), (12, 8, 4)):
            count = side * side
            logits = np.zeros((windows, heads, count, count), np.float32)
            weights = np.random.default_rng(2).standard_normal(((2 * side - 1) ** 2, heads)).astype(np.float32)
            table = ctypes.c_void_p(posenc.posenc_window_table(pointer(weights), size(side), size(heads)))
            rows, columns = np.divmod(np.arange(count), side)
            index = (rows[:, None] - rows + side - 1) * (2 * side - 1) + columns[:, None] - columns + side - 1
            by_index = torch.from_numpy(index.reshape(-1))
            given, target = torch.from_numpy(weights), torch.from_numpy(logits)

            def theirs():
                bias = given[by_index].view(count, count, -1).permute(2, 0, 1).contiguous()
                target.add_(bias.unsqueeze(0))

            arguments = (pointer(logits), table, size(windows), size(side), size(heads))
            ours = lambda: posenc.posenc_add_window_bias(*arguments)  # noqa: E731
            ours()
            expected = torch.from_numpy(np.zeros_like(logits)) + given[by_index].view(count, count, -1).permute(2, 0, 1)
            assert np.abs(logits - expected.numpy()).max() == 0
            race.run(f"Swin {side} x {side}, {windows} windows, {heads} heads", peer, ours, theirs)


def table_cases(race, posenc):
    peers = []
    for name, has in (("libmvec", posenc.have_libmvec), ("sleef", posenc.have_sleef)):
        if has():
            peers.append((name, getattr(posenc, f"{name}_table")))
        else:
            print(f"{name} is not here: its rows are left out")
    inv_freq, _, _ = angles(1)
    for rows in (1, 1024):
        cos, sin = np.zeros((rows, 64), np.float32), np.zeros((rows, 64), np.float32)
        arguments = (pointer(cos), pointer(sin), size(rows))
        ours = lambda: posenc.posenc_table(*arguments)  # noqa: E731
        for name, function in peers:
            given = (pointer(cos), pointer(sin), pointer(inv_freq), size(rows))
            race.run(f"table of {rows} rows x 64 pairs", f"{name} double", ours, lambda: function(*given))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="0.3 s for each row instead of 2")
    race = Race(parser.parse_args().quick)
    posenc = build()
    if posenc.have_ctranslate2():
        race.ctranslate2 = importlib.metadata.version("ctranslate2")
    print(f"{'case':44} {'peer':28} {'posenc is':>9} times as fast, [quarters]")
    for tokens in (1, 64, 512, 4096):
        ggml_rope(race, posenc, tokens)
        onnx_rope(race, posenc, tokens)
        ctranslate2_rope(race, posenc, tokens)
        openvino_rope(race, posenc, tokens)
        torch_cases(race, posenc, tokens)
    torch_additions(race, posenc)
    table_cases(race, posenc)


if __name__ == "__main__":
    main()
