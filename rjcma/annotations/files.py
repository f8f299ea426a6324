"""The files of a clip's annotation: a path with `{clip}`, `{video}`, `{target}` and `{rater}`."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from rjcma.annotations.settings import SECTION
from rjcma.problem import Problem

RATER = "{rater}"
FIELD = r"\{(?:clip|video|target)\}"


def files(
    root: Path, pattern: str, *, clip: str, video: str, target: str
) -> list[tuple[str, Path]]:
    """The raters and their files, sorted; the rater is empty if the pattern has no `{rater}`.

    A rater's name is anything without `/`. Where a single character is between it and another
    field, as in `{clip}_{rater}.csv`, a name does not contain that character: so the files of clip
    `a_b` are not taken for those of a rater `b_…` of clip `a`. Raises `Problem` if there is no
    file.
    """
    if not pattern:
        raise _problem(root, "no path of an annotation")
    values = {"{clip}": clip, "{video}": video, "{target}": target}
    if RATER not in pattern:
        return [("", root / _filled(pattern, values))]
    found = sorted(_matches(root, PurePosixPath(pattern).parts, values, pattern))
    if not found:
        raise _problem(root / _filled(pattern, values), "no such file of any rater")
    return found


def _filled(pattern: str, values: dict[str, str]) -> str:
    return re.sub(FIELD, lambda field: values[field[0]], pattern)


def _matches(
    folder: Path, parts: Sequence[str], values: dict[str, str], pattern: str
) -> Iterator[tuple[str, Path]]:
    """The raters and files below a folder that match the rest of a pattern."""
    if not parts:
        yield values.get(RATER, ""), folder
        return
    part, *rest = parts
    if RATER in values:
        part = part.replace(RATER, values[RATER])
    if RATER not in part:
        below = folder / _filled(part, values)
        if below.exists():
            yield from _matches(below, rest, values, pattern)
        return
    name = re.compile(_expression(part, values))
    for entry in _entries(folder):
        match = name.fullmatch(entry)
        if match:
            known = {**values, RATER: match["rater"]}
            yield from _matches(folder / entry, rest, known, pattern)


def _expression(part: str, values: dict[str, str]) -> str:
    """A regular expression for a part of a path; its group `rater` is the rater's name."""
    apart = re.findall(r"\}([^{}])\{rater\}", part) + re.findall(r"\{rater\}([^{}])\{", part)
    excluded = "".join(map(re.escape, ["/", *apart]))
    before, *after = (re.escape(_filled(piece, values)) for piece in part.split(RATER))
    return f"{before}(?P<rater>[^{excluded}]+)" + "(?P=rater)".join(after)


def _entries(folder: Path) -> tuple[str, ...]:
    try:
        return _listed(folder, folder.stat().st_mtime_ns)
    except (FileNotFoundError, NotADirectoryError):
        return ()


@functools.lru_cache(maxsize=64)
def _listed(folder: Path, modified_ns: int) -> tuple[str, ...]:
    """The names in a folder; read again when it has changed."""
    return tuple(sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")))


def _problem(file: Path, found: str) -> Problem:
    return Problem(
        file=file,
        found=found,
        expected="an annotation",
        cure=f"correct the list's column annotation or {SECTION}.files, or add the file",
    )
