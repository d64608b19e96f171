#!/usr/bin/env bash
# A release repository in an object store: moto speaks S3 on this machine, with conditions and parts as the real one. Releases are
# published there, by two publishers at once, too; clients update from the bucket itself and from `patchcore serve`.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
python=$(python_with 'moto[server]>=5.1,<6')
binary=$(patchcore_binary)

work=$(mktemp -d)
servers=()
finish() {
    [ ${#servers[@]} -eq 0 ] || kill "${servers[@]}" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
cd "$work"

fail() {
    echo "cloud.sh: $1" >&2
    exit 1
}

# $1: a file that a server says its address in; prints the address once it is there.
address() {
    local try
    for try in $(seq 300); do
        grep -o 'http://127.0.0.1:[0-9]*' "$1" | head -n 1 | grep . && return
        sleep 0.1
    done
    fail "no server: $(cat "$1")"
}

"$(dirname "$python")/moto_server" --host 127.0.0.1 --port 0 >moto.log 2>&1 &
servers+=($!)
endpoint=$(address moto.log)
export AWS_ENDPOINT=$endpoint AWS_ALLOW_HTTP=true AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=tester AWS_SECRET_ACCESS_KEY=secret
repo=s3://releases/games/chess
url=$endpoint/releases/games/chess/

# What the owner of a bucket does: make it, and let everybody read it.
bucket() {
    "$python" - "$endpoint" "$@" <<'PYTHON'
import json, os, signal, sys
import boto3
client = boto3.client("s3", endpoint_url=sys.argv[1])
match sys.argv[2]:
    case "make":
        client.create_bucket(Bucket="releases")
        policy = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::releases/*"}
        client.put_bucket_policy(Bucket="releases", Policy=json.dumps({"Version": "2012-10-17", "Statement": [policy]}))
    case "names":
        for entry in client.list_objects_v2(Bucket="releases").get("Contents", []):
            print(entry["Key"].rsplit("/", 1)[1])
    case "uploads":
        print(len(client.list_multipart_uploads(Bucket="releases").get("Uploads", [])))
    case "stop":
        while not client.list_multipart_uploads(Bucket="releases").get("Uploads"):
            pass
        os.kill(int(sys.argv[3]), signal.SIGTERM)
PYTHON
}
bucket make

release() {
    "$binary" release "$@"
}
names_are() {
    diff <(printf '%s\n' "$@" | sort) <(bucket names | sort) || fail "these files were not expected"
}
# $1: the directory that the repository's newest version is to be; $2: where from.
installs() {
    rm -rf client
    mkdir client
    "$binary" update client --url "$2" -p key.pub -q --no-backup
    rm -rf client/.patchcore
    diff -r client "$1" || fail "another release than $1 was installed"
}

# The first version is larger than what is put in one request.
for version in 1 2 3 4 5; do
    mkdir -p "release$version/data"
    for file in 1 2 3; do printf 'file %s of all\n' "$file" >"release$version/data/same$file"; done
    seq "$version" 4000 >"release$version/data/numbers"
    echo "$version" >"release$version/version"
done
head -c 20000000 /dev/urandom >release1/data/large
for version in 2 3 4 5; do cp release1/data/large "release$version/data/large"; done
"$binary" keygen -q -o key

release init -q "$repo"
release init -q "$repo" 2>/dev/null && fail "a repository was made twice"
for version in 1 2 3; do release publish -q "$repo" "release$version" --version "1.$version.0" --key key; done
names_are base_1.1.0.zip delta_1.1.0_1.2.0.zip delta_1.2.0_1.3.0.zip manifest.json manifest.json.minisig
[ "$(bucket uploads)" = 0 ] || fail "parts are left"
release info "$repo" | grep -q 'Latest version: 1.3.0' || fail "no version 1.3.0"
release plan "$repo" --from 1.2.0 | grep -q delta_1.2.0_1.3.0.zip || fail "no plan"
release verify -q "$repo" -p key.pub
release publish "$repo" release3 --version 1.3.0 --key key | grep -q 'nothing changes' || fail "published twice"

# From the bucket, which is nothing but files to a client: all of it, and then the newest delta alone.
installs release3 "$url"
rm -rf old
cp -a release2 old
"$binary" --json update old --url "$url" -p key.pub --from 1.2.0 --no-backup >updated
rm -rf old/.patchcore
diff -r old release3 || fail "not updated"
grep -q delta_1.2.0_1.3.0.zip updated || fail "more than a delta was fetched: $(cat updated)"

# Of two publishers at the same time exactly one wins, whatever they publish.
for versions in '1.4.0 1.4.0' '1.5.0 1.6.0'; do
    read -r one other <<<"$versions"
    results=()
    release publish -q "$repo" release4 --version "$one" --key key 2>one.log &
    first=$!
    release publish -q "$repo" release5 --version "$other" --key key 2>other.log &
    second=$!
    wait $first && results+=(won) || results+=(lost)
    wait $second && results+=(won) || results+=(lost)
    release verify -q "$repo" -p key.pub || fail "damaged by two publishers"
    case "${results[*]}" in
        'won lost') grep -qi -e 'try again' -e 'published already' other.log || fail "$(cat other.log)"; installs release4 "$url" ;;
        'lost won') grep -qi -e 'try again' -e 'published already' one.log || fail "$(cat one.log)"; installs release5 "$url" ;;
        # They did not meet: the second began when the first was done.
        'won won') [ "$one" != "$other" ] || fail "both published $one"; installs release5 "$url" ;;
        *) fail "nobody won: $(cat one.log other.log)" ;;
    esac
done
comm -13 <("$binary" --json release info "$repo" | grep -o '"file":"[^"]*"' | cut -d'"' -f4 | sort) <(bucket names | sort) >unknown
printf 'manifest.json\nmanifest.json.minisig\n' | diff - unknown || fail "files that belong to nothing are left"

# A service in front of it.
"$binary" serve "$repo" --listen 127.0.0.1:0 >serve.log 2>&1 &
servers+=($!)
service=$(address serve.log)
latest=release5
[ "$("$binary" --json release info "$repo" | grep -o '"latest_version":"[^"]*"')" = '"latest_version":"1.6.0"' ] || latest=release4
installs $latest "$service/patches/"
curl -sf "$service/admin/cache/patches/check-updates" -d '{"current_version": "1.1.0"}' | grep -q '"has_updates":true' || fail "no service"

# A new base, and then what nobody needs goes.
release new-base -q "$repo" --key key
release prune -q "$repo" --keep 0 --key key
release verify -q "$repo" -p key.pub
installs $latest "$url"
release withdraw -q "$repo" 1.1.0 --key key || true
release verify -q "$repo" -p key.pub

# A publisher that is told to stop leaves no parts and nothing of its own.
bucket names >before
head -c 60000000 /dev/urandom >release5/data/more
"$binary" release publish -q "$repo" release5 --version 2.0.0 --key key 2>stopped.log &
publisher=$!
bucket stop $publisher || fail "it could not be stopped: it was too fast"
wait $publisher && fail "it could not be stopped: it was too fast"
[ "$(bucket uploads)" = 0 ] || fail "parts of a publisher that was stopped are left"
diff before <(bucket names) || fail "a publisher that was stopped left something: $(cat stopped.log)"

# No store, and one that nobody may read.
release info s3://nothing/here 2>error && fail "no bucket, and no error"
release init https://example.org/x 2>error && fail "packages were put to a web server"
grep -q 's3://' error || fail "$(cat error)"
echo "cloud.sh: published to, served from and updated from $repo in $SECONDS s"
