#!/usr/bin/env bash
# exports.sh LIBRARY: the library's dynamic symbols are those of exports.txt, and there is none that is not ours.
# BLESS=1 writes exports.txt anew: a name that goes away breaks programs, so look at the difference.
set -euo pipefail
snapshot=$(dirname "${BASH_SOURCE[0]}")/exports.txt
exports=$(nm -D --defined-only "$1" | awk '{print $NF}' | LC_ALL=C sort)
if foreign=$(grep -v '^patchcore_' <<<"$exports"); then
    printf 'exports of %s that are not ours:\n%s\n' "$1" "$foreign" >&2
    exit 1
fi
if [ "${BLESS:-}" = 1 ]; then printf '%s\n' "$exports" >"$snapshot"; fi
diff -u --label exports.txt --label "$1" "$snapshot" - <<<"$exports"
echo "$(wc -l <"$snapshot") functions"
