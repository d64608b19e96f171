#!/usr/bin/env bash
# A repository where only files are served and only ZIP files are known: nginx serves it to our client, and an archive that has
# grown opens in other people's readers. PATCHCORE=path names a binary that is there already.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
need_programs <<'PROGRAMS'
nginx nginx-light
unzip unzip
7z p7zip-full
PROGRAMS
need_python
python=python3
binary=$(patchcore_binary)

work=$(mktemp -d)
# nginx reads as somebody else.
chmod 755 "$work"
nginx=
finish() {
    [ -z "$nginx" ] || { kill "$nginx" && wait "$nginx"; } 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
cd "$work"

fail() {
    echo "hosts.sh: $1" >&2
    exit 1
}

for version in 1 2 3 4; do
    mkdir -p "release$version/data"
    seq "$version" 90000 >"release$version/data/numbers"
    head -c 500000 "$binary" >"release$version/data/same"
    echo "$version" >"release$version/of $version only"
done
"$binary" keygen -q -o key
"$binary" release init -q site
"$binary" release init -q --plain plain
for version in 1 2 3 4; do
    "$binary" release publish -q site "release$version" --version "1.$version.0" --key key
    "$binary" release publish -q plain "release$version" --version "1.$version.0"
done

port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >nginx.conf <<NGINX
daemon off;
pid $work/nginx.pid;
error_log $work/error.log;
events {}
http {
    log_format bytes '\$status \$body_bytes_sent \$uri';
    access_log $work/access.log bytes;
    server { listen 127.0.0.1:$port; root $work; }
}
NGINX
nginx -p "$work" -c "$work/nginx.conf" &
nginx=$!
for _ in $(seq 100); do (echo >"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break || sleep 0.1; done

# $1: the repository; after it, options. Updates `client` from nginx and compares it with the newest release.
update() {
    local site=$1
    shift
    : >access.log
    "$binary" update client --url "http://127.0.0.1:$port/$site/" -q --no-backup "$@"
    diff -r --exclude=.patchcore release4 client || fail "another release than the newest was installed from $site"
}
# The packages that nginx sent, with their bytes.
sent() {
    grep '\.zip$' access.log | sed 's/^20[06] //' | sort
}
# $1: names of packages in a site. Those packages, with the sizes that its manifest says.
promised() {
    local site=$1
    shift
    "$python" - "$site" "$@" <<'PYTHON'
import json, sys
site, names = sys.argv[1], sys.argv[2:]
sizes = {package["file"]: package["size"] for package in json.load(open(f"{site}/manifest.json"))["patches"]}
print("\n".join(sorted(f"{sizes[name]} /{site}/{name}" for name in names)))
PYTHON
}

echo "-- nginx serves the folder to the client"
for site in site plain; do
    keys=()
    [ $site = plain ] || keys=(-p key.pub)
    rm -rf client
    mkdir client
    update $site "${keys[@]}"
    diff <(promised $site combined_0.0.0_1.4.0.zip) <(sent) || fail "a new installation took other bytes"
    rm -rf client
    cp -r release3 client
    update $site "${keys[@]}" --from 1.3.0
    diff <(promised $site delta_1.3.0_1.4.0.zip) <(sent) || fail "an update took other bytes"
done
echo spoilt >client/data/numbers
rm -rf client/.patchcore
update site -p key.pub --repair
bytes=$(sent | awk '{sum += $1} END {print sum}')
[ "$bytes" -lt $((300 << 10)) ] || fail "a repair of one file took $bytes bytes"

# $1: the reader; then a command, run in an empty folder, which unpacks an archive there.
opens() {
    local reader=$1 archive
    shift
    for archive in site plain; do
        rm -rf unpacked
        mkdir unpacked
        (cd unpacked && "$@" "$work/$archive/combined_0.0.0_1.4.0.zip") >reader.log 2>&1 || fail "$reader: $(cat reader.log)"
        diff -r --exclude=.patchcore release4 unpacked || fail "$reader reads something else"
    done
    echo "   $reader"
}

echo "-- an archive that has grown, in the readers of others"
opens unzip unzip -q
opens 7-Zip 7z x -y
opens Python "$python" -c 'import sys, zipfile; a = zipfile.ZipFile(sys.argv[1]); assert a.testzip() is None; a.extractall()'
if command -v jar >/dev/null; then opens Java jar --extract --file; fi
if has_node; then
    npm install --silent --no-save --no-package-lock --prefix "$work/node" 'extract-zip@^2'
    opens Node env NODE_PATH="$work/node/node_modules" node -e \
        'require("extract-zip")(process.argv[1], { dir: process.cwd() }).catch(e => { console.error(e); process.exit(1) })'
fi
