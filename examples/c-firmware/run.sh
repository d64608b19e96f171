#!/usr/bin/env bash
# Builds the simulated device against an installed libpatchcore and cuts its power a thousand times, twice.
#
#   examples/c-firmware/run.sh PREFIX [ARGUMENT…]    arguments as c-firmware takes them
set -euo pipefail

[ $# -ge 1 ] || { echo "usage: $0 PREFIX [ARGUMENT…]    (PREFIX: where libpatchcore is installed)" >&2; exit 2; }
source=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
prefix=$(cd "$1" && pwd)
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake -S "$source" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_COMPILE_WARNING_AS_ERROR=ON >"$work/build.log" 2>&1 &&
    cmake --build "$work/build" >>"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; exit 1; }
firmware=$work/build/c-firmware

if [ $# -gt 0 ]; then
    "$firmware" "$@"
    exit
fi
"$firmware"
"$firmware" --size 4000000

# Signed images, where there is a minisign to sign them. The password of the throw-away key is empty.
if command -v minisign >/dev/null; then
    head -c 600000 /dev/urandom >"$work/old.bin"
    { head -c 5000 "$work/old.bin"; echo "version 2"; tail -c +5001 "$work/old.bin"; } >"$work/new.bin"
    cp "$work/new.bin" "$work/other.bin"
    echo "not signed" >>"$work/other.bin"
    minisign -G -W -p "$work/key.pub" -s "$work/key.secret" >/dev/null
    minisign -S -H -s "$work/key.secret" -m "$work/new.bin" >/dev/null

    signed=(--public-key "$work/key.pub" --signature "$work/new.bin.minisig")
    "$firmware" --cuts 50 "${signed[@]}" "$work/old.bin" "$work/new.bin"

    status=0
    "$firmware" --cuts 0 "${signed[@]}" "$work/old.bin" "$work/other.bin" || status=$?
    [ "$status" -eq 50 ] || { echo "an image with the signature of another one ended with $status" >&2; exit 1; }

    status=0
    "$firmware" --cuts 0 --public-key "$work/key.pub" "$work/old.bin" "$work/new.bin" || status=$?
    [ "$status" -eq 50 ] || { echo "an image without a signature ended with $status" >&2; exit 1; }
    echo "signatures: the signed image was installed, two others were refused"
else
    echo "signatures: skipped, since there is no minisign to sign with"
fi
