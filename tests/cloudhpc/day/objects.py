"""The storage behind signed addresses: what was sent to it, and what runs left."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass(slots=True)
class Objects:
    """Files by their paths, each with the moment of its making; `now` is simulated."""

    now: Callable[[], float]
    files: dict[str, tuple[bytes, float]] = field(default_factory=dict)
    url: str = ""

    def put(self, path: str, data: bytes, at: float | None = None) -> None:
        """Keep a file."""
        self.files[path] = (data, self.now() if at is None else at)

    def link(self, path: str) -> str:
        """Return the signed address of a file that is there, or is to come."""
        return f"{self.url}/{path}?signature=s1gned"


@contextmanager
def serving(objects: Objects) -> Iterator[None]:
    """Answer for signed addresses on a port of this machine; no simulated time goes by there."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            """Take a file."""
            data = self.rfile.read(int(self.headers["Content-Length"]))
            objects.put(_path(self.path), data)
            self._answer(b"", data)

        def do_GET(self) -> None:
            """Give a file."""
            data, _ = objects.files[_path(self.path)]
            self._answer(data, data)

        def _answer(self, body: bytes, whole: bytes) -> None:
            md5 = hashlib.md5(whole, usedforsecurity=False).digest()
            self.send_response(200)
            self.send_header("ETag", f'"{md5.hex()}"')
            self.send_header("x-goog-hash", f"md5={base64.b64encode(md5).decode()}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    objects.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _path(target: str) -> str:
    return target.partition("?")[0].strip("/")
