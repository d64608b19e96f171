#!/usr/bin/env python3
"""Trains a model in four steps and saves a checkpoint after each, as a team that ships a model would.

    v1  the release: all layers, on a quarter of the data
    v2  more data came in: all layers, at a hundredth of the learning rate
    v3  fine-tuning on half of the data, the first layer frozen
    v4  fine-tuning on all of it, only the last layer free

    python3 train.py FOLDER
"""

import sys
from pathlib import Path

import numpy as np
from model import LAYERS, accuracy, forward, initial, save

BATCH = 32
MOMENTUM = 0.9
RATE = 0.02
STEPS = [  # epochs, share of the data, learning rate, first layer that learns
    (6, 0.25, RATE, 0),
    (2, 0.35, RATE / 100, 0),
    (2, 0.50, RATE / 100, 1),
    (2, 1.00, RATE / 100, 2),
]


def images(rng, count):
    """Noisy pictures of ten shapes that nobody has seen; what a pixel is not part of stays dark."""
    shapes = rng.standard_normal((LAYERS[-1], LAYERS[0])) * (rng.random((LAYERS[-1], LAYERS[0])) < 0.3)
    labels = rng.integers(0, LAYERS[-1], count)
    x = shapes[labels] * (shapes[labels] != 0) + rng.standard_normal((count, LAYERS[0])) * (shapes[labels] != 0) * 2
    return x.astype(np.float32), labels


def train(parameters, x, labels, rng, epochs, rate, first):
    speed = {name: np.zeros_like(tensor) for name, tensor in parameters.items()}
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x) - BATCH + 1, BATCH):
            batch = order[start : start + BATCH]
            activations = forward(parameters, x[batch])
            logits = activations[-1]
            gradient = np.exp(logits - logits.max(axis=1, keepdims=True))
            gradient /= gradient.sum(axis=1, keepdims=True)
            gradient[np.arange(BATCH), labels[batch]] -= 1
            gradient /= BATCH
            for number in range(len(LAYERS) - 2, first - 1, -1):
                weight, bias = f"layers.{number}.weight", f"layers.{number}.bias"
                changes = {weight: gradient.T @ activations[number], bias: gradient.sum(axis=0)}
                gradient = (gradient @ parameters[weight]) * (activations[number] > 0)
                for name, change in changes.items():
                    speed[name] = MOMENTUM * speed[name] - rate * change
                    parameters[name] += speed[name].astype(np.float32)


def main(folder):
    rng = np.random.default_rng(7)
    x, labels = images(rng, 6000)
    test_x, test_labels, x, labels = x[:1000], labels[:1000], x[1000:], labels[1000:]
    np.savez(folder / "test.npz", x=test_x, labels=test_labels)
    parameters = initial(rng)
    for number, (epochs, share, rate, first) in enumerate(STEPS, 1):
        count = int(len(x) * share)
        train(parameters, x[:count], labels[:count], rng, epochs, rate, first)
        save(parameters, folder / f"model-{number}.safetensors")
        print(f"v{number}: {accuracy(parameters, test_x, test_labels):.1%} right")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
