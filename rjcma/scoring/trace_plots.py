"""One picture per clip: truth and prediction over time, one target below the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from rjcma.concordance import ccc_labelled
from rjcma.scoring.style import (
    QUIET,
    TRUTH,
    any_finite,
    colours,
    figure,
    save,
    set_value_axis,
    style,
)

WIDTH, TOP, TITLE, BOTTOM = 1000, 58.05, 27.95, 49.45  # pixels
PANEL, GAP = 322.5 / 2.16, 0.16  # pixels; the gap between panels is a share of a panel
LONG = 60.0  # seconds; lines of longer clips are drawn thinner
Array = NDArray[Any]


class Trace(NamedTuple):
    """A clip's truth and prediction."""

    clip: str
    origin: str
    """Where the prediction is from, in words: `fold 0`, `mean of 3 folds`."""
    times: Array
    """(T,) seconds."""
    targets: tuple[str, ...]
    prediction: Array
    """(T, targets), NaN where there is none."""
    truth: Array
    """(T, targets) in [-1, 1], NaN where unlabelled."""

    def heading(self) -> str:
        """The clip and its CCC, if known: `clip_1    CCC: valence 0.53, arousal 0.61`."""
        by_target = zip(self.targets, self.ccc(), strict=True)
        known = [f"{target} {ccc:z.2f}" for target, ccc in by_target if ccc is not None]
        return self.clip + (f"    CCC: {', '.join(known)}" if known else "")

    def ccc(self) -> list[float | None]:
        """Each target's CCC over the labelled frames; None where truth or prediction is missing."""
        return [_ccc(x, y) for x, y in zip(self.prediction.T, self.truth.T, strict=True)]


def _ccc(prediction: Array, truth: Array) -> float | None:
    known = any_finite(prediction) and any_finite(truth)
    return ccc_labelled([prediction], [truth]) if known else None


@style()
def draw(traces: Sequence[Trace], folder: Path) -> None:
    """Write `<folder>/<clip>.png` for each trace; all have the same targets."""
    targets = traces[0].targets if traces else ("",)
    height = TOP + BOTTOM + PANEL * (len(targets) + GAP * (len(targets) - 1))
    fig = figure(WIDTH, height)
    stacked = fig.subplots(len(targets), 1, sharex=True, squeeze=False)[:, 0]
    top, bottom, middle = 1 - TOP / height, BOTTOM / height, 1 - TITLE / height
    fig.subplots_adjust(left=0.062, right=0.985, top=top, bottom=bottom, hspace=GAP)
    by_target = zip(stacked, colours(targets).items(), strict=True)
    panels = [_Panel(axes, target, colour) for axes, (target, colour) in by_target]
    stacked[-1].set_xlabel("seconds", labelpad=2)
    title = fig.text(0.062, middle, "", fontsize=12, fontweight="bold", va="center")
    origin = fig.text(0.985, middle, "", fontsize=9.5, color=QUIET, va="center", ha="right")
    for trace in traces:
        for column, panel in enumerate(panels):
            panel.show(trace, column)
        first, last = float(trace.times[0]), float(trace.times[-1])
        stacked[0].set_xlim(first, max(last, first + 1.0))
        title.set_text(trace.heading())
        origin.set_text(f"prediction: {trace.origin}")
        save(fig, folder / f"{trace.clip}.png")


class _Panel:
    """One target's axes, reused for each clip."""

    def __init__(self, axes: Axes, target: str, colour: str) -> None:
        set_value_axis(axes, target, colour)
        self.axes = axes
        self.truth: Line2D = axes.plot([], [], color=TRUTH, label="truth")[0]
        self.prediction: Line2D = axes.plot([], [], color=colour, label="prediction")[0]

    def show(self, trace: Trace, column: int) -> None:
        """Draw a clip's lines and their legend; unlabelled stretches stay blank."""
        length = float(trace.times[-1] - trace.times[0])
        thin = min(1.0, (LONG / max(length, LONG)) ** 0.5)
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
