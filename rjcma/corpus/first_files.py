"""What a folder holds, for its first clip list: videos, tables, and which table is of which video.

A table is of a video whose name is a part of its path: `ratings/arousal/P16.csv`, `P16_arousal.csv`
and `P16/arousal.csv` are all of `P16.mp4`. Names of targets in a path are known by their words.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from rjcma.corpus.layout import SIDES, VIDEO_SUFFIXES
from rjcma.corpus.names import normal

TABLES = (".csv", ".tsv", ".txt", ".arff", ".json", ".annotation")
"""Suffixes of files that may be annotations."""
PICTURES = (".jpg", ".jpeg", ".png", ".bmp")
TARGETS = (
    *("valence", "arousal", "dominance", "power", "expectancy", "liking", "likability", "pleasure"),
    *("activation", "engagement", "intensity", "trustworthiness", "interest", "attention"),
    *("boredom", "stress", "rapport", "dominant", "control", "tension", "empathy", "confidence"),
)
"""Words that are taken for names of targets, in lower case (ours)."""
RATER_FOLDER = re.compile(r"(rater|annotator|coder|evaluator|observer|ann|[arp])[-_ ]?\d+", re.I)
"""Names of folders that are taken for names of raters (ours)."""
PARTITION_FOLDER = re.compile(
    r"(train|val|valid|dev|devel|test)(ing|idation|elopment)?([-_ ]?set)?", re.I
)
CLIP, TARGET, RATER = "{clip}", "{target}", "{rater}"


class Named(NamedTuple):
    """A table, and what its path says of it."""

    path: str
    """Relative to the folder."""
    pattern: str
    """The path with {clip}, {target} and {rater}, and with `*` for a partition's folder."""
    video: str
    """The video's path, relative to the folder."""
    clip: str
    target: str
    rater: str
    partition: str
    """The name of its partition's folder, if it is in one."""

    @property
    def cell(self) -> str:
        """What the list says: the path, with {target} and {rater}, if it has them."""
        filled = self.pattern.replace(CLIP, self.clip)
        return filled.replace("*", self.partition)


class Contents(NamedTuple):
    """What a folder holds; all paths are relative to it."""

    videos: list[str]
    faces: list[str]
    """Folders that contain folders of numbered pictures."""
    named: list[Named]
    """Tables that are of a video by their paths."""
    others: list[str]
    """Further tables."""

    def patterns(self) -> dict[str, list[Named]]:
        """The tables of each pattern, the pattern of most clips first."""
        groups: dict[str, list[Named]] = defaultdict(list)
        for one in self.named:
            groups[one.pattern].append(one)
        return dict(sorted(groups.items(), key=lambda item: -len({n.clip for n in item[1]})))


def contents(folder: Path) -> Contents:
    """Look into a folder and the folders in it; files and folders that begin with `.` are hidden.

    A video's stem is its name; of several videos of the same stem the first is taken.
    """
    videos: dict[str, str] = {}
    tables: list[str] = []
    faces: dict[str, None] = {}
    for place, names in _folders(folder):
        if names and all(name.lower().endswith(PICTURES) for name in names):
            if all(PurePosixPath(name).stem.isdigit() for name in names):
                faces[place.parent.as_posix()] = None
            continue
        for name in names:
            path = place / name
            if path.suffix.lower() in VIDEO_SUFFIXES:
                videos.setdefault(normal(path.stem), path.as_posix())
            elif path.suffix.lower() in TABLES:
                tables.append(path.as_posix())
    placed = [(path, _place(path, videos)) for path in tables]
    named = [one for _, one in placed if one is not None]
    others = [path for path, one in placed if one is None]
    return Contents(list(videos.values()), list(faces), _with_raters(named), others)


def _folders(folder: Path) -> Iterator[tuple[PurePosixPath, list[str]]]:
    """Each folder below `folder`, also by links, with the names of its files."""
    seen: set[str] = set()
    for place, below, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        below[:] = [] if real in seen else sorted(name for name in below if name[0] != ".")
        seen.add(real)
        relative = PurePosixPath(Path(place).relative_to(folder).as_posix())
        yield relative, sorted(name for name in names if name[0] != ".")


def _place(path: str, videos: Mapping[str, str]) -> Named | None:
    """What a table's path says; None if no video's name is in it."""
    parts = list(PurePosixPath(path).parts)
    parts[-1] = PurePosixPath(path).stem
    found = max(
        ((len(s), k, s) for k, part in enumerate(parts) for s in _stems(part, videos)), default=None
    )
    if found is None:
        return None
    _, position, stem = found
    clip = next((stem + s for s in SIDES if _at(normal(parts[position]), stem + s) >= 0), stem)
    target, partition = "", ""
    for k, part in enumerate(parts):
        if k == position:
            begin = _at(normal(part), clip)
            part = normal(part)[:begin] + CLIP + normal(part)[begin + len(clip) :]
        elif k < len(parts) - 1 and PARTITION_FOLDER.fullmatch(part) and not partition:
            partition, part = part, "*"
        word = next((w for w in re.findall(r"[A-Za-z]+", part) if w.lower() in TARGETS), "")
        if word and not target:
            target, part = word, part.replace(word, TARGET, 1)
        parts[k] = part
    pattern = "/".join(parts) + PurePosixPath(path).suffix
    return Named(path, pattern, videos[stem], clip, target, "", partition)


def of_target(path: str) -> tuple[str, str]:
    """A path with {target} for a target's name, and that name; else as it is.

    >>> of_target("pagan/valence.csv"), of_target("all.csv")
    (('pagan/{target}.csv', 'valence'), ('all.csv', ''))
    """
    words = (word for word in re.findall(r"[A-Za-z]+", path) if word.lower() in TARGETS)
    word = next(words, "")
    return (path.replace(word, TARGET, 1), word) if word else (path, "")


def _stems(part: str, videos: Collection[str]) -> list[str]:
    """The names of videos that are in a part of a path, as words of it."""
    part = normal(part)
    return [part] if part in videos else [stem for stem in videos if _at(part, stem) >= 0]


def _at(text: str, word: str) -> int:
    """Where a word is in a text, between characters that are no letters or digits; else -1."""
    begin = text.find(word)
    end = begin + len(word)
    apart = not text[begin - 1 : begin].isalnum() and not text[end : end + 1].isalnum()
    return begin if begin >= 0 and apart else -1


def _with_raters(named: Sequence[Named]) -> list[Named]:
    """The tables with the names of raters taken out of their patterns.

    What differs between several tables of the same clip and target is the rater.
    """
    groups: dict[str, list[tuple[Named, str]]] = defaultdict(list)
    for one in named:
        pattern, rater = _split(one.pattern)
        groups[pattern].append((one, rater))
    result = []
    for pattern, members in groups.items():
        keys = {(one.clip, one.target, one.partition) for one, _ in members}
        several = len(members) > len(keys)
        for one, rater in members:
            result.append(one._replace(pattern=pattern, rater=rater) if several else one)
    return sorted(result)


def _split(pattern: str) -> tuple[str, str]:
    """A pattern with {rater} for what may be a rater's name, and that name; else as it is.

    >>> _split("{target}/{clip}_ann3.csv"), _split("rater2/{clip}.csv"), _split("{clip}.csv")
    (('{target}/{clip}_{rater}.csv', 'ann3'), ('{rater}/{clip}.csv', 'rater2'), ('{clip}.csv', ''))
    """
    *folders, name = pattern.split("/")
    stem, dot, suffix = name.rpartition(".")
    free = re.search(
        r"[^\W_]+(?:[-_ ][^\W_]+)*", re.sub(r"\{\w+\}", lambda m: "_" * len(m[0]), stem)
    )
    if free:
        name = f"{stem[: free.start()]}{RATER}{stem[free.end() :]}{dot}{suffix}"
        return "/".join([*folders, name]), free[0]
    for k, folder in enumerate(folders):
        if RATER_FOLDER.fullmatch(folder):
            return "/".join([*folders[:k], RATER, *folders[k + 1 :], name]), folder
    return pattern, ""
