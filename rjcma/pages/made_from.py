"""What a report was made from: the provenance of the runs and of the features, as tables.

The same is in the files themselves (`rjcma about`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rjcma.jobs import provenance
from rjcma.jobs.recipe import flat
from rjcma.pages.sources import Sources
from rjcma.scoring.runs import TrainedRun

KINDS = {
    "predictions": "Predictions",
    "words": "Recognised words",
    "transcripts": "Transcripts",
    "faces": "Faces",
    "logmel": "Log-mel windows",
    "visual": "Vectors of faces",
    "audio": "Vectors of sound",
    "text": "Vectors of words",
}
"""Kinds of files, and what they hold."""

FEATURES = ("faces", "logmel", "visual", "audio", "text")
"""The kinds whose folders are those of features."""


class Part(NamedTuple):
    """What some of the files were made from."""

    title: str
    about: str
    """A sentence on it."""
    rows: Sequence[tuple[str, str]]


def parts(runs: Sequence[TrainedRun], sources: Sources) -> list[Part]:
    """The runs, and each kind of feature that is here."""
    return [*_runs(runs, sources.runs), *_features(sources)]


def _runs(runs: Sequence[TrainedRun], folder: Path) -> list[Part]:
    read = {run.name: provenance.read(folder / run.name / "run.json") for run in runs}
    known = {name: about for name, about in read.items() if about}
    if not known:
        return []
    each = [_rows(about) for about in known.values()]
    common = [pair for pair in each[0].items() if all(pair in rows.items() for rows in each[1:])]
    keys = dict.fromkeys(key for of_run in each for key in of_run)
    differing = [key for key in keys if key not in dict(common) and key not in OWN]
    rows = [(key, value) for key, value in common if key not in OWN]
    rows += [(key, "differs from run to run") for key in differing]
    return [Part(f"{len(runs)} runs", f"Made by stage train: {', '.join(known)}.", rows)]


OWN = ("settings target", "settings fold")
"""What always differs between runs, and what their names say."""


def of_files(files: Mapping[str, Path]) -> list[Part]:
    """What each of these files was made from, by its kind (`KINDS`)."""
    found = []
    for kind, title in KINDS.items():
        about = provenance.read(files[kind]) if kind in files else None
        if about is not None:
            stage = f"Made by stage {about.get('stage', 'unknown')}."
            found.append(Part(title, stage, list(_rows(about).items())))
    return found


def _features(sources: Sources) -> list[Part]:
    folders = {"words": sources.words, "transcripts": sources.transcripts}
    if sources.features:
        folders |= {kind: sources.features / kind for kind in FEATURES}
    first = {kind: _first(folder) for kind, folder in folders.items()}
    return of_files({kind: path for kind, path in first.items() if path is not None})


def _first(folder: Path | None) -> Path | None:
    """The first file of a folder that has provenance: all of a folder have the same recipe."""
    files = sorted(folder.glob("*.*")) if folder and folder.is_dir() else []
    visible = (path for path in files if not path.name.startswith("."))
    return next((path for path in visible if provenance.read(path)), None)


def _rows(about: Mapping[str, Any]) -> dict[str, str]:
    """Package, code, libraries, models and settings, in one line each."""
    rows = {key: str(about[key]) for key in ("package", "code") if about.get(key)}
    for part in ("libraries", "models", "settings"):
        for key, value in flat(about.get(part) or {}):
            rows[f"{part} {key}"] = _shown(value)
    return rows


def _shown(value: Any) -> str:
    """A setting as in the params file.

    >>> [_shown(value) for value in (None, True, 1, ["visual", "audio"], {})]
    ['null', 'true', '1', 'visual, audio', 'none']
    """
    match value:
        case None | bool():
            return json.dumps(value)
        case list() | tuple():
            return ", ".join(map(_shown, value))
        case {}:
            return "none"
        case _:
            return str(value)
