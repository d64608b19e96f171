#!/usr/bin/env bash
# What is left of a tree when `tree apply`, `tree rollback` or `tree recover` is killed at any of its system calls that change
# a file, when any of them fails, and when the power is cut at any moment: the old tree or the new one, and nothing else.
# About two minutes on two cores; with --soak all pairs of kills and as many power cuts as there can be, which takes hours.
# Linux only. `tests/tree_faults.sh --help` says what else there is.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
need_strace
need_python
binary=$(patchcore_binary)

exec python3 -B "$repository/tests/faults/run.py" "$binary" "$@"
