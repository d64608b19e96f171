#!/usr/bin/env bash
# The programs in README.md, built by the command in README.md, apply a delta and a tree patch. pkg-config must find patchcore.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
vectors=$repository/tests/vectors
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

section=$(awk '/^## /{inside = ($0 == "## C and C++")} inside' "$repository/README.md")
awk '/^```c$/{inside = 1; program++; next} /^```$/{inside = 0} inside{print >(program == 1 ? "update.c" : "directory.c")}' <<<"$section"
command=$(sed -n 's/^    \(cc update\.c .*\)/\1/p' <<<"$section")
bash -ec "$command"
bash -ec "${command//update/directory}"
export LD_LIBRARY_PATH
LD_LIBRARY_PATH=$(pkg-config --variable=libdir patchcore)

cp "$vectors/files/text.v1" game-1.bin
cp "$vectors/deltas/text-level-3.delta" 1-to-2.delta
./update
cmp game-2.bin "$vectors/files/text.v2"

mkdir game
cp "$vectors/trees/setup.zip" update.zip
./directory
[ -n "$(ls game)" ]
rm -r game
if ./directory 2>said; then exit 1; fi
grep -q '(unchanged)' said
