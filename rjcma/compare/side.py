"""One of the two reports that are compared, as it is on disk: numbers, series, words."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rjcma.compare.sources import METRICS, TRACES, Source
from rjcma.corpus.labels import in_own_units
from rjcma.jobs.files import read_json
from rjcma.pages import site
from rjcma.problem import Problem
from rjcma.scoring import listing
from rjcma.scoring.predictions import TRUTH
from rjcma.timeline import Seconds

Array = NDArray[np.float64]

CURE = "make the report again by `dvc repro`"
MEAN = "mean"


class Series(NamedTuple):
    """What a report has of a clip: T frames."""

    times: Array
    """(T,), seconds of the video."""
    prediction: Mapping[str, Array]
    """By target, (T,) in [-1, 1]; NaN if all runs of the target were trained on the clip."""
    truth: Mapping[str, Array]
    """By target, (T,) in [-1, 1]; NaN where unlabelled."""


class Word(NamedTuple):
    """A spoken word."""

    text: str
    start: Seconds
    end: Seconds


class Side(NamedTuple):
    """A report."""

    source: Source
    scores: Mapping[str, Mapping[int, float]]
    """The CCC of the report's table, by target and fold."""
    clips: tuple[str, ...]
    """The names of the clips that it has traces of."""
    listed: listing.Listing | None
    """What the report says of its clips; None for a report of an earlier version."""

    @property
    def targets(self) -> list[str]:
        return list(self.scores)

    def range_of(self, target: str) -> tuple[float, float]:
        """The target's range in the corpus's own units; [-1, 1] if the report does not say."""
        return self.listed.targets.get(target, (-1.0, 1.0)) if self.listed else (-1.0, 1.0)

    def own(self, target: str, values: Array) -> Array:
        """Values in the corpus's own units."""
        return in_own_units(values, self.range_of(target))

    def together(self) -> dict[str, str]:
        """The group or video of each clip; each clip's own name if the report does not say."""
        known = {clip.name: clip.together for clip in self.listed.clips} if self.listed else {}
        return {name: known.get(name, name) for name in self.clips}

    def folds(self) -> dict[str, tuple[int, ...]]:
        """The folds that validate on each clip; none if the report does not say."""
        known = {clip.name: clip.folds for clip in self.listed.clips} if self.listed else {}
        return {name: known.get(name, ()) for name in self.clips}

    def series(self, clip: str) -> Series:
        """The predictions and labels of a clip. Raises `Problem` if its file is damaged."""
        return _series(self.source.folder / TRACES / f"{clip}.csv", clip)

    def words(self, clip: str) -> list[Word] | None:
        """The words of a clip, from the report's page of it; None if it has none."""
        return _words(self.source.folder, clip)


def read(source: Source) -> Side:
    """A report. Raises `Problem` if it is damaged."""
    path = source.folder / METRICS
    metrics = read_json(path, expected="the CCC of targets and folds", cure=CURE)
    try:
        scores = {
            target: {int(fold): float(each["ccc"]) for fold, each in of_target["folds"].items()}
            for target, of_target in metrics.items()
            if target != MEAN
        }
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from None
    for target, folds in scores.items():
        if not (folds and np.isfinite(list(folds.values())).all()):
            raise _damaged(path, f"no CCC of {target}, or one that is not finite")
    clips = tuple(sorted(path.stem for path in (source.folder / TRACES).glob("*.csv")))
    if not scores or not clips:
        raise _damaged(path if not scores else source.folder / TRACES, "nothing in it")
    has_list = (source.folder / listing.FILE).exists()
    listed = listing.read(source.folder / listing.FILE) if has_list else None
    return Side(source, scores, clips, listed)


def _series(path: Path, clip: str) -> Series:
    """A clip's trace: `frame,time`, the targets, and their truth."""
    try:
        text = path.read_text(encoding="utf-8")
        header, _, rows = text.partition("\n")
        if not rows.strip():
            raise ValueError("no frames in it")
        names = header.split(",")
        filled = re.sub(r",(?=[,\n])", ",nan", rows)
        values = np.loadtxt(io.StringIO(filled), delimiter=",", ndmin=2)
        columns = dict(zip(names, values.T, strict=True))
        targets = [name for name in names[2:] if f"{name}{TRUTH}" in columns]
        return Series(
            columns["time"],
            {target: columns[target] for target in targets},
            {target: columns[f"{target}{TRUTH}"] for target in targets},
        )
    except OSError as error:
        raise _damaged(path, error.strerror or str(error), clip) from None
    except (UnicodeDecodeError, ValueError, KeyError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}", clip) from None


def _words(folder: Path, clip: str) -> list[Word] | None:
    try:
        spoken: Any = site.read_data(folder, f"{site.CLIPS}/{clip}")["words"]
        words = zip(spoken["text"], spoken["start"], spoken["end"], strict=True)
        return [Word(str(text), float(start), float(end)) for text, start, end in words]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # a report without pages, or whose page has no words: they are only shown


def _damaged(path: Path, found: str, clip: str = "") -> Problem:
    return Problem(
        clip=clip, file=path, found=found, expected="a file as stage score writes it", cure=CURE
    )
