"""What annotations cost: long ones placed on frames, and small files read.

    python -m benchmarks.annotations [--hours 10]

Long: raters at 1 kHz become one and are placed on frames at 30 per second, from arrays; a plain
loop does the same for a small part. Small: a file of 500 rows, read and placed; a plain loop parses
the same file. Both are also given as ratios, which mean more than seconds on another machine.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from rjcma.annotations.gold import fuse
from rjcma.annotations.place import Frames, limit, placed
from rjcma.annotations.read import read
from rjcma.annotations.settings import Annotations
from rjcma.annotations.times import Rating
from rjcma.params import checked

RATERS = 6
RATE = 1000  # samples per second of the long annotation
FPS = 30
LOOPED = 60  # seconds of it that the plain loop does
ROWS = 500  # of the small file
REPEATS = 200


def seconds(function: Callable[[], object]) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def long_annotation(hours: float) -> None:
    """Fuse and place one that is so long, and a part of it by a plain loop."""
    count = int(hours * 3600 * RATE)
    times = np.arange(count) / RATE
    truth = np.sin(times / 7) / 2
    generator = np.random.default_rng(0)
    noise = (generator.normal(scale=0.1, size=count) for _ in range(RATERS))
    ratings = np.stack([truth + one for one in noise])
    frames = Frames(np.arange(int(hours * 3600 * FPS)) / FPS, hours * 3600)
    fused = fuse(ratings[:, : LOOPED * RATE], "ewe_ccc")

    def all_of_it() -> None:
        nonlocal fused
        fused = fuse(ratings, "ewe_ccc")
        placed(times, fused.values, frames, limit(times, None))

    def place_each() -> None:
        for values in ratings:
            placed(times, values, frames, limit(times, None))

    part = [ratings[:, : LOOPED * RATE].T.tolist(), fused.weights.tolist()]
    loop = seconds(lambda: plain_means(*part)) * hours * 3600 / LOOPED
    placing = seconds(place_each)
    both = seconds(all_of_it)
    print(f"{hours:g} h at {RATE} Hz, {RATERS} raters, {hours * 3600 * FPS:.0f} frames")
    print(f"  each rater placed   {placing:8.2f} s")
    print(f"  fused and placed    {both:8.2f} s")
    print(
        f"  plain loop          {loop:8.2f} s for the means alone: {loop / both:.1f} times as long"
    )


def plain_means(rows: list[list[float]], weights: list[float]) -> list[float]:
    """The weighted means of raters within frames, by a plain loop."""
    sums = [0.0] * (len(rows) * FPS // RATE + 1)
    counts = [0] * len(sums)
    for number, row in enumerate(rows):
        frame = number * FPS // RATE
        sums[frame] += sum(weight * value for weight, value in zip(weights, row))
        counts[frame] += 1
    return [total / count for total, count in zip(sums, counts) if count]


def small_files() -> None:
    """Read and place a file of one rater, and one of six."""
    times = np.arange(ROWS) / 25
    values = np.random.default_rng(1).uniform(-0.9, 0.9, (ROWS, RATERS))
    with tempfile.TemporaryDirectory() as folder:
        for raters in (1, RATERS):
            path = Path(folder) / f"{raters}.csv"
            rows = np.column_stack([times, values[:, :raters]])
            header = ",".join(["time", *(f"FM{k}" for k in range(raters))])
            np.savetxt(path, rows, "%.4f", ",", header=header, comments="")
            section = {"files": path.name, "columns": "FM*", "gold": "ewe_ccc"}
            settings = checked(Annotations, section, "annotations", "params")
            rating = Rating(str(raters), path.parent, "", times, 0.0, 25.0, ROWS / 25)
            whole, loop = [], []
            for _ in range(REPEATS):  # in turn, so that other load slows both alike
                path.touch()  # changed: it is not taken from memory
                whole.append(seconds(lambda r=rating, s=settings: read(r, s, ["arousal"])))
                loop.append(seconds(lambda p=path: plain_parse(p)))
            cost, plain = median(whole) * 1e3, median(loop) * 1e3
            print(f"{ROWS} rows, {raters} raters: {cost:.2f} ms read and placed, ", end="")
            print(f"{plain:.2f} ms parsed by a plain loop: {cost / plain:.1f} times that")


def plain_parse(path: Path) -> list[list[float]]:
    """The numbers of a file, by a plain loop."""
    with path.open() as file:
        next(file)
        return [[float(cell) for cell in line.split(",")] for line in file]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--hours", type=float, default=10)
    small_files()
    long_annotation(parser.parse_args().hours)
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB")
