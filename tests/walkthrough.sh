#!/usr/bin/env bash
# Runs every command of the walkthrough in README.md as it is printed there, on the checkpoints of the quickstart, and
# compares every file that comes out with the one it must equal. What the commands print may change with the encoder
# and is not compared.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
binary=$(patchcore_binary)
PATH=$(dirname "$binary"):$PATH

# The lines after a prompt, in the first console block below the heading.
commands=$(awk '/^## /{inside = ($0 == "## Walkthrough")} inside && sub(/^\$ /, "")' "$repository/README.md")
[ "$(grep -c '^patchcore' <<<"$commands")" -ge 16 ] || { echo "README.md: the walkthrough is not where it was" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
models=$repository/examples/quickstart
cp "$models"/model_v?.safetensors "$work"
cd "$work"
cp model_v1.safetensors model.safetensors # what a device has

while IFS= read -r command; do
    command=${command%%  # *}
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
done <<<"$commands"
