#!/usr/bin/env bash
# Trains, publishes, updates from every version and draws the sizes; every updated file is compared.
#
#   examples/python-models/run.sh [PYTHON] [PICTURE.png]
#
# PYTHON, python3 unless given, has patchcore, numpy, tqdm and matplotlib.
set -euo pipefail

python=${1:-python3}
source=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
picture=$(realpath -m "${2:-$work/sizes.png}")
cd "$work"
export OPENBLAS_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1

fail() { echo "python-models: $*" >&2; exit 1; }

echo "# the team trains"
"$python" "$source/train.py" .

echo "# and publishes, the first two checkpoints first and then what is new"
"$python" "$source/publish.py" updates.chain model-{1,2}.safetensors
"$python" "$source/publish.py" updates.chain model-{1,2,3,4}.safetensors

echo "# devices update from each version, in place"
for version in 1 2 3 4; do
    cp "model-$version.safetensors" device.safetensors
    "$python" "$source/update.py" device.safetensors updates.chain
    cmp device.safetensors model-4.safetensors || fail "v$version was not updated to v4"
done
cp model-1.safetensors device.safetensors
"$python" "$source/update.py" device.safetensors updates.chain v3
cmp device.safetensors model-3.safetensors || fail "v1 was not updated to v3"

echo "# a file that is no version, and one that is newer, stay as they are"
for file in model-4.safetensors test.npz; do
    cp "$file" device.safetensors
    ! "$python" "$source/update.py" device.safetensors updates.chain v2 2>said || fail "$file was updated to v2"
    sed 's/^/    /' said
    cmp device.safetensors "$file" || fail "$file changed"
done

"$python" "$source/plot.py" updates.chain "$picture"
[ "$(head -c 4 "$picture" | tail -c 3)" = PNG ] || fail "$picture is no picture"
echo "python-models: everything as it should be"
