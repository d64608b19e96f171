"""A small classifier in NumPy, and its file: the layout of safetensors, a header in JSON and then the numbers."""

import json
import struct
from pathlib import Path

import numpy as np

LAYERS = (256, 512, 128, 10)


def initial(rng):
    parameters = {}
    for number, (inputs, outputs) in enumerate(zip(LAYERS, LAYERS[1:])):
        scale = np.sqrt(2 / inputs)
        parameters[f"layers.{number}.weight"] = (rng.standard_normal((outputs, inputs)) * scale).astype(np.float32)
        parameters[f"layers.{number}.bias"] = np.zeros(outputs, np.float32)
    return parameters


def forward(parameters, x):
    """The activations of every layer, the input first and the logits last."""
    activations = [x]
    for number in range(len(LAYERS) - 1):
        x = x @ parameters[f"layers.{number}.weight"].T + parameters[f"layers.{number}.bias"]
        if number < len(LAYERS) - 2:
            x = np.maximum(x, 0)
        activations.append(x)
    return activations


def accuracy(parameters, x, labels):
    return float(np.mean(forward(parameters, x)[-1].argmax(axis=1) == labels))


def save(parameters, path):
    header, offset = {}, 0
    for name, tensor in parameters.items():
        header[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": [offset, offset + tensor.nbytes]}
        offset += tensor.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in parameters.values():
            file.write(tensor.astype("<f4").tobytes())


def load(path):
    data = Path(path).read_bytes()
    start = 8 + struct.unpack_from("<Q", data)[0]
    parameters = {}
    for name, entry in json.loads(data[8:start]).items():
        begin, end = (start + at for at in entry["data_offsets"])
        parameters[name] = np.frombuffer(data[begin:end], "<f4").reshape(entry["shape"])
    return parameters
