"""What each stage costs on long clips, beside a plain rendering of the released scripts.

    python -m benchmarks.stages [--minutes 10] [--long]

Works in a clone of this repository's last commit, in a temporary folder. There the sample's videos
of 30 frames a second are made and joined to a talking clip of so many minutes, with its crops and
annotation. Measured are

- each stage on one such clip: seconds, bytes, and the memory of the largest process;
- each stage on four such clips, with one and with two worker processes;
- what the released scripts do, written plainly in one process: faces by PIL, a log-mel window for
  each frame, a word's vector for each frame, found by a loop over frames and words;
- reading windows for training, and `np.load(mmap_mode="r")` of windows stored as float32;
- with --long, the memory of each stage, training included, on a clip 12 times as long.

Start-up is the time that a stage takes on two clips of 13 seconds (Python, libraries, models). Of
short measurements, the fastest of three is told.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import av
import numpy as np
import typer
from dvc.repo import Repo
from PIL import Image
from ruamel.yaml import YAML

from benchmarks.measuring import Cost, cost, edit_params
from rjcma import manifest
from rjcma.audio.logmel import rows
from rjcma.audio.windows import WINDOW_ROWS, first_rows
from rjcma.speech import words
from rjcma.store import FeatureReader
from rjcma.wav import Wav

ROOT = Path(__file__).parents[1]
SOURCES = ("7-30-480x270", "131")
"""Videos of the sample: 30 frames a second, 480 x 270, speech, one person."""
FPS = 30
STAGES = [
    *("index", "extract_audio", "faces", "logmel", "transcribe", "punctuate", "embed_text"),
    *("encode@visual", "encode@audio"),
]
TRAINING = ["train@valence-0", "score"]
SIZE = 48  # pixels of a stored face
PART = 20  # the loop over frames and words is done on the first of so many parts, and scaled
READS, WINDOW = 200, 300  # windows read, and their frames
REPEATS = 3

SETTINGS: dict[str, Any] = {
    "sample": {"videos": list(SOURCES)},
    "corpus": {"folds": 2},
    "training": {"epochs": 1},
    "runs": {"targets": ["valence"], "folds": [0]},
}


class Stage(NamedTuple):
    """What a stage cost."""

    cost: Cost
    written: int
    """Bytes."""


class Project:
    """A clone of this repository, and corpora made of the sample's videos."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        subprocess.run(["git", "clone", "--quiet", ROOT, self.folder], check=True)
        edit_params(self.folder, SETTINGS)
        cost(["python", "-m", "stages.sample"], self.folder)
        self.sample = folder / "sample"
        (self.folder / "data/sample").rename(self.sample)
        with Repo(str(self.folder)) as repo:
            self.stages = {stage.name: (stage.cmd, stage.outs) for stage in repo.index.stages}

    def corpus(self, clips: Mapping[str, float]) -> None:
        """Make a corpus of clips of so many minutes; a short one is the validation set."""
        root = Path(tempfile.mkdtemp(prefix="corpus-", dir=self.sample.parent))
        join(self.sample, root, "short", 0, "validation")
        for name, minutes in clips.items():
            join(self.sample, root, name, round(60 * FPS * minutes), "train")
        edit_params(self.folder, {"corpus": {"make": [], "root": str(root), "test": None}})

    def fastest(self, names: list[str]) -> dict[str, Stage]:
        """Run stages from nothing, with one worker, `REPEATS` times. -> what each cost at best."""
        runs = [self.run(names, 1) for _ in range(REPEATS)]
        return {name: min((run[name] for run in runs), key=_seconds) for name in names}

    def run(self, names: list[str], workers: int) -> dict[str, Stage]:
        """Run stages from nothing, with so many workers. -> what each cost."""
        shutil.rmtree(self.folder / "data")
        shutil.rmtree(self.folder / ".rjcma", ignore_errors=True)
        costs = {}
        for name in names:
            command, outs = self.stages[name]
            spent = cost(["sh", "-c", command], self.folder, RJCMA_WORKERS=str(workers))
            costs[name] = Stage(spent, sum(size(Path(out.fs_path)) for out in outs))
        return costs


def _seconds(stage: Stage) -> float:
    return stage.cost.seconds


def join(sample: Path, root: Path, name: str, frames: int, partition: str) -> None:
    """Join the sources, one after the other and again, to a clip of at least so many frames."""
    for folder in ("videos", f"cropped_aligned/{name}", *map("annotations/VA/{}".format, PARTS)):
        (root / folder).mkdir(parents=True, exist_ok=True)
    labels: list[str] = []
    with av.open(str(root / f"videos/{name}.mp4"), "w") as out:
        streams: dict[str, _Stream] = {}
        at = turn = 0
        while at == 0 or at < frames:
            source = SOURCES[turn % len(SOURCES)]
            count = _append(sample / f"videos/{source}.mp4", out, streams, at)
            for crop in (sample / f"cropped_aligned/{source}").glob("*.jpg"):
                number = int(crop.stem) + at
                os.link(crop, root / f"cropped_aligned/{name}/{number:05}.jpg")
            (annotation,) = (sample / "annotations/VA").glob(f"*/{source}.txt")
            labels += annotation.read_text().splitlines()[1 : count + 1]
            at, turn = at + count, turn + 1
    text = "\n".join(["valence,arousal", *labels]) + "\n"
    (root / f"annotations/VA/{partition}/{name}.txt").write_text(text)


PARTS = ("train", "validation")


@dataclass
class _Stream:
    """A stream of the joined video, and the last time stamp in it."""

    stream: Any
    last: int = -(2**62)


def _append(source: Path, out: Any, streams: dict[str, _Stream], at: int) -> int:
    """Append the packets of a video, from frame `at` on. -> the number of its frames."""
    with av.open(str(source)) as video:
        picture, sound = video.streams.video[0], video.streams.audio[0]
        for stream in () if streams else (picture, sound):
            streams[stream.type] = _Stream(out.add_stream_from_template(stream))
        count = picture.frames
        for packet in video.demux(picture, sound):
            if packet.dts is None:
                continue
            to, shift = streams[packet.stream.type], round(at / FPS / packet.time_base)
            beyond = packet.stream.type == "audio" and packet.pts * packet.time_base >= count / FPS
            if packet.dts + shift > to.last and not beyond:  # sound begins before the pictures
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream, to.last = to.stream, packet.dts
                out.mux(packet)
    return int(count)


def size(path: Path) -> int:
    """Bytes of a file, or of the files of a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def released(project: Project, clip: manifest.Clip, root: Path) -> dict[str, tuple[float, int]]:
    """What the released scripts do for a clip, in one process: seconds and bytes."""
    data = project.folder / "data"
    spoken = words.read(data / f"transcripts/{clip.video}.json")
    reader = FeatureReader(
        data / f"features/text/{clip.name}.h5", clip=clip.name, frames=clip.frames
    )
    vectors = reader.rows[...]
    out = project.sample.parent / "released.npy"

    def faces() -> None:
        kept = []
        for frame in range(clip.frames):
            path = root / f"cropped_aligned/{clip.name}/{frame + 1:05}.jpg"
            if path.exists():
                picture = Image.open(path).convert("RGB").resize((SIZE, SIZE))
                kept.append(np.asarray(picture))
        np.save(out, np.stack(kept))

    def windows() -> None:
        with Wav(data / f"audio/{clip.video}.wav", clip.name) as sound:
            samples = sound.read(0, sound.samples)
        spectrogram = rows(np.concatenate([samples, np.repeat(samples[-1:], 16000)]))
        starts = first_rows(clip.frames, clip.fps)
        windows = [spectrogram[start : start + WINDOW_ROWS] for start in starts]
        np.save(out, np.stack(windows).astype(np.float16))

    def placement() -> None:
        placed = []
        for frame in range(clip.frames // PART):
            vector = np.zeros(vectors.shape[1], np.float16)
            for word, its_vector in zip(spoken, vectors, strict=True):
                if word.start <= frame / clip.fps < word.end:
                    vector = its_vector.astype(np.float16)
            placed.append(vector)
        np.save(out, np.stack(placed))

    costs = {}
    for name, work, scale in (
        ("faces by PIL", faces, 1),
        ("a log-mel window for each frame, float16", windows, 1),
        (f"words by a loop (1/{PART} done, scaled)", placement, PART),
    ):
        costs[name] = (scale * seconds(work), scale * out.stat().st_size)
        out.unlink()
    return costs


def reads(project: Project, clip: manifest.Clip) -> dict[str, float]:
    """Milliseconds to read a window of log-mel, all files in the system's cache."""
    path = project.folder / f"data/features/logmel/{clip.name}.h5"
    reader = FeatureReader(path, clip=clip.name, frames=clip.frames, span=WINDOW_ROWS)
    stored = project.sample.parent / "windows.npy"
    everything = np.lib.format.open_memmap(
        stored, "w+", np.float32, (clip.frames, *reader.value_shape)
    )
    for start in range(0, clip.frames, 1000):
        stop = min(start + 1000, clip.frames)
        everything[start:stop] = reader.read(start, stop)
    del everything
    mapped = np.load(stored, mmap_mode="r")
    starts = np.random.default_rng(1).integers(0, clip.frames - WINDOW, READS)
    ways: dict[str, Callable[[int], Any]] = {
        "rows and index, as training reads them": lambda a: reader.ranged(a, a + WINDOW),
        "the same, gathered to windows on the CPU": lambda a: reader.read(a, a + WINDOW),
        "np.load(mmap) of float32 windows": lambda a: np.array(mapped[a : a + WINDOW]),
    }
    found = {}
    for name, way in ways.items():
        way(0)
        found[name] = 1e3 * seconds(lambda way=way: [way(int(a)) for a in starts]) / READS
    stored.unlink()
    return found


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main(
    minutes: Annotated[float, typer.Option(help="Length of the talking clip.")] = 10,
    long: Annotated[bool, typer.Option("--long", help="Also a clip 12 times as long.")] = False,
) -> None:
    """Measure, and print tables."""
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder))
        project.corpus({"talk": 0})
        start = project.fastest(STAGES)
        project.corpus({"talk": minutes})
        one = project.fastest([*STAGES, *TRAINING] if long else STAGES)
        _print_one(one, start, minutes)
        (clip,) = (
            c for c in manifest.read(project.folder / "data/clips.jsonl") if c.name == "talk"
        )
        root = Path(YAML(typ="safe").load(project.folder / "params.yaml")["corpus"]["root"])
        _print_released(released(project, clip, root), one, start)
        _print_reads(reads(project, clip))
        project.corpus({f"talk{n}": minutes for n in range(4)})
        _print_workers(*(project.run(STAGES, workers) for workers in (1, 2)), start)
        if long:
            project.corpus({"talk": 12 * minutes})
            _print_long(one, project.run([*STAGES, *TRAINING], 1), minutes)


def _net(stage: str, costs: Mapping[str, Stage], start: Mapping[str, Stage]) -> float:
    """Seconds without start-up; at least a hundredth, since clocks are no finer here."""
    return max(costs[stage].cost.seconds - start[stage].cost.seconds, 0.01)


def _print_one(one: Mapping[str, Stage], start: Mapping[str, Stage], minutes: float) -> None:
    print(f"One clip of {minutes:g} minutes, 1 worker\n")
    print("| stage | s | without start-up | times real time | MB | MiB of memory |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in STAGES:
        spent, written = one[name]
        net = _net(name, one, start)
        print(
            f"| {name} | {spent.seconds:.1f} | {net:.2f} | {60 * minutes / net:.0f}"
            f" | {written / 1e6:.1f} | {spent.mebibytes:.0f} |"
        )
    total = sum(one[name].cost.seconds for name in STAGES)
    net = sum(_net(name, one, start) for name in STAGES)
    print(f"| all | {total:.1f} | {net:.2f} | {60 * minutes / net:.0f} | | |\n", flush=True)


OURS = {"faces by PIL": "faces", "a log-mel": "logmel", "words by a loop": "embed_text"}
"""The stage that does what a part of the released scripts does; BERT is in `embed_text` besides."""


def _print_released(
    theirs: Mapping[str, tuple[float, int]], one: Mapping[str, Stage], start: Mapping[str, Stage]
) -> None:
    print("The same clip as the released scripts do it, and the stage here without start-up\n")
    print("| part | s | MB | here: stage | s | MB | times |")
    print("|---|---:|---:|---|---:|---:|---:|")
    for name, (spent, written) in theirs.items():
        stage = next(stage for part, stage in OURS.items() if name.startswith(part))
        net = _net(stage, one, start)
        print(
            f"| {name} | {spent:.1f} | {written / 1e6:.1f} | {stage} | {net:.2f}"
            f" | {one[stage].written / 1e6:.1f} | {spent / net:.1f} |"
        )
    print(flush=True)


def _print_reads(found: Mapping[str, float]) -> None:
    print(f"Reading a window of {WINDOW} log-mel frames\n\n| how | ms |\n|---|---:|")
    for name, spent in found.items():
        print(f"| {name} | {spent:.2f} |")
    print(flush=True)


def _print_workers(
    one: Mapping[str, Stage], two: Mapping[str, Stage], start: Mapping[str, Stage]
) -> None:
    print("Four such clips\n\n| stage | 1 worker, s | 2 workers, s | times | without start-up |")
    print("|---|---:|---:|---:|---:|")
    for name in STAGES:
        a, b = one[name].cost.seconds, two[name].cost.seconds
        net = _net(name, one, start) / _net(name, two, start)
        print(f"| {name} | {a:.1f} | {b:.1f} | {a / b:.2f} | {net:.2f} |")
    a, b = (sum(costs[name].cost.seconds for name in STAGES) for costs in (one, two))
    net = sum(_net(n, one, start) for n in STAGES) / sum(_net(n, two, start) for n in STAGES)
    print(f"| all | {a:.1f} | {b:.1f} | {a / b:.2f} | {net:.2f} |\n", flush=True)


def _print_long(one: Mapping[str, Stage], long: Mapping[str, Stage], minutes: float) -> None:
    print(f"A clip of {minutes:g} minutes, and one of {12 * minutes:g}\n")
    print("| stage | s | s | MiB of memory | MiB of memory |\n|---|---:|---:|---:|---:|")
    for name in (*STAGES, *TRAINING):
        a, b = one[name].cost, long[name].cost
        print(
            f"| {name} | {a.seconds:.1f} | {b.seconds:.1f}"
            f" | {a.mebibytes:.0f} | {b.mebibytes:.0f} |"
        )


if __name__ == "__main__":
    typer.run(main)
