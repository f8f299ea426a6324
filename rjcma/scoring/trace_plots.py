"""One picture per clip: truth and prediction over time, valence above, arousal below."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from rjcma.concordance import ccc_labelled
from rjcma.corpus.labels import TARGETS
from rjcma.scoring.style import (
    COLOURS,
    QUIET,
    TRUTH,
    any_finite,
    figure,
    save,
    set_value_axis,
    style,
)

WIDTH, HEIGHT = 1000, 430  # pixels
LONG = 60.0  # seconds; lines of longer clips are drawn thinner
Array = NDArray[Any]


class Trace(NamedTuple):
    """A clip's truth and prediction."""

    clip: str
    origin: str
    """Where the prediction is from, in words: `fold 0`, `mean of 3 folds`."""
    times: Array
    """(T,) seconds."""
    prediction: Array
    """(T, 2), NaN where there is none."""
    truth: Array
    """(T, 2), NaN where unlabelled."""

    def heading(self) -> str:
        """The clip and its CCC, if known: `clip_1    CCC: valence 0.53, arousal 0.61`."""
        known = [f"{t} {v:z.2f}" for t, v in zip(TARGETS, self.ccc(), strict=True) if v is not None]
        return self.clip + (f"    CCC: {', '.join(known)}" if known else "")

    def ccc(self) -> list[float | None]:
        """Each target's CCC over the labelled frames; None where truth or prediction is missing."""
        return [_ccc(x, y) for x, y in zip(self.prediction.T, self.truth.T, strict=True)]


def _ccc(prediction: Array, truth: Array) -> float | None:
    known = any_finite(prediction) and any_finite(truth)
    return ccc_labelled([prediction], [truth]) if known else None


@style()
def draw(traces: Iterable[Trace], folder: Path) -> None:
    """Write `<folder>/<clip>.png` for each trace."""
    fig = figure(WIDTH, HEIGHT)
    upper, lower = fig.subplots(2, 1, sharex=True)
    fig.subplots_adjust(left=0.062, right=0.985, top=0.865, bottom=0.115, hspace=0.16)
    panels = [_Panel(axes, target) for axes, target in zip((upper, lower), TARGETS, strict=True)]
    lower.set_xlabel("seconds", labelpad=2)
    title = fig.text(0.062, 0.935, "", fontsize=12, fontweight="bold", va="center")
    origin = fig.text(0.985, 0.935, "", fontsize=9.5, color=QUIET, va="center", ha="right")
    for trace in traces:
        for column, panel in enumerate(panels):
            panel.show(trace, column)
        upper.set_xlim(0, max(float(trace.times[-1]), 1.0))
        title.set_text(trace.heading())
        origin.set_text(f"prediction: {trace.origin}")
        save(fig, folder / f"{trace.clip}.png")


class _Panel:
    """One target's axes, reused for each clip."""

    def __init__(self, axes: Axes, target: str) -> None:
        set_value_axis(axes, target, COLOURS[target])
        self.axes = axes
        self.truth: Line2D = axes.plot([], [], color=TRUTH, label="truth")[0]
        self.prediction: Line2D = axes.plot([], [], color=COLOURS[target], label="prediction")[0]

    def show(self, trace: Trace, column: int) -> None:
        """Draw a clip's lines and their legend; unlabelled stretches stay blank."""
        thin = min(1.0, (LONG / max(float(trace.times[-1]), LONG)) ** 0.5)
        series = [(self.truth, trace.truth, 3.2), (self.prediction, trace.prediction, 1.6)]
        for line, values, width in series:
            line.set_data(trace.times, values[:, column])
            line.set_linewidth(width * max(thin, 0.45))
            line.set_marker("o" if len(trace.times) < 3 else "")
        self.axes.legend(
            handles=[line for line, values, _ in series if any_finite(values[:, column])],
            loc="lower right",
            bbox_to_anchor=(1.0, 0.97),
            ncols=2,
            frameon=False,
            borderaxespad=0,
            handlelength=1.6,
        )
