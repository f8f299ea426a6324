"""A first clip list and params file for a folder of videos and annotations, for a user to correct.

What is in the folder is found (`first_files`), and how annotations are written is guessed from some
of them (`first_form`); both are told, with what to check.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from rjcma.annotations.settings import Table
from rjcma.annotations.table import read
from rjcma.corpus import first_files, first_form, first_params
from rjcma.corpus.clip_list import COLUMNS, PARTITIONS
from rjcma.corpus.first_files import Contents, Named
from rjcma.corpus.first_form import Form, Sample
from rjcma.corpus.layout import SIDES, VIDEO_SUFFIXES
from rjcma.problem import Problem

LIST = "clips.csv"
SHOWN = 6
"""Names that are listed in a line (ours)."""


class Row(NamedTuple):
    """A clip in the list."""

    clip: str
    video: str
    annotation: str = ""
    partition: str = ""
    group: str = ""
    person: str = ""
    start: str = ""
    end: str = ""


def init(folder: Path, out: Path, base: Path) -> Iterator[str]:
    """Write `clips.csv` into a folder and a params file to `out`; -> what to tell the user.

    The params are those of the file `base`, but for the corpus. Raises `Problem` if one of the two
    files exists, or if the folder has no video.
    """
    listed = folder / LIST
    for path, cure in ((listed, "correct it, or rename it"), (out, "name another with --out")):
        if path.exists():
            raise _exists(path, cure)
    if not folder.is_dir():
        raise _no_videos(folder, "no such folder")
    found = first_files.contents(folder)
    if not found.videos:
        raise _no_videos(folder, "no video in it or in the folders below")
    yield f"found    {_many(len(found.videos), 'video')} ({_some(found.videos)})"
    for faces in found.faces:
        yield f"found    face crops in {faces}/: a folder per clip"
    chosen = _chosen(folder, found)
    partitions = _partitions(folder, found)
    yield from _about(found, chosen)
    form = None
    try:
        form = _form(folder, found, chosen)
    except Problem as problem:
        yield f"check    the annotations' form could not be guessed: {problem}"
    if form is not None:
        yield from _guessed(form)
    rows = _rows(found, chosen, partitions)
    yield from _about_rows(rows, partitions, found)
    _write(listed, rows)
    made = first_params.text(folder, rows_in(rows), form, found, base)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(made, encoding="utf-8")
    yield f"wrote    {listed}: {_many(len(rows), 'clip')}"
    yield f"wrote    {out}"
    yield f"to do    correct both; rjcma check {out}; copy it over params.yaml; dvc repro"


def rows_in(rows: Sequence[Row]) -> dict[str, int]:
    """The number of groups (videos) by partition."""
    return {p: len({r.group for r in rows if r.partition == p}) for p in ("train", "validation")}


class Chosen(NamedTuple):
    """The annotations that the list names."""

    pattern: str
    tables: list[Named]
    """Empty for one file of all clips."""
    shared: tuple[str, ...] = ()
    """The paths of the files of all clips, one per target, if there are such files."""


def _chosen(folder: Path, found: Contents) -> Chosen | None:
    """The annotations of most clips, with a target in their paths or headers if possible."""
    patterns = found.patterns()
    if patterns:
        pattern, tables = max(patterns.items(), key=lambda item: _worth(folder, *item))
        return Chosen(pattern, tables)
    names = {PurePosixPath(video).stem for video in found.videos}
    shared: dict[str, list[str]] = {}
    for path in found.others:
        if first_form.clip_column(folder / path, names) is not None:
            shared.setdefault(first_files.of_target(path)[0], []).append(path)
    if not shared:
        return None
    pattern = max(shared, key=lambda pattern: len(shared[pattern]))
    return Chosen(pattern, [], tuple(shared[pattern]))


def _worth(folder: Path, pattern: str, tables: Sequence[Named]) -> tuple[int, int, int]:
    """By what patterns are compared: targets, clips, files."""
    has_targets = first_files.TARGET in pattern
    if not has_targets:
        try:
            names = read(folder / tables[0].path, Table(format="table")).names
        except Problem:
            names = ()
        has_targets = any(word in name.lower() for name in names for word in first_files.TARGETS)
    return int(has_targets), len({one.clip for one in tables}), len(tables)


def _partitions(folder: Path, found: Contents) -> dict[str, str]:
    """The partition of each name in tables with a column of partitions, and in lists of names."""
    names = {PurePosixPath(video).stem for video in found.videos}
    names |= {one.clip for one in found.named}
    known: dict[str, str] = {}
    for path in found.others:
        lines = _lines(folder / path)
        words = [w for w in PARTITIONS if w and w in PurePosixPath(path).stem.lower()]
        if words and lines and all(line in names for line in lines):
            known |= dict.fromkeys(lines, PARTITIONS[words[0]])
            continue
        cells = [[c.strip() for c in row] for row in csv.reader(lines, delimiter=_delimiter(lines))]
        for row in cells:
            partition = next(
                (PARTITIONS[c.lower()] for c in row if c.lower() in PARTITIONS and c), ""
            )
            clip = next((c for c in row if c in names or PurePosixPath(c).stem in names), "")
            if partition and clip:
                known[clip if clip in names else PurePosixPath(clip).stem] = partition
    return known


def _lines(path: Path) -> list[str]:
    """The lines of a short text; none of anything else."""
    try:
        text = path.read_text(encoding="utf-8-sig") if path.stat().st_size < 2**20 else ""
    except (OSError, UnicodeDecodeError):
        return []
    return [line.strip() for line in text.split("\n") if line.strip()]


def _delimiter(lines: Sequence[str]) -> str:
    return max(",;\t", key=(lines or [""])[0].count)


def _form(folder: Path, found: Contents, chosen: Chosen | None) -> Form | None:
    """How the chosen annotations are written; None if there are none."""
    if chosen is None:
        return None
    videos = {PurePosixPath(video).stem: video for video in found.videos}
    if chosen.shared:
        samples = []
        for path in chosen.shared:
            column = first_form.clip_column(folder / path, videos)
            assert column is not None
            texts = first_form.sheet_of(folder / path).rows(column)
            clip = next(c for c in [*texts, *map(first_form.stem, texts)] if c in videos)
            samples.append(Sample(folder / path, clip, folder / videos[clip]))
        named = [first_files.of_target(path)[1] for path in chosen.shared]
        return first_form.guess(samples, videos, filter(None, named))
    samples = [Sample(folder / one.path, one.clip, folder / one.video) for one in chosen.tables]
    targets = dict.fromkeys(one.target for one in chosen.tables if one.target)
    form = first_form.guess(samples, {one.clip for one in chosen.tables}, targets)
    if first_files.RATER in chosen.pattern:
        form.raters *= len({one.rater for one in chosen.tables})
    return form


def _rows(found: Contents, chosen: Chosen | None, partitions: Mapping[str, str]) -> list[Row]:
    """A row per annotated clip, and one per other video, sorted by name."""
    rows: dict[str, Row] = {}
    for one in chosen.tables if chosen else []:
        person = next((side[1:] for side in SIDES if one.clip.endswith(side)), "")
        group = PurePosixPath(one.video).stem
        partition = partitions.get(one.clip) or PARTITIONS.get(_word(one.partition), "train")
        rows[one.clip] = Row(one.clip, one.video, one.cell, partition, group, person)
    seen = {row.video for row in rows.values()}
    for video in found.videos:
        stem = PurePosixPath(video).stem
        if video not in seen:
            annotation = chosen.pattern if chosen and chosen.shared else ""
            partition = partitions.get(stem, "train" if annotation else "test")
            rows[stem] = Row(stem, video, annotation, partition, stem)
    return [rows[name] for name in sorted(rows)]


def _word(folder: str) -> str:
    """The partition that a folder's name begins with.

    >>> _word("Validation_Set"), _word("")
    ('validation', '')
    """
    words = [word for word in PARTITIONS if word and folder.lower().startswith(word)]
    return max(words, key=len, default="")


def _about(found: Contents, chosen: Chosen | None) -> Iterator[str]:
    """What annotations there are, and which are taken."""
    if chosen is None:
        yield "found    no annotation: name them in the list's column annotation"
        return
    if chosen.shared:
        yield f"found    annotations of all clips in {', '.join(chosen.shared)}"
    else:
        yield f"found    annotations {chosen.pattern}: {_many(len(chosen.tables), 'file')}"
    for pattern, tables in found.patterns().items():
        if pattern != chosen.pattern:
            yield f"found    also {pattern}: {_many(len(tables), 'file')}, not used"
    others = [path for path in found.others if path not in chosen.shared]
    if others:
        yield f"found    tables that belong to no video by their names: {_some(others)}"


def _guessed(form: Form) -> Iterator[str]:
    yield f"guessed  targets: {', '.join(form.targets)}; {_many(form.raters, 'rater')}"
    for key, value in form.settings.items():
        comment = f" ({form.comments[key]})" if key in form.comments else ""
        yield f"guessed  annotations.{key}: {first_params.inline(value)}{comment}"


def _about_rows(rows: Sequence[Row], partitions: Collection[str], found: Contents) -> Iterator[str]:
    counts = {p: sum(row.partition == p for row in rows) for p in ("train", "validation", "test")}
    yield "guessed  partitions: " + ", ".join(f"{n} {p}" for p, n in counts.items())
    if not counts["validation"]:
        yield "check    no validation clips: folds are made of groups of training clips"
    without = [row.clip for row in rows if not row.annotation]
    if without:
        yield f"check    without annotation, so they are test clips: {_some(without)}"
    lost = sorted(set(partitions) - {row.clip for row in rows})
    if lost:
        yield f"check    in a list of partitions, but no clip: {_some(lost)}"
    yield "check    group: it is the video; name the subject or session if several videos share it"
    if not found.faces:
        yield "check    no face crops: faces are found in the videos"


def _write(path: Path, rows: Sequence[Row]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _some(names: Sequence[str]) -> str:
    """
    >>> _some(["a", "b"]), _some([str(n) for n in range(9)])
    ('a, b', '0, 1, 2, 3, 4, 5 and 3 more')
    """
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _exists(path: Path, cure: str) -> Problem:
    return Problem(
        file=path,
        found="a file of this name",
        expected="no such file: this command never replaces one",
        cure=cure,
    )


def _no_videos(folder: Path, found: str) -> Problem:
    return Problem(
        file=folder,
        found=found,
        expected=f"a folder with videos: files ending in {', '.join(VIDEO_SUFFIXES)}",
        cure="name the corpus's folder; a link to the videos in it is followed",
    )
