"""The params section `corpus`: where a corpus is and how it is divided."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from rjcma.annotations.settings import Annotations, Table
from rjcma.params import Section

VALENCE_AROUSAL = {"valence": (-1.0, 1.0), "arousal": (-1.0, 1.0)}
"""The targets of Aff-Wild2 and their ranges."""

LEAVE_ONE_OUT = "leave_one_group_out"

EXCLUDE = "or name the clip in corpus.exclude to go on without it"
"""The last part of the cure of every problem of a single clip."""


def _under_root(path: str) -> str:
    if not path or PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ValueError("a path under corpus.root, without ..")
    return path


UnderRoot = Annotated[str, AfterValidator(_under_root)]


Target = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
"""The name of a target, which becomes part of file names: `valence`, `engagement`."""

Folds = Annotated[int, Field(ge=2, strict=True)] | Literal["leave_one_group_out"]


class _Corpus(Section):
    """What both layouts have. Paths are relative to `root`."""

    make: tuple[Literal["sample"], ...] = ()
    """The stage that makes the corpus, if one does."""
    root: str = Field(min_length=1)
    faces: tuple[UnderRoot, ...] = ()
    """Folders that contain one folder of face crops per clip, or globs of such folders."""
    exclude: tuple[str, ...] = ()
    """Clips to leave out."""
    folds: Folds = 6
    """The number of folds, 6 in the paper (section 4.1): the official division and five groups of
    training clips. Without official validation clips all are groups. leave_one_group_out: a fold
    for each group."""
    tolerance: float = Field(default=1.0, ge=0)
    """Seconds by which an annotation may be longer or shorter than its video (ours): about what
    one log-mel window (0.96 s) covers; a greater difference means another or a cut-off video."""


class AffWild2(_Corpus):
    """A corpus in Aff-Wild2's layout."""

    layout: Literal["affwild2"] = "affwild2"
    targets: tuple[Target, ...] = tuple(VALENCE_AROUSAL)
    """Always valence and arousal."""
    videos: tuple[UnderRoot, ...] = Field(min_length=1)
    """Folders of videos, or globs of such folders or of the videos themselves."""
    train: UnderRoot
    """The folder of the training clips' annotations, `<clip>.txt`."""
    validation: UnderRoot
    """The folder of the official validation clips' annotations."""
    test: UnderRoot | None = None
    """The file with the test clips' names, one per line."""

    @field_validator("targets")
    @classmethod
    def _both(cls, targets: tuple[str, ...]) -> tuple[str, ...]:
        if targets != tuple(VALENCE_AROUSAL):
            raise ValueError("valence and arousal, as this layout has; layout: list takes others")
        return targets


class ClipList(_Corpus):
    """A corpus whose clips are named in a list."""

    layout: Literal["list"]
    list: UnderRoot
    """The list: CSV with a header, or JSON lines (`.jsonl`); see `rjcma.corpus.clip_list`."""
    targets: tuple[Target, ...] = Field(min_length=1)
    """The names of the annotated dimensions."""
    annotations: Annotations = Table(format="table")
    """How the annotations are written, and how several raters become one."""

    @field_validator("targets")
    @classmethod
    def _each_once(cls, targets: tuple[str, ...]) -> tuple[str, ...]:
        if len({target.lower() for target in targets}) < len(targets):
            raise ValueError("each of them once")
        if {target.lower() for target in targets} & {"mean", "frame", "time", "face", "word"}:
            raise ValueError("other names than mean, frame, time, face, word: tables have these")
        return targets


def _with_layout(section: Any) -> Any:
    plain = isinstance(section, dict) and "layout" not in section
    return {"layout": "affwild2", **section} if plain else section


Corpus = Annotated[
    AffWild2 | ClipList, Field(discriminator="layout"), BeforeValidator(_with_layout)
]
"""The section `corpus`; without `layout` it is Aff-Wild2's."""
