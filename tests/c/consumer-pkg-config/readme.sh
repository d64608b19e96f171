#!/usr/bin/env bash
# The program in README.md, built by the command in README.md, applies a delta. pkg-config must find patchcore.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
vectors=$repository/tests/vectors
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

section=$(awk '/^## /{inside = ($0 == "## C and C++")} inside' "$repository/README.md")
awk '/^```c$/{inside = 1; next} /^```$/{inside = 0} inside' <<<"$section" >update.c
command=$(sed -n 's/^    \(cc update\.c .*\)/\1/p' <<<"$section")
bash -ec "$command"

cp "$vectors/files/text.v1" game-1.bin
cp "$vectors/deltas/text-level-3.delta" 1-to-2.delta
LD_LIBRARY_PATH=$(pkg-config --variable=libdir patchcore) ./update
cmp game-2.bin "$vectors/files/text.v2"
