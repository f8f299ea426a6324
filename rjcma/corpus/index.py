"""The index of a corpus, which all later stages read: the manifest, the labels and their record.

A team can share the index with members who have no corpus (its licence may forbid it). Where the
folder `corpus.root` is missing, the index is kept as it was shared, if the record shows that it is
complete and that the settings have not changed.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from rjcma import manifest
from rjcma.corpus import labels
from rjcma.corpus.audit import Audit, Wanted, audit, examine_together
from rjcma.corpus.settings import Corpus
from rjcma.corpus.summary import summary
from rjcma.jobs.digests import digest_file, digest_files, digest_value
from rjcma.jobs.files import is_readable, replace
from rjcma.jobs.memory import Memory
from rjcma.manifest import Clip
from rjcma.problem import Problem

NAMED = 3  # clips that a problem names (ours)


class Index(NamedTuple):
    """The files of an index."""

    clips: Path
    """The manifest."""
    labels: Path
    """The folder of labels."""
    record: Path

    def any(self) -> bool:
        """Whether any of them exists."""
        return any(path.exists() for path in self)


class Record(BaseModel):
    """What an index was made with, and its content."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: dict[str, Any]
    """The part of the params section `corpus` that decides the index."""
    clips: str
    """The digest of the manifest."""
    labels: str
    """The digest of all labels."""


def index(corpus: Corpus, wanted: Wanted, files: Index, memory: Memory) -> None:
    """Audit the corpus and write its index; where the corpus is missing, keep the shared index.

    Files that have the same content already are not touched. Raises `Problem` or `Problems` if the
    corpus cannot be used, or if it is missing and the shared index does not do; then nothing is
    written.
    """
    if not is_readable(Path(corpus.root)) and files.any():
        clips = _shared(files, corpus, wanted)
        print(f"no corpus at {corpus.root}: {len(clips)} clips and their labels kept as shared")
        return
    result = audit(corpus, memory, wanted)
    print(summary(result))
    result.findings.check()
    manifest.write(files.clips, result.clips)
    labels.write(files.labels, result.labels, result.ranges(corpus.targets))
    record = Record(
        settings=_settings(corpus),
        clips=digest_file(files.clips),
        labels=_digest(files.labels, result.clips),
    )
    replace(files.record, (record.model_dump_json(indent=1) + "\n").encode())


def _settings(corpus: Corpus) -> dict[str, Any]:
    """The settings that decide the index: neither where the corpus is, nor how it is divided."""
    return corpus.model_dump(mode="json", exclude={"make", "root", "folds"})


def _shared(files: Index, corpus: Corpus, wanted: Wanted) -> list[Clip]:
    """The clips of a shared index. Raises `Problem` unless all of it can be used."""
    record = _read(files.record)
    changed = _changes(_settings(corpus), record.settings)
    if changed:
        raise Problem(
            file=corpus.root,
            found=f"no such folder, and {', '.join(changed)} since the index was shared",
            expected="the corpus, or the settings with which the shared index was made",
            cure="set corpus.root to the corpus, or undo the change",
        )
    if not files.clips.is_file() or digest_file(files.clips) != record.clips:
        raise _unlike(files.clips, files, "another manifest" if files.clips.exists() else "")
    clips = manifest.read(files.clips)
    absent = [path.stem for path in _paths(files.labels, clips) if not path.is_file()]
    if absent:
        named = ", ".join(absent[:NAMED]) + (", …" if len(absent) > NAMED else "")
        raise _unlike(files.labels, files, f"no labels of {len(absent)} clips ({named})")
    if _digest(files.labels, clips) != record.labels:
        raise _unlike(files.labels, files, "other labels")
    together = Audit(clips)
    examine_together(together, corpus, wanted)
    together.findings.check()
    return clips


def _read(path: Path) -> Record:
    try:
        return Record.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        found = "no such file"
    except (ValidationError, OSError):
        found = "a file that is not this record"
    raise Problem(
        file=path,
        found=found,
        expected="the record of the shared index, since the corpus is not here",
        cure=f"`dvc pull {path}`, or set corpus.root to the corpus",
    )


def _unlike(path: Path, files: Index, found: str) -> Problem:
    """The problem of a part of the index that is not as the record says."""
    return Problem(
        file=path,
        found=found or "no such file",
        expected=f"the content that {files.record} records, since the corpus is not here",
        cure=f"`dvc pull --force {' '.join(map(str, files))}`, or set corpus.root to the corpus",
    )


def _changes(now: dict[str, Any], before: dict[str, Any]) -> list[str]:
    keys = sorted(now.keys() | before.keys())
    return [
        f"corpus.{key} was changed from {before.get(key)} to {now.get(key)}"
        for key in keys
        if now.get(key) != before.get(key)
    ]


def _paths(folder: Path, clips: Collection[Clip]) -> list[Path]:
    return [folder / f"{clip.name}.npy" for clip in clips if clip.partition != "test"]


def _digest(folder: Path, clips: Collection[Clip]) -> str:
    """The digest of the labels of these clips."""
    return digest_value(digest_files([folder / labels.TARGETS, *_paths(folder, clips)]))
