#!/usr/bin/env bash
# Deltas and chains on real files, from a clean clone: builds the command line, walks through the whole main job and
# compares every result with the file that it must equal.
#
#   examples/quickstart.sh                  on the checkpoints of a small model (examples/quickstart/)
#   examples/quickstart.sh OLD … NEW        on your files: two or more versions of one file, oldest first
#
# PATCHCORE=path uses a binary that is built already. Everything happens in a temporary directory.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/../tests/tools.sh"

if [ $# -eq 0 ]; then
    set -- "$repository"/examples/quickstart/model_v{1,2,3,4}.safetensors
elif [ $# -eq 1 ]; then
    echo "usage: $0 [OLD … NEW]    (two or more versions of one file, oldest first)" >&2
    exit 2
fi
count=$#

patchcore=$(patchcore_binary)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The versions go by v1, v2, … here, whatever they are called; the originals are only read.
for ((i = 1; i <= count; i++)); do
    [ -f "${!i}" ] || { echo "$0: ${!i} is no file" >&2; exit 2; }
    ln -s "$(realpath "${!i}")" "$work/v$i"
    printf 'v%d = %s\n' "$i" "${!i}"
done
cd "$work"

# --- helpers ---------------------------------------------------------------------------------------------------------

title() { printf '\n# %s\n' "$*"; }

# Shows a command as one would type it, then runs it.
patchcore() {
    printf '$ patchcore %s\n' "$*"
    "$patchcore" "$@"
}

# same RESULT VERSION: the result must equal the version to the byte; it is then removed, so that no later step can
# pass on what an earlier one left.
same() {
    cmp "$1" "$2" || { echo "MISMATCH: $1 is not $2" >&2; exit 1; }
    printf '  ✓ %s is %s\n' "$1" "$2"
    rm "$1"
}

sha256() {
    if command -v sha256sum >/dev/null; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi
}

# The first 8 digits of the SHA-256 of a version: how the command line names versions.
digits() { sha256 "$1" | cut -c1-8; }

size() { wc -c <"$1" | tr -d ' '; }

thousands() {
    local number=$1 grouped=
    while [ ${#number} -gt 3 ]; do
        grouped=,${number: -3}$grouped
        number=${number%???}
    done
    printf '%s' "$number$grouped"
}

# row NAME FILE [VERSION]: a line of the table, with the size as a share of that of VERSION.
row() {
    local bytes whole share=
    bytes=$(size "$2")
    if [ $# -eq 3 ]; then
        whole=$(size "$3")
        [ "$whole" -eq 0 ] || share=$(awk "BEGIN { printf \"%.1f %% of %s\", 100 * $bytes / $whole, \"$3\" }")
    fi
    printf '%-24s %15s  %s\n' "$1" "$(thousands "$bytes")" "$share" | sed 's/ *$//'
}

# --- the walkthrough -------------------------------------------------------------------------------------------------

last=v$count

title "A delta from each version to the next, and a chain of them"
for ((i = 1; i < count; i++)); do
    link=v${i}_to_v$((i + 1)).delta
    patchcore diff "v$i" "v$((i + 1))" -o "$link"
    if [ "$i" -eq 1 ]; then
        patchcore chain create "$link" -o updates.chain --chain-id quickstart
    else
        patchcore chain append updates.chain "$link"
    fi
done
patchcore chain info updates.chain --verbose

title "From any version to the latest, or to the one asked for"
for ((i = 1; i < count; i++)); do
    patchcore chain apply "v$i" updates.chain -o result
    same result "$last"
done
if [ "$count" -ge 3 ]; then
    target=v$((count - 1))
    patchcore chain apply v1 updates.chain -o result --target "$(digits "$target")"
    same result "$target"
fi

title "The whole chain as one delta, made without any version of the file"
patchcore chain squash updates.chain -o squashed.delta
patchcore apply v1 squashed.delta -o result
same result "$last"
if [ "$count" -ge 3 ]; then
    title "A part of it"
    patchcore chain squash updates.chain -o part.delta --from "$(digits v2)" --to "$(digits "$last")"
    patchcore apply v2 part.delta -o result
    same result "$last"
fi

title "The deltas out of the chain again"
patchcore chain extract updates.chain -o patches
for ((i = 1; i < count; i++)); do
    patchcore apply "v$i" "patches/$(printf '%04d' $((i - 1)))_v${i}_to_v$((i + 1)).delta" -o result
    same result "v$((i + 1))"
done
if [ "$count" -ge 3 ]; then
    patchcore chain extract updates.chain -o some-patches --from "$(digits v2)" --to "$(digits "$last")"
    # One after the other in place, as a device without the chain would.
    cp v2 result
    for delta in some-patches/*.delta; do
        [ ! -e "$delta" ] || patchcore apply result "$delta" -o result
    done
    same result "$last"
fi

title "In bounded memory, as on a small device; and from a pipe"
patchcore chain apply v1 updates.chain -o result --streaming
same result "$last"
printf '$ cat squashed.delta | patchcore apply v1 - -o result --streaming\n'
cat squashed.delta | "$patchcore" apply v1 - -o result --streaming
same result "$last"

title "Sizes in bytes"
for ((i = 1; i <= count; i++)); do
    row "v$i" "v$i"
done
for ((i = 1; i < count; i++)); do
    row "v$i to v$((i + 1))" "v${i}_to_v$((i + 1)).delta" "v$((i + 1))"
done
row "chain" updates.chain
row "v1 to $last, squashed" squashed.delta "$last"
printf '\nEvery result is the file it must be.\n'
