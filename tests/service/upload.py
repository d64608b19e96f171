"""Uploads a release with tuspy in small chunks, over connections that break, and waits until it is published."""

import json
import sys
import time
import urllib.request

from tusclient import client

PLACE = "admin/cache/patches/uploads"


def main() -> None:
    url, token_file, archive, version = sys.argv[1:]
    with open(token_file, encoding="ascii") as file:
        headers = {"Authorization": f"Bearer {file.read().strip()}"}
    tus = client.TusClient(url + PLACE, headers=headers)
    metadata = {"version": version, "notes": "By tuspy", "filename": "release.zip"}
    uploader = tus.uploader(archive, chunk_size=10_000, metadata=metadata, retries=3, retry_delay=0.1)
    uploader.upload_chunk()
    upload = uploader.url
    assert uploader.offset == 10_000, uploader.offset

    # Another process goes on where this one was ended, and the server says where that is.
    uploader = tus.uploader(archive, url=upload, chunk_size=7_001)
    assert uploader.offset == 10_000, uploader.offset
    uploader.upload()

    deadline = time.monotonic() + 60
    while True:
        request = urllib.request.Request(upload, headers=headers)
        with urllib.request.urlopen(request) as response:
            state = json.load(response)
        if state["state"] in ("published", "failed"):
            break
        assert time.monotonic() < deadline, state
        time.sleep(0.05)
    assert state["state"] == "published", state
    with urllib.request.urlopen(url + "admin/cache/patches/latest") as response:
        assert json.load(response)["latest_version"] == version
    print(f"published {version} from {state['length']} bytes")


main()
