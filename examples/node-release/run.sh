#!/usr/bin/env bash
# Installs the package beside the launcher and walks through what can happen to a player.
#
#   examples/node-release/run.sh [TARBALL]     (of libpatchcore; without one it is built)
set -euo pipefail

source=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
package=$source/../../bindings/node
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ $# -eq 0 ]; then
    (cd "$package" && npm install --silent --no-save && npm run --silent build && npm pack --silent --pack-destination "$work" >/dev/null)
    set -- "$work"/libpatchcore-*.tgz
fi
tarball=$(realpath "$1")
cp "$source"/*.mjs "$source/package.json" "$work"
cd "$work"
npm install --silent --offline --no-save "$tarball"
mkdir files
cd files

fail() { echo "node-release: $*" >&2; exit 1; }

# expect STATUS TEXT ARGUMENT…: the launcher ends with this status and says this.
expect() {
    local status=0 expected=$1 text=$2
    shift 2
    node ../update.mjs "$@" >../said 2>&1 || status=$?
    sed 's/^/    /' ../said
    [ "$status" -eq "$expected" ] || fail "exit status $status instead of $expected: $*"
    grep -qF -- "$text" ../said || fail "did not say: $text"
}

# The installed file equals a version, and nothing else was left beside it.
game_is() {
    cmp game "$1" || fail "the game is not $1"
    [ "$(ls -A)" = "$files" ] || fail "left behind: $(ls -A)"
}

head -c 30000000 /dev/urandom >1.0
{ head -c 1000000 1.0; echo "a new level"; tail -c +1000001 1.0; } >1.1
{ tail -c 500000 1.1; head -c 29000000 1.1; echo "a new ending"; } >1.2
cp 1.0 game

echo "three releases and their chain"
node ../publish.mjs updates.chain 1.0 1.1 1.1
node ../publish.mjs updates.chain 1.1 1.2 1.2
files=$(ls -A)

echo "from the first version to the latest"
expect 0 "Route:     1.0→1.1, 1.1→1.2 (" updates.chain game
game_is 1.2
expect 0 "Already up to date." updates.chain game

echo "from the second one, and to one that is asked for"
cp 1.1 game
expect 0 "Updated to 1.2" updates.chain game
game_is 1.2
cp 1.0 game
expect 0 "Updated to 1.1" updates.chain game 1.1
game_is 1.1
expect 42 "There is no way to that version." updates.chain game 1.0
game_is 1.1

echo "a file that somebody changed"
{ cat 1.0; echo "mod"; } >game
cp game ../mod
expect 43 "The installed file was changed" updates.chain game
game_is ../mod

echo "a damaged download"
cp 1.0 game
cp updates.chain ../whole.chain
printf 'X' | dd of=updates.chain bs=1 seek=150 conv=notrunc 2>/dev/null
expect 30 "The download is damaged." updates.chain game
game_is 1.0
cp ../whole.chain updates.chain

echo "Ctrl-C while it runs"
PROGRESS=always node ../update.mjs updates.chain game >../said 2>&1 &
launcher=$!
until grep -q '%' ../said; do sleep 0.01; done
kill -INT "$launcher"
status=0
wait "$launcher" || status=$?
if [ "$status" -eq 130 ]; then
    grep -q "Stopped. The file is as it was." ../said || fail "did not say that it stopped"
    game_is 1.0
else
    # A machine may be faster than the signal.
    [ "$status" -eq 0 ] || fail "exit status $status after Ctrl-C"
    game_is 1.2
fi
echo "    exit status $status"
echo "node-release: all of it worked"
