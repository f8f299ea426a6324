"""Overlays: how many frames a second, where the time goes, and memory against length.

    python -m benchmarks.overlay

Speed is that of a drawn person at several sizes, with a face box, words, and five folds of two
targets. Memory is that of a process which draws the overlay of a small video.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path
from typing import Annotated

import av
import numpy as np
import typer

from benchmarks.faces import FRAMES, RATE, SIZES, scaled, write
from benchmarks.measuring import cost
from rjcma.manifest import Clip
from rjcma.predict.overlay import Layout, Panel, overlay
from rjcma.predict.result import Predicted
from rjcma.predict.series import series
from rjcma.speech.words import Word
from rjcma.vision.pictures import Pixels, pictures

SMALL = (160, 120)
MINUTES = (1, 4, 16)
TARGETS = {"valence": (-1.0, 1.0), "arousal": (-1.0, 1.0)}
FOLDS = 5
SPOKEN = 0.3  # seconds a word
SENTENCE = ["Nobody", "knows", "what", "comes", "next."]


def main(draw: Annotated[Path | None, typer.Option(hidden=True)] = None) -> None:
    """Print a line per size, and one per length."""
    if draw is not None:
        overlay(predicted(draw), draw.with_suffix(".overlay.mp4"))
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, size in SIZES.items():
            speed(name, scaled(Path(folder) / f"{name}.mp4", size))
        path = Path(folder) / "small.mp4"
        for minutes in MINUTES:
            picture = np.full((SMALL[1], SMALL[0], 3), 90, np.uint8)
            write(path, repeat(picture, minutes * 60 * RATE), SMALL, RATE)
            command = [sys.executable, "-m", "benchmarks.overlay", "--draw", str(path)]
            used = cost(command, Path.cwd())
            print(
                f"{minutes:3d} minutes: {used.mebibytes:.0f} MiB, {used.seconds:.0f} s", flush=True
            )


def speed(name: str, path: Path) -> None:
    """Print frames a second, and the share of decoding, drawing and writing."""
    of = predicted(path)
    whole = seconds(lambda: overlay(of, path.with_suffix(".overlay.mp4")))
    decoding = seconds(lambda: sum(1 for _ in shown(of)))
    first = next(pictures(path, of.clip.name, 0, 1))
    layout = Layout.of(first.size)
    panel = Panel(layout, [of], series([of]))
    image = np.empty((layout.panel, layout.width, 3), np.uint8)
    drawing = seconds(lambda: [panel.draw(image, frame) for frame in range(of.clip.frames)])
    writing = max(whole - decoding - drawing, 0.0)
    shares = [f"{part / whole:.0%}" for part in (decoding, drawing, writing)]
    print(
        f"{name:5s} {FRAMES / whole:4.0f} frames a second: decoding {shares[0]}, the panel"
        f" {shares[1]}, the rest, mostly encoding, {shares[2]}",
        flush=True,
    )


def seconds(work: Callable[[], object]) -> float:
    """How long work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def shown(of: Predicted) -> Iterator[Pixels]:
    """The video's pictures."""
    return (each.pixels() for each in pictures(of.video, of.clip.name, 0, of.clip.frames))


def predicted(path: Path) -> Predicted:
    """A prediction for a video, with words and a face box for each frame."""
    with av.open(str(path)) as container:
        frames = container.streams.video[0].frames
    clip = Clip(
        name=path.stem,
        video=path.stem,
        partition="test",
        fps=RATE,
        frames=frames,
        file=path.name,
        video_digest="",
        decoded=frames,
        times=None,
        faces=None,
        faces_digest="",
        sound=False,
    )
    noise = np.random.default_rng(1)
    steps = noise.normal(0, 0.03, (len(TARGETS), FOLDS, frames)).cumsum(axis=2)
    folds = {name: np.tanh(each).astype(np.float32) for name, each in zip(TARGETS, steps)}
    count = int(frames / RATE / SPOKEN)
    words = [
        Word(SENTENCE[k % len(SENTENCE)], k * SPOKEN, (k + 0.9) * SPOKEN, 1.0) for k in range(count)
    ]
    boxes = np.tile(np.array([40, 20, 60, 70], np.float32), (frames, 1))
    return Predicted(clip, path, TARGETS, folds, words, boxes)


if __name__ == "__main__":
    typer.run(main)
