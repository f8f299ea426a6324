"""Where a corpus in Aff-Wild2's layout has its files, and which file belongs to which clip.

Clip `x` is of the video with the stem `x`; clips `x_left` and `x_right` are of two people in it.
Names are compared in their normal form (`rjcma.corpus.names`), and clips have names of that form.
"""

from __future__ import annotations

import glob
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from rjcma.corpus.findings import Findings
from rjcma.corpus.names import alike, normal, refuse
from rjcma.corpus.settings import EXCLUDE, AffWild2, Corpus
from rjcma.jobs.files import is_readable
from rjcma.manifest import Partition, Person
from rjcma.problem import Problem
from rjcma.timeline import Seconds

SIDES = ("_left", "_right")
VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".vob", ".ts", ".mts"),
    *(".wmv", ".asf", ".flv", ".3gp", ".ogv"),
)
AFF_WILD2 = "https://ibug.doc.ic.ac.uk/resources/aff-wild2/"


class Place(NamedTuple):
    """The paths of a clip's files, none of which has been opened, and what a list says of it."""

    name: str
    partition: Partition
    video: Path
    annotation: Path | None
    """The clip's file in Aff-Wild2's form."""
    faces: Path | None
    rating: str = ""
    """The annotation in a list: a path under the root, or a pattern; empty: as the params say."""
    start: Seconds | None = None
    end: Seconds | None = None
    """Of the stretch of the video; None: from its first frame, or to its last."""
    group: str = ""
    person: Person | None = None
    details: Mapping[str, str] = {}
    alias: str = ""
    """The video's name if its stem is also that of another video."""

    @property
    def stem(self) -> str:
        """The name of the clip's video."""
        return self.alias or normal(self.video.stem)

    @property
    def is_stretch(self) -> bool:
        """Whether the clip is only a part of its video."""
        return self.start is not None or self.end is not None


Stems = dict[str, list[Path]]
"""Paths by stem, or by name of folder; several paths are a mistake if a clip needs one of them."""


def refuse_root(root: Path, corpus: Corpus) -> None:
    """Raise `Problem` for a root that is missing or empty."""
    if not is_readable(root):
        raise _no_root(root, corpus)
    if not any(root.iterdir()):
        raise _empty_root(root)


def survey(root: Path, corpus: AffWild2, findings: Findings) -> list[Place]:
    """All clips that have the files they need, sorted by name; what is wrong goes to `findings`.

    Raises `Problem` if no clip can be examined: the root or a folder is missing.
    """
    videos = _videos(root, corpus.videos, findings)
    faces = folders_of_crops(root, corpus.faces)
    annotations = _annotations(root, corpus, findings)
    test = _test(root, corpus, annotations, findings)
    names, excluded = {*annotations, *test}, set(map(normal, corpus.exclude))
    for name in sorted(excluded - names):
        findings.problem(no_such_exclusion(name))
    wanted = sorted(names - excluded)
    places = []
    for name in wanted:
        partition: Partition = annotations[name][0] if name in annotations else "test"
        source = annotations[name][1] if name in annotations else None
        try:
            refuse(name, source or root / str(corpus.test))
            video = _video(name, source or root / str(corpus.test), videos, corpus)
            place = Place(name, partition, video, source, crops_of(name, faces))
            places.append(place._replace(person=_side(name, video)))
        except Problem as problem:
            findings.problem(problem)
    used = {place.stem for place in places}
    for stem in sorted(set(videos) - used - excluded):
        findings.note("videos without annotation, not in the test list: left out", stem)
    find_twins(places, findings)
    return places


def _videos(root: Path, patterns: Iterable[str], findings: Findings) -> Stems:
    """The videos of these folders and globs, by stem."""
    videos: Stems = defaultdict(list)
    for path in _files(root, patterns, findings):
        if path.suffix.lower() in VIDEO_SUFFIXES:
            videos[normal(path.stem)].append(path)
        elif not path.name.startswith("."):
            findings.note("files beside the videos whose suffix is not a video's", path.name)
    if not videos:
        raise Problem(
            file=root,
            found=f"no video in {', '.join(patterns)}",
            expected=f"files ending in {', '.join(VIDEO_SUFFIXES)}",
            cure="correct corpus.videos: the folders of videos under corpus.root",
        )
    return videos


def _files(root: Path, patterns: Iterable[str], findings: Findings) -> Iterator[Path]:
    """The files that match the patterns, or that are in folders that match; each once."""
    seen: set[Path] = set()
    for path in _matches(root, patterns, "videos"):
        for file in _contents(path) if path.is_dir() else [path]:
            if file not in seen:
                seen.add(file)
                if file.is_file():
                    yield file
                elif file.suffix.lower() in VIDEO_SUFFIXES:
                    what = "named like videos, but folders, pipes or links to no file: left out"
                    findings.note(what, file.name)


def folders_of_crops(root: Path, patterns: Iterable[str]) -> Stems:
    """The folders of crops in the folders that match the patterns, by name; also broken links."""
    folders: Stems = defaultdict(list)
    for parent in dict.fromkeys(_matches(root, patterns, "faces")):
        for folder in _contents(parent) if parent.is_dir() else []:
            if folder.is_dir() or folder.is_symlink():
                folders[normal(folder.name)].append(folder)
    return folders


def _annotations(
    root: Path, corpus: AffWild2, findings: Findings
) -> dict[str, tuple[Partition, Path]]:
    """Partition and annotation of each clip that has one."""
    annotations: dict[str, tuple[Partition, Path]] = {}
    folders: list[tuple[Partition, str]] = [
        ("train", corpus.train),
        ("validation", corpus.validation),
    ]
    for partition, folder in folders:
        for path in _texts(root / folder, f"corpus.{partition}", findings):
            name = normal(path.stem)
            if name in annotations:
                findings.problem(_annotated_twice(name, path, annotations[name][1]))
            else:
                annotations[name] = (partition, path)
    return annotations


def _texts(folder: Path, key: str, findings: Findings) -> list[Path]:
    """The annotation files of a folder."""
    if not folder.is_dir():
        raise _no_annotations(folder, key, "no such folder")
    files = [path for path in _contents(folder) if not path.name.startswith(".")]
    texts = [path for path in files if path.suffix == ".txt" and path.is_file()]
    for path in sorted(set(files) - set(texts)):
        findings.note("files beside the annotations that are not .txt", path.name)
    if not texts:
        raise _no_annotations(folder, key, "no annotation")
    return texts


def _test(root: Path, corpus: AffWild2, annotated: Iterable[str], findings: Findings) -> list[str]:
    """The names in the test list that can be used."""
    if corpus.test is None:
        return []
    path = root / corpus.test
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(
            file=path,
            found=str(getattr(error, "strerror", None) or error),
            expected="the test clips' names, one a line",
            cure="correct corpus.test, or set it to null where there are no test clips",
        ) from None
    names: dict[str, None] = {}
    for number, line in enumerate(lines, 1):
        name = normal(line.strip())
        if name in names:
            findings.note("names that occur twice in the test list", name, f"line {number}")
        elif name in annotated and name not in map(normal, corpus.exclude):
            findings.problem(_tested_and_annotated(path, number, name))
        elif name and name not in annotated:
            names[name] = None
    return list(names)


def _video(name: str, source: Path, videos: Stems, corpus: AffWild2) -> Path:
    """The one video of a clip that `source` (annotation or test list) names."""
    stems = [name, *(name.removesuffix(side) for side in SIDES if name.endswith(side))]
    for stem in stems:
        if stem in videos:
            return _only(name, videos[stem])
    raise Problem(
        clip=name,
        file=source,
        found=f"no video with the stem {' or '.join(stems)} in {', '.join(corpus.videos)}",
        expected="a video for every annotation and every name in the test list",
        cure=f"add the video, correct corpus.videos, {EXCLUDE}",
    )


def _side(name: str, video: Path) -> Person | None:
    """Which of two people a clip is of, by its name."""
    if name == normal(video.stem):
        return None
    return "left" if name.endswith("_left") else "right"


def crops_of(name: str, folders: Stems) -> Path | None:
    """The folder of a clip's crops, if there is one; `Problem` if there are several."""
    return _only(name, folders[name]) if name in folders else None


def _only(name: str, paths: list[Path]) -> Path:
    """The only path of this name; `Problem` if there are several."""
    if len(paths) > 1:
        raise Problem(
            clip=name,
            file=paths[0],
            found=f"another path for the same name, {_other(paths[1], paths[0])}",
            expected="one video and one folder of faces per name",
            cure=f"remove or rename one of them, {EXCLUDE}",
        )
    return paths[0]


def _other(path: Path, than: Path) -> str:
    """A path, with its name as ASCII if it looks like that of another path."""
    same = path.name != than.name and normal(path.name) == normal(than.name)
    return f"{path} ({path.name!a}, not {than.name!a})" if same else str(path)


def find_twins(places: Iterable[Place], findings: Findings) -> None:
    """Add a problem for each clip whose name, or video's name, differs from another in capitals."""
    known: dict[str, tuple[str, str]] = {}
    for place in places:
        for name in (place.name, place.stem):
            first, clip = known.setdefault(alike(name), (name, place.name))
            if first != name:
                findings.problem(_twin(place, clip))
                break


def _matches(root: Path, patterns: Iterable[str], key: str) -> Iterator[Path]:
    """The paths that match the patterns; a pattern that is itself an existing path is no glob."""
    for pattern in patterns:
        paths = [root / pattern] if (root / pattern).exists() else []
        if not paths and glob.has_magic(pattern):
            paths = sorted(root.glob(pattern))
        if not paths:
            raise Problem(
                file=root / pattern,
                found="no such file or folder",
                expected=f"a folder, or a glob that matches something, for corpus.{key}",
                cure=f"correct corpus.{key}, or corpus.root",
            )
        yield from paths


def _contents(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise Problem(
            file=folder,
            found=str(error.strerror),
            expected="a folder that can be read",
            cure="correct its permissions, or connect its disk",
        ) from None


def _no_root(root: Path, corpus: Corpus) -> Problem:
    make = "run `dvc repro` to make the sample corpus, or " if corpus.make else ""
    return Problem(
        file=root,
        found="no folder that can be read" if os.access(root, os.F_OK) else "no such folder",
        expected="the corpus's folder: videos, face crops and annotations",
        cure=f"{make}set corpus.root to it (Aff-Wild2 is available from its authors, under their "
        f"licence: {AFF_WILD2}), or run `rjcma pull training` to use what a team shares",
    )


def _empty_root(root: Path) -> Problem:
    return Problem(
        file=root,
        found="an empty folder, perhaps of a disk that is not mounted",
        expected="the corpus's folder: videos, face crops and annotations",
        cure="mount the disk, or set corpus.root to the corpus, or to a folder that does not exist "
        "if you have no corpus and use what a team shares",
    )


def _no_annotations(folder: Path, key: str, found: str) -> Problem:
    return Problem(
        file=folder,
        found=found,
        expected="a folder of annotations, <clip>.txt",
        cure=f"correct {key}, the folder under corpus.root",
    )


def _annotated_twice(clip: str, path: Path, other: Path) -> Problem:
    return Problem(
        clip=clip,
        file=path,
        found=f"another annotation of this clip, {_other(other, path)}",
        expected="each clip in one partition",
        cure="remove one of the two annotations",
    )


def _tested_and_annotated(path: Path, number: int, name: str) -> Problem:
    return Problem(
        clip=name,
        file=path,
        found=f"an annotated clip in line {number} of the test list",
        expected="only clips without annotation there",
        cure=f"remove the line or the annotation, {EXCLUDE}",
    )


def no_such_exclusion(name: str) -> Problem:
    return Problem(
        clip=name,
        file="corpus.exclude",
        found="no clip of this name",
        expected="names of clips that are annotated or in the test list",
        cure="correct or remove the name",
    )


def _twin(place: Place, clip: str) -> Problem:
    return Problem(
        clip=place.name,
        file=place.video,
        found=f"clip {clip}, whose name, or whose video's, differs only in capitals",
        expected="names that differ in more: on drives that ignore capitals, where a colleague may"
        " keep them, the computed files of one would replace those of the other",
        cure=f"rename the files of one of them, {EXCLUDE}",
    )
