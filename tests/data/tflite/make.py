#!/usr/bin/env python3
"""Makes the .tflite files of this folder with LiteRT's own schema bindings (ai-edge-litert), so that they
are independent of milliwatt's writer. Run in this folder: python3 make.py   SPDX-License-Identifier: Apache-2.0"""
import struct
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as s

RELU, CUSTOM, BROADCAST_ARGS = 19, 32, 145


def make(cls, **fields):
    o = cls()
    for name, value in fields.items():
        assert hasattr(o, name), name
        setattr(o, name, value)
    return o


def buffer(data=b"", **kw):
    return make(s.BufferT, data=np.frombuffer(data, np.uint8) if data else None, offset=0, size=0, **kw)


def tensor(name, shape, kind=s.TensorType.FLOAT32, number=0, **kw):
    return make(s.TensorT, name=name, shape=shape, type=kind, buffer=number, hasRank=True, **kw)


def quant(**kw):
    return make(s.QuantizationParametersT, **kw)


def op(code, inputs, outputs, **kw):
    return make(s.OperatorT, opcodeIndex=code, inputs=inputs, outputs=outputs, **kw)


def code(builtin, version=1, custom=None, old=None):
    return make(s.OperatorCodeT, builtinCode=builtin, version=version, customCode=custom,
                deprecatedBuiltinCode=min(builtin, 127) if old is None else old)


def model(codes, subgraphs, buffers, **kw):
    return make(s.ModelT, version=3, operatorCodes=codes, subgraphs=subgraphs, buffers=buffers, **kw)


def pack(m, identifier=b"TFL3"):
    b = flatbuffers.Builder(1024)
    root = m.Pack(b)
    b.Finish(root, file_identifier=identifier) if identifier else b.Finish(root)
    return bytes(b.Output())


def write(name, data):
    with open(name, "wb") as f:
        f.write(data)
    print(name, len(data), "bytes")


def index_vector(kind, values):
    cls = {1: s.Int32VectorT, 2: s.Uint16VectorT, 3: s.Uint8VectorT}[kind]
    return make(cls, values=values)


def sparse_dim(kind_segments, segments, kind_indices, indices):
    return make(s.DimensionMetadataT, format=1, arraySegmentsType=kind_segments,
                arraySegments=index_vector(kind_segments, segments), arrayIndicesType=kind_indices,
                arrayIndices=index_vector(kind_indices, indices))


def features():
    """Every kind of thing that a file can say."""
    # The one block of two elements lies at [1, 300, 2:4].
    sparsity = make(s.SparsityParametersT, traversalOrder=[0, 1, 2, 3], blockMap=[2], dimMetadata=[
        sparse_dim(1, [0, 1], 3, [1]), sparse_dim(2, [0, 1], 2, [300]), sparse_dim(3, [0, 1], 3, [1]),
        make(s.DimensionMetadataT, format=0, denseSize=2)])
    tensors = [
        tensor("input", [1, 4], shapeSignature=[-1, 4]),                                    # 0
        tensor("relu", [1, 4], shapeSignature=[-1, 4]),                                     # 1
        tensor("per_tensor", [4], s.TensorType.INT8, 1, quantization=quant(
            scale=[0.5], zeroPoint=[-3], min=[-64.0], max=[63.5])),                         # 2
        tensor("per_axis", [2, 2], s.TensorType.INT8, 1, quantization=quant(
            scale=[0.25, 0.125], zeroPoint=[0, 0], quantizedDimension=1)),                  # 3
        tensor("blockwise", [2, 64], s.TensorType.INT4, 2, quantization=quant(
            detailsType=2, details=make(s.BlockwiseQuantizationT, scales=5, zeroPoints=-1, blockSize=32))),
        tensor("block_scales", [2, 2], s.TensorType.FLOAT16, 3),                            # 5
        tensor("int2", [6], s.TensorType.INT2, 4),                                          # 6
        tensor("sparse", [2, 301, 4], s.TensorType.FLOAT32, 5, sparsity=sparsity),          # 7
        tensor("state", [1, 4], isVariable=True),                                           # 8
        tensor("range_only", [1, 4], quantization=quant(min=[-1.0], max=[1.0])),            # 9
        tensor("no elements", [0], s.TensorType.INT32),                                     # 10
        tensor("scalar", [], s.TensorType.INT64, 6),                                        # 11
        tensor("output", [1, 4]),                                                           # 12
        tensor("intermediate", [1, 4], s.TensorType.INT16),                                 # 13
        tensor("text", [1], s.TensorType.STRING, 7),                                        # 14
    ]
    main = make(s.SubGraphT, name="main", tensors=tensors, inputs=[0], outputs=[12, 1], operators=[
        op(0, [0], [1]),
        op(1, [1, 2, 3, 4, 6, 7, 8, -1, 10, 11, 14], [9, 12], customOptions=list(b"\x01\x02\x03"),
           intermediates=[13]),
    ])
    second = make(s.SubGraphT, name="second", tensors=[tensor("a", [3]), tensor("b", [3])], inputs=[0],
                  outputs=[1], operators=[op(0, [0], [1])])
    signature = lambda key, graph, i, o: make(
        s.SignatureDefT, signatureKey=key, subgraphIndex=graph,
        inputs=[make(s.TensorMapT, name=n, tensorIndex=t) for n, t in i],
        outputs=[make(s.TensorMapT, name=n, tensorIndex=t) for n, t in o])
    text = struct.pack("<3i", 1, 12, 15) + b"abc"
    return model(
        [code(RELU, 2), code(CUSTOM, 1, "example_op")], [main, second],
        [buffer(), buffer(bytes([1, 2, 3, 252])), buffer(bytes(range(64))),
         buffer(np.float16([1, 2, 3, 4]).tobytes()), buffer(b"\x1b\x06"),
         buffer(np.float32([1, 2]).tobytes()), buffer(struct.pack("<q", -5)), buffer(text),
         buffer(b"1.2.3")],
        description="every feature",
        metadata=[make(s.MetadataT, name="min_runtime_version", buffer=8),
                  make(s.MetadataT, name="empty", buffer=0)],
        signatureDefs=[signature("serving_default", 0, [("x", 0)], [("y", 12), ("z", 1)]),
                       signature("other", 1, [("a", 0)], [("b", 1)])])


def outside():
    """A constant and custom options behind the FlatBuffer; the constant at an odd address."""
    def build(constant, options):
        main = make(s.SubGraphT, name="main", inputs=[0], outputs=[2], tensors=[
            tensor("x", [2]), tensor("c", [2], number=1), tensor("y", [2])], operators=[
            op(0, [0, 1], [2], largeCustomOptionsOffset=options, largeCustomOptionsSize=5)])
        return pack(model([code(CUSTOM, 1, "outside_op")], [main], [
            buffer(), make(s.BufferT, data=None, offset=constant, size=8)]))
    n = len(build(1 << 20, 1 << 20))
    return build(n + 1, n + 9) + b"\0" + struct.pack("<2f", 1.5, -2.5) + b"large"


def one_relu(codes, **kw):
    main = make(s.SubGraphT, inputs=[0], outputs=[1], operators=[op(0, [0], [1])],
                tensors=[tensor("x", [1, 2]), tensor("y", [1, 2])])
    return model(codes, [main], [buffer()], **kw)


def main():
    write("features.tflite", pack(features()))
    write("outside.tflite", outside())
    write("old_code.tflite", pack(one_relu([code(0, 1, old=RELU)])))
    write("no_identifier.tflite", pack(one_relu([code(RELU)]), None))
    write("odd_identifier.tflite", pack(one_relu([code(RELU)]), b"ABCD"))
    write("unknown_op.tflite", pack(one_relu([code(208), code(4000)])))


main()
