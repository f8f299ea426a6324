"""Rolling traces: what was predicted a moment ago, and what comes next, below each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from rjcma.pages.strips import stretches
from rjcma.predict.letters import Letters
from rjcma.predict.paint import FAINT, INK, PLOT, QUIET, disc, line, mixed, polygon, tint
from rjcma.predict.series import Floats, Series
from rjcma.timeline import Seconds
from rjcma.vision.pictures import Pixels

BEFORE: Seconds = 6.0
AFTER: Seconds = 2.0
"""How much is shown before and after the moment (ours)."""

FEW = 2
"""The most people whose folds' spread is drawn (ours)."""

GRID: Seconds = 2.0
"""The distance of the upright lines (ours)."""


class Area(NamedTuple):
    """A rectangle in pixels; right and bottom are beyond it."""

    left: int
    top: int
    right: int
    bottom: int


class Rolling:
    """The traces of all targets in an area, which roll to the left below a fixed moment."""

    def __init__(self, area: Area, targets: Sequence[str], letters: Letters) -> None:
        self.area, self.letters, self.targets = area, letters, targets
        self.scale_width = round(1.6 * letters.size)
        self.plots = list(self._plots())

    def _plots(self) -> Iterator[Area]:
        """The plot of each target, below its name and value."""
        left, top, right, bottom = self.area
        gap = self.letters.size // 2
        own = (bottom - top + gap) / len(self.targets)
        for place in range(len(self.targets)):
            begin = top + place * own + self.letters.height
            yield Area(
                left, round(begin), right - self.scale_width, round(top + (place + 1) * own - gap)
            )

    def ground(self, image: Pixels, people: Sequence[Series]) -> None:
        """Draw the plots, their names and scales."""
        for plot, target in zip(self.plots, self.targets, strict=True):
            image[plot.top : plot.bottom, plot.left : plot.right] = PLOT
            colour = people[0].lines[target] if len(people) == 1 else INK
            tint(
                image, self.letters.mask(target), plot.left, plot.top - self.letters.height, colour
            )
            low, high = people[0].scales[target]
            for value, middle in ((high, plot.top), (low, plot.bottom)):
                top = middle - self.letters.height // 2
                top = min(
                    max(top, plot.top - self.letters.height // 4),
                    plot.bottom - self.letters.height * 3 // 4,
                )
                text = f"{value:g}".replace("-", "−")
                tint(
                    image, self.letters.mask(text), plot.right + self.letters.size // 3, top, QUIET
                )

    def draw(self, image: Pixels, people: Sequence[Series], frame: int) -> None:
        """Draw the traces of a moment, with their values."""
        for plot, target in zip(self.plots, self.targets, strict=True):
            _Plot(image, plot, people[0].times[frame]).draw(people, target, frame)
            self._values(image, plot, people, target, frame)

    def _values(
        self, image: Pixels, plot: Area, people: Sequence[Series], target: str, frame: int
    ) -> None:
        """Write the values of a moment above a plot, from the right; as many as have room."""
        right = plot.right
        left = plot.left + self.letters.width(target) + self.letters.size
        for person in reversed(people):
            if not np.isfinite(person.means[target][frame]):
                continue
            text = person.text(target, frame)
            right -= self.letters.width(text)
            if right < left:
                return
            colour = INK if len(people) == 1 else person.colour
            tint(image, self.letters.mask(text), right, plot.top - self.letters.height, colour)
            right -= self.letters.size


class _Plot:
    """One target's plot at a moment."""

    def __init__(self, image: Pixels, plot: Area, now: Seconds) -> None:
        self.picture = image[plot.top : plot.bottom, plot.left : plot.right]
        self.height, self.width = self.picture.shape[:2]
        self.now = now

    def across(self, times: Floats | float) -> Floats:
        return (np.asarray(times) - self.now + BEFORE) / (BEFORE + AFTER) * self.width

    def down(self, values: Floats | float) -> Floats:
        inset = 2.0
        return inset + (1 - np.asarray(values)) / 2 * (self.height - 1 - 2 * inset)

    def draw(self, people: Sequence[Series], target: str, frame: int) -> None:
        # A view of several rows of a picture is drawn into as a picture of its own.
        picture = np.ascontiguousarray(self.picture)
        self._shade(picture, people)
        self._grid(picture)
        parts = [(person, self._window(person)) for person in people]
        for person, window in parts if len(people) <= FEW else ():
            self._band(picture, person, target, window)
        for person, window in parts:
            self._trace(picture, person, target, window, frame)
        moment = float(self.across(self.now))
        line(picture, [(moment, 0), (moment, self.height)], 1, INK)
        for person in people:
            value = person.means[target][frame]
            if np.isfinite(value):
                disc(
                    picture,
                    (moment, float(self.down(value))),
                    max(2.5, self.height / 18),
                    person.lines[target],
                )
        self.picture[:] = picture

    def _window(self, person: Series) -> slice:
        """The frames that are shown, and one more on each side."""
        bounds = [self.now - BEFORE, self.now + AFTER]
        first, beyond = np.searchsorted(person.times, bounds).tolist()
        return slice(max(first - 1, 0), beyond + 1)

    def _grid(self, picture: Pixels) -> None:
        first = np.ceil((self.now - BEFORE) / GRID) * GRID
        for time in np.arange(max(first, 0), self.now + AFTER, GRID):
            across = float(self.across(time))
            line(picture, [(across, 0), (across, self.height)], 1, mixed(FAINT, 0.6, PLOT))
        middle = float(self.down(0))
        line(picture, [(0, middle), (self.width, middle)], 1, FAINT)

    def _shade(self, picture: Pixels, people: Sequence[Series]) -> None:
        """Darken the frames without any person's face."""
        window = self._window(people[0])
        missing = np.all([person.missing[window] for person in people], axis=0)
        times = people[0].times[window]
        for first, beyond in stretches(missing):
            end = times[beyond] if beyond < len(times) else times[-1] + 1 / 25
            left, right = np.clip(self.across(np.array([times[first], end])), 0, self.width)
            picture[:, round(left) : round(right)] = mixed(PLOT, 0.35)

    def _band(self, picture: Pixels, person: Series, target: str, window: slice) -> None:
        means, spreads = person.means[target][window], person.spreads[target][window]
        across = self.across(person.times[window])
        for first, beyond in stretches(np.isfinite(means)):
            part = slice(first, beyond)
            upper = np.minimum(means[part] + spreads[part], 1)
            lower = np.maximum(means[part] - spreads[part], -1)
            edges = np.concatenate([self.down(upper), self.down(lower)[::-1]])
            there = np.concatenate([across[part], across[part][::-1]])
            colour = mixed(person.lines[target], 0.3, PLOT)
            polygon(picture, np.stack([there, edges], axis=1), colour)

    def _trace(
        self, picture: Pixels, person: Series, target: str, window: slice, frame: int
    ) -> None:
        """The line of the means: bright up to the moment, faint after it."""
        bounds = slice(window.start, frame + 1), slice(frame, window.stop)
        for part, strength in zip(bounds, (1.0, 0.5), strict=True):
            means, across = person.means[target][part], self.across(person.times[part])
            colour = mixed(person.lines[target], strength, PLOT)
            for first, beyond in stretches(np.isfinite(means)):
                points = np.stack([across, self.down(means)], axis=1)[first:beyond]
                line(picture, points, max(1, self.height / 32), colour)
