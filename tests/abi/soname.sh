#!/usr/bin/env bash
# soname.sh LIBRARY SONAME: programs that are linked with the library look for this name.
set -euo pipefail
soname=$(readelf -d "$1" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
echo "SONAME: $soname"
[ "$soname" = "$2" ]
