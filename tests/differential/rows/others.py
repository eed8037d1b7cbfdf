"""Random numbers and custom operators.   SPDX-License-Identifier: Apache-2.0"""
import numpy as np
from flatbuffers import flexbuffers

import draw
from row import ELEMENTARY, EXACT, SUMS, Row


def random(d):
    """From a seed, so that both draw the same."""
    s = d.shape(1, 4)
    d.n_runs = 2
    return d.case([d.list("i32", s)], [d.out()], ("Random", {"seed": d.int(0, 99), "seed2": d.int(1, 10 ** 12)}))


def multinomial(d):
    return d.case([d.input("f32", d.shape(2, 2, most=5, empty=0), -4, 4), d.scalar("i32", d.int(1, 9))], [d.out()],
                  ("Random", {"seed": d.int(1, 10 ** 12), "seed2": d.int(0, 99)}))


def detection(d):
    """Boxes as offsets to anchors."""
    n, classes, background = d.int(1, 10), d.int(1, 4), d.int(0, 1)
    t = d.types[0]
    q = [d.quant(t, s) for s in (0.05, 1 / 256, 0.02)]
    anchors = np.stack([d.n.uniform(0, 1, n), d.n.uniform(0, 1, n), d.n.uniform(0.1, 0.6, n), d.n.uniform(0.1, 0.6, n)], -1)
    if t == "u8":
        q[2].zeros, anchors = [0], np.round(anchors / 0.02)
        boxes, scores = d.input(t, (1, n, 4), quant=q[0], const=0), distinct(d, n, classes + background, q[1])
    else:
        boxes, scores = d.input(t, (1, n, 4), -3, 3, const=0), d.input(t, (1, n, classes + background), 0, 1, const=0)
    return d.case([boxes, scores, d.input(t, (n, 4), quant=q[2], values=anchors, const=1)],
                  [d.out("f32") for _ in range(4)], custom=settings(d, classes))


def distinct(d, n, classes, q):
    """Scores without ties, whose order would be anyone's."""
    scores = d.sample(range(256), n * classes)
    return d.input("u8", (1, n, classes), quant=q, values=scores, const=0)


def settings(d, classes):
    b = flexbuffers.Builder()
    with b.Map():
        b.Key("max_detections"), b.Int(d.int(1, 8))
        b.Key("max_classes_per_detection"), b.Int(d.int(1, min(2, classes)))
        b.Key("detections_per_class"), b.Int(d.int(1, 8))
        b.Key("use_regular_nms"), b.Bool(d.chance(0.5))
        b.Key("nms_score_threshold"), b.Float(d.pick(0.0, 0.2, 0.5))
        b.Key("nms_iou_threshold"), b.Float(d.pick(0.3, 0.5, 0.9))
        b.Key("num_classes"), b.Int(classes)
        for k, v in (("y_scale", 10.0), ("x_scale", 10.0), ("h_scale", 5.0), ("w_scale", 5.0)):
            b.Key(k), b.Float(v)
    return bytes(b.Finish())


ROWS = {
    "RANDOM_UNIFORM": Row(random, EXACT), "RANDOM_STANDARD_NORMAL": Row(random, ELEMENTARY), "MULTINOMIAL": Row(multinomial),
    "TFLite_Detection_PostProcess": Row(detection, SUMS),
}
