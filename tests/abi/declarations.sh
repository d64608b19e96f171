#!/usr/bin/env bash
# declarations.sh COMPILER HEADER: what the header declares is what the library exports, which exports.txt lists. The
# compiler is gcc, which can say what a file declares.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$1" -x c -std=c99 -fsyntax-only -aux-info "$work/declarations" "$2"
sed -n 's/.*patchcore\.h:.* extern .*[ *]\(patchcore_[a-z0-9_]*\) (.*/\1/p' "$work/declarations" | LC_ALL=C sort >"$work/declared"
diff -u --label exports.txt --label "$2" "$here/exports.txt" "$work/declared"
