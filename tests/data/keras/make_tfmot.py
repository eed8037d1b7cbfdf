#!/usr/bin/env python3
# Models in tensorflow-model-optimization's wrappers, as .h5 with predictions: make_tfmot.py
# Needs tf_keras, tensorflow, tensorflow-model-optimization. A few steps of training, so that weights,
# centroids and ranges have moved apart as they do in use.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import pathlib

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tf_keras as keras
import tensorflow_model_optimization as tfmot

L = keras.layers
prune = tfmot.sparsity.keras
cluster = tfmot.clustering.keras


def conv():
    i = keras.Input((6, 6, 2))
    x = L.Conv2D(3, 3, use_bias=False, name="c")(i)
    x = L.ReLU(name="r")(L.BatchNormalization(name="bn")(x))
    y = L.Conv2D(3, 3, padding="same", name="c2")(x)
    return keras.Model(i, L.Dense(2, name="d")(L.Flatten(name="f")(L.Add(name="add")([x, y]))))


def rnn():
    return keras.Sequential([L.LSTM(3, return_sequences=True, input_shape=(4, 2), name="l"),
                             L.Bidirectional(L.GRU(2), name="b"), L.Dense(2, name="d")])


def pruned(m):
    return prune.prune_low_magnitude(m, prune.ConstantSparsity(0.5, 0, -1, 1))


def clustered(**options):
    init = cluster.CentroidInitialization.KMEANS_PLUS_PLUS
    return lambda m: cluster.cluster_weights(m, number_of_clusters=5, cluster_centroids_init=init,
                                             **options)


def quantized(m):
    return tfmot.quantization.keras.quantize_model(m)


def inside(build, m):
    """The plain model with the wrapped one's weights: what a fake-quantized model is without its
    fake quantizers."""
    plain = build()
    wrapped = {w.layer.name: w for w in m.layers if getattr(w, "layer", None) is not None}
    for layer in plain.layers:
        if layer.name in wrapped:
            have = {v.name.split("/")[-1]: v.numpy() for v in wrapped[layer.name].weights}
            layer.set_weights([have[v.name.split("/")[-1]] for v in layer.weights])
    return plain


CASES = {"tfmot_prune": (conv, pruned), "tfmot_cluster": (conv, clustered()),
         "tfmot_cluster_channel": (conv, clustered(cluster_per_channel=True)),
         "tfmot_cluster_sparse": (conv, clustered(preserve_sparsity=True)),
         "tfmot_cluster_rnn": (rnn, clustered()), "tfmot_qat": (conv, quantized)}

for name, (build, wrap) in CASES.items():
    keras.utils.set_random_seed(3)
    rng = np.random.default_rng(5)
    m = wrap(build())
    x = rng.normal(size=(32,) + m.input_shape[1:]).astype("float32")
    y = rng.normal(size=(32,) + m.output_shape[1:])
    m.compile("adam", "mse")
    m.fit(x, y, epochs=3, verbose=0, callbacks=[prune.UpdatePruningStep()] if wrap is pruned else [])
    p = (inside(build, m) if wrap is quantized else m).predict(x[:2], verbose=0)
    folder = pathlib.Path(__file__).parent / name / "legacy_h5"
    folder.mkdir(parents=True, exist_ok=True)
    m.save(folder / "model.h5", include_optimizer=False)
    np.save(folder / "in_0.npy", x[:2])
    np.save(folder / "out_0.npy", p)
    info = {"model": name, "file": "model.h5", "layers": sorted(type(l).__name__ for l in m.layers),
            "tolerance": {"max_abs": 1e-5 * max(1, float(np.abs(p).max())), "max_ulp": 64}}
    (folder / "case.json").write_text(json.dumps(info) + "\n")
