"""An HTTP server on this machine that serves files, well or badly."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[Any], object]
"""Answers a request, which the handler that it is given describes."""


class Server:
    """`files` are served by path, with ETag and ranges; `odd` answers some paths in its own way.

    `asked` holds each request: its path and its headers.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.odd: dict[str, list[Answer] | Answer] = {}
        """By path: what answers every request, or the first, the second, …, before the file."""
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.fallback: Callable[[Any], bool] = lambda handler: False
        """Answers what is none of these, if it can."""
        self.leaving = threading.Event()
        self.url = ""

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    def ranges(self) -> list[str | None]:
        return [headers.get("Range") for _, headers in self.asked]


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.close_connection = True
            server.asked.append((self.path, dict(self.headers)))
            odd = server.odd.get(self.path)
            self.leaving = server.leaving
            try:
                if odd:
                    (odd.pop(0) if isinstance(odd, list) else odd)(self)
                elif self.path in server.files:
                    serve(self, server.files[self.path])
                elif not server.fallback(self):
                    answer(404)(self)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the other side has left

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{listening.server_address[1]}"
    try:
        yield server
    finally:
        server.leaving.set()
        listening.shutdown()
        listening.server_close()


def etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:16]}"'


def serve(handler: Any, content: bytes) -> None:
    """As a good server does: the part that is asked for, if it is of the same version."""
    wanted = handler.headers.get("Range")
    if wanted and handler.headers.get("If-Range") in (None, etag(content)):
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start >= len(content):
            head(handler, 416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": 0})
            return
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        length = len(content) - start
        head(handler, 206, {"Content-Range": span, "Content-Length": length, "ETag": etag(content)})
        handler.wfile.write(content[start:])
    else:
        head(handler, 200, {"Content-Length": len(content), "ETag": etag(content)})
        handler.wfile.write(content)


def head(handler: Any, status: int, headers: dict[str, object]) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, str(value))
    handler.end_headers()


def answer(status: int, **headers: object) -> Answer:
    """Only a status, and headers (`Retry_After=3`)."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: head(handler, status, {"Content-Length": 0, **named})


def moved(place: str, status: int = 302) -> Answer:
    return answer(status, Location=place)


def cut(content: bytes, after: int) -> Answer:
    """The beginning of the content, from where it was asked for, then an end."""

    def give(handler: Any) -> None:
        wanted = handler.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        span = (
            {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if wanted else {}
        )
        length = {"Content-Length": len(content) - start, "ETag": etag(content)}
        head(handler, 206 if wanted else 200, {**length, **span})
        handler.wfile.write(content[start : start + after])

    return give


def whole(content: bytes, **headers: object) -> Answer:
    """The whole content, whatever part was asked for."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def give(handler: Any) -> None:
        head(handler, 200, {"Content-Length": len(content), **named})
        handler.wfile.write(content)

    return give


def silent(handler: Any) -> None:
    """No answer at all."""
    handler.leaving.wait()


def stalled(content: bytes, after: int) -> Answer:
    """The beginning of the content, then nothing more, but no end either."""

    def give(handler: Any) -> None:
        head(handler, 200, {"Content-Length": len(content), "ETag": etag(content)})
        handler.wfile.write(content[:after])
        handler.wfile.flush()
        handler.leaving.wait()

    return give


def dripping(content: bytes, pause: float, in_header: bool = False) -> Answer:
    """A byte now and then."""

    def give(handler: Any) -> None:
        if in_header:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        else:
            head(handler, 200, {"Content-Length": len(content), "ETag": etag(content)})
        for byte in content:
            if handler.leaving.is_set():
                return
            handler.wfile.write(b"x" if in_header else bytes([byte]))
            handler.wfile.flush()
            time.sleep(pause)

    return give
