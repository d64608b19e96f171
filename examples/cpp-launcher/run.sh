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

# The game's directory equals a version; what players have in it of their own does not count.
game_is() {
    diff -r --exclude=.patchcore --exclude=settings.ini --exclude=save "$1" game || fail "the game is not $1"
}

# change_byte FILE OFFSET: changes one byte.
change_byte() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
    printf "\\$(printf '%03o' $((255 - byte)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# version NAME: a version of the game; what differs from one to the next follows from its number.
version() {
    mkdir -p "$1/levels"
    cp "$work/assets" "$1/assets"
    echo "$1" >>"$1/assets"
    echo "program $1" >"$1/play"
    echo "level of $1" >"$1/levels/$1"
    echo "volume=5 ; as in $1" >"$1/settings.ini"
}

# A game of version 1 as somebody plays it.
install_game() {
    rm -rf game
    cp -r v1 game
    echo "volume=11" >game/settings.ini
    echo "a save" >game/save
}

# --- two versions of a game, and the package between them ------------------------------------------------------------

head -c 3000000 /dev/urandom >"$work/assets"
version v1
version v2
"$work/build/make-package" v1 v2 update.zip 1.1.0
"$work/build/make-key" studio.key
"$work/build/make-key" stranger.key
"$work/build/make-package" v1 v2 signed.zip 1.1.0 studio.key

echo "to the next version and back"
install_game
expect 0 "Updated to 1.1.0." update update.zip game
grep -qF "Kept:      settings.ini" said || fail "did not say what was kept"
game_is v2
[ "$(cat game/settings.ini)" = "volume=11" ] && [ "$(cat game/save)" = "a save" ] || fail "what is the player's changed"
expect 0 "Already up to date." update update.zip game
expect 0 "Back to the version before" rollback game
game_is v1
expect 10 "nothing to go back to" rollback game
game_is v1

echo "only what the studio signed"
expect 0 "Signed by: " update signed.zip game --key studio.key.pub
game_is v2
install_game
expect 50 "does not come from the makers" update update.zip game --key studio.key.pub
expect 51 "does not come from the makers" update signed.zip game --key stranger.key.pub
game_is v1

echo "a modified game"
echo "cheat" >>game/play
cp -r game modified
expect 45 "  play: modified" update update.zip game
grep -qF "Nothing was changed." said || fail "did not say that nothing was changed"
game_is modified

echo "a damaged package, one that is cut off, and none"
install_game
cp update.zip damaged.zip
change_byte damaged.zip $(($(wc -c <update.zip) / 2))
head -c 200 update.zip >short.zip
expect 30 "Download it again." update damaged.zip game
expect 30 "Download it again." update short.zip game
expect 21 "A file is missing." update none.zip game
expect 2 "usage:" update game
game_is v1

echo "Ctrl-C"
head -c 60000000 /dev/urandom >v2/large
"$work/build/make-package" v1 v2 large.zip 1.2.0
mkfifo said.pipe
"$launcher" update large.zip game >said.pipe 2>said &
pid=$!
exec 3<said.pipe
read -r line <&3 && read -r line <&3 || fail "no plan"
kill -INT "$pid"
status=0
wait "$pid" || status=$?
exec 3<&-
sed 's/^/    /' said
[ "$status" -eq 130 ] || fail "exit status $status instead of 130"
grep -qF "Cancelled. Nothing was changed." said || fail "did not say that it was cancelled"
game_is v1

# A full disk takes a small file system, which only root can mount.
if [ "$(uname)" = Linux ] && mkdir "$work/full" && mount -t tmpfs -o size=30m none "$work/full" 2>/dev/null; then
    echo "a full disk"
    trap 'umount "$work/full"; rm -rf "$work"' EXIT
    cp -r v1 "$work/full/game"
    expect 22 "The disk is full." update large.zip "$work/full/game"
    diff -r --exclude=.patchcore v1 "$work/full/game" || fail "the game on the full disk changed"
else
    echo "a full disk: skipped, since this user may not mount a small one"
fi

# The progress bar wants a terminal; util-linux has a program that pretends to be one.
if script --version 2>/dev/null | grep -q util-linux; then
    echo "on a terminal"
    script -qec "$launcher update large.zip game" /dev/null >said
    grep -q 'stage .*[0-9] %' said || fail "no progress bar on a terminal"
    game_is v2
else
    echo "on a terminal: skipped, since there is no script(1) of util-linux"
fi

echo "cpp-launcher: everything as it should be"
