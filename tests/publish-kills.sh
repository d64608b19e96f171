#!/usr/bin/env bash
# Kills `release publish`, or fails it, at each of its system calls that change a file, and looks at what is left: a reader
# must find the repository as it was before or as it is after, signature included, and publishing again must lead to the same
# release as if nothing had happened.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
need_strace
binary=$(patchcore_binary)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$binary" keygen -q -o key
for version in 1 2 3; do
    mkdir -p "release$version/data"
    for file in 1 2 3 4; do printf 'file %s of all\n' "$file" >"release$version/data/same$file"; done
    seq "$version" 400 >"release$version/data/numbers"
    head -c 60000 "$binary" >"release$version/large"
    echo "$version" >"release$version/version"
done
"$binary" release init -q old
"$binary" release publish -q old release1 --version 1.0.0 --key key
"$binary" release publish -q old release2 --version 1.1.0 --key key
cp -a old new
"$binary" release publish -q new release3 --version 1.2.0 --key key
wanted=$("$binary" --json release publish -n new release3 --version 1.2.0 | sed 's/.*"tree":"\([0-9a-f]*\)".*/\1/')

fail() {
    echo "publish-kills.sh: $1" >&2
    exit 1
}

# What a client gets that has nothing, in a fresh folder.
installs() {
    rm -rf client
    mkdir client
    "$binary" update client --url "$work/repository" -p key.pub -q --no-backup >client.log 2>&1 || fail "$(cat client.log) after $2"
    rm -rf client/.patchcore
    diff -r client "$1" || fail "another release than $1 after $2"
}

old=0 new=0
# $1: what is done at the call; $2: the system call; $3: which of those calls. False when there is no such call.
try() {
    rm -rf repository
    cp -a old repository
    (strace -f -qq -o trace -e trace="$2" -e inject="$2:$1:when=$3" \
        "$binary" release publish -q repository release3 --version 1.2.0 --key key; exit $?) >/dev/null 2>&1 && return 1
    grep -q -e INJECTED -e 'killed by SIGKILL' trace || return 1
    "$binary" release verify -q repository -p key.pub || fail "damaged after $1 at $2 $3"
    if grep -q '"latest_version": "1.2.0"' repository/manifest.json; then
        new=$((new + 1))
        installs release3 "$1 at $2 $3"
    else
        old=$((old + 1))
        installs release2 "$1 at $2 $3"
    fi
    "$binary" release publish -q repository release3 --version 1.2.0 --key key || fail "not published again after $1 at $2 $3"
    "$binary" release verify -q repository -p key.pub || fail "damaged when published again after $1 at $2 $3"
    tree=$("$binary" --json release publish -n repository release3 --version 1.2.0 | sed 's/.*"tree":"\([0-9a-f]*\)".*/\1/')
    [ "$tree" = "$wanted" ] || fail "another release after $1 at $2 $3"
    ls -A repository | grep -v -x -e base_1.0.0.zip -e 'combined_0.0.0_1.[0-2].0.zip' -e 'delta_1.[01].0_1.[12].0.zip' \
        -e manifest.json -e manifest.json.minisig -e .patchcore && fail "something is left after $1 at $2 $3"
    return 0
}

# The same for taking the newest version back.
withdrawn=0
try_withdraw() {
    rm -rf repository
    cp -a new repository
    (strace -f -qq -o trace -e trace="$2" -e inject="$2:$1:when=$3" \
        "$binary" release withdraw -q repository 1.2.0 --key key; exit $?) >/dev/null 2>&1 && return 1
    grep -q -e INJECTED -e 'killed by SIGKILL' trace || return 1
    if grep -q '"latest_version": "1.2.0"' repository/manifest.json; then
        installs release3 "$1 at $2 $3 while withdrawing"
        "$binary" release withdraw -q repository 1.2.0 --key key || fail "not withdrawn again after $1 at $2 $3"
    fi
    installs release2 "$1 at $2 $3 while withdrawing"
    "$binary" release publish -q repository release3 --version 1.3.0 --key key || fail "not published after $1 at $2 $3 while withdrawing"
    "$binary" release verify -q repository -p key.pub || fail "damaged after $1 at $2 $3 while withdrawing"
    installs release3 "$1 at $2 $3 while withdrawing"
    withdrawn=$((withdrawn + 1))
}

for action in signal=KILL error=EIO error=ENOSPC; do
    for call in write pwrite64 ftruncate fsync rename link unlink mkdir rmdir unlinkat linkat renameat2; do
        n=1
        while try "$action" "$call" "$n"; do n=$((n + 1)); done
        n=1
        while try_withdraw "$action" "$call" "$n"; do n=$((n + 1)); done
    done
done
[ $((old + new)) -ge 40 ] || fail "only $((old + new)) calls were tried"
echo "release publish: $((old + new)) calls killed or failed; repositories old: $old, new: $new, others: 0"
[ "$withdrawn" -ge 20 ] || fail "only $withdrawn calls were tried while withdrawing"
echo "release withdraw: $withdrawn calls killed or failed, nothing lost"
