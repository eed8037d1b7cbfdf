#!/usr/bin/env python3
"""What int8 quantization loses on the MLPerf Tiny networks: milliwatt beside TensorFlow's converter.

For each network it makes 100 seeded calibration inputs and 100 others of the kind that the network takes,
quantizes with both, and prints the SQNR of the outputs against the float model (dB); it also checks that
LiteRT's reference kernels give the same bytes as `milliwatt run`.
Needs Python with tensorflow, tf_keras and ai_edge_litert.

  bench/quantize_sqnr.py --models ../shared/models --kws ../shared/data/kws/kws_test.npz \
      --milliwatt build/milliwatt --work build/bench/sqnr
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
import numpy as np

N = 100
NETWORKS = {  # name: (folder of model.h5, kind of input)
    "kws": ("kws_float", "mfcc"),
    "vww": ("vww_float", "image01"),
    "resnet": ("resnet_float", "image255"),
    "ad": ("ad_float", "spectrogram"),
    "wakeword": ("wakeword_int8", "wake"),
}


def smooth_images(rng, n, side, channels=3):
    """Blends of coarse random fields at several scales (like photographs: 1/f) and a little noise."""
    out = np.empty((n, side, side, channels), np.float32)
    for i in range(n):
        image = np.zeros((side, side, channels))
        for cells in (2, 4, 8, 16):
            grid = rng.normal(size=(cells + 1, cells + 1, channels)) * 0.7 + rng.normal(size=(cells + 1, cells + 1, 1))
            at = np.linspace(0, cells, side)
            low = np.minimum(at.astype(int), cells - 1)
            t = at - low
            rows = grid[low] * (1 - t)[:, None, None] + grid[low + 1] * t[:, None, None]
            image += (rows[:, low] * (1 - t)[None, :, None] + rows[:, low + 1] * t[None, :, None]) / cells ** 0.7
        image = image * rng.uniform(0.1, 0.3) + rng.uniform(0.25, 0.6)
        image += rng.normal(size=image.shape) * rng.uniform(0.0, 0.05)
        out[i] = np.clip(image, 0, 1)
    return out


def real_inputs(folder):
    """The published inputs of a network as reals: a few recordings or photographs."""
    cases = np.load(folder / "inputs.npz")
    x = np.concatenate([cases[k] for k in sorted(cases.files) if k.endswith("_in_0")])
    if x.dtype == np.float32:
        return x
    from ai_edge_litert.interpreter import Interpreter
    scale, zero = Interpreter(model_path=str(folder / "model.tflite")).get_input_details()[0]["quantization"]
    return (x.astype(np.float32) - zero) * np.float32(scale)


def shifted(rng, real, n):
    """Real inputs, moved along their first axis and mirrored."""
    out = real[rng.integers(0, len(real), n)].copy()
    for i in range(n):
        out[i] = np.roll(out[i], rng.integers(0, out.shape[1]), axis=0)
        if rng.uniform() < 0.5 and out.shape[-1] == 3:
            out[i] = out[i][:, ::-1]
    return out


def blend(rng, real, made):
    """Real and made inputs in all mixtures, so that outputs are spread and not saturated."""
    n = len(made)
    w = rng.uniform(0, 1, n).astype(np.float32).reshape(n, *[1] * (made.ndim - 1))
    return shifted(rng, real, n) * w + made * (1 - w)


def samples(kind, n, seed, kws_path, folder):
    rng = np.random.default_rng(seed)
    if kind == "mfcc":  # recordings, two of them blended
        x = (np.load(kws_path)["x"].astype(np.float32) - 83) * np.float32(0.5847029)
        half = len(x) // 2
        x = x[:half] if seed % 2 == 0 else x[half:]
        a, b = rng.integers(0, half, n), rng.integers(0, half, n)
        w = (rng.uniform(0, 0.3, n) * (rng.uniform(size=n) < 0.5)).astype(np.float32)[:, None, None, None]
        return x[a] * (1 - w) + x[b] * w
    if kind == "image01":
        x = blend(rng, real_inputs(folder), smooth_images(rng, n, 96))
        return np.round(x * 255).astype(np.float32) / np.float32(255)
    if kind == "image255":
        return np.round(blend(rng, real_inputs(folder), smooth_images(rng, n, 32) * 255)).astype(np.float32)
    if kind == "spectrogram":  # five frames of 128 log-mel bins: falling spectrum, a few tones, frame noise
        out = np.empty((n, 5, 128))
        for i in range(n):
            bins = np.arange(128)
            base = rng.uniform(-0.6, 0.1) - rng.uniform(0.5, 1.6) * (bins / 128) ** rng.uniform(0.4, 1)
            for _ in range(rng.integers(2, 8)):
                base = base + rng.uniform(0.1, 0.9) * np.exp(-((bins - rng.uniform(0, 128)) / rng.uniform(1, 6)) ** 2)
            out[i] = base + rng.normal(size=(5, 128)) * rng.uniform(0.08, 0.25)
        return blend(rng, real_inputs(folder), out.reshape(n, 640).astype(np.float32))
    if kind == "wake":  # 30 frames of 40 log-mel bins in [0, 1]
        out = np.empty((n, 30, 1, 40))
        for i in range(n):
            t, f = np.arange(30)[:, None], np.arange(40)[None, :]
            x = np.full((30, 40), rng.uniform(0.02, 0.2))
            for _ in range(rng.integers(2, 7)):
                x = x + rng.uniform(0.1, 0.5) * np.exp(-((t - rng.uniform(0, 30)) / rng.uniform(2, 8)) ** 2
                                                       - ((f - rng.uniform(0, 40)) / rng.uniform(1, 6)) ** 2)
            out[i, :, 0] = np.clip(x + rng.normal(size=x.shape) * rng.uniform(0.01, 0.06), 0, 1)
        return blend(rng, real_inputs(folder), out.astype(np.float32))
    raise ValueError(kind)


def sqnr(want, got):
    error = ((want.astype(np.float64) - got) ** 2).sum()
    return float("inf") if error == 0 else 10 * np.log10((want.astype(np.float64) ** 2).sum() / error)


def run_litert(model, x, raw=False):
    """Outputs of LiteRT's reference kernels, sample by sample; dequantized unless raw."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
    it = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF, num_threads=1)
    it.allocate_tensors()
    i, o = it.get_input_details()[0], it.get_output_details()[0]
    out = []
    for s in x:
        q = s[None]
        if i["dtype"] != np.float32 and q.dtype == np.float32:
            info = np.iinfo(i["dtype"])
            q = np.clip(np.round(q / np.float32(i["quantization"][0])) + i["quantization"][1], info.min, info.max)
        it.set_tensor(i["index"], q.astype(i["dtype"]))
        it.invoke()
        out.append(it.get_tensor(o["index"])[0].copy())
    out = np.stack(out)
    if raw or o["dtype"] == np.float32:
        return out
    return (out.astype(np.float32) - o["quantization"][1]) * np.float32(o["quantization"][0])


def tf_convert(keras_model, calib, mode):
    import tensorflow as tf
    c = tf.lite.TFLiteConverter.from_keras_model(keras_model)
    if mode == "float":
        return c.convert()
    c.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "dynamic":
        return c.convert()
    c.representative_dataset = lambda: ([s[None]] for s in calib)
    if mode == "int16x8":
        c.target_spec.supported_ops = [tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
        c.inference_input_type = c.inference_output_type = tf.int16
    else:
        c.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        c.inference_input_type = c.inference_output_type = tf.int8
    if mode == "int8-per-tensor":
        c._experimental_disable_per_channel = True
    return c.convert()


BEST = ["--equalize", "--bias-correction", "--adaround"]
OURS = {  # column: arguments of `milliwatt quantize`
    "int8": ["--scheme", "int8"],
    "int8 best": ["--scheme", "int8", *BEST],
    "int16x8": ["--scheme", "int16x8"],
    "dynamic": ["--scheme", "dynamic"],
    "int4": ["--scheme", "int4"],
    "int4 best": ["--scheme", "int4", *BEST],
}


def ours(args, h5, folder, column, arguments):
    out = folder / f"ours_{column.replace(' ', '_')}.tflite"
    subprocess.run([args.milliwatt, "quantize", h5, "-o", out, "--calibrate", folder / "calib.npz", *arguments],
                   check=True, stdout=subprocess.DEVNULL)
    return out


def same_bytes(args, folder, model, test):
    """Whether `milliwatt run` and LiteRT give the same bytes on the test inputs in the model's own type; float
    outputs may differ by rounding."""
    from ai_edge_litert.interpreter import Interpreter
    it = Interpreter(model_path=str(model))
    i = it.get_input_details()[0]
    x = test
    if i["dtype"] != np.float32:
        info = np.iinfo(i["dtype"])
        x = np.clip(np.round(test / np.float32(i["quantization"][0])) + i["quantization"][1],
                    info.min, info.max).astype(i["dtype"])
    np.save(folder / "in.npy", x)
    subprocess.run([args.milliwatt, "run", model, "--input", folder / "in.npy", "--output", folder / "run"],
                   check=True, stdout=subprocess.DEVNULL)
    got = np.load(folder / "run" / "out_0.npy")
    want = run_litert(model.read_bytes(), x, raw=True)
    if i["dtype"] == np.float32:  # hybrid kernels: floats that differ in the last bit may round to another integer
        return sqnr(want, got.reshape(want.shape)) > 50
    return got.tobytes() == want.tobytes()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--models", type=pathlib.Path, required=True)
    p.add_argument("--kws", type=pathlib.Path, required=True)
    p.add_argument("--milliwatt", default="build/milliwatt")
    p.add_argument("--work", type=pathlib.Path, default=pathlib.Path("build/bench/sqnr"))
    p.add_argument("--only", action="append", choices=list(NETWORKS))
    p.add_argument("--column", action="append", choices=list(OURS), help="which of our columns; default: all")
    p.add_argument("--tf-only", action="store_true", help="the peer's figures alone, kept in the work folder")
    args = p.parse_args()
    bad = False
    for name in args.only or NETWORKS:
        sub, kind = NETWORKS[name]
        folder = args.work / name
        folder.mkdir(parents=True, exist_ok=True)
        h5 = args.models / sub / "model.h5"
        calib = samples(kind, N, 1000, args.kws, args.models / sub)
        test = samples(kind, N, 2001, args.kws, args.models / sub)
        np.savez(folder / "calib.npz", x=calib)
        np.savez(folder / "test.npz", x=test)
        peer_file = folder / "peer.json"
        if not peer_file.exists():
            import tf_keras
            model = tf_keras.models.load_model(h5, compile=False)
            np.save(folder / "want.npy", model.predict(test, verbose=0))
            peer = {}
            for mode in ("float", "int8", "int8-per-tensor", "int16x8", "dynamic"):
                content = tf_convert(model, calib, mode)
                (folder / f"tf_{mode}.tflite").write_bytes(content)
                peer[mode] = sqnr(np.load(folder / "want.npy"), run_litert(content, test))
            peer_file.write_text(json.dumps(peer))
        want = np.load(folder / "want.npy")
        row = {f"TF {k}": v for k, v in json.loads(peer_file.read_text()).items() if k != "float"}
        if not args.tf_only:
            for column in args.column or OURS:
                out = ours(args, h5, folder, column, OURS[column])
                row[column] = sqnr(want, run_litert(out.read_bytes(), test))
                if not same_bytes(args, folder, out, test):
                    print(f"{name}: {column}: LiteRT and milliwatt run differ", file=sys.stderr)
                    bad = True
        print(f"{name:9}" + "".join(f"  {k} {v:.1f}" for k, v in row.items()), flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
