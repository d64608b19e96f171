#!/usr/bin/env python3
"""Makes versions of a model as fine-tuning would, in three number formats.

    make_model.py MODEL DIR         DIR/v0…v3.int8, v0 v1.bf16, v0 v1.fp32 (.safetensors) from a float32 one

The fine-tuning is simulated, since a real one takes a training framework, data and an hour: each version is the one
before after 20 steps of AdamW (learning rate 2e-5 falling to nothing, betas 0.9 and 0.999, no weight decay) along
gradients that are random, a constant part plus fresh noise in each step. What a delta depends on is set as it was in
a real run of as many steps on the same model: weights move 3.4 learning rates on average (really 3.3), only the
embeddings of words that occur move at all (8 rows in 100), and the unused pooling layer stands still. What is not
like the real one: the gradients of neighbours do not depend on each other. The size of patchcore's deltas differs by
less than 1% between the real run and this one, in int8 as in bf16.

Seeds are fixed. The same release of numpy gives the same bytes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy

SEED = 20250101
STEPS = 20
LEARNING_RATE = 2e-5
# Share of the constant part in a gradient's size; set so that weights move as far as in a real run.
CONSTANT_PART = 0.25
# Rows of the embedding tables that a batch touches: word pieces by Zipf's law, positions up to the longest sentence.
WORDS_PER_STEP = 270
POSITIONS = 48


def read_safetensors(path: Path) -> dict[str, numpy.ndarray]:
    """The tensors of a file that holds float32 and integers only, in the order of the file."""
    data = path.read_bytes()
    header_length = int.from_bytes(data[:8], "little")
    kinds = {"F32": "<f4", "I64": "<i8", "I32": "<i4"}
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + header_length]).items():
        if name == "__metadata__":
            continue
        start, end = (8 + header_length + offset for offset in entry["data_offsets"])
        tensors[name] = numpy.frombuffer(data[start:end], kinds[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def write_safetensors(path: Path, tensors: dict[str, numpy.ndarray]) -> None:
    """16-bit patterns stand for bf16, which numpy does not know."""
    kinds = {"<f4": "F32", "<i8": "I64", "<i4": "I32", "|i1": "I8", "<u2": "BF16"}
    header, offset = {}, 0
    for name, tensor in tensors.items():
        header[name] = {
            "dtype": kinds[tensor.dtype.str],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + tensor.nbytes],
        }
        offset += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors.values():
            file.write(numpy.ascontiguousarray(tensor).tobytes())


def touched_rows(name: str, rows: int, noise: numpy.random.Generator) -> list[numpy.ndarray] | None:
    """Which rows of a table have a gradient in each step; None if all of them have."""
    if "word_embeddings" in name:
        # Word pieces are numbered roughly by how frequent they are, after a thousand that are reserved.
        first = min(1000, rows // 2)
        weights = 1 / numpy.arange(3.0, rows - first + 3)
        weights /= weights.sum()
        return [numpy.unique(first + noise.choice(rows - first, WORDS_PER_STEP, p=weights)) for _ in range(STEPS)]
    if "position_embeddings" in name:
        return [numpy.arange(min(POSITIONS, rows))] * STEPS
    if "token_type_embeddings" in name:
        return [numpy.arange(1)] * STEPS
    return [] if "pooler" in name else None


def adamw(weights: numpy.ndarray, batches: list[numpy.ndarray] | None, noise: numpy.random.Generator) -> numpy.ndarray:
    """The weights after STEPS steps. A row without a gradient keeps moving on what the optimizer remembers."""
    if batches == []:
        return weights
    rows = slice(None) if batches is None else numpy.unique(numpy.concatenate(batches))
    moved = weights[rows].copy()
    constant = CONSTANT_PART * noise.standard_normal(moved.shape, numpy.float32)
    mean, square = numpy.zeros_like(moved), numpy.zeros_like(moved)
    for step in range(STEPS):
        gradient = constant + noise.standard_normal(moved.shape, numpy.float32)
        if batches is not None:
            gradient[~numpy.isin(rows, batches[step])] = 0
        mean += numpy.float32(0.1) * (gradient - mean)
        square += numpy.float32(0.001) * (gradient * gradient - square)
        corrected = mean / numpy.float32(1 - 0.9 ** (step + 1))
        spread = numpy.sqrt(square / numpy.float32(1 - 0.999 ** (step + 1))) + numpy.float32(1e-8)
        moved -= numpy.float32(LEARNING_RATE * (1 - step / STEPS)) * corrected / spread
    result = weights.copy()
    result[rows] = moved
    return result


def fine_tune(tensors: dict[str, numpy.ndarray], seed: int) -> dict[str, numpy.ndarray]:
    noise = numpy.random.default_rng(seed)
    return {
        name: adamw(tensor, touched_rows(name, len(tensor), noise), noise) if tensor.dtype.kind == "f" else tensor
        for name, tensor in tensors.items()
    }


def as_bf16(tensors: dict[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
    """The upper half of each float, rounded to the nearest, to even where two are as near."""
    result = {}
    for name, tensor in tensors.items():
        if tensor.dtype.kind == "f":
            bits = tensor.view("<u4")
            tensor = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype("<u2")
        result[name] = tensor
    return result


def as_int8(tensors: dict[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
    """Matrices quantised symmetrically with one scale per row; vectors stay float32, as is usual."""
    result = {}
    for name, tensor in tensors.items():
        if tensor.dtype.kind == "f" and tensor.ndim == 2:
            scale = numpy.abs(tensor).max(axis=1, keepdims=True) / numpy.float32(127)
            scale[scale == 0] = 1
            result[name] = numpy.rint(tensor / scale).astype(numpy.int8)
            result[name + ".scale"] = scale
        else:
            result[name] = tensor
    return result


def make_model(source: Path, out: Path) -> None:
    tensors = read_safetensors(source)
    for version in range(4):
        if version:
            tensors = fine_tune(tensors, SEED + version)
        forms = {"int8": as_int8}
        if version < 2:
            forms |= {"bf16": as_bf16, "fp32": dict}
        for form, convert in forms.items():
            write_safetensors(out / f"v{version}.{form}.safetensors", convert(tensors))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
    make_model(Path(sys.argv[1]), Path(sys.argv[2]))
