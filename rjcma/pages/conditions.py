"""The error where a face is seen and where none is, and where somebody speaks and where not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from rjcma.concordance import ccc
from rjcma.corpus.labels import Ranges
from rjcma.pages.figure import Figure, Table, decimals
from rjcma.pages.frames import Frames, Mask
from rjcma.pages.palette import colours


class Condition(NamedTuple):
    """Frames of one kind."""

    name: str
    of: Callable[[Frames], Mask | None]
    """(T,) of a clip: its frames of this kind; None if that is not known here."""


def _where(name: str, is_there: bool) -> Callable[[Frames], Mask | None]:
    def of(frames: Frames) -> Mask | None:
        mask: Mask | None = getattr(frames, name)
        return None if mask is None else mask == is_there

    return of


FACE = (Condition("face seen", _where("face", True)), Condition("no face", _where("face", False)))
SPEECH = (
    Condition("speech", _where("speech", True)),
    Condition("silence", _where("speech", False)),
)


class Measured(NamedTuple):
    """A target's frames of one kind."""

    target: str
    scale: tuple[float, float]
    """The target's range."""
    condition: str
    frames: int
    rmse: float
    """NaN if there is no frame."""
    ccc: float

    @property
    def share(self) -> float:
        """The RMSE as a share of the target's range."""
        return self.rmse / (self.scale[1] - self.scale[0])


def measured(
    frames: Sequence[Frames], ranges: Ranges, conditions: Sequence[Condition]
) -> list[Measured]:
    """RMSE and CCC of each target under each condition, over clips of which that is known."""
    return [
        _measured(frames, target, scale, each)
        for target, scale in ranges.items()
        for each in conditions
    ]


def _measured(
    frames: Sequence[Frames], target: str, scale: tuple[float, float], condition: Condition
) -> Measured:
    truths, predictions = [np.zeros(0)], [np.zeros(0)]
    for clip in frames:
        if (mask := condition.of(clip)) is not None:
            chosen = mask & clip.scored(target)
            truths.append(clip.truth[target][chosen])
            predictions.append(clip.prediction[target][chosen])
    truth, prediction = np.concatenate(truths), np.concatenate(predictions)
    rmse = float(np.sqrt(np.mean((prediction - truth) ** 2))) if truth.size else float("nan")
    return Measured(target, scale, condition.name, truth.size, rmse, ccc(prediction, truth))


def figures(by: Mapping[str, Sequence[Measured]]) -> list[Figure]:
    """A figure for each title: bars of the RMSE by condition, a colour for each target.

    All have the same axis: the RMSE, or its share of the range if the targets' ranges differ.
    """
    every = [row for rows in by.values() for row in rows]
    as_share = len({row.scale for row in every}) > 1
    heights = [row.share if as_share else row.rmse for row in every if row.frames]
    axis = {
        "title": {"text": "RMSE, share of the range" if as_share else "RMSE"},
        "range": [0, max(heights, default=1.0) * 1.05],
        **({"tickformat": ".0%"} if as_share else {}),
    }
    return [_figure(title, rows, as_share, axis) for title, rows in by.items()]


def _figure(
    title: str, rows: Sequence[Measured], as_share: bool, axis: Mapping[str, Any]
) -> Figure:
    targets = list(dict.fromkeys(row.target for row in rows))
    return Figure(
        name=f"by-{title.lower()}",
        title=title,
        description=". ".join(
            f"{row.target}, {row.condition}: RMSE {_error(row)} over {row.frames:,} frames"
            for row in rows
            if row.frames
        ),
        data=[_bars(target, targets, rows, as_share) for target in targets],
        layout={
            "xaxis": {},
            "yaxis": axis,
            "bargap": 0.5,
            "legend": {"orientation": "h", "y": 1.12, "x": 1, "xanchor": "right"},
            "showlegend": len(targets) > 1,
        },
        height=300,
        table=Table(
            ["Frames of", "Target", "Frames", "RMSE", "CCC"],
            [
                [row.condition, row.target, f"{row.frames:,}", _error(row), f"{row.ccc:z.3f}"]
                if row.frames
                else [row.condition, row.target, "0", "", ""]
                for row in rows
            ],
        ),
    )


def _bars(
    target: str, targets: Sequence[str], rows: Sequence[Measured], as_share: bool
) -> dict[str, Any]:
    own = [row for row in rows if row.target == target]
    return {
        "type": "bar",
        "name": target,
        "x": [_label(row.condition, rows) for row in own],
        "y": np.array([row.share if as_share else row.rmse for row in own]),
        "customdata": [[_error(row), f"{row.ccc:z.3f}", row.frames] for row in own],
        "marker": {"color": colours(targets)[target]},
        "hovertemplate": "%{fullData.name}<br>RMSE %{customdata[0]}<br>"
        "CCC %{customdata[1]}, %{customdata[2]} frames<extra></extra>",
    }


def _error(row: Measured) -> str:
    return f"{row.rmse:.{decimals(row.scale)}f}" if row.frames else ""


def _label(condition: str, rows: Sequence[Measured]) -> str:
    """The condition, and the number of its frames: of few, an error says little."""
    counts = sorted({row.frames for row in rows if row.condition == condition})
    return f"{condition}<br>{' or '.join(f'{count:,}' for count in counts)} frames"
