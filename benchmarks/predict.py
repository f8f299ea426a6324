"""What it costs to predict a video, and where the time goes.

    python -m benchmarks.predict VIDEO RUNS... [--detector FILE] [--words]

Everything is made anew in a temporary folder, by this machine. Words are left out unless asked for:
their cost is that of the recogniser. The parts are those that `rjcma predict` does one after
another; processor seconds are those of all threads. `start` is Python and its libraries.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

BEGAN = time.perf_counter()

NAMES = {
    "videos": "reading the video",
    "audio": "sound",
    "tracks": "finding faces",
    "faces": "cutting faces",
    "visual": "encoder of faces",
    "logmel": "log-mel",
    "words": "words",
    "transcripts": "punctuation",
    "text": "word vectors",
}


class Part(NamedTuple):
    """What a part of the work cost."""

    name: str
    seconds: float
    processor: float


def main(
    video: Path,
    runs: list[Path],
    detector: Annotated[str, typer.Option(help="haar, or YuNet's ONNX file.")] = "haar",
    words: Annotated[bool, typer.Option("--words", help="Recognise words too.")] = False,
) -> None:
    """Predict a VIDEO with RUNS, and print what each part cost."""
    from rjcma.predict import doing
    from rjcma.predict.engines import Asked
    from rjcma.predict.predict import Request, predict

    parts: list[Part] = []
    run = doing.adoption.run

    def timed(work) -> None:
        with measured(NAMES.get(work.folder.name, "networks"), parts):
            run(work)

    doing.adoption.run = timed
    with tempfile.TemporaryDirectory() as folder:
        asked = Asked(detector=detector, words=words)
        (result,) = predict(Request([video], runs, Path(folder), asked=asked))
    whole, length = time.perf_counter() - BEGAN, result.clip.frames / result.clip.fps
    used = resource.getrusage(resource.RUSAGE_SELF)
    other = whole - sum(part.seconds for part in parts)
    rest = used.ru_utime + used.ru_stime - sum(part.processor for part in parts)
    print(f"{video.name}: {length:.0f} s of {result.clip.frames} frames")
    for part in [Part("start, runs", other, rest), *parts]:
        print(f"  {part.name:<20} {part.seconds:6.1f} s {part.processor:6.1f} processor s")
    print(f"  {'all':<20} {whole:6.1f} s, {whole / length:.2f} of the video's length;", end=" ")
    print(f"{used.ru_maxrss / 1024:.0f} MiB")


@contextmanager
def measured(name: str, parts: list[Part]) -> Iterator[None]:
    """Add what is done meanwhile to the parts."""
    wall, processor = time.perf_counter(), time.process_time()
    yield
    parts.append(Part(name, time.perf_counter() - wall, time.process_time() - processor))


if __name__ == "__main__":
    sys.exit(typer.run(main))
