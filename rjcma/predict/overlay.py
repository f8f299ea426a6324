"""A video with what is predicted of it: face boxes, a dial, rolling traces and the words.

The picture stays as it is, but for the boxes; all else stands in a panel below it. Pictures keep
their times, and the sound is the video's own. One picture is in memory at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rjcma.jobs.progress import Progress
from rjcma.mp4 import film, sound
from rjcma.mp4.fit import put
from rjcma.predict.captions import Captions
from rjcma.predict.dial import Square, dial_for
from rjcma.predict.letters import Letters
from rjcma.predict.paint import GROUND, QUIET, Colour, line, tint
from rjcma.predict.result import Predicted
from rjcma.predict.rolling import Area, Rolling
from rjcma.predict.series import Floats, Series, series
from rjcma.timeline import Seconds, frame_times
from rjcma.vision.pictures import Picture, Pixels, pictures

LONGEST, NARROWEST = 1920, 360
"""Pixels: a larger picture is reduced, a narrower one enlarged (ours)."""

SMALLEST, LARGEST = 12, 30
"""The size of letters in pixels (ours)."""


def overlay(predicted: Predicted | Sequence[Predicted], out: Path) -> None:
    """Write the overlay of one person, or of several people of the same frames of one video.

    `out` is an MP4 file. Raises `Problem` for a video that cannot be read, for a path that cannot
    be written, and for a full disk; then no file is left.
    """
    people = [predicted] if isinstance(predicted, Predicted) else list(predicted)
    clip, video = people[0].clip, people[0].video
    times = clip.frame_times()
    shown = pictures(video, clip.video, clip.first, clip.frames)
    first = next(shown)
    layout = Layout.of(first.size)
    end = float(frame_times(clip.first + clip.frames + 1, clip.fps, clip.times)[-1] - times[0])
    form = sound.form(video)
    track = None
    if form is not None:
        start = sound.start_of(video) + float(times[0])
        track = film.Sound(form, sound.samples(video, form, start))
    with Progress(f"overlay of {clip.name}", clip.frames, "frame", last_line=False) as progress:
        drawn = _drawn(layout, people, first, shown, progress)
        film.write(out, drawn, layout.size, track, end=end)


class Layout(NamedTuple):
    """Where everything is, in pixels."""

    picture: tuple[int, int]
    """Width and height of the video's pictures, as they are shown."""
    letters: int
    """The size of letters."""

    @classmethod
    def of(cls, size: tuple[int, int]) -> Layout:
        """The layout for pictures of a size (width, height)."""
        width, height = size
        scale = min(max(1.0, NARROWEST / width), LONGEST / max(width, height))
        width, height = max(2, round(width * scale)), max(2, round(height * scale))
        letters = round(min(max(math.sqrt(width * height) / 45, SMALLEST), LARGEST, width / 28))
        return cls((width, height), letters)

    @property
    def margin(self) -> int:
        return self.letters

    @property
    def width(self) -> int:
        """The film's width, even."""
        return self.picture[0] + self.picture[0] % 2

    @property
    def caption(self) -> int:
        """The height of the row of words."""
        return round(2.4 * self.letters)

    @property
    def side(self) -> int:
        """The height of the dial and the traces."""
        return round(11 * self.letters)

    @property
    def panel(self) -> int:
        """The height of the panel, so that the film's height is even."""
        height = self.caption + self.side + self.margin
        return height + (self.picture[1] + height) % 2

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the film."""
        return self.width, self.picture[1] + self.panel


class Panel:
    """The panel below the picture."""

    def __init__(
        self, layout: Layout, people: Sequence[Predicted], shown: Sequence[Series]
    ) -> None:
        self.people, self.layout = shown, layout
        targets, gap = list(people[0].ranges), layout.margin
        small, large = Letters(round(0.85 * layout.letters)), Letters(round(1.1 * layout.letters))
        self.clock, self.clock_width = small, small.width("00:00:00.0")
        self.captions = Captions(people[0].words, large, layout.width - 3 * gap - self.clock_width)
        square = Square(gap, layout.caption, layout.side)
        area = Area(
            2 * gap + layout.side, layout.caption, layout.width - gap, layout.caption + layout.side
        )
        self.dial = dial_for(targets, square, small)
        self.rolling = Rolling(area, targets, small)
        self.ground = np.full((layout.panel, layout.width, 3), GROUND, np.uint8)
        self.dial.ground(self.ground)
        self.rolling.ground(self.ground, shown)

    def draw(self, image: Pixels, frame: int) -> None:
        """Draw the panel of a frame into an image of its size."""
        image[:] = self.ground
        time = float(self.people[0].times[frame])
        gap = self.layout.margin
        top = (self.layout.caption - self.captions.letters.height) // 2
        self.captions.draw(image, gap, top, time)
        text = clock(time)
        left = self.layout.width - gap - self.clock.width(text)
        below = (self.layout.caption - self.clock.height) // 2
        tint(image, self.clock.mask(text), left, below, QUIET)
        self.dial.draw(image, self.people, frame)
        self.rolling.draw(image, self.people, frame)


def clock(time: Seconds) -> str:
    """A time as minutes and seconds, and hours if there are any.

    >>> clock(61.27), clock(3661.0)
    ('1:01.2', '1:01:01.0')
    """
    tenths = math.floor(time * 10 + 1e-6)
    seconds, tenth = divmod(tenths, 10)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    rest = f"{second:02d}.{tenth}"
    return f"{hours}:{minute:02d}:{rest}" if hours else f"{minute}:{rest}"


def _drawn(
    layout: Layout,
    people: Sequence[Predicted],
    first: Picture,
    others: Iterator[Picture],
    progress: Progress,
) -> Iterator[tuple[Seconds, Pixels]]:
    """Each frame of the film and its time; all are drawn into the same array."""
    shown = series(people)
    panel, times = Panel(layout, people, shown), shown[0].times
    width, height = layout.size
    image = np.empty((height, width, 3), np.uint8)
    picture: Picture | None = first
    for frame in range(people[0].clip.frames):
        if picture is None:
            return
        place = put(picture, image[: layout.picture[1]], layout.picture)
        for person in shown:
            box = place.boxes(person.boxes[frame], picture.size)
            if np.isfinite(box).all():
                _frame_face(image[: layout.picture[1]], box, person, layout)
        panel.draw(image[layout.picture[1] :], frame)
        yield float(times[frame] - times[0]), image
        progress.step()
        picture = next(others, None)


def _frame_face(image: Pixels, box: Floats, person: Series, layout: Layout) -> None:
    """Mark a face by the corners of its box, light on a dark edge, and its person's name."""
    thick = max(2, round(layout.letters / 6))
    dark: Colour = (0, 0, 0)
    for width, colour in ((thick + 2, dark), (thick, person.colour)):
        for corner in _corners(box):
            line(image, corner, width, colour)
    if person.name:
        letters = Letters(layout.letters, bold=True)
        left, top = round(box[0]), round(box[1]) - letters.height - thick
        top = top if top >= 0 else round(box[1]) + thick
        mask = letters.mask(person.name)
        for shift in ((1, 1), (-1, 1), (1, -1), (-1, -1)):
            tint(image, mask, left + shift[0], top + shift[1], dark)
        tint(image, mask, left, top, person.colour)


def _corners(box: Floats) -> Iterator[Floats]:
    """The four corners of a box, each a line of three points that are a fifth of a side apart."""
    left, top, width, height = box
    arm = min(width, height) / 5
    for x, inward in ((left, arm), (left + width, -arm)):
        for y, down in ((top, arm), (top + height, -arm)):
            yield np.array([(x + inward, y), (x, y), (x, y + down)])
