#!/usr/bin/env bash
# The service as clients that others made see it: programs generated from its description (schemathesis), uploads of tuspy and
# tus-js-client, HTTPS with curl, a browser where one is installed. PATCHCORE=path names a binary that is there already.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
cd "$repository"

patchcore=$(patchcore_binary)
work=$(mktemp -d)
server=
stop_server() {
    [ -z "$server" ] || { kill "$server" 2>/dev/null && wait "$server"; } || true
    server=
}
trap 'stop_server; rm -rf "$work"' EXIT

# Starts the service with the given options; the address is in `url`.
start_server() {
    stop_server
    "$patchcore" --json serve "$work/repository" --listen 127.0.0.1:0 "$@" >"$work/stdout" 2>"$work/log" &
    server=$!
    for _ in $(seq 100); do
        url=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$work/stdout")
        [ -z "$url" ] || return 0
        sleep 0.1
    done
    cat "$work/log" >&2
    return 1
}

need_python
python=$(python_with 'schemathesis>=4,<5' 'tuspy>=1.1,<2')
"$patchcore" release init "$work/repository" >/dev/null
for patch in 0 1 2 3; do
    mkdir -p "$work/app"
    head -c 50000 /dev/urandom >"$work/app/data.bin"
    head -c 200000 /dev/zero >"$work/app/zeros.bin"
    echo "version 1.0.$patch" >"$work/app/readme.txt"
    "$patchcore" release publish "$work/repository" "$work/app" --version "1.0.$patch" >/dev/null
done
echo "a-token-that-nobody-guesses" >"$work/token"

echo "-- programs generated from the description"
start_server --admin-token-file "$work/token" --max-upload 1M
# It keeps what it found in the folder it runs in.
(cd "$work" && "$(dirname "$python")/schemathesis" run "${url}openapi.json" --header "Authorization: Bearer $(cat "$work/token")" \
    --exclude-operation-id continueUpload --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
    --max-examples "${SERVICE_EXAMPLES:-15}" --seed 1 --request-timeout 20 --no-color >"$work/schemathesis" 2>&1) ||
    { cat "$work/schemathesis" >&2; exit 1; }
tail -n 8 "$work/schemathesis"

echo "-- uploads by tuspy, broken off and resumed"
start_server --admin-token-file "$work/token"
(cd "$work/app" && echo "version 2.0.0" >readme.txt && python3 -c 'import shutil, sys; shutil.make_archive(sys.argv[1], "zip", ".")' "$work/release")
"$python" -B tests/service/upload.py "$url" "$work/token" "$work/release.zip" 2.0.0

if has_node; then
    echo "-- uploads by tus-js-client, broken off and resumed"
    mkdir -p "$work/node"
    (cd "$work/app" && echo "version 2.0.1" >readme.txt && python3 -c 'import shutil, sys; shutil.make_archive(sys.argv[1], "zip", ".")' "$work/release1")
    npm install --silent --no-save --no-package-lock --prefix "$work/node" 'tus-js-client@^4'
    cp tests/service/upload.cjs "$work/node/"
    (cd "$work/node" && node upload.cjs "$url" "$work/token" "$work/release1.zip" 2.0.1)
fi

echo "-- HTTPS"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \
    -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
start_server --tls-cert "$work/cert.pem" --tls-key "$work/key.pem"
curl -fsS --cacert "$work/cert.pem" "${url}healthz"
echo
if curl -sS --max-time 5 "http${url#https}healthz" 2>/dev/null; then
    echo "plain HTTP was answered" >&2
    exit 1
fi

browser=$(command -v chromium || command -v chromium-browser || true)
if [ -n "$browser" ]; then
    echo "-- the page in a browser"
    start_server
    "$browser" --headless=new --no-sandbox --disable-gpu --user-data-dir="$work/browser" --enable-logging=stderr \
        --virtual-time-budget=3000 --dump-dom "${url}?from=1.0.0" >"$work/dom" 2>"$work/console"
    grep -q 'id="answer"' "$work/dom" && grep -q '<svg' "$work/dom"
    if grep -E 'CONSOLE|Refused to' "$work/console" >&2; then
        echo "the page has errors" >&2
        exit 1
    fi
fi
echo "-- the end"
kill -TERM "$server"
wait "$server"
server=
