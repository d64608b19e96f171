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

fail() { echo "node-release: $*" >&2; exit 1; }

# expect STATUS TEXT ARGUMENT…: the launcher ends with this status and says this.
expect() {
    local status=0 expected=$1 text=$2
    shift 2
    node update.mjs "$@" >said 2>&1 || status=$?
    sed 's/^/    /' said
    [ "$status" -eq "$expected" ] || fail "exit status $status instead of $expected: $*"
    grep -qF -- "$text" said || fail "did not say: $text"
}

# The game equals a version, apart from what the player has of their own.
game_is() {
    diff -r --exclude=.patchcore --exclude=saves game "$1" >&2 || fail "the game is not $1"
    [ "$(cat game/saves/1)" = "level 7" ] || fail "the player's save is gone"
}

publish() { node publish.mjs releases release.key "$@"; }
update() { expect "$1" "$2" game releases/manifest.json release.key.pub; }

mkdir -p 1.0.0.1/levels
head -c 20000000 /dev/urandom >1.0.0.1/levels/1
for i in $(seq 200); do echo "texture $i" >"1.0.0.1/texture$i"; done
cp -r 1.0.0.1 1.0.0.2
echo "a secret room" >>1.0.0.2/levels/1
rm 1.0.0.2/texture7
cp -r 1.0.0.2 1.1.0
echo "texture 7, as it was meant" >1.1.0/texture7
head -c 5000000 /dev/urandom >1.1.0/levels/2
for i in $(seq 100); do echo "sharper" >>"1.1.0/texture$((i + 50))"; done
mkdir -p game/saves
echo "level 7" >game/saves/1
npx --offline libpatchcore keygen -o release.key >/dev/null
npx --offline libpatchcore keygen -o other.key >/dev/null

echo "installed for the first time"
publish 1.0.0.1 1.0.0.1
update 0 "by the full package (unknown_version)"
game_is 1.0.0.1
update 0 "Already up to date."

echo "a damaged download, and an update that somebody else signed"
publish 1.0.0.2 1.0.0.2 1.0.0.1 1.0.0.1
cp -r releases whole
printf 'X' | dd of=releases/patch-1.0.0.1-1.0.0.2.zip bs=1 seek=300 conv=notrunc 2>/dev/null
update 41 "The game is as it was."
rm -r releases && mv whole releases
expect 51 "signed by somebody else" game releases/manifest.json other.key.pub
game_is 1.0.0.1

echo "updated by a patch, and taken back"
update 0 "by a patch (patch_available)"
game_is 1.0.0.2
expect 0 "Back at 1.0.0.1." game --rollback
game_is 1.0.0.1
expect 10 "The game is as it was." game --rollback

echo "a game that somebody changed"
echo "mod" >game/texture7
update 45 "texture7"
echo "texture 7" >game/texture7
game_is 1.0.0.1

echo "Ctrl-C while it runs"
publish 1.1.0 1.1.0 1.0.0.2 1.0.0.2
PROGRESS=always node update.mjs game releases/manifest.json release.key.pub >said 2>&1 &
launcher=$!
until grep -q 'stage' said || ! kill -0 "$launcher" 2>/dev/null; do sleep 0.01; done
kill -INT "$launcher" 2>/dev/null || true
status=0
wait "$launcher" || status=$?
case $status in
130)
    grep -q "Stopped. Installed: 1.0.0.1" said || fail "did not say what is installed"
    game_is 1.0.0.1
    ;;
0) game_is 1.1.0 ;; # It came too late.
*) fail "exit status $status after Ctrl-C" ;;
esac
echo "    exit status $status"

echo "the next start finishes whatever was left"
update 0 "Installed: 1."
game_is 1.1.0
echo "node-release: all of it worked"
