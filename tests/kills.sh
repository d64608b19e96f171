#!/usr/bin/env bash
# Kills `chain append`, or fails it, at each of its system calls that change a file, and looks at what is left: a reader
# must find the old chain or the new one, and appending again must lead to the same file as if nothing had happened.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
need_strace
binary=$(patchcore_binary)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$repository"/examples/quickstart/model_v[123].safetensors "$work"
cd "$work"
"$binary" diff -q -1 model_v1.safetensors model_v2.safetensors -o first.delta
"$binary" diff -q -1 model_v2.safetensors model_v3.safetensors -o second.delta
"$binary" chain create -q first.delta -o old.chain
cp old.chain new.chain
"$binary" chain append -q new.chain second.delta

fail() {
    echo "kills.sh: $1" >&2
    exit 1
}

old=0 new=0
# $1: what is done at the call; $2: the system call; $3: which of those calls. False when there is no such call.
try() {
    cp old.chain chain
    # In a shell of its own, which keeps the word "Killed" to itself.
    (strace -f -qq -o trace -e trace="$2" -e inject="$2:$1:when=$3" "$binary" chain append -q chain second.delta; exit $?) \
        2>/dev/null && return 1
    grep -q -e INJECTED -e 'killed by SIGKILL' trace || return 1
    "$binary" chain verify -q chain || fail "unreadable after $1 at $2 $3"
    if "$binary" chain info chain | grep -q 'Links: 2'; then
        new=$((new + 1))
    else
        old=$((old + 1))
        "$binary" chain append -q chain second.delta
    fi
    cmp chain new.chain || fail "another chain after $1 at $2 $3"
}

# A torn tail gives `ftruncate` something to do.
for torn in 0 1000; do
    [ "$torn" -eq 0 ] || head -c "$torn" second.delta >>old.chain
    for action in signal=KILL error=EIO error=ENOSPC; do
        for call in write ftruncate fdatasync fsync; do
            n=1
            while try "$action" "$call" "$n"; do n=$((n + 1)); done
        done
    done
done
[ $((old + new)) -ge 20 ] || fail "only $((old + new)) calls were tried"
echo "chain append: $((old + new)) calls killed or failed; chains old: $old, new: $new, others: 0"
