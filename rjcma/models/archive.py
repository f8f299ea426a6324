"""Unpacks an archive that comes from elsewhere: it stays in its folder, and cannot fill the disk.

Refused are names that lead out of the folder, links and devices, names that occur twice, passwords,
too many files, and more bytes than an archive of this size may hold, whatever its table of contents
claims.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

from rjcma.models.names import is_plain
from rjcma.problem import Problem

FILES = 10_000
"""Files of an archive, at most (ours; a model of Vosk has about 20)."""

RATIO = 20
"""Bytes unpacked for each packed one, at most (ours; models shrink by less than 3)."""

SLACK = 2**26
"""Bytes that may come out of any archive, however small (ours)."""

DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    NotImplementedError,  # a compression that Python does not know
    RuntimeError,  # a password
    ValueError,
    OverflowError,
    FileExistsError,  # a name that is a file's and a folder's
    IsADirectoryError,
    NotADirectoryError,
)
"""What readers of archives raise for a damaged one; besides an `OSError` that has no number."""

OPENERS: Mapping[str, Callable[..., Any]] = {
    "gz": gzip.open,
    "tgz": gzip.open,
    "bz2": bz2.open,
    "xz": lzma.open,
    "tar": open,
}
"""What opens a tar, by the last part of its name."""


class Member(NamedTuple):
    """A file or folder in an archive, or something else."""

    name: str
    content: IO[bytes] | None
    """None for all but files."""
    is_folder: bool


def unpack(archive: Path, name: str, folder: Path, top: str) -> None:
    """Unpack `archive`, published as `name`, whose only folder `top` becomes `folder`.

    `folder` must not exist. Raises `Problem` for anything but plain files and folders in `top`;
    what was unpacked until then is removed.
    """
    guard = _Guard(archive, top)
    try:
        for member in _members(archive, name, guard):
            guard.look_at(member)
            if member.content is not None:
                target = folder.joinpath(*member.name.split("/")[1:])
                target.parent.mkdir(parents=True, exist_ok=True)
                with member.content as source, target.open("xb") as file:
                    while piece := source.read(2**20):
                        guard.count(len(piece))
                        file.write(piece)
        if not folder.is_dir():
            raise guard.problem("no file in it")
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        without_number = isinstance(error, OSError) and error.errno is None
        if not (without_number or isinstance(error, DAMAGE)):
            raise
        raise guard.problem(f"a damaged archive ({' '.join(str(error).split())[:100]})") from None


class _Guard:
    """Raises `Problem` when an archive holds what it must not."""

    def __init__(self, archive: Path, top: str) -> None:
        self._archive, self._top = archive, top
        self._bytes = archive.stat().st_size * RATIO + SLACK
        self._seen: set[str] = set()

    def look_at(self, member: Member) -> None:
        """A member must be a plain file or folder of a new name in the folder `top`."""
        name = member.name.rstrip("/") if member.is_folder else member.name
        if len(self._seen) >= FILES:
            raise self.problem(f"more than {FILES:,} files")
        if not is_plain(name):
            raise self.problem(f"the name {member.name[:100]!r} in it")
        if member.content is None and not member.is_folder:
            raise self.problem(f"{name[:100]}, a link or a device, in it")
        if name.split("/")[0] != self._top or (name == self._top and not member.is_folder):
            raise self.problem(f"{name[:100]}, outside a folder {self._top}, in it")
        if name.casefold() in self._seen:
            raise self.problem(f"{name[:100]} twice in it")
        self._seen.add(name.casefold())

    def count(self, size: int) -> None:
        """So many bytes more came out."""
        self._bytes -= size
        if self._bytes < 0:
            raise self.problem(f"more than {RATIO} times its own size in it")

    def problem(self, found: str) -> Problem:
        """The problem of this archive."""
        return Problem(
            file=self._archive,
            found=found,
            expected=f"an archive of plain files in a folder {self._top}",
            cure="do not use that file; get it by hand, or set RJCMA_MODELS to a place that has it",
        )


def _members(archive: Path, name: str, guard: _Guard) -> Iterator[Member]:
    """The members; each one's content must be read before the next one is asked for."""
    if name.lower().endswith(".zip"):
        with zipfile.ZipFile(archive) as zipped:
            for info in zipped.infolist():
                yield _in_zip(zipped, info)
    else:
        opener = OPENERS[name.lower().rpartition(".")[2]]
        with opener(archive, "rb") as plain:
            counted = _Counted(plain, guard)
            with tarfile.open(fileobj=counted, mode="r|") as tar:
                for head in tar:
                    content = tar.extractfile(head) if head.isreg() else None
                    yield Member(head.name, content, head.isdir())
            while counted.read(2**20):
                pass  # a checksum may follow the last member


def _in_zip(zipped: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if info.is_dir():
        return Member(info.filename, None, is_folder=kind in (0, stat.S_IFDIR))
    return Member(info.filename, zipped.open(info) if kind in (0, stat.S_IFREG) else None, False)


class _Counted(io.RawIOBase):
    """The content of a compressed tar, all of which counts: also what is skipped."""

    def __init__(self, file: IO[bytes], guard: _Guard) -> None:
        self._file, self._guard = file, guard

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        piece = self._file.read(size)
        self._guard.count(len(piece))
        return piece
