#!/usr/bin/env python3
"""Makes the .tflite files of this folder with TensorFlow's converter, and expected.json with LiteRT: for each file
a list of calls of signatures in order, with what goes in and comes out. Run in this folder: python3 make.py
SPDX-License-Identifier: Apache-2.0"""
import json
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType


class Tables(tf.Module):
    """Words to numbers and numbers to words, with keys that are not there."""

    def __init__(self):
        super().__init__()
        words = ["red", "green", "blue", "", "two words", "r\u00e9d"]
        self.numbers = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(words, np.arange(10, 16, dtype=np.int64)), -1)
        self.words = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(np.int64([5, -7, 1 << 40]), ["five", "minus seven", "large"]), "?")

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def to_numbers(self, text):
        return {"numbers": self.numbers.lookup(text), "size": tf.reshape(self.numbers.size(), [1])}

    @tf.function(input_signature=[tf.TensorSpec([2, 2], tf.int64, "numbers")])
    def to_words(self, numbers):
        return {"words": self.words.lookup(numbers)}


class Counter(tf.Module):
    """What `train` assigns `infer` reads: a variable, and a table that both use."""

    def __init__(self):
        super().__init__()
        self.total = tf.Variable([100.0, 0.0], dtype=tf.float32)

    @tf.function(input_signature=[tf.TensorSpec([2], tf.float32, "x")])
    def train(self, x):
        return {"total": self.total.assign_add(x)}

    @tf.function(input_signature=[tf.TensorSpec([1], tf.float32, "scale")])
    def infer(self, scale):
        return {"y": self.total * scale}


class Text(tf.Module):
    """Strings through operators that only move or compare them."""

    @tf.function(input_signature=[tf.TensorSpec([4], tf.string, "text"), tf.TensorSpec([3], tf.int32, "which")])
    def pick(self, text, which):
        picked = tf.gather(text, which)
        tail = tf.reshape(text[1:], [3, 1])
        return {"picked": picked, "tail": tail, "same": tf.equal(picked, "red")}


def convert(name, module, functions):
    tf.saved_model.save(module, "/tmp/" + name, signatures=functions)
    c = tf.lite.TFLiteConverter.from_saved_model("/tmp/" + name, signature_keys=list(functions))
    c.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    c.experimental_enable_resource_variables = True
    with open(name + ".tflite", "wb") as f:
        f.write(c.convert())
    print(name, os.path.getsize(name + ".tflite"), "bytes")


def plain(a):
    a = np.asarray(a)
    if a.dtype.kind in "OS":
        return {"dtype": "string", "shape": list(a.shape), "values": [x.decode() if isinstance(x, bytes) else x for x in a.ravel()]}
    return {"dtype": str(a.dtype), "shape": list(a.shape), "values": a.ravel().tolist()}


def calls(name, list_of_calls):
    it = Interpreter(name + ".tflite", experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    out = []
    for key, inputs in list_of_calls:
        result = it.get_signature_runner(key)(**inputs)
        out.append({"signature": key, "in": {k: plain(v) for k, v in inputs.items()},
                    "out": {k: plain(v) for k, v in result.items()}})
    return out


def main():
    t, c, x = Tables(), Counter(), Text()
    convert("tables", t, {"to_numbers": t.to_numbers, "to_words": t.to_words})
    convert("counter", c, {"train": c.train, "infer": c.infer})
    convert("text", x, {"pick": x.pick})
    f = lambda *v: np.array(v, np.float32)
    expected = {
        "tables": calls("tables", [
            ("to_numbers", {"text": np.array(["blue", "none", "", "r\u00e9d".encode()], dtype=object)}),
            ("to_words", {"numbers": np.array([[5, 6], [1 << 40, -7]], np.int64)}),
            ("to_numbers", {"text": np.array(["two words"], dtype=object)})]),
        "counter": calls("counter", [
            ("infer", {"scale": f(2)}), ("train", {"x": f(1, 2)}), ("train", {"x": f(10, 20)}), ("infer", {"scale": f(1)}),
            ("train", {"x": f(-1, 0.5)}), ("infer", {"scale": f(-1)})]),
        "text": calls("text", [
            ("pick", {"text": np.array(["red", "a b", "", "blue"], dtype=object), "which": np.int32([3, 0, 0])}),
            ("pick", {"text": np.array(["x", "red", "y", "z"], dtype=object), "which": np.int32([1, 2, 1])})]),
    }
    with open("expected.json", "w", encoding="ascii") as out:
        json.dump(expected, out)
        out.write("\n")


main()
