#!/usr/bin/env python3
"""Updates a model file in place, whichever version it is, and shows that the model still works.

    python3 update.py MODEL CHAIN [VERSION]
"""

import sys
from pathlib import Path

import model
import numpy as np
import patchcore


def update(path, chain, version=-1):
    """Makes the file the version that is asked for. While this runs, and if it fails, the file is the old one."""
    try:
        return chain.apply(path, path, target=version)
    except patchcore.SourceMismatchError as error:
        sys.exit(f"{error}: download the whole model")
    except patchcore.NoRouteError as error:
        sys.exit(f"{error}: the model is newer than what was asked for")


if __name__ == "__main__":
    path, chain = Path(sys.argv[1]), patchcore.Chain(sys.argv[2])
    stats = update(path, chain, *sys.argv[3:4])
    links = ", ".join(link.name for link in stats.links) or "nothing to do"
    print(f"{path.name} is {chain.versions[stats.end].name} now, by {links}")
    if (test := Path(sys.argv[2]).parent / "test.npz").exists():
        data = np.load(test)
        print(f"{model.accuracy(model.load(path), data['x'], data['labels']):.1%} right")
