"""A request over HTTP in a thread of its own, so that no server can hold up the one who waits.

A server may be silent, or send a byte now and then: in the name's resolution, in a header, in a
chunk's length. Time limits of sockets do not end that, since each byte starts them again. So the
thread reads, and the caller takes what has come, or gives up; the thread ends with the process.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Mapping
from queue import Empty, Full, Queue
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from rjcma.problem import Problem

CHUNK = 2**18
"""Bytes that are read at a time, at most (ours)."""

LATEST = 120.0
"""Seconds of silence after which the thread itself gives up (ours); the caller does before."""

MOVED = (301, 302, 303, 307, 308)

FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException)


class Limits(NamedTuple):
    """How patient a download is (all ours)."""

    reply: float = 30.0
    """Seconds until the server answers, redirects included."""
    pace_seconds: float = 30.0
    pace_bytes: int = 30_000
    """In each such time at least so many bytes come, else the connection counts as broken."""
    tries: int = 8
    """How often a download that brings next to nothing goes on."""
    knocks: int = 3
    """How often a server that cannot be reached is tried."""
    pause: float = 1.0
    """Seconds before the second try; doubled before each further one."""
    wait: float = 60.0
    """The longest time that a server may ask to wait (Retry-After), in seconds."""
    redirects: int = 5


PATIENT = Limits()


class Broken(Exception):
    """A connection that failed in a way that another try may mend; the message says how."""


class Unreached(Broken):
    """A server that could not even be asked: no network, no such name, another certificate."""


class Reply(NamedTuple):
    """The beginning of a server's answer."""

    status: int
    headers: Mapping[str, str]


class Flow:
    """A request; `take` gives the `Reply`, then the content piece by piece, then b""."""

    def __init__(self, url: str, headers: Mapping[str, str], limits: Limits) -> None:
        self._url, self._headers, self._limits = url, headers, limits
        self._queue: Queue[Reply | bytes | Exception] = Queue(maxsize=16)
        self._left = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def take(self, seconds: float) -> Reply | bytes | None:
        """What comes next; None if nothing comes within so many seconds.

        Raises `Broken` if the connection fails, and `Problem` if the server sends us elsewhere.
        """
        try:
            item = self._queue.get(timeout=max(seconds, 0.001))
        except Empty:
            return None
        if isinstance(item, Exception):
            raise item
        return item

    def leave(self) -> None:
        """Take no more; the thread ends as soon as it can."""
        self._left.set()

    def _run(self) -> None:
        reached = False
        try:
            with self._opened() as response:
                self._put(Reply(response.status_code, response.headers))
                reached = True
                while not self._left.is_set():
                    piece = response.raw.read1(CHUNK, decode_content=False)
                    self._put(piece)
                    if not piece:
                        return
        except Problem as problem:
            self._put(problem)
        except (*FAILURES, OSError, ValueError) as error:  # ValueError: an address that is none
            self._put((Broken if reached else Unreached)(_in_words(error)))

    def _put(self, item: Reply | bytes | Exception) -> None:
        while not self._left.is_set():
            try:
                self._queue.put(item, timeout=0.2)
                return
            except Full:
                continue

    def _opened(self) -> requests.Response:
        """The answer after redirects. Each request has a connection of its own: a server may close
        the one before, without having said so, just when the next request is sent."""
        url = self._url
        for _ in range(self._limits.redirects + 1):
            response = requests.get(
                url,
                headers={**self._headers, "Accept-Encoding": "identity"},
                stream=True,
                allow_redirects=False,
                timeout=LATEST,
            )
            if response.status_code not in MOVED or "Location" not in response.headers:
                return response
            response.close()
            url = _redirected(self._url, url, response.headers["Location"])
        raise Problem(
            file=self._url,
            found=f"more than {self._limits.redirects} redirects",
            expected="a file",
            cure="try again later, or set RJCMA_MODELS to a folder or server that has the file",
        )


def _redirected(first: str, url: str, location: str) -> str:
    """The address to go to; a secure one never leads to one that is not."""
    target = urljoin(url, location)
    before, after = urlsplit(url).scheme, urlsplit(target).scheme
    if after == "https" or (after == "http" and before == "http"):
        return target
    raise Problem(
        file=first,
        found=f"a redirect from {before} to {after or 'nowhere'}: {target[:200]}",
        expected="an address that is as secure as the one before",
        cure="do not use that server; set RJCMA_MODELS to a folder or server that you trust",
    )


def _in_words(error: BaseException) -> str:
    """The innermost reason, in a line."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    words = " ".join(str(error).split())[:200]
    return words or type(error).__name__
