"""A file over HTTP, into a part file that the next try, or the next call, goes on with.

Beside the part file is a note of what it is a part of: the address, what identifies the version
(ETag or Last-Modified, RFC 9110 section 8.8), and the whole size. A part of another version is
thrown away.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple

from rjcma.jobs.files import replace
from rjcma.jobs.progress import say
from rjcma.models.flow import PATIENT, Broken, Flow, Limits, Reply, Unreached
from rjcma.problem import Problem

MOST = 50 * 2**30
"""Bytes of a file whose size is not known (ours)."""

GAIN = 2**20
"""Bytes more than ever before after which failures are counted anew (ours)."""

NOTE = ".part-of"
"""The suffix of the note beside a part file."""

NUMBER = re.compile(r"[0-9]{1,18}")
"""A number of bytes that can be one."""

LATER = (408, 425, 500, 502, 504)
"""Answers after which another try may succeed."""
BUSY = (429, 503)
"""Answers that may say when to try again."""

Told = Callable[[int, int | None], object]
"""Is told how many bytes are here, and of how many, if that is known."""


class Note(NamedTuple):
    """What a part file is a part of."""

    url: str
    validator: str
    """For If-Range; empty: there is none."""
    total: int | None


def download(
    url: str,
    part: Path,
    size: int | None,
    told: Told,
    limits: Limits = PATIENT,
    most: int = MOST,
) -> bool:
    """Write the file at `url` to `part`, or go on with it. -> whether it has parts of two answers.

    `size` is that of the file, if it is known; it may not have more bytes than `most`. Raises
    `Problem`, and `Absent` if there is no such file; what has come is kept.
    """
    bounds = Bounds(size, most, limits)
    tries = _Tries(url, part, limits)
    joined = False
    while tries.may_go_on():
        try:
            return _go_on(url, part, told, bounds) or joined
        except _Changed as changed:
            discard(part)
            joined = False
            tries.failed(changed)
        except Broken as broken:
            joined = joined or not isinstance(broken, Unreached)
            tries.failed(broken)
    raise tries.problem()


def note_of(part: Path) -> Path:
    """The note beside a part file."""
    return part.with_name(part.name + NOTE)


def discard(part: Path) -> None:
    """Remove a part file and its note."""
    part.unlink(missing_ok=True)
    note_of(part).unlink(missing_ok=True)


class Absent(Problem):
    """There is no such file on the server."""


class Bounds(NamedTuple):
    """What a file may be, and how it may come."""

    size: int | None
    most: int
    limits: Limits


class _Busy(Broken):
    """A server that asks to wait for some seconds, which is not too long."""

    def __init__(self, status: int, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"answer {status}, the server is busy")


class _Tries:
    """Counts failures, and waits before another try; what brings a download on is no failure."""

    def __init__(self, url: str, part: Path, limits: Limits) -> None:
        self._url, self._part, self._limits = url, part, limits
        self._failed = self._knocked = self._furthest = 0
        self._pause = limits.pause
        self._reason = ""

    def may_go_on(self) -> bool:
        """Whether another try makes sense; if it is not the first, after a pause."""
        if self._failed >= self._limits.tries or self._knocked >= self._limits.knocks:
            return False
        if self._reason:
            say(f"{self._url}: {self._reason}; again in {self._pause:g} s")
            time.sleep(self._pause)
        return True

    def failed(self, broken: Broken) -> None:
        """A connection that failed."""
        self._reason = str(broken)
        self._knocked = self._knocked + 1 if isinstance(broken, Unreached) else 0
        self._failed += 1
        first = self._limits.pause
        if (have := _have(self._part)) >= self._furthest + GAIN:
            self._failed, self._furthest = 0, have
        self._pause = first * 2 ** max(self._failed - 1, 0)
        if isinstance(broken, _Busy):
            self._pause = max(self._pause, broken.seconds)

    def problem(self) -> Problem:
        """Why the download did not succeed."""
        if self._knocked:
            return Problem(
                file=self._url,
                found=f"no way to the server: {self._reason} (tried {self._knocked} times)",
                expected="an answer",
                cure="check the network, or set RJCMA_MODELS to a folder or server that has it",
            )
        have = _have(self._part)
        return Problem(
            file=self._url,
            found=f"{self._reason} (tried {self._failed} times)",
            expected="the whole file",
            cure=f"run it again: it goes on after the {have:,} bytes that are here",
        )


def _go_on(url: str, part: Path, told: Told, bounds: Bounds) -> bool:
    """One connection. -> whether it went on with a part that was here."""
    limits = bounds.limits
    note = _noted(part, url)
    have = _have(part) if note else 0
    if note and have and note.total == have:
        told(have, have)
        return True
    headers = {"Range": f"bytes={have}-", "If-Range": note.validator} if note and have else {}
    flow = Flow(url, headers, limits)
    try:
        reply = flow.take(limits.reply)
        if reply is None:
            raise Unreached(f"no answer within {limits.reply:g} seconds")
        assert isinstance(reply, Reply)
        start, total = _placed(reply, url, note, have, limits)
        _fits(url, total, bounds, part.parent, have if start else 0)
        if not start:
            part.unlink(missing_ok=True)
            _write_note(part, Note(url, _validator(reply), total))
        bound = bounds.size or bounds.most if total is None else total
        _pour(flow, part, bound, total or bounds.size, told, limits)
        return start > 0
    finally:
        flow.leave()


def _placed(
    reply: Reply, url: str, note: Note | None, have: int, limits: Limits
) -> tuple[int, int | None]:
    """Where the content that comes begins in the file, and the file's whole size, if known."""
    if (encoding := reply.headers.get("Content-Encoding", "identity")) != "identity":
        raise _refused(url, f"content in the encoding {encoding}")
    if reply.status == 200:
        length = reply.headers.get("Content-Length", "")
        return 0, int(length) if NUMBER.fullmatch(length) else None
    if reply.status == 206 and note is not None and have:
        return _continued(reply, note, have)
    if reply.status == 416 and note is not None:
        raise _Changed("the part that is here does not fit the file")
    if reply.status in BUSY:
        raise _busy(reply, url, limits)
    if reply.status in LATER:
        raise Broken(f"answer {reply.status}")
    if reply.status in (404, 410):
        raise Absent(**_parts(url, f"answer {reply.status}, no such file"))
    raise _refused(url, f"answer {reply.status}")


class _Changed(Broken):
    """The file at the address is not the one that the part is of."""


def _continued(reply: Reply, note: Note, have: int) -> tuple[int, int | None]:
    span = re.fullmatch(
        r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", reply.headers.get("Content-Range", "")
    )
    if span is None or int(span[1]) != have:
        raise _Changed("a part that does not begin where it was asked to")
    total = None if span[2] == "*" else int(span[2])
    if note.total is not None and total is not None and total != note.total:
        raise _Changed("a file that has changed meanwhile")
    validator = _validator(reply)
    if validator and validator != note.validator:
        raise _Changed("a file that has changed meanwhile")
    return have, note.total if total is None else total


def _pour(
    flow: Flow, part: Path, bound: int, total: int | None, told: Told, limits: Limits
) -> None:
    """Append what comes to the part file, as long as it is not too much and fast enough."""
    with part.open("ab", buffering=0) as file:  # what has come outlives a kill
        have = file.tell()
        told(have, total)
        began, before = time.monotonic(), have
        while True:
            piece = flow.take(began + limits.pace_seconds - time.monotonic())
            if piece == b"":
                break
            if isinstance(piece, bytes):
                have += len(piece)
                if have > bound:
                    raise _refused(str(part), f"more than {bound:,} bytes")
                if file.write(piece) != len(piece):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(part))
                told(have, total)
            if time.monotonic() - began >= limits.pace_seconds:
                if have - before < limits.pace_bytes:
                    raise Broken(f"{have - before} bytes in {limits.pace_seconds:g} seconds")
                began, before = time.monotonic(), have
    if total is not None and have < total:
        raise Broken(f"an end after {have:,} of {total:,} bytes")


def _fits(url: str, total: int | None, bounds: Bounds, folder: Path, have: int) -> None:
    """Raise `Problem` unless the file may have this size, and the disk has room for the rest."""
    if total is not None and bounds.size not in (None, total):
        raise _refused(url, f"a file of {total:,} bytes", f"the file of {bounds.size:,} bytes")
    if (total or 0) > bounds.most:
        raise _refused(url, f"a file of {total:,} bytes", f"at most {bounds.most:,} bytes")
    free = shutil.disk_usage(folder).free
    if total is not None and total - have > free:
        raise Problem(
            file=folder,
            found=f"{free:,} bytes of free space",
            expected=f"room for the {total - have:,} bytes that are still to come",
            cure="free space on that disk, then run it again",
        )


def _busy(reply: Reply, url: str, limits: Limits) -> Exception:
    """The exception for a server that is busy: it may say for how long."""
    asked = reply.headers.get("Retry-After", "")
    seconds = _seconds(asked)
    if seconds is None:
        return Broken(f"answer {reply.status}")
    if seconds > limits.wait:
        return Problem(
            file=url,
            found=f"answer {reply.status}: the server asks to wait {seconds:.0f} seconds",
            expected="a server that has time",
            cure="run it again after that time",
        )
    return _Busy(reply.status, seconds)


def _seconds(retry_after: str) -> float | None:
    """Seconds to wait, from a number or a date; None for anything else.

    >>> _seconds("7"), _seconds("soon")
    (7.0, None)
    """
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _refused(file: str, found: str, expected: str = "the published file") -> Problem:
    return Problem(**_parts(file, found, expected))


def _parts(file: str, found: str, expected: str = "the published file") -> dict[str, str]:
    cure = "get the file by hand, or set RJCMA_MODELS to a folder or server that has it"
    return {"file": file, "found": found, "expected": expected, "cure": cure}


def _validator(reply: Reply) -> str:
    """What identifies the version for If-Range: a strong ETag, else the time of its change."""
    etag = reply.headers.get("ETag", "")
    return etag if etag.startswith('"') else reply.headers.get("Last-Modified", "")


def _have(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _write_note(part: Path, note: Note) -> None:
    replace(note_of(part), json.dumps(note._asdict()).encode())


def _noted(part: Path, url: str) -> Note | None:
    """The note of a part of the file at `url` that can be gone on with."""
    try:
        values: Any = json.loads(note_of(part).read_bytes())
        note = Note(str(values["url"]), str(values["validator"]), values["total"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    usable = note.url == url and note.validator and isinstance(note.total, int | None)
    return note if usable else None
