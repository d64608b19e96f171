"""`patchcore serve` beside nginx, in one run on one machine: a large download, the question for updates, and memory.

    python3 tests/bench/service.py [--patchcore PATH] [--size BYTES] [--seconds N] [--rounds N]

Needs nginx, wrk and curl. Prints the ratios that the project promises: a download of 1 GB at least 0.8 of nginx, `check-updates`
under 64 connections at least 10,000 requests a second and core or half of what nginx serves of a static file of the same length,
at most 64 MiB of memory, and no errors.
"""

import argparse
import hashlib
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

VERSIONS = 50
CONNECTIONS = 64

NGINX = """
daemon off; pid {work}/nginx.pid; error_log {work}/nginx.log; worker_processes auto;
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; default_type application/json;
    client_body_temp_path {work}/t1; proxy_temp_path {work}/t2; fastcgi_temp_path {work}/t3;
    uwsgi_temp_path {work}/t4; scgi_temp_path {work}/t5;
    server {{ listen 127.0.0.1:{port}; root {repository}; }}
}}
"""

QUESTION = '{"current_version": "1.0.%d"}' % (VERSIONS - 2)

SCRIPT = f"""
wrk.method = "POST"
wrk.body = '{QUESTION}'
wrk.headers["Content-Type"] = "application/json"
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}")


def make_repository(folder: pathlib.Path, size: int) -> None:
    """One large package, and deltas that are only listed: nobody asks for their bytes."""
    block = os.urandom(1 << 20)
    digest = hashlib.sha256()
    with open(folder / "base_1.0.0.zip", "wb") as file:
        left = size
        while left > 0:
            piece = block[:left]
            file.write(piece)
            digest.update(piece)
            left -= len(piece)
    common = {"file_count": 1, "created_at": "2026-01-01T00:00:00Z"}
    patches = [{"from": "0.0.0", "to": "1.0.0", "file": "base_1.0.0.zip", "size": size, "is_base": True,
                "sha256": digest.hexdigest(), **common}]
    for patch in range(VERSIONS - 1):
        start, end = f"1.0.{patch}", f"1.0.{patch + 1}"
        patches.append({"from": start, "to": end, "file": f"delta_{start}_{end}.zip", "size": 1000, "sha256": "0" * 64,
                        **common})
    manifest = {"latest_version": f"1.0.{VERSIONS - 1}", "sequence": 1, "patches": patches}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def download(url: str) -> float:
    """Bytes a second."""
    command = ["curl", "-fsS", "-o", "/dev/null", "-w", "%{speed_download}", url]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def requests_per_second(url: str, seconds: int, script: pathlib.Path | None = None) -> float:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", url]
    if script:
        command[1:1] = ["-s", str(script)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        sys.exit(f"there were errors:\n{output}")
    return float(re.search(r"Requests/sec:\s+([0-9.]+)", output).group(1))


def process_numbers(pid: int) -> tuple[int, float]:
    """The most memory that a process had, in KiB, and the processor time that it took, in seconds."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patchcore", default="patchcore")
    parser.add_argument("--size", type=int, default=10**9)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="patchcore-bench-") as name:
        work = pathlib.Path(name)
        os.chmod(work, 0o755)
        repository = work / "repository"
        repository.mkdir()
        make_repository(repository, options.size)
        nginx_port, our_port = free_port(), free_port()
        (work / "nginx.conf").write_text(NGINX.format(work=work, port=nginx_port, repository=repository))
        (work / "check.lua").write_text(SCRIPT)
        nginx = subprocess.Popen(["nginx", "-c", str(work / "nginx.conf")])
        ours = subprocess.Popen([options.patchcore, "-q", "serve", str(repository), "--listen", f"127.0.0.1:{our_port}"])
        try:
            wait_for(nginx_port)
            wait_for(our_port)
            measure(options, work, repository, nginx_port, our_port, ours.pid)
        finally:
            ours.send_signal(signal.SIGTERM)
            nginx.terminate()
            ours.wait()
            nginx.wait()


def measure(options, work, repository, nginx_port, our_port, our_pid) -> None:
    nginx_url, our_url = f"http://127.0.0.1:{nginx_port}/", f"http://127.0.0.1:{our_port}/"
    question = f"{our_url}admin/cache/patches/check-updates"
    with urllib.request.urlopen(urllib.request.Request(question, QUESTION.encode(), method="POST")) as response:
        # What nginx serves is as long as what we answer.
        (repository / "answer.json").write_bytes(response.read())

    # In turns, so that whatever else the machine does meets both.
    speeds = [(download(nginx_url + "base_1.0.0.zip"), download(our_url + "patches/base_1.0.0.zip"))
              for _ in range(options.rounds)]
    theirs, own = (statistics.median(column) for column in zip(*speeds))
    after_downloads, _ = process_numbers(our_pid)
    print(f"download of {options.size:,} bytes: {own / 1e6:,.0f} MB/s, nginx {theirs / 1e6:,.0f} MB/s, "
          f"ratio {own / theirs:.2f}; memory {after_downloads / 1024:.1f} MiB")

    static = requests_per_second(nginx_url + "answer.json", options.seconds)
    _, before = process_numbers(our_pid)
    checks = requests_per_second(question, options.seconds, work / "check.lua")
    memory, after = process_numbers(our_pid)
    per_core = checks * options.seconds / (after - before)
    print(f"check-updates under {CONNECTIONS} connections for {options.seconds} s: {checks:,.0f} requests/s, "
          f"{per_core:,.0f} a second of processor time; nginx static {static:,.0f} requests/s, ratio {checks / static:.2f}")
    print(f"memory at most: {memory / 1024:.1f} MiB")


main()
