"""The error where a face is seen and where none is, and where somebody speaks and where not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from rjcma.concordance import ccc
from rjcma.pages.figure import Figure, Table
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
    condition: str
    frames: int
    rmse: float
    ccc: float


def measured(
    frames: Sequence[Frames], targets: Sequence[str], conditions: Sequence[Condition]
) -> list[Measured]:
    """RMSE and CCC of each target under each condition, over clips of which that is known."""
    return [_measured(frames, target, each) for target in targets for each in conditions]


def _measured(frames: Sequence[Frames], target: str, condition: Condition) -> Measured:
    truths, predictions = [np.zeros(0)], [np.zeros(0)]
    for clip in frames:
        if (mask := condition.of(clip)) is not None:
            chosen = mask & clip.scored(target)
            truths.append(clip.truth[target][chosen])
            predictions.append(clip.prediction[target][chosen])
    truth, prediction = np.concatenate(truths), np.concatenate(predictions)
    rmse = float(np.sqrt(np.mean((prediction - truth) ** 2))) if truth.size else float("nan")
    return Measured(target, condition.name, truth.size, rmse, ccc(prediction, truth))


def figure(name: str, title: str, rows: Sequence[Measured], highest: float) -> Figure:
    """Bars of the RMSE by condition, a colour for each target; the axis goes to `highest`."""
    targets = list(dict.fromkeys(row.target for row in rows))
    data = [
        {
            "type": "bar",
            "name": target,
            "x": [_label(row.condition, rows) for row in rows if row.target == target],
            "y": np.array([row.rmse for row in rows if row.target == target]),
            "customdata": [[row.ccc, row.frames] for row in rows if row.target == target],
            "marker": {"color": colours(targets)[target]},
            "hovertemplate": "%{fullData.name}<br>RMSE %{y:.3f}<br>"
            "CCC %{customdata[0]:.3f}, %{customdata[1]} frames<extra></extra>",
        }
        for target in targets
    ]
    return Figure(
        name=name,
        title=title,
        description=". ".join(
            f"{row.target}, {row.condition}: RMSE {row.rmse:.3f} over {row.frames:,} frames"
            for row in rows
            if row.frames
        ),
        data=data,
        layout={
            "xaxis": {},
            "yaxis": {"title": {"text": "RMSE"}, "range": [0, highest * 1.05]},
            "bargap": 0.5,
            "legend": {"orientation": "h", "y": 1.12, "x": 1, "xanchor": "right"},
            "showlegend": len(targets) > 1,
        },
        height=300,
        table=Table(
            ["Frames of", "Target", "Frames", "RMSE", "CCC"],
            [
                [row.condition, row.target, f"{row.frames:,}", f"{row.rmse:.3f}", f"{row.ccc:z.3f}"]
                if row.frames
                else [row.condition, row.target, "0", "", ""]
                for row in rows
            ],
        ),
    )


def _label(condition: str, rows: Sequence[Measured]) -> str:
    """The condition, and the number of its frames: of few, an error says little."""
    counts = sorted({row.frames for row in rows if row.condition == condition})
    return f"{condition}<br>{' or '.join(f'{count:,}' for count in counts)} frames"
