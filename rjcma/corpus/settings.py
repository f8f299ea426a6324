"""The params section `corpus`: where a corpus is and how it is divided."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from rjcma.params import Section

EXCLUDE = "or name the clip in corpus.exclude to go on without it"
"""The last part of the cure of every problem of a single clip."""


def _under_root(path: str) -> str:
    if not path or PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ValueError("a path under corpus.root, without ..")
    return path


UnderRoot = Annotated[str, AfterValidator(_under_root)]


class Corpus(Section):
    """A corpus in Aff-Wild2's layout. Paths are relative to `root`."""

    make: tuple[Literal["sample"], ...] = ()
    """The stage that makes the corpus, if one does."""
    root: str = Field(min_length=1)
    videos: tuple[UnderRoot, ...] = Field(min_length=1)
    """Folders of videos, or globs of such folders or of the videos themselves."""
    faces: tuple[UnderRoot, ...] = ()
    """Folders that contain one folder of face crops per clip, or globs of such folders."""
    train: UnderRoot
    """The folder of the training clips' annotations, `<clip>.txt`."""
    validation: UnderRoot
    """The folder of the official validation clips' annotations."""
    test: UnderRoot | None = None
    """The file with the test clips' names, one per line."""
    exclude: tuple[str, ...] = ()
    """Clips to leave out."""
    folds: int = Field(default=6, ge=2)
    """6 in the paper (section 4.1): the official division and five groups of training clips."""
    tolerance: float = Field(default=1.0, ge=0)
    """Seconds by which an annotation may be longer or shorter than its video (ours): about what
    one log-mel window (0.96 s) covers; a greater difference means another or a cut-off video."""
