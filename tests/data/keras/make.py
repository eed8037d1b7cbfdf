#!/usr/bin/env python3
# Small Keras models with Keras's own predictions, one file form each: make.py [--to FOLDER] [NAME...]
# Needs keras 3, tf_keras, tensorflow. Random weights and inputs from a seed of the case's name.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import pathlib
import sys
import zlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import keras
import tf_keras
import tensorflow as tf

FORMS = ["legacy_h5", "keras3_zip", "keras3_h5", "legacy_zip"]
cases = []


def case(name, *shapes, form=None, dtype="float32", gen=None, refused=False, runs=1):
    def note(build):
        cases.append((name, shapes, build, form, dtype, gen, refused, runs))
        return build
    return note


def seq(name, shape, *layers, **options):
    def build(K, L):
        dtype = options.get("dtype", "float32")
        first = K.Input(batch_shape=(2,) + shape, dtype=dtype) if "runs" in options else K.Input(shape, dtype=dtype)
        return K.Sequential([first] + [f(L) for f in layers])
    case(name, shape, **options)(build)


def ids(rng, shape):  # 0 is masked; the first step counts
    a = np.where(rng.uniform(size=shape) < 0.4, 0, rng.integers(1, 10, shape))
    a[:, 0] = 3
    return a


def steps(rng, shape):  # the last steps are zero
    a = rng.normal(size=shape)
    for i in range(shape[0]):
        a[i, int(rng.integers(1, shape[1])):] = 0
    return a


def whole(rng, shape):
    return rng.integers(0, 6, shape)


seq("conv3d_groups", (4, 5, 4, 4), lambda L: L.Conv3D(6, (2, 3, 2), groups=2, padding="same"))
seq("conv3d_transpose", (3, 2, 4, 2), lambda L: L.Conv3DTranspose(3, 2, strides=(1, 2, 3)))
seq("pool3d", (5, 7, 6, 3), lambda L: L.AveragePooling3D((2, 3, 2), strides=(1, 2, 3), padding="same"),
    lambda L: L.MaxPooling3D(2), lambda L: L.UpSampling3D((2, 1, 3)))
seq("adaptive", (11, 7, 3), lambda L: L.AdaptiveAveragePooling2D((4, 3)), form="keras3_zip")
seq("rnn_stack", (5, 4), lambda L: L.RNN([L.LSTMCell(3), L.GRUCell(2)], return_sequences=True),
    lambda L: L.Bidirectional(L.RNN(L.SimpleRNNCell(3))), form="keras3_zip")
seq("rnn_stack_h5", (5, 4), lambda L: L.RNN([L.LSTMCell(3), L.GRUCell(2)], return_sequences=True),
    lambda L: L.Bidirectional(L.RNN(L.GRUCell(3))), form="legacy_h5")
seq("conv_lstm", (3, 5, 4, 2), lambda L: L.ConvLSTM2D(3, 2, padding="same", return_sequences=True),
    lambda L: L.ConvLSTM2D(2, (2, 1), strides=2, go_backwards=True))
seq("conv_lstm_1d", (3, 6, 2), lambda L: L.Bidirectional(L.ConvLSTM1D(2, 3, padding="same")))
# More than 32 steps: loops.
seq("long_lstm", (40, 3), lambda L: L.LSTM(5, return_sequences=True, go_backwards=True), lambda L: L.GRU(4),
    form="keras3_zip")
seq("long_masked", (35, 3), lambda L: L.Masking(0.0), lambda L: L.LSTM(4, return_sequences=True),
    lambda L: L.Bidirectional(L.SimpleRNN(3, return_sequences=True)), gen=steps, form="legacy_h5")
seq("long_stateful", (33, 2), lambda L: L.RNN([L.LSTMCell(3), L.GRUCell(2)], stateful=True), runs=3, form="keras3_h5")
# Stateful layers: two samples a batch, three runs, each from the states of the one before.
seq("stateful_lstm", (3, 4), lambda L: L.LSTM(5, stateful=True, return_sequences=True),
    lambda L: L.GRU(4, stateful=True, go_backwards=True), lambda L: L.Dense(2), runs=3, form="keras3_zip")
seq("stateful_bidirectional", (4, 3), lambda L: L.Masking(0.0),
    lambda L: L.Bidirectional(L.SimpleRNN(4, stateful=True, return_sequences=True), merge_mode="sum"), gen=steps, runs=3,
    form="legacy_h5")
seq("stateful_stack", (3, 4), lambda L: L.RNN([L.LSTMCell(3), L.GRUCell(2)], stateful=True), runs=3, form="legacy_zip")
seq("stateful_conv", (3, 5, 4, 2), lambda L: L.ConvLSTM2D(3, 2, stateful=True), runs=3, form="keras3_h5")
seq("conv_lstm_3d", (2, 3, 4, 3, 2), lambda L: L.ConvLSTM3D(2, 2, padding="same", return_sequences=True),
    lambda L: L.ConvLSTM3D(2, (1, 2, 2), strides=2))
seq("masking_lstm", (6, 4), lambda L: L.Masking(0.0), lambda L: L.LSTM(3, return_sequences=True),
    lambda L: L.TimeDistributed(L.Dense(4)), lambda L: L.GRU(2), gen=steps)
seq("masking_bidirectional", (6,), lambda L: L.Embedding(10, 4, mask_zero=True),
    lambda L: L.Bidirectional(L.LSTM(3, return_sequences=True)), lambda L: L.SimpleRNN(2),
    gen=ids, dtype="int32")
seq("masked_mean", (6,), lambda L: L.Embedding(10, 4, mask_zero=True), lambda L: L.Activation("tanh"),
    lambda L: L.GlobalAveragePooling1D(), gen=ids, dtype="int32")
seq("einsum", (3, 5), lambda L: L.EinsumDense("abc,cde->abde", (None, 2, 7), bias_axes="de"),
    lambda L: L.EinsumDense("abcd,bde->abce", (3, 2, 4), activation="tanh"))
seq("locally_connected", (9, 3), lambda L: L.LocallyConnected1D(4, 3, strides=2),
    lambda L: L.LocallyConnected1D(2, 2, implementation=2), form="legacy_zip")
seq("spectral", (6, 5, 2), lambda L: L.SpectralNormalization(L.Conv2D(3, 2)),
    lambda L: L.LayerNormalization(), form="keras3_h5")
seq("group_norm", (4, 5, 6), lambda L: L.GroupNormalization(2, axis=1),
    lambda L: L.UnitNormalization(axis=2))
seq("categories", (4,), lambda L: L.CategoryEncoding(6, "count"), lambda L: L.Dense(3), gen=whole,
    dtype="int32")
seq("discretization", (4,), lambda L: L.Discretization([-1.0, 0.0, 0.3, 1.2], output_mode="multi_hot"))
seq("integer_lookup", (4,), lambda L: L.IntegerLookup(vocabulary=[2, 5, 1], mask_token=0),
    lambda L: L.Embedding(5, 3), gen=whole, dtype="int64")
seq("images", (9, 8, 3), lambda L: L.Resizing(7, 6, crop_to_aspect_ratio=True),
    lambda L: L.CenterCrop(4, 5), lambda L: L.RandomFlip(), lambda L: L.Resizing(5, 4, "nearest"))

@case("images_called", (9, 8, 3), form="keras3_h5")  # Keras 3 writes training=True into such calls
def _(K, L):
    x = K.Input((9, 8, 3))
    y = L.RandomFlip()(L.CenterCrop(5, 6)(L.Resizing(7, 6)(x)))
    return K.Model(x, L.Dropout(0.5)(y, training=True))


seq("time_distributed", (3, 6, 6, 2), lambda L: L.TimeDistributed(L.Conv2D(3, 2)),
    lambda L: L.TimeDistributed(L.MaxPooling2D()), lambda L: L.TimeDistributed(L.Flatten()),
    lambda L: L.LSTM(3, return_sequences=True))


@case("attention", (3, 4), (5, 4))
def _(K, L):
    a, b = K.Input((3, 4)), K.Input((5, 4))
    o, s = L.Attention(use_scale=True, score_mode="concat")([a, b], return_attention_scores=True)
    return K.Model([a, b], [o, s, L.AdditiveAttention()([a, b])])


@case("multi_head_attention", (5, 4))
def _(K, L):
    a = K.Input((5, 4))
    y = L.MultiHeadAttention(2, 3, value_dim=5)(a, a, use_causal_mask=True)
    return K.Model(a, L.Add()([a, y]))


@case("multi_head_axes", (3, 4, 5), (2, 6, 5))
def _(K, L):
    a, b = K.Input((3, 4, 5)), K.Input((2, 6, 5))
    return K.Model([a, b], L.MultiHeadAttention(2, 3, attention_axes=(1, 2))(a, b))


@case("grouped_query", (5, 4), form="keras3_h5")
def _(K, L):
    a = K.Input((5, 4))
    return K.Model(a, L.GroupQueryAttention(3, 4, 2)(a, a))


for form in ("keras3_h5", "legacy_zip"):
    @case("masked_attention_" + form, (6,), (4,), form=form, dtype="int32", gen=ids)
    def _(K, L):
        a, b = K.Input((6,), dtype="int32"), K.Input((4,), dtype="int32")
        x, y = L.Embedding(10, 4, mask_zero=True)(a), L.Embedding(10, 4, mask_zero=True)(b)
        z = L.MultiHeadAttention(2, 3)(x, y)
        return K.Model([a, b], [L.LSTM(2)(z), L.Attention()([y, y])])

for form in ("keras3_zip", "legacy_h5"):
    @case("masked_merges_" + form, (6,), (6,), form=form, dtype="int32", gen=ids)
    def _(K, L):
        a, b = K.Input((6,), dtype="int32"), K.Input((6,), dtype="int32")
        e = L.Embedding(10, 4, mask_zero=True)
        x, y = e(a), e(b)
        return K.Model([a, b], [L.LSTM(3)(L.Add()([x, y])), L.GRU(3)(L.Concatenate()([x, y])),
                                L.LSTM(2)(L.Concatenate(axis=1)([x, y]))])


for form in ("keras3_h5", "keras3_zip"):
    @case("functions_" + form, (4, 6), form=form)
    def _(K, L):
        o, x = keras.ops, K.Input((4, 6))
        a, b = o.split(x, 2, axis=-1)
        y = 2.0 / (o.abs(x) + 1.0) - o.maximum(x, 0.5) * o.sigmoid(x)
        return K.Model(x, [y, o.where(x > 0.0, x, 0.1 * x), o.var(x, axis=1), x[:, -1, 1:5:2],
                           o.stack([a, b], axis=1), o.matmul(x, o.transpose(x, (0, 2, 1))),
                           o.pad(x, ((0, 0), (1, 2), (0, 1))), o.logsumexp(x, axis=-1)])


for form in ("legacy_h5", "legacy_zip"):
    @case("tf_functions_" + form, (4, 6), form=form)
    def _(K, L):
        x = K.Input((4, 6))
        a, b = tf.split(x, 2, axis=-1)
        y = 2.0 / (tf.abs(x) + 1.0) - tf.maximum(x, 0.5) * tf.sigmoid(x)
        return K.Model(x, [y, tf.where(x > 0.0, x, 0.1 * x), tf.reduce_mean(x, axis=1, keepdims=True),
                           x[:, -1, 1:5:2], tf.stack([a, b], axis=1),
                           tf.matmul(x, x, transpose_b=True)])


@case("refused", (4,), form="keras3_zip", refused=True)
def _(K, L):
    @K.saving.register_keras_serializable("Mine")
    class Odd(L.Layer):
        def call(self, x):
            return x
    return K.Sequential([K.Input((4,)), Odd(), L.Dense(2), L.Lambda(lambda x: x * 2)])


def randomize(m, rng):
    for w in m.weights:
        a = np.array(w)
        name = getattr(w, "path", None) or w.name
        if a.dtype.kind == "f" and "vector_u" not in name:
            low = 0.3 if "variance" in name else None
            w.assign(rng.uniform(low, 2, a.shape) if low else rng.normal(size=a.shape) * 0.5)


def classes(layer, out):
    out.add(type(layer).__name__)
    for inner in getattr(layer, "layers", None) or []:
        classes(inner, out)
    return out


def main():
    args = sys.argv[1:]
    to = pathlib.Path(__file__).parent
    if args[:1] == ["--to"]:
        to, args = pathlib.Path(args[1]), args[2:]
    for k, (name, shapes, build, form, dtype, gen, refused, runs) in enumerate(cases):
        if args and name not in args:
            continue
        form = form or FORMS[k % len(FORMS)]
        K = tf_keras if form.startswith("legacy") else keras
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        K.backend.clear_session()
        m = build(K, K.layers)
        randomize(m, rng)
        folder = to / name / form
        folder.mkdir(parents=True, exist_ok=True)
        file = "model.h5" if form.endswith("h5") else "model.keras"
        m.save(folder / file)
        ys = []
        for run in range(runs):
            suffix = ".s%d.npy" % run if run else ".npy"
            ins = [(gen(rng, (2,) + s) if gen else rng.normal(size=(2,) + s)).astype(dtype) for s in shapes]
            y = m.predict(ins if len(ins) > 1 else ins[0], verbose=0)
            made = [np.asarray(a, "float32") for a in (y if isinstance(y, (list, tuple)) else [y])]
            for i, a in enumerate(ins):
                np.save(folder / f"in_{i}{suffix}", a)
            for i, a in enumerate(made):
                np.save(folder / f"out_{i}{suffix}", a)
            ys += made
        top = max(1, *[float(np.abs(a).max()) for a in ys])
        info = {"model": name, "file": file, "layers": sorted(classes(m, set())),
                "tolerance": {"max_abs": 1e-5 * top, "max_ulp": 64}}
        if runs > 1:
            info["invocations"] = runs
        if refused:
            info["refused"] = True
        (folder / "case.json").write_text(json.dumps(info) + "\n")


main()
