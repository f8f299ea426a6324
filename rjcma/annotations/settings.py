"""The settings of annotations: in which files they are, in which form, and how raters are fused.

They stand in the params as `corpus.annotations`. `docs/annotations.md` has those of many corpora
and tools.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from rjcma.params import Section

SECTION = "corpus.annotations"
"""Where these settings stand in the params."""

ALL = "*"
"""The key of what holds for all targets."""

Column = int | str
"""A column: its number, from 1, or its name; `*` and `?` in a name stand for any characters."""
Name = Annotated[str, Field(min_length=1)]
Range = tuple[float, float]


def _for_all(value: Any) -> Any:
    """One value for all targets, as a mapping from `ALL`."""
    return value if isinstance(value, Mapping) or value is None else {ALL: value}


def _listed(value: Any) -> Any:
    """Columns by target, each as a list."""
    value = _for_all(value)
    if not isinstance(value, Mapping):
        return value
    return {key: [item] if isinstance(item, int | str) else item for key, item in value.items()}


Columns = Annotated[dict[str, tuple[Column, ...]] | None, BeforeValidator(_listed)]


class Time(Section):
    """When a row was rated."""

    column: Column = 1
    """The column of times."""
    rate: float | Literal["video"] | None = None
    """Rows per second, if there is no column of times: the first row is at 0. `video`: a row is a
    frame of the video."""
    unit: Literal["s", "ms", "frame"] = "s"
    """Seconds, milliseconds, or the numbers of the video's frames."""
    first: int = 0
    """The number of the first frame, if the unit is `frame`: 0 or 1."""
    stamp: Literal["begin", "end"] = "begin"
    """Whether a time is the beginning or the end of what its row rates. A value is placed at the
    beginning; an end is one usual step (the median) later."""
    end: Column | None = None
    """The column of ends, if a row rates all of a stretch from `column` to `end`."""
    offset: float = 0.0
    """Seconds to add to all times."""
    origin: Literal["video", "clip"] = "video"
    """Whether time 0 is the beginning of the video, or of the clip if that is a stretch of it."""

    @field_validator("rate")
    @classmethod
    def _positive(cls, rate: float | str | None) -> float | str | None:
        if isinstance(rate, float) and rate <= 0:
            raise ValueError("rows per second, more than 0, or video")
        return rate


class Rows(Section):
    """Columns that say what a row is about, if a file has rows of several clips for example."""

    clip: Column | None = None
    """The column of the clip's or video's name."""
    rater: Column | None = None
    target: Column | None = None


class Smooth(Section):
    """A Savitzky-Golay filter: a polynomial is fitted to the samples of a window."""

    window: float = Field(gt=0)
    """Its length in seconds."""
    order: int = Field(default=3, ge=0)
    """The order of the polynomial."""


class Common(Section):
    """What holds for all formats."""

    files: str = ""
    """The path of a clip's annotation under the corpus's root, with `{clip}`, `{video}`, `{target}`
    and `{rater}`; for the clips for which the list names none."""
    time: Time = Time()
    columns: Columns = None
    """The column of each target, or of all; several are raters. None: the column called as the
    target, or all columns of numbers if each target has its own file."""
    missing: tuple[float | str, ...] = ()
    """Values that stand for none, besides empty ones, NaN, NA, N/A, null, None and `?`."""
    range: Annotated[dict[str, Range] | None, BeforeValidator(_for_all)] = None
    """The lowest and the highest value of the scale, of each target or of all, which become -1 and
    1. None: as the file's head says, or [-1, 1]."""
    gold: Literal["mean", "median", "ewe_correlation", "ewe_ccc"] = "mean"
    """How several raters become one: `ewe_…` is the evaluator-weighted estimator, with a rater's
    correlation with the mean of the others, or mean CCC with each other, as the weight."""
    centre: bool = False
    """Whether raters are first given the same mean over the clip."""
    standardise: bool = False
    """Whether raters are first given the same mean and standard deviation over the clip."""
    smooth: Smooth | None = None
    """Smoothing of each rater, before all else."""
    max_gap: float | None = Field(default=None, gt=0)
    """Seconds between two samples above which nothing is interpolated. None: 1 s, or twice the
    usual step if that is longer (ours)."""

    @field_validator("range")
    @classmethod
    def _ordered(cls, ranges: dict[str, Range] | None) -> dict[str, Range] | None:
        if any(low >= high for low, high in (ranges or {}).values()):
            raise ValueError("the lowest value, then a higher one")
        return ranges

    @model_validator(mode="after")
    def _one_time(self) -> Common:
        if self.time.rate is not None and self.time.end is not None:
            raise ValueError("time.rate or time.end, not both")
        return self


class Rowed(Common):
    """What holds for all formats with rows and columns."""

    decimal: Literal[".", ","] = "."
    rows: Rows = Rows()


class Text(Rowed):
    """What holds for all texts of rows and columns."""

    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    """What separates columns. None: a tab, `;`, `,` or spaces, whichever all rows have."""
    header: bool | None = None
    """Whether the first row has the columns' names. None: if it has something that is no number."""
    skip_until: Name | None = None
    """The beginning of the line after which the rows begin. The names are in the line after it, or
    in the one before it."""


class Table(Text):
    """Any text of rows and columns."""

    format: Literal["table"]


class _Binned(Time):
    column: Column = "Second"
    stamp: Literal["begin", "end"] = "end"


class Carma(Text):
    """Files of CARMA: one rater and one target each, and the range in the head."""

    format: Literal["carma"]
    skip_until: Name | None = "%%%%%%"
    time: _Binned = _Binned()
    columns: Columns = {ALL: ("Rating",)}


class Darma(Text):
    """Files of DARMA: one rater and two targets each, and the magnitude in the head."""

    format: Literal["darma"]
    skip_until: Name | None = "%%%%%%"
    time: _Binned = _Binned()


class Arff(Rowed):
    """Files of Weka."""

    format: Literal["arff"]


class _Frames(Time):
    unit: Literal["s", "ms", "frame"] = "frame"


class FramesJson(Common):
    """A JSON object whose member `frames` has an object for each frame, by its number (AFEW-VA)."""

    format: Literal["frames_json"]
    time: _Frames = _Frames()


class Nova(Common):
    """Continuous annotations of NOVA: `X.annotation` has rate and range, `X.annotation~` scores."""

    format: Literal["nova"]
    columns: Columns = {ALL: (1,)}


def _with_format(value: Any) -> Any:
    return {"format": "table", **value} if isinstance(value, Mapping) else value


Annotations = Annotated[
    Table | Carma | Darma | Arff | FramesJson | Nova,
    Field(discriminator="format"),
    BeforeValidator(_with_format),
]
