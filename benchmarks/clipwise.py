"""The cost of each clip-wise stage on the current corpus, with nothing cached: `make benchmark`.

The stages' commands of dvc.yaml run one after another, with their outputs in a temporary folder.
For each stage: wall-clock and processor seconds per minute of video, how many times faster than the
video this is, and the size of its output; and the memory of the largest process of all. Run it
after `make repro`, which makes the stages' inputs.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from dvc.repo import Repo

from rjcma import manifest
from rjcma.jobs.workers import worker_count

CLIPWISE = ["extract_audio", "pack_faces", "logmel", "transcribe", "punctuate", "embed_text"]
MANIFEST = Path("data/clips.jsonl")


class Cost(NamedTuple):
    wall: float
    processor: float
    bytes_written: int


def cost(command: list[str], out: Path) -> Cost:
    """Run a command that writes into `out`, a new folder."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, processor, sum(path.stat().st_size for path in out.rglob("*.*")))


def commands(folder: Path) -> dict[str, tuple[list[str], Path]]:
    """Each clip-wise stage's command with its output in `folder` instead, and that output."""
    with Repo() as repo:
        stages = {stage.addressing: stage for stage in repo.stage.load_all()}
    result = {}
    for name in CLIPWISE:
        moved, out = folder / name, stages[name].outs[0].def_path
        words = [str(moved) if word == out else word for word in stages[name].cmd.split()]
        result[name] = ([sys.executable, *words[1:]], moved)
    return result


def minutes_of_video() -> float:
    """Minutes of video in the corpus; a video counts once, even if it has two clips."""
    seconds = {clip.video: clip.decoded / clip.fps for clip in manifest.read(MANIFEST)}
    return sum(seconds.values()) / 60


def main() -> None:
    minutes = minutes_of_video()
    print(f"{minutes:.1f} minutes of video, {worker_count()} workers; Python's start is included\n")
    print("| stage | wall s/min | CPU s/min | times real time | MB/min |")
    print("|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for name, (command, out) in commands(Path(folder)).items():
            spent = cost(command, out)
            print(
                f"| {name} | {spent.wall / minutes:.2f} | {spent.processor / minutes:.2f}"
                f" | {60 * minutes / spent.wall:.0f} | {spent.bytes_written / 1e6 / minutes:.2f} |",
                flush=True,
            )
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"\nThe largest process of all used {peak:.0f} MiB.")


if __name__ == "__main__":
    main()
