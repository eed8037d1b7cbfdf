#!/usr/bin/env python3
"""Trains models with tf_keras (or Keras 3) and with milliwatt on the same batches and compares the loss of each
step, the weights at the end, and what the trained file predicts in Keras.

    tests/keras_training.py [--build build] [--steps 50] [--keras tf_keras|keras]
"""
# SPDX-License-Identifier: Apache-2.0
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--build", default="build")
parser.add_argument("--steps", type=int, default=50)
parser.add_argument("--keras", default="tf_keras")
options = parser.parse_args()
keras = __import__(options.keras)
L = keras.layers
tmp = pathlib.Path(tempfile.mkdtemp())
BATCH = 16


def dense(x):
    return L.Dense(3, activation="softmax")(x)


def plain_cnn():
    x = i = L.Input((8, 8, 2))
    x = L.Conv2D(8, 3, padding="same", activation="relu")(x)
    x = L.MaxPooling2D()(x)
    x = L.Conv2D(8, 3, strides=2)(x)
    return keras.Model(i, dense(L.Flatten()(L.Activation("relu")(x))))


def norm_cnn():
    x = i = L.Input((8, 8, 2))
    x = L.Conv2D(8, 3, padding="same", use_bias=False)(x)
    x = L.BatchNormalization(momentum=0.9)(x)
    x = L.ReLU(6.0)(x)
    x = L.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    x = L.BatchNormalization(momentum=0.8, scale=False)(x)
    x = L.AveragePooling2D(2)(L.ReLU()(x))
    return keras.Model(i, dense(L.GlobalAveragePooling2D()(x)))


def regularised():
    x = i = L.Input((8, 8, 2))
    x = L.Flatten()(x)
    x = L.Dense(16, activation="tanh", kernel_regularizer=keras.regularizers.L1L2(1e-3, 1e-2),
                bias_regularizer="l2")(x)
    x = L.BatchNormalization()(x)
    x = L.Dense(8, activation="sigmoid", trainable=False)(x)
    return keras.Model(i, dense(x))


def residual():
    x = i = L.Input((8, 8, 2))
    y = L.Conv2D(4, 1)(x)
    x = L.Add()([y, L.Conv2D(4, 3, padding="same", activation="relu")(y)])
    x = L.Concatenate()([x, L.Multiply()([x, y])])
    return keras.Model(i, dense(L.Flatten()(x)))


def frozen_norm():
    x = i = L.Input((8, 8, 2))
    x = L.BatchNormalization(trainable=False)(x)
    return keras.Model(i, dense(L.Flatten()(L.Conv2D(4, 3, activation="elu")(x))))


def lstm():
    x = i = L.Input((6, 5))
    return keras.Model(i, dense(L.LSTM(7)(x)))


def gru():
    x = i = L.Input((6, 5))
    return keras.Model(i, dense(L.GRU(7, return_sequences=False)(x)))


def embedding():
    x = i = L.Input((6,), dtype="int32")
    x = L.Embedding(11, 5)(x)
    return keras.Model(i, dense(L.GlobalAveragePooling1D()(L.Conv1D(6, 3, activation="relu")(x))))


def attention():
    x = i = L.Input((6, 8))
    x = L.Add()([x, L.MultiHeadAttention(2, 4)(x, x)])
    x = L.LayerNormalization()(x)
    return keras.Model(i, dense(L.Flatten()(x)))


def transposed():
    x = i = L.Input((4, 4, 3))
    x = L.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu")(x)
    x = L.SeparableConv2D(4, 3, activation="relu")(x)
    return keras.Model(i, dense(L.Flatten()(x)))


def binary():
    x = i = L.Input((8, 8, 2))
    return keras.Model(i, L.Dense(1, activation="sigmoid")(L.Flatten()(x)))


def regression():
    x = i = L.Input((8, 8, 2))
    return keras.Model(i, L.Dense(3)(L.Dense(8, activation="relu")(L.Flatten()(x))))


def autoencoder():
    x = i = L.Input((10,))
    return keras.Model(i, L.Dense(10)(L.Dense(4, activation="relu")(x)))


SPARSE, MSE, BINARY = "sparse_categorical_crossentropy", "mse", "binary_crossentropy"
CASES = [
    (plain_cnn, SPARSE, "adam"), (plain_cnn, SPARSE, "sgd"), (plain_cnn, SPARSE, "adamw"), (norm_cnn, SPARSE, "adam"),
    (regularised, SPARSE, "adam"), (residual, SPARSE, "adam"), (frozen_norm, SPARSE, "adam"), (lstm, SPARSE, "adam"),
    (gru, SPARSE, "adam"), (embedding, SPARSE, "adam"), (attention, SPARSE, "adam"), (transposed, SPARSE, "adam"),
    (binary, BINARY, "adam"), (regression, MSE, "adam"), (autoencoder, MSE, "adam"),
]
if options.keras == "keras":  # Adam of Keras 3 on TensorFlow leaves the moments of rows that a batch does not read
    CASES = [(make, loss, "sgd" if make is embedding else rule) for make, loss, rule in CASES]
RATE = {"adam": 1e-3, "adamw": 1e-3, "sgd": 1e-2}


def make_data(model, loss):
    rng = np.random.RandomState(1)
    shape = model.inputs[0].shape[1:]
    n = BATCH * 6 + 5  # the last batch is smaller
    if "int" in str(model.inputs[0].dtype):
        x = rng.randint(0, 11, (n, *shape)).astype("int32")
    else:
        x = rng.randn(n, *shape).astype("float32")
    if loss == MSE and model.output_shape[1:] == shape:
        return x, None
    if loss == MSE:
        return x, rng.randn(n, *model.output_shape[1:]).astype("float32")
    return x, rng.randint(0, 2 if loss == BINARY else 3, n).astype("int32")


class Steps(keras.callbacks.Callback):
    """The loss of each step alone: Keras gives the mean of the epoch so far."""

    def __init__(self):
        super().__init__()
        self.losses = []

    def on_epoch_begin(self, epoch, logs=None):
        self.sum = self.n = 0

    def on_train_batch_end(self, batch, logs=None):
        size = min(BATCH, len(self.x) - batch * BATCH)
        total = logs["loss"] * (self.n + size)
        self.losses.append((total - self.sum) / size)
        self.sum, self.n = total, self.n + size


def run(make, loss, optimizer):
    keras.utils.set_random_seed(3)
    model = make()
    before, data, after = (str(tmp / f) for f in ("before.h5", "data.npz", "after.h5"))
    model.save(before)
    x, y = make_data(model, loss)
    np.savez(data, x=x, **({} if y is None else {"y": y}))
    epochs = -(-options.steps // 7)
    done = subprocess.run([f"{options.build}/tests/train_steps", before, data, "1", str(epochs), str(BATCH), optimizer,
                           str(RATE[optimizer]), after], capture_output=True, text=True)
    if done.returncode:
        return f"FAILED {done.stderr.strip()}"
    ours = np.array([float(v) for v in done.stdout.split()])
    steps = Steps()
    steps.x = x
    rule = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW, "sgd": keras.optimizers.SGD}[optimizer]
    model.compile(rule(RATE[optimizer]), loss)
    model.fit(x, x if y is None else y, batch_size=BATCH, epochs=epochs, shuffle=False, verbose=0, callbacks=[steps])
    theirs = np.array(steps.losses)
    trained = keras.models.load_model(after, compile=False)
    worst = max(np.abs(a - b).max() for a, b in zip(trained.get_weights(), model.get_weights()))
    outputs = np.abs(trained.predict(x, verbose=0) - model.predict(x, verbose=0)).max()
    far = np.abs(ours - theirs).max()
    text = (f"{len(ours)} steps: loss {theirs[0]:.4f} -> {theirs[-1]:.4f}, differs by {far:.1e} at most; "
            f"weights {worst:.1e}, outputs {outputs:.1e}")
    return text if far < 1e-4 * max(1, abs(theirs[0])) else "FAILED " + text


bad = 0
for case in CASES:
    result = run(*case)
    bad += result.startswith("FAILED")
    print(f"{case[0].__name__:12} {case[2]:6} {result}", flush=True)
sys.exit(bad > 0)
