#!/usr/bin/env bash
# Runs every command of the walkthrough in README.md and of its sections on directories and releases as it is printed there, on the
# checkpoints of the quickstart, and compares every file that comes out with the one it must equal. What the commands
# print may change with the encoder and is not compared.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
binary=$(patchcore_binary)
PATH=$(dirname "$binary"):$PATH

# The lines after a prompt below a heading, of which there are so many.
commands_of() {
    local commands
    commands=$(awk -v heading="## $1" '/^## /{inside = ($0 == heading)} inside && sub(/^\$ /, "")' "$repository/README.md")
    [ "$(grep -c '^patchcore' <<<"$commands")" -ge "$2" ] || { echo "README.md: $1 is not where it was" >&2; exit 1; }
    sed 's/  *# .*//' <<<"$commands"
}

walkthrough=$(commands_of Walkthrough 16)
directories=$(commands_of Directories 12)
releases=$(commands_of Releases 10)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
models=$repository/examples/quickstart
cp "$models"/model_v?.safetensors "$work"
cd "$work"
cp model_v1.safetensors model.safetensors # what a device has

while IFS= read -r command; do
    printf '$ %s\n' "$command"
    output=$(sed -n 's/.* -o \([^ ]*\).*/\1/p' <<<"$command")
    # A result of an earlier command must not stand in for this one's.
    [ ! -f "$output" ] || rm "$output"
    bash -c "$command" </dev/null
    case $output in
        "") ;;
        model_v*) cmp "$output" "$models/$output" ;;
        updated.*) cmp "$output" "$models/model_v4.safetensors" ;;
        *) [ -s "$output" ] || { echo "no $output was written" >&2; exit 1; } ;;
    esac
done <<<"$walkthrough"

mkdir game-1.0 game-1.1 game-1.2
for version in 0 1 2; do
    mkdir "game-1.$version/data"
    cp "$models/model_v$((version + 1)).safetensors" "game-1.$version/data/level"
    echo "version 1.$version" >"game-1.$version/read me"
done
cp -r game-1.0 game
echo mine >game/saved
while IFS= read -r command; do
    printf '$ %s\n' "$command"
    bash -c "$command" </dev/null
    case $command in
        *-n) is=0 ;;
        "patchcore tree apply"*) is=1 ;;
        *rollback*) is=0 ;;
        "patchcore update"*) is=2 ;;
        *) continue ;;
    esac
    diff -r --exclude=.patchcore --exclude=saved "game-1.$is" game
done <<<"$directories"
[ "$(cat game/saved)" = mine ]
cp -r game-1.0 squashed
"$binary" tree apply squashed from-1.0-to-1.2.zip -q
diff -r --exclude=.patchcore game-1.2 squashed

mkdir releases
cd releases
cp -r ../game-1.? .
while IFS= read -r command; do
    printf '$ %s\n' "$command"
    bash -c "$command" </dev/null
    case $command in
        *-n) is=1 ;;
        "patchcore update"*) is=$([ -d site ] && grep -q '"latest_version": "1.2.0"' site/manifest.json && echo 2 || echo 1) ;;
        *) continue ;;
    esac
    diff -r --exclude=.patchcore "game-1.$is" player
done <<<"$releases"
