"""A small web server for the tests, which misbehaves where it is told to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server:
    """Serves :attr:`files`, with ranges, and remembers what it was asked for."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, str | None]] = []
        """Each path that was asked for, and the range."""
        self.breaks: list[int] = []
        """Of the next answers: after how many bytes the connection breaks."""
        self.failures: list[int] = []
        """The status of the next answers."""
        self.stalls = threading.Event()
        """While it is not set, nothing is sent but headers."""
        self.stalls.set()

    def __truediv__(self, name: str) -> str:
        return f"{self.url}/{name}"


@contextmanager
def serving() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            server.requests.append((self.path, asked))
            content = server.files.get(self.path.removeprefix("/"))
            if server.failures or content is None:
                self.send_response(server.failures.pop(0) if server.failures else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
            self.send_response(206 if asked else 200)
            self.send_header("ETag", f'"{hash(content)}"')
            self.send_header("Content-Length", str(len(content) - start))
            if asked:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            server.stalls.wait(30)
            end = start + server.breaks.pop(0) if server.breaks else len(content)
            try:
                self.wfile.write(content[start:end])
            except ConnectionError:
                pass
            self.close_connection = True

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        server = Server(f"http://127.0.0.1:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.stalls.set()
            http.shutdown()
            thread.join()
