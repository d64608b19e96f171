#!/usr/bin/env bash
# Kills `chain append` and `chain publish`, or fails them, at each of their system calls that change a file, and looks at
# what is left: a reader must find the old state or the new one, and the same command again must lead to the same files as
# if nothing had happened.
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

# A signed channel with the first two versions, and the third one about to be published.
"$binary" chain create -q first.delta -o growing.chain
"$binary" keygen -q -o key
mkdir before
cp growing.chain before/given.chain
"$binary" chain publish -q published before/given.chain model_v2.safetensors --key key
"$binary" chain append -q before/given.chain second.delta
cp -r published complete
"$binary" chain publish -q complete before/given.chain model_v3.safetensors --key key
listing() { (cd "$1" && find . -path ./.patchcore -prune -o -type f -print | sort); }

old=0 new=0
# The same for a publish: whoever updates meanwhile, from any version or from none, gets one of the two newest versions.
try_publish() {
    rm -rf public && cp -r published public
    (strace -f -qq -o trace -e trace="$2" -e inject="$2:$1:when=$3" \
        "$binary" chain publish -q public before/given.chain model_v3.safetensors --key key; exit $?) 2>/dev/null && return 1
    grep -q -e INJECTED -e 'killed by SIGKILL' trace || return 1
    if grep -q '"current_version": "v3"' public/manifest.json; then
        newest=model_v3.safetensors new=$((new + 1))
    else
        newest=model_v2.safetensors old=$((old + 1))
    fi
    for device in model_v1.safetensors model_v2.safetensors none; do
        rm -rf device && mkdir device
        [ "$device" = none ] || cp "$device" device/model
        "$binary" update -q device/model --url public -p key.pub || fail "no update from $device after $1 at $2 $3"
        cmp -s device/model "$newest" || fail "another file than promised after $1 at $2 $3"
    done
    "$binary" chain publish -q public before/given.chain model_v3.safetensors --key key || fail "stuck after $1 at $2 $3"
    cmp <(listing public) <(listing complete) || fail "something is left after $1 at $2 $3"
    cmp public/given.chain complete/given.chain || fail "another chain after $1 at $2 $3"
    cmp public/latest.safetensors model_v3.safetensors || fail "another newest version after $1 at $2 $3"
    rm -rf device && mkdir device && cp model_v1.safetensors device/model
    "$binary" update -q device/model --url public -p key.pub && cmp device/model model_v3.safetensors ||
        fail "no update after $1 at $2 $3 and another publish"
}

for action in signal=KILL error=EIO; do
    for call in write ftruncate fdatasync fsync rename link linkat unlink unlinkat mkdir; do
        n=1
        while try_publish "$action" "$call" "$n"; do n=$((n + 1)); done
    done
done
[ "$old" -ge 20 ] && [ "$new" -ge 3 ] || fail "only $((old + new)) calls of publish were tried"
echo "chain publish: $((old + new)) calls killed or failed; channels old: $old, new: $new, others: 0"
