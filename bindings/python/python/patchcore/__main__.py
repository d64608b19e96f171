"""``python -m patchcore`` and the console script ``patchcore``: the command line."""

import sys

from ._patchcore import _run_command


def main() -> int:
    """Runs the command line of this process and returns its exit status."""
    return _run_command(["patchcore", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
