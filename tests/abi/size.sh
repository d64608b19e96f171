#!/usr/bin/env bash
# size.sh LIBRARY KIBIBYTES: stripped, the library is no larger than that.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
strip -o "$work/stripped" "$1"
size=$(wc -c <"$work/stripped")
echo "$((size / 1024)) KiB of $2"
[ "$size" -le $(($2 * 1024)) ]
