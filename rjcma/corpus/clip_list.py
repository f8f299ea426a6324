"""Where a corpus that a list describes has its files: one row per clip.

    clip,video,annotation,partition,group,person,start,end
    s01_a,videos/s01.mp4,ratings/s01.csv,train,anna,,0:30,2:15

`clip` and `video` are needed. Paths are relative to the corpus's root, times are in seconds, m:ss
or h:mm:ss of the video. Other columns are carried along. A file that ends in `.jsonl` has an object
per line instead, with the same keys. docs/own-corpus.md explains the columns.
"""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from rjcma.corpus.findings import Findings
from rjcma.corpus.layout import Place, crops_of, find_twins, folders_of_crops, no_such_exclusion
from rjcma.corpus.names import normal, refuse
from rjcma.corpus.settings import EXCLUDE, ClipList
from rjcma.manifest import Partition, Person
from rjcma.problem import Problem
from rjcma.timeline import Seconds

COLUMNS = ("clip", "video", "annotation", "partition", "group", "person", "start", "end")
NEEDED = COLUMNS[:2]
PARTITIONS: Mapping[str, Partition] = {
    **dict.fromkeys(("", "train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "devel", "development"), "validation"),
    "test": "test",
}
"""The words that corpora use, in lower case."""

Row = Mapping[str, str]


class _Mistake(ValueError):
    """What is wrong with a row, what was expected, and what to do."""

    def __init__(self, found: str, expected: str, cure: str = "correct the row") -> None:
        self.found, self.expected, self.cure = found, expected, cure


def survey(root: Path, corpus: ClipList, findings: Findings) -> list[Place]:
    """All clips that have the files they need, sorted by name; what is wrong goes to `findings`.

    Raises `Problem` if the list cannot be read.
    """
    path = root / corpus.list
    rows = list(_rows(path))
    folders = folders_of_crops(root, corpus.faces)
    excluded = set(map(normal, corpus.exclude))
    names = {normal(row.get("clip", "")) for _, row in rows}
    for name in sorted(excluded - names):
        findings.problem(no_such_exclusion(name))
    places: dict[str, Place] = {}
    for line, row in rows:
        name = normal(row.get("clip", ""))
        if name in excluded:
            continue
        try:
            refuse(name, path)
            if name in places:
                raise _Mistake("a clip of an earlier row", "each clip once")
            place = _place(name, root, corpus, row)
            places[name] = place._replace(faces=crops_of(name, folders))
        except _Mistake as mistake:
            findings.problem(
                Problem(
                    clip=name,
                    file=f"{path}, line {line}",
                    found=mistake.found,
                    expected=mistake.expected,
                    cure=f"{mistake.cure}, {EXCLUDE}",
                )
            )
        except Problem as problem:
            findings.problem(problem)
    named = _with_videos_named([places[name] for name in sorted(places)])
    grouped = _with_groups_joined(named, findings)
    find_twins(grouped, findings)
    return grouped


def _rows(path: Path) -> Iterator[tuple[int, Row]]:
    """The rows of the list with their line numbers; cells are stripped of spaces."""
    expected = f"a list of clips with the columns {', '.join(COLUMNS)}; {', '.join(NEEDED)} needed"
    cure = "correct corpus.list; `rjcma corpus init FOLDER` writes a first one"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        found = str(getattr(error, "strerror", None) or error)
        raise Problem(file=path, found=found, expected=expected, cure=cure) from None
    numbered = _objects(path, text) if path.suffix == ".jsonl" else _table(text)
    columns: set[str] = set()
    rows: list[tuple[int, Row]] = []
    for line, row in numbered:
        columns |= row.keys()
        if any(row.values()):
            rows.append((line, row))
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        found = f"no column {' and '.join(missing)}, but {', '.join(sorted(columns)) or 'none'}"
        raise Problem(file=path, found=found, expected=expected, cure=cure)
    if not rows:
        raise Problem(file=path, found="no row", expected="a row for each clip", cure=cure)
    yield from rows


def _table(text: str) -> Iterator[tuple[int, Row]]:
    """The rows of a CSV; its delimiter is the one of , ; and tab that the header has most of."""
    header = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text), delimiter=max(",;\t", key=header.count))
    names = [name.strip() for name in next(reader, [])]
    if not any(names):
        return
    for cells in reader:
        padded = [*cells, *[""] * (len(names) - len(cells))]
        extra = [cell for cell in padded[len(names) :] if cell.strip()]
        row = {name: cell.strip() for name, cell in zip(names, padded) if name}
        yield reader.line_num, {**row, "": " ".join(extra)} if extra else row
    if reader.line_num == 1:
        yield 1, dict.fromkeys(filter(None, names), "")


def _objects(path: Path, text: str) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                item = json.loads(line)
                yield number, {k: "" if v is None else str(v).strip() for k, v in item.items()}
            except (json.JSONDecodeError, AttributeError, RecursionError) as error:
                raise Problem(
                    file=f"{path}, line {number}",
                    found=f"no JSON object ({error})",
                    expected="an object per line",
                    cure="correct the line",
                ) from None


def _place(name: str, root: Path, corpus: ClipList, row: Row) -> Place:
    """A row as a place. Raises `_Mistake`."""
    if not name:
        raise _Mistake("no name", "a name in the column clip")
    if "" in row:
        raise _Mistake(f"more cells than columns ({row['']})", "as many cells as columns")
    partition = PARTITIONS.get(row.get("partition", "").lower())
    if partition is None:
        raise _Mistake(f"the partition {row['partition']!r}", "train, validation or test")
    rating = row.get("annotation", "")
    if rating:
        _under_root(rating, "annotation")
    elif partition != "test" and not corpus.annotations.files:
        raise _Mistake(
            f"no annotation of a {partition} clip",
            "a path in the column annotation, or a pattern in corpus.annotations.files",
            "name the annotation, or set the partition to test",
        )
    start, end = _seconds(row, "start"), _seconds(row, "end")
    if start is not None and end is not None and start >= end:
        raise _Mistake(f"start {row['start']}, end {row['end']}", "an end after the start")
    return Place(
        name=name,
        partition=partition,
        video=_video(root, row.get("video", "")),
        annotation=None,
        faces=None,
        rating=rating,
        start=start,
        end=end,
        group=row.get("group", ""),
        person=_person(row.get("person", "")),
        details={key: value for key, value in row.items() if key not in COLUMNS and value},
    )


def _video(root: Path, cell: str) -> Path:
    if not cell:
        raise _Mistake("no video", "a path in the column video")
    _under_root(cell, "video")
    if not (root / cell).is_file():
        raise _Mistake(f"no file {root / cell}", "the clip's video", "correct the path")
    return root / cell


def _under_root(cell: str, column: str) -> None:
    path = PurePosixPath(cell)
    if path.is_absolute() or ".." in path.parts:
        raise _Mistake(f"the {column} {cell}", "a path under corpus.root, without ..")


def _person(cell: str) -> Person | None:
    """
    >>> _person("left"), _person("2"), _person("")
    ('left', 2, None)
    """
    lower = cell.lower()
    if lower in ("left", "right"):
        return "left" if lower == "left" else "right"
    if not lower:
        return None
    if not (lower.isascii() and lower.isdecimal() and int(lower) >= 1):
        raise _Mistake(f"the person {cell!r}", "left, right, or a number from the left, from 1")
    return int(lower)


def _seconds(row: Row, column: str) -> Seconds | None:
    """
    >>> _seconds({"start": "1:02:03.5"}, "start")
    3723.5
    """
    cell = row.get(column, "")
    if not cell:
        return None
    seconds = 0.0
    try:
        for part in cell.split(":"):
            seconds = seconds * 60 + float(part)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise _Mistake(f"{column} {cell!r}", "seconds, m:ss or h:mm:ss within the video")
    return seconds


def _with_videos_named(places: list[Place]) -> list[Place]:
    """Give videos of the same stem in different folders different names: `cam/day1` -> `cam_day1`.

    A video's name is its stem where no other video has that stem.
    """
    paths: dict[str, set[Path]] = defaultdict(set)
    for place in places:
        paths[normal(place.video.stem)].add(place.video)
    return [
        place
        if len(paths[normal(place.video.stem)]) == 1
        else place._replace(alias=_alias(place.video, paths[normal(place.video.stem)]))
        for place in places
    ]


def _alias(path: Path, others: Iterable[Path]) -> str:
    """The parts of a path that tell it from the others of the same stem, joined by `_`."""
    ordered = sorted(others)
    shared = 0
    while len({other.parts[: shared + 1] for other in ordered}) == 1:
        shared += 1
    parts = [*path.parts[shared:-1], path.stem if path.suffix else path.name]
    name = normal("_".join(parts))
    same = [o for o in ordered if o.with_suffix("") == path.with_suffix("")]
    return name if len(same) == 1 else f"{name}_{path.suffix.removeprefix('.')}"


def _with_groups_joined(places: list[Place], findings: Findings) -> list[Place]:
    """Join groups that share a video: its sound would be on both sides of a fold."""
    joined: dict[str, str] = {}

    def found(name: str) -> str:
        while joined.get(name, name) != name:
            name = joined[name]
        return name

    owner: dict[Path, str] = {}
    for place in places:
        own = place.group or place.stem
        first = owner.setdefault(place.video, own)
        if found(first) != found(own):
            joined[found(own)] = found(first)
            detail = f"{first} and {own}"
            findings.note("videos of several groups, which stay together", place.stem, detail)
    return [
        place
        if found(place.group or place.stem) == (place.group or place.stem)
        else place._replace(group=found(place.group or place.stem))
        for place in places
    ]
