#!/usr/bin/env python3
# The folders audio_*: sound to spectrum to cepstrum, written by TensorFlow's converter; inputs.npz, case.json.
# make.py then makes expected.npz.    make_audio.py    SPDX-License-Identifier: Apache-2.0
import json
import os
import pathlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf

here = pathlib.Path(__file__).parent
# samples, channels; window, stride, squared; rate, lower and upper limit, bands, coefficients
CASES = {
    "audio_mono": (1600, 1, 480, 320, True, 16000, 20.0, 4000.0, 40, 13),
    "audio_stereo": (900, 2, 250, 100, False, 8000, 0.0, 3900.0, 20, 20),
    "audio_beyond": (300, 1, 256, 44, True, 8000, 20.0, 4100.0, 10, 4),  # the limit is above the spectrum
    "audio_short": (100, 1, 128, 64, True, 8000, 20.0, 4000.0, 10, 4),  # no window fits
}


def convert(n, channels, window, stride, squared, rate, lower, upper, bands, coefficients):
    @tf.function(input_signature=[tf.TensorSpec([n, channels], tf.float32, "sound")])
    def f(sound):
        s = tf.raw_ops.AudioSpectrogram(input=sound, window_size=window, stride=stride, magnitude_squared=squared)
        m = tf.raw_ops.Mfcc(spectrogram=s, sample_rate=tf.constant(rate, tf.int32), upper_frequency_limit=upper,
                            lower_frequency_limit=lower, filterbank_channel_count=bands, dct_coefficient_count=coefficients)
        return {"spectrogram": s, "mfcc": m}
    c = tf.lite.TFLiteConverter.from_concrete_functions([f.get_concrete_function()])
    c.allow_custom_ops = True
    return c.convert()


rng = np.random.default_rng(1)
for name, case in CASES.items():
    n, channels = case[:2]
    folder = here / name
    folder.mkdir(exist_ok=True)
    (folder / "model.tflite").write_bytes(convert(*case))
    t = np.arange(n)[:, None] * (1 + np.arange(channels))
    tones = 0.4 * np.sin(0.07 * t) + 0.2 * np.sin(0.9 * t)
    noise = rng.integers(-20, 20, (n, channels)) / 1000
    np.savez_compressed(folder / "inputs.npz", s0_in_0=np.float32(np.round(tones + noise, 3)),
                        s1_in_0=np.zeros((n, channels), np.float32))
    (folder / "case.json").write_text(json.dumps({"name": name, "origin": "make_audio.py", "sets": 2, "exact": False,
                                                  "expected_from": "LiteRT 2.3.0, reference kernels"}) + "\n")
