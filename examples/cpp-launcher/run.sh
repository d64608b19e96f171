#!/usr/bin/env bash
# Builds the launcher against an installed libpatchcore and walks through what can happen to a player.
#
#   examples/cpp-launcher/run.sh PREFIX
set -euo pipefail

[ $# -eq 1 ] || { echo "usage: $0 PREFIX    (where libpatchcore is installed)" >&2; exit 2; }
source=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
prefix=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake -S "$source" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_COMPILE_WARNING_AS_ERROR=ON >"$work/build.log" 2>&1 &&
    cmake --build "$work/build" >>"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; exit 1; }
launcher=$work/build/cpp-launcher
mkdir "$work/games"
cd "$work/games"

# --- helpers ---------------------------------------------------------------------------------------------------------

fail() { echo "cpp-launcher: $*" >&2; exit 1; }

# expect STATUS TEXT ARGUMENT…: the launcher ends with this status and says this.
expect() {
    local status=0 expected=$1 text=$2
    shift 2
    "$launcher" "$@" >said 2>&1 || status=$?
    sed 's/^/    /' said
    [ "$status" -eq "$expected" ] || fail "exit status $status instead of $expected: $*"
    grep -qF -- "$text" said || fail "did not say: $text"
}

# The game file equals a version, and nothing else was left beside it.
game_is() {
    cmp game "$1" || fail "the game is not $1"
    [ "$(ls)" = "$files" ] || fail "left behind: $(ls)"
}

# change_byte FILE OFFSET: changes one byte.
change_byte() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    printf "\\$(printf '%03o' $((255 - byte)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# --- three versions of a game, and their chain -----------------------------------------------------------------------

head -c 3000000 /dev/urandom >v1
{ head -c 1000000 v1; echo "a new level"; tail -c +1000001 v1; } >v2
{ tail -c 500000 v2; head -c 2600000 v2; echo "a new ending"; } >v3
"$work/build/make-chain" updates.chain v1 v2 v3
echo >said
cp v1 game
files=$(ls)

echo "from the first version to the latest"
expect 0 "Route:     v1 -> v2 -> v3 (" updates.chain game
game_is v3
expect 0 "Already up to date." updates.chain game
game_is v3

echo "to a version in between, and on from there"
cp v1 game
expect 0 "Updated to v2" updates.chain game --target v2
game_is v2
expect 0 "Installed: v2" updates.chain game
game_is v3

echo "versions that cannot be reached"
expect 43 "has no such version" updates.chain game --target v9
expect 42 "To go back, install the game again" updates.chain game --target v1
game_is v3

echo "a modified game"
cp v1 game
change_byte game 2000000
cp game modified
files=$(ls)
expect 40 "Verify the game files, or install the game again." updates.chain game
game_is modified

echo "a damaged chain, a newer one, one that is cut off, and none"
cp v1 game
cp updates.chain damaged.chain
change_byte damaged.chain 300
cp updates.chain newer.chain
change_byte newer.chain 9
head -c 200 updates.chain >short.chain
files=$(ls)
expect 30 "Download it again." damaged.chain game
expect 11 "Update the launcher first." newer.chain game
expect 30 "Download it again." short.chain game
expect 21 "A file is missing." none.chain game
game_is v1

echo "Ctrl-C"
head -c 100000000 /dev/urandom >v1
{ echo "another beginning"; cat v1; } >v2
"$work/build/make-chain" large.chain v1 v2
cp v1 game
mkfifo said.pipe
files=$(ls)
"$launcher" large.chain game >said.pipe 2>said &
pid=$!
exec 3<said.pipe
read -r line <&3 && read -r line <&3 || fail "no route"
kill -INT "$pid"
status=0
wait "$pid" || status=$?
sed 's/^/    /' said
[ "$status" -eq 130 ] || fail "exit status $status instead of 130"
grep -qF "Cancelled. The game file is as it was." said || fail "did not say that it was cancelled"
game_is v1

# A full disk takes a small file system, which only root can mount.
if [ "$(uname)" = Linux ] && mkdir "$work/full" && mount -t tmpfs -o size=120m none "$work/full" 2>/dev/null; then
    echo "a full disk"
    trap 'umount "$work/full"; rm -rf "$work"' EXIT
    cp v1 "$work/full/game"
    expect 22 "The disk is full." large.chain "$work/full/game"
    cmp v1 "$work/full/game" || fail "the game on the full disk changed"
    [ "$(ls "$work/full")" = game ] || fail "left behind on the full disk: $(ls "$work/full")"
else
    echo "a full disk: skipped, since this user may not mount a small one"
fi

# The progress bar wants a terminal; util-linux has a program that pretends to be one.
if script --version 2>/dev/null | grep -q util-linux; then
    echo "on a terminal"
    cp v1 game
    script -qec "$launcher large.chain game" /dev/null >said
    grep -q 'hash .*[0-9] %.*MB/s' said || fail "no progress bar on a terminal"
    cmp game v2 || fail "the game is not v2"
else
    echo "on a terminal: skipped, since there is no script(1) of util-linux"
fi

echo "cpp-launcher: everything as it should be"
