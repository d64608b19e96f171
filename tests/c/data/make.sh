#!/bin/sh
# Makes the keys and signatures of this folder anew, which test_signatures.c reads. Needs minisign 0.11. The secret keys
# are thrown away: nothing else is ever to be signed by them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
files=$here/../../vectors/files
secrets=$(mktemp -d)
trap 'rm -rf "$secrets"' EXIT

minisign -G -W -f -p "$here/key.pub" -s "$secrets/key" > /dev/null
minisign -G -W -f -p "$here/other.pub" -s "$secrets/other" > /dev/null
minisign -S -W -s "$secrets/key" -m "$files/code.v2" -x "$here/code.v2.minisig" -t code.v2
minisign -S -W -s "$secrets/key" -m "$files/code.v1" -x "$here/code.v1.minisig" -t code.v1
minisign -S -W -s "$secrets/other" -m "$files/code.v2" -x "$here/code.v2.other.minisig" -t code.v2
minisign -S -W -l -s "$secrets/key" -m "$files/code.v2" -x "$here/code.v2.legacy.minisig" -t code.v2
