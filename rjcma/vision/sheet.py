"""A picture of the faces that were found in a video, to be checked at a glance.

On top a line per person shows when the person is seen. Below are frames of the video, evenly
chosen, with the box, the landmarks and the track's number of each face; the chosen person is green,
and each frame's crop is below it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rjcma.vision.alignment import SIDE, Floats, crop
from rjcma.vision.finding import Seen, Stretch
from rjcma.vision.people import Choice
from rjcma.vision.pictures import Picture, Pixels
from rjcma.vision.tracks import Faces, Track

FRAMES, COLUMNS = 24, 8
CELL = 216  # pixels, width and greatest height of a frame
GAP, LABEL = 6, 20  # pixels between frames, and for the time above each
LINE, LINES = 22, 8  # pixels of a person's line, and the most people who have one
MARGIN = 16
DPI = 100

CHOSEN = "#12a150"
OTHERS = ("#d55e00", "#0072b2", "#cc79a7", "#e69f00", "#56b4e9", "#8a8a8a")
INK, QUIET = "#222222", "#6f6f6f"

Colours = dict[int, str]
"""A track's colour, which is its person's, by the track's number."""


def draw(
    path: Path, title: str, stretch: Stretch, seen: Seen, choice: Choice, landmarks: Floats
) -> None:
    """Write the sheet of a clip as a PNG file.

    `landmarks` (T, 5, 2) are the chosen person's, NaN where there is none.
    """
    numbers = np.unique(np.linspace(0, seen.frames - 1, FRAMES).round().astype(int))
    colours = _colours(seen.tracks, choice)
    rows = -(-len(numbers) // COLUMNS)
    height = min(round(CELL * seen.size[1] / seen.size[0]), CELL)
    lines = min(max(len(choice.people), 1), LINES)
    band = LABEL + height + SIDE + 2 * GAP
    top = 40 + lines * LINE + 24
    width = COLUMNS * (CELL + GAP) + 2 * MARGIN
    total = top + rows * band + MARGIN
    figure = Figure((width / DPI, total / DPI), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    canvas = np.full((total, width, 3), 255, np.uint8)
    figure.text(MARGIN / width, 1 - 14 / total, title, size=12, color=INK, va="top")
    for place, (number, picture) in enumerate(_chosen_frames(stretch, numbers)):
        x = MARGIN + place % COLUMNS * (CELL + GAP)
        y = top + place // COLUMNS * band + LABEL
        shown, scale = _fitted(picture.pixels(), height)
        _mark(shown, _faces_at(seen.tracks, number), colours, scale)
        canvas[y : y + shown.shape[0], x : x + shown.shape[1]] = shown
        time = f"{number / stretch.fps:.2f} s"
        figure.text(x / width, 1 - (y - 5) / total, time, size=9, color=QUIET, parse_math=False)
        if np.isfinite(landmarks[number]).all():
            below = y + height + GAP
            face = crop(picture.pixels(), landmarks[number], SIDE)
            canvas[below : below + SIDE, x : x + SIDE] = face
    figure.figimage(canvas, zorder=-1)
    left, right = MARGIN / width, 1 - 2 * MARGIN / width
    axes = figure.add_axes((left, 1 - (40 + lines * LINE) / total, right, lines * LINE / total))
    _draw_lines(axes, seen, stretch.fps, choice, colours, lines)
    figure.savefig(path, format="png", metadata={"Software": None})


def _chosen_frames(stretch: Stretch, numbers: np.ndarray) -> Iterator[tuple[int, Picture]]:
    wanted = set(numbers.tolist())
    for number, picture in enumerate(stretch.pictures()):
        if number in wanted:
            yield number, picture


def _colours(tracks: list[Track], choice: Choice) -> Colours:
    numbers = {id(track): number for number, track in enumerate(tracks)}
    others = [person for person in choice.people if person is not choice.person]
    colours = {}
    for place, person in enumerate(others):
        for track in person.tracks:
            colours[numbers[id(track)]] = OTHERS[min(place, len(OTHERS) - 1)]
    if choice.person is not None:
        colours |= {numbers[id(track)]: CHOSEN for track in choice.person.tracks}
    return colours


def _faces_at(tracks: list[Track], frame: int) -> dict[int, Faces]:
    """The face of each track that has one in a frame, by the track's number."""
    return {
        number: track.every_frame()[frame - track.span[0]]
        for number, track in enumerate(tracks)
        if track.span[0] <= frame < track.span[1]
    }


def _fitted(picture: Pixels, height: int) -> tuple[Pixels, float]:
    """The picture in a cell, and by what it was scaled."""
    scale = min(CELL / picture.shape[1], height / picture.shape[0])
    size = max(int(picture.shape[1] * scale), 1), max(int(picture.shape[0] * scale), 1)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8), scale


def _mark(shown: Pixels, faces: dict[int, Faces], colours: Colours, scale: float) -> None:
    """Draw boxes, landmarks and tracks' numbers, the chosen person's last."""
    for number in sorted(faces, key=lambda number: colours[number] == CHOSEN):
        face, colour = faces[number], _rgb(colours[number])
        left, top = (face[:2] * scale).round().astype(int).tolist()
        right, bottom = ((face[:2] + face[2:4]) * scale).round().astype(int).tolist()
        thick = 2 if colours[number] == CHOSEN else 1
        cv2.rectangle(shown, (left, top), (right, bottom), colour, thick, cv2.LINE_AA)
        for x, y in face[4:14].reshape(5, 2) * scale:
            cv2.circle(shown, (round(x), round(y)), 1, (255, 255, 0), -1, cv2.LINE_AA)
        text = str(number + 1)
        corner = left, max(top, 12)
        cv2.rectangle(shown, (left, corner[1] - 12), (left + 9 * len(text), corner[1]), colour, -1)
        white = (255, 255, 255)
        cv2.putText(shown, text, (left + 1, corner[1] - 2), 0, 0.38, white, 1, cv2.LINE_AA)


def _draw_lines(
    axes: Axes, seen: Seen, fps: float, choice: Choice, colours: Colours, lines: int
) -> None:
    """A line per person, the chosen one's first: when the person is seen, and in which track."""
    people = sorted(choice.people, key=lambda person: person is not choice.person)[:lines]
    numbers = {id(track): number for number, track in enumerate(seen.tracks)}
    for line, person in enumerate(people):
        for track in person.tracks:
            start, stop = (frame / fps for frame in track.span)
            number = numbers[id(track)]
            axes.barh(line, stop - start, 0.7, start, color=colours[number])
            if stop - start > 0.015 * seen.frames / fps:
                middle = (start + stop) / 2
                axes.text(
                    middle, line, str(number + 1), size=8, color="w", ha="center", va="center"
                )
    axes.set_xlim(0, seen.frames / fps)
    axes.set_ylim(lines - 0.5, -0.5)
    axes.set_yticks([])
    axes.tick_params(labelsize=8, labelcolor=QUIET, color=QUIET, length=3)
    for side in ("left", "top", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(QUIET)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
