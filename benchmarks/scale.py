"""What a pipeline of 100, 300 and 600 clips costs when little or nothing has changed.

    python -m benchmarks.scale [--clips 100,300,600] [--frames 100]

Makes a corpus of that many clips in the layout of Aff-Wild2, and a clone of this repository's last
commit that knows it, both in a temporary folder. The corpus grows from one number to the next. For
each number: seconds, and the memory of the largest process, of `dvc repro`

- for the clips that are new, up to their features, and then for training and the report;
- with nothing to do (and of `rjcma status`, with and without `--verify`);
- for one clip more, up to its features, and of `dvc push` of all that it changed, to a folder;
- for another pause in `punctuate`, which makes all transcripts again; they stay the same here, so
  that nothing else follows.

Clips are short videos (64 x 48, 25 frames a second) with speech, with a face crop of 112 x 112 for
nine frames in ten; every tenth video has two people, every twentieth no annotation. Stages run with
quick engines: the sample's Vosk model, punctuation by pauses, a small BERT, and one training of one
epoch. The last table divides the growth of each cost by that of the number of clips.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer

from benchmarks.measuring import Cost, cost, edit_params
from rjcma.sample import film
from rjcma.sample.sentences import plain_sentence
from rjcma.sample.voice import SAMPLE_RATE_HZ, VOICES, Espeak

ROOT = Path(__file__).parents[1]
FPS = 25
SAYINGS = 40
"""Sentences that are spoken; each clip has some of them, at other times and loudness."""

FEATURES = ("encode", "embed_text")
"""The last stages before training."""

SETTINGS: dict[str, Any] = {
    "recursions": 1,
    "corpus": {
        "make": [],
        "videos": ["batch1", "batch2"],
        "faces": ["cropped_aligned"],
        "train": "annotations/Train_Set",
        "validation": "annotations/Validation_Set",
        "test": "test_set.txt",
        "folds": 2,
    },
    "punctuation": {"engine": "pauses", "model": None},
    "windows": {"frames": 50, "stride": 50, "offsets": "fixed"},
    "training": {"epochs": 1, "batch": 12},
    "runs": {"targets": ["valence"], "folds": [0]},
}


class Corpus:
    """A corpus that grows by videos."""

    def __init__(self, root: Path, frames: int) -> None:
        self.root, self.frames, self.count, self.clips = root, frames, 0, 0
        espeak, dice = Espeak(), random.Random(1)
        self.sayings = [
            espeak.say(plain_sentence(dice), voice=VOICES[n % len(VOICES)]).audio
            for n in range(SAYINGS)
        ]
        self.tests: list[str] = []

    def grow(self, clips: int) -> None:
        """Add videos until there are this many clips."""
        while self.clips < clips:
            self._add(f"video_{self.count:05}", two=self.count % 10 == 5 and self.clips + 1 < clips)
            self.count += 1
        (self.root / "test_set.txt").write_text("".join(f"{name}\n" for name in self.tests))

    def _add(self, video: str, *, two: bool) -> None:
        rng = np.random.default_rng([7, self.count])
        path = self.root / f"batch{1 + self.count % 2}" / f"{video}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        film.write(
            path, self._frames(rng), size=(64, 48), fps=Fraction(FPS), audio=self._audio(rng)
        )
        for name in (f"{video}_left", f"{video}_right") if two else (video,):
            self.clips += 1
            self._add_clip(name, rng)

    def _add_clip(self, name: str, rng: np.random.Generator) -> None:
        folder = self.root / "cropped_aligned" / name
        folder.mkdir(parents=True)
        face = cv2.resize(rng.integers(0, 255, (7, 7, 3), np.uint8), (112, 112))
        for frame in range(self.frames):
            if frame % 10:
                cv2.circle(face, (50 + frame % 13, 70), 9, (frame % 255, 90, 120), -1)
                cv2.imwrite(str(folder / f"{frame + 1:05}.jpg"), face)
        if self.count % 20 == 9:
            self.tests.append(name)
            return
        part = "Validation_Set" if self.count % 5 == 4 else "Train_Set"
        path = self.root / "annotations" / part / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        values = 0.8 * np.sin(np.arange(self.frames)[:, None] / 20 + rng.uniform(0, 6, 2))
        rows = "".join(f"{valence:.3f},{arousal:.3f}\n" for valence, arousal in values)
        path.write_text("valence,arousal\n" + rows)

    def _frames(self, rng: np.random.Generator) -> Iterator[np.ndarray]:
        picture = cv2.resize(rng.integers(0, 255, (6, 8, 3), np.uint8), (64, 48))
        for frame in range(self.frames):
            yield np.roll(picture, frame, axis=1)

    def _audio(self, rng: np.random.Generator) -> np.ndarray:
        sound = np.zeros(round(self.frames / FPS * SAMPLE_RATE_HZ), np.float32)
        at = int(rng.integers(0, SAMPLE_RATE_HZ // 2))
        while at < len(sound):
            saying = self.sayings[int(rng.integers(len(self.sayings)))] * rng.uniform(0.5, 0.9)
            part = saying[: len(sound) - at]
            sound[at : at + len(part)] = part
            at += len(part) + int(rng.integers(SAMPLE_RATE_HZ // 4, SAMPLE_RATE_HZ))
        return sound


class Project:
    """A clone of this repository that knows the corpus and a remote, both folders beside it."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
        edit_params(folder, SETTINGS)
        edit_params(folder, {"corpus": {"root": str(root)}})
        (folder / "dvc.lock").unlink(missing_ok=True)
        for command in (
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qam", "settings"],
            ["dvc", "remote", "add", "--default", "folder", str(folder.parent / "remote")],
        ):
            cost(command, folder)

    def repro(self, *targets: str) -> Cost:
        return self.run("dvc", "repro", *targets)

    def run(self, *command: str) -> Cost:
        return cost(command, self.folder)


def measured(corpus: Corpus, project: Project, clips: int, turn: int) -> dict[str, Cost]:
    """All costs at this number of clips."""
    costs = {}
    corpus.grow(clips - 1)
    costs["all clips that are new: features"] = project.repro(*FEATURES)
    costs["training and report"] = project.repro()
    project.run("dvc", "push")
    project.repro()  # remembers the times of all new files
    costs["nothing to do"] = project.repro()
    costs["`rjcma status`"] = project.run(sys.executable, "-m", "rjcma.cli", "status")
    costs["`rjcma status --verify`"] = project.run(
        sys.executable, "-m", "rjcma.cli", "status", "--verify"
    )
    corpus.grow(clips)
    costs["one clip more: features"] = project.repro(*FEATURES)
    project.repro()
    costs["one clip more: `dvc push`"] = project.run("dvc", "push")
    edit_params(project.folder, {"punctuation": {"comma_pause": 0.3 - 0.05 * (turn + 1)}})
    costs["another param of `punctuate`"] = project.repro()
    return costs


def table(costs: dict[int, dict[str, Cost]]) -> str:
    """Rows: what; columns: numbers of clips."""
    sizes = list(costs)
    head = " | ".join(f"{clips} clips" for clips in sizes)
    lines = [f"| | {head} | growth |", "|---|" + "---:|" * (len(sizes) + 1)]
    for what in costs[sizes[0]]:
        each = [costs[clips][what] for clips in sizes]
        cells = " | ".join(f"{cost.seconds:.1f} s, {cost.mebibytes:.0f} MiB" for cost in each)
        growth = f"{each[-1].seconds / each[0].seconds:.1f} times"
        lines.append(f"| {what} | {cells} | {growth} |")
    lines.append(f"| (clips) | {' | '.join(map(str, sizes))} | {sizes[-1] / sizes[0]:.1f} times |")
    return "\n".join(lines)


def main(
    clips: Annotated[str, typer.Option(help="Numbers of clips, growing.")] = "100,300,600",
    frames: Annotated[int, typer.Option(help="Frames of a clip.")] = 100,
    keep: Annotated[Path | None, typer.Option(help="Work here, and leave it.")] = None,
) -> None:
    """Measure, and print a table."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        corpus = Corpus(folder / "corpus", frames)
        (folder / "corpus").mkdir(parents=True)
        project = Project(folder / "project", folder / "corpus")
        costs = {}
        for turn, number in enumerate(map(int, clips.split(","))):
            costs[number] = measured(corpus, project, number, turn)
            for what, cost in costs[number].items():
                line = f"{number} clips: {what}: {cost.seconds:.1f} s, {cost.mebibytes:.0f} MiB"
                print(line, file=sys.stderr, flush=True)
        print(table(costs))


if __name__ == "__main__":
    typer.run(main)
