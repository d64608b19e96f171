#!/usr/bin/env python3
"""Publishes checkpoints as one chain: what a server offers and a device downloads.

    python3 publish.py CHAIN CHECKPOINT CHECKPOINT…      (oldest first)
"""

import sys
from pathlib import Path

import patchcore
from tqdm import tqdm


def publish(path, checkpoints):
    """Makes the chain, or appends to it what is new. An append writes the new link and nothing else."""
    chain = patchcore.Chain(path) if path.exists() else None
    for old, new in zip(checkpoints, checkpoints[1:]):
        if chain and patchcore.digest(new) in {version.digest for version in chain.versions}:
            continue
        with tqdm(unit="B", unit_scale=True, leave=False, disable=None) as bar:
            delta = patchcore.diff(old, new, progress=patchcore.on_bar(bar))
        if chain is None:
            chain = patchcore.Chain.create([delta], path, chain_id="model")
        else:
            chain.append(delta)
        print(f"{chain.links[-1].name}: {len(delta):,} bytes, {len(delta) / new.stat().st_size:.1%} of the checkpoint")
    return chain


if __name__ == "__main__":
    path, *checkpoints = map(Path, sys.argv[1:])
    print(publish(path, checkpoints))
