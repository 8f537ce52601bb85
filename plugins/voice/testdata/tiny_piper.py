# Makes a voice of Piper out of random numbers for TestEngines, in the folder that it is given: en_US-tiny-low.onnx and its .json. Each
# phoneme is a piece of noise, as long as the scale says.
import json
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
symbols, hop = 256, 512
table = np.random.default_rng(0).uniform(-0.5, 0.5, (symbols, hop)).astype(np.float32)
table[:3] = 0  # what stands between phonemes, and at both ends


def number(name, value, kind):
    return numpy_helper.from_array(np.array(value, dtype=kind), name)


nodes = [
    helper.make_node("Gather", ["table", "input"], ["pieces"]),  # 1, length, hop
    helper.make_node("Reshape", ["pieces", "flat"], ["sound"]),  # 1, 1, samples
    helper.make_node("Gather", ["scales", "second"], ["length_scale"]),
    helper.make_node("Concat", ["ones", "length_scale"], ["factors"], axis=0),
    helper.make_node("Resize", ["sound", "", "factors"], ["stretched"], mode="linear"),
    helper.make_node("Unsqueeze", ["stretched", "first"], ["output"]),
]
graph = helper.make_graph(
    nodes, "tiny",
    [helper.make_tensor_value_info("input", TensorProto.INT64, [1, "phonemes"]),
     helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
     helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3])],
    [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, 1, "samples"])],
    [numpy_helper.from_array(table, "table"), number("flat", [1, 1, -1], np.int64), number("second", [1], np.int64),
     number("ones", [1, 1], np.float32), number("first", [1], np.int64)])
path = os.path.join(out, "en_US-tiny-low.onnx")
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
with open(path + ".json", "w") as f:
    json.dump({"audio": {"sample_rate": 16000}, "espeak": {"voice": "en-us"}, "phoneme_type": "espeak", "num_symbols": symbols, "num_speakers": 1,
               "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8}, "phoneme_id_map": DEFAULT_PHONEME_ID_MAP}, f)
