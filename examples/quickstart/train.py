#!/usr/bin/env python3
"""Trains the model of the quickstart and writes its four checkpoints.

A perceptron (64 -> 256 -> 128 -> 10, float32) learns the handwritten digits that ship with scikit-learn; what is
saved is what such a model is on its way to devices, a .safetensors file of 204 KB:

    v1  the release: 30 epochs over all layers on the first quarter of the training digits
    v2  more digits came in: 2 epochs over all layers on half of them, at 1/100 of the learning rate
    v3  2 epochs on three quarters of them, first layer frozen, as fine-tuning freezes the body of a model
    v4  2 epochs on all of them, first layer frozen

v1->v2 is the hard case: seven weights in ten move a little, and the low mantissa bits of those are new noise. In
v2->v3 and v3->v4 a third of the file stands still; and the weights of pixels that are never lit always do.

The checkpoints are committed. Made with Python 3.11 and

    pip install numpy==2.4.6 scikit-learn==1.9.1 safetensors==0.8.0

Seeds are fixed and nothing here is threaded, so that a second run on the same machine writes the same bytes; another
processor or another BLAS may round the last bit of a sum differently, which makes other checkpoints, as good as these.

    python3 examples/quickstart/train.py [DIR]      (DIR is that of this script unless given)
"""

import os
import sys
from pathlib import Path

# The order in which threads add up a dot product is nobody's promise.
for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np
from safetensors.numpy import save_file
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

LAYERS = (64, 256, 128, 10)
BATCH = 32
MOMENTUM = 0.9
BASE_RATE = 0.05
FINE_RATE = BASE_RATE / 100


def initial_parameters(rng):
    parameters = {}
    for i, (inputs, outputs) in enumerate(zip(LAYERS, LAYERS[1:])):
        scale = np.sqrt(2 / inputs)
        parameters[f"layers.{i}.weight"] = (rng.standard_normal((outputs, inputs)) * scale).astype(np.float32)
        parameters[f"layers.{i}.bias"] = np.zeros(outputs, np.float32)
    return parameters


def forward(parameters, x):
    """The activations of every layer, the input first and the logits last."""
    activations = [x]
    for i in range(len(LAYERS) - 1):
        x = x @ parameters[f"layers.{i}.weight"].T + parameters[f"layers.{i}.bias"]
        if i < len(LAYERS) - 2:
            x = np.maximum(x, 0)
        activations.append(x)
    return activations


def gradients(parameters, x, labels):
    """The gradient of the mean cross-entropy, by parameter name."""
    activations = forward(parameters, x)
    logits = activations[-1] - activations[-1].max(axis=1, keepdims=True)
    error = np.exp(logits)
    error /= error.sum(axis=1, keepdims=True)
    error[np.arange(len(labels)), labels] -= 1
    error /= len(labels)
    result = {}
    for i in reversed(range(len(LAYERS) - 1)):
        result[f"layers.{i}.weight"] = error.T @ activations[i]
        result[f"layers.{i}.bias"] = error.sum(axis=0)
        error = (error @ parameters[f"layers.{i}.weight"]) * (activations[i] > 0)
    return result


def train(parameters, x, labels, *, epochs, rate, rng, frozen=()):
    """Stochastic gradient descent with momentum, in place; names that start with one in `frozen` stay as they are."""
    velocity = {name: np.zeros_like(value) for name, value in parameters.items() if not name.startswith(tuple(frozen))}
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), BATCH):
            batch = order[start : start + BATCH]
            gradient = gradients(parameters, x[batch], labels[batch])
            for name in velocity:
                velocity[name] = np.float32(MOMENTUM) * velocity[name] - np.float32(rate) * gradient[name]
                parameters[name] += velocity[name]


def main():
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    digits = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(
        (digits.data / 16).astype(np.float32), digits.target, test_size=0.25, random_state=0
    )
    rng = np.random.default_rng(0)
    parameters = initial_parameters(rng)
    epochs_done = 0

    def checkpoint(number, share, epochs, rate, frozen=()):
        nonlocal epochs_done
        before = {name: value.copy() for name, value in parameters.items()}
        seen = int(len(x_train) * share)
        train(parameters, x_train[:seen], y_train[:seen], epochs=epochs, rate=rate, rng=rng, frozen=frozen)
        epochs_done += epochs
        path = directory / f"model_v{number}.safetensors"
        save_file(parameters, path, metadata={"epoch": str(epochs_done)})
        accuracy = (forward(parameters, x_test)[-1].argmax(axis=1) == y_test).mean()
        moved = sum((before[name] != parameters[name]).sum() for name in parameters)
        total = sum(value.size for value in parameters.values())
        print(
            f"{path.name}  epoch {epochs_done}  {path.stat().st_size:,} bytes  "
            f"test accuracy {accuracy:.4f}  weights moved {moved / total:.1%}"
        )

    checkpoint(1, share=0.25, epochs=30, rate=BASE_RATE)
    checkpoint(2, share=0.5, epochs=2, rate=FINE_RATE)
    checkpoint(3, share=0.75, epochs=2, rate=FINE_RATE, frozen=["layers.0."])
    checkpoint(4, share=1, epochs=2, rate=FINE_RATE, frozen=["layers.0."])


if __name__ == "__main__":
    main()
