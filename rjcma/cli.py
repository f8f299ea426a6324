"""The command `rjcma`: what a user wants besides `dvc repro`."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from rjcma.command import answered
from rjcma.corpus import manifest
from rjcma.corpus.manifest import Clip
from rjcma.corpus.settings import Corpus
from rjcma.fusion.settings import Fusion, Recursions
from rjcma.params import load
from rjcma.problem import Problem, Problems
from rjcma.sample.settings import Sample
from rjcma.scoring import picture as drawn
from rjcma.scoring.pictures import Trace
from rjcma.scoring.predictions import TRACE_COLUMNS, read_frames
from rjcma.scoring.settings import Runs
from rjcma.speech import words
from rjcma.speech.settings import Speech
from rjcma.store import Track
from rjcma.text.settings import Punctuation, Text
from rjcma.training.encoders import Encoders
from rjcma.training.settings import Training
from rjcma.training.windows import Windows
from rjcma.vision.settings import Faces

app = typer.Typer(
    help="What a user wants besides `dvc repro`.", no_args_is_help=True, add_completion=False
)

CLASSES: dict[str, Any] = {
    "recursions": Recursions,
    "sample": Sample,
    "corpus": Corpus,
    "faces": Faces,
    "speech": Speech,
    "punctuation": Punctuation,
    "text": Text,
    "encoders": Encoders,
    "windows": Windows,
    "fusion": Fusion,
    "training": Training,
    "runs": Runs,
}
"""What each section of a params file must be."""

ORIGIN = "held-out prediction; CCC of the whole clip"


def main() -> None:
    """The console script."""
    with answered():
        app()


@app.command()
def check(params: Path = Path("params.yaml")) -> None:
    """Check all sections of a params file, before anything is run."""
    problems: dict[str, Problem] = {}  # by line: what is wrong with the file is said once
    sections: dict[str, Any] = {}
    for name, kind in CLASSES.items():
        try:
            sections[name] = load(params, name, kind)
        except Problem as problem:
            problems[str(problem)] = problem
    if "corpus" in sections and "runs" in sections:
        problems |= {
            str(p): p for p in _missing_folds(params, sections["corpus"], sections["runs"])
        }
    if problems:
        raise Problems(list(problems.values()))
    print(f"{params}: all {len(sections)} sections are sound")


def _missing_folds(params: Path, corpus: Corpus, runs: Runs) -> list[Problem]:
    return [
        Problem(
            file=params,
            found=f"runs.folds with {fold}",
            expected=f"folds from 0 to {corpus.folds - 1}, as corpus.folds is {corpus.folds}",
            cure="correct runs.folds or corpus.folds",
        )
        for fold in runs.folds
        if fold >= corpus.folds
    ]


@app.command()
def table(report: Path) -> None:
    """Print the table of CCC that stage `score` wrote to the folder REPORT."""
    path = report / "table.md"
    try:
        text = path.read_text()
    except FileNotFoundError:
        raise Problem(
            file=path,
            found="no such file",
            expected="the table that stage score writes",
            cure="run `make repro` first",
        ) from None
    print(
        f"\n{text}\nThe report is in {report}/: predictions, pictures and curves beside the table."
    )


@app.command()
def picture(
    clip: str,
    out: Path,
    clips: Annotated[Path, typer.Option("--manifest", help="The manifest, clips.jsonl.")],
    faces: Annotated[Path, typer.Option(help="The folder of packed faces.")],
    transcripts: Annotated[Path, typer.Option(help="The folder of transcripts.")],
    traces: Annotated[Path, typer.Option(help="The report's folder of traces.")],
    start: Annotated[float, typer.Option(help="The first second shown.")] = 0.0,
    end: Annotated[float | None, typer.Option(help="The last one; else 8 seconds later.")] = None,
) -> None:
    """Draw faces, words, truth and prediction of a stretch of CLIP into the PNG file OUT."""
    found = _named(clip, manifest.read(clips), clips)
    columns = read_frames(traces / f"{clip}.csv", found, TRACE_COLUMNS)
    trace = Trace(clip, ORIGIN, found.frame_times(), columns[:, :2], columns[:, 2:])
    track = Track(faces / f"{clip}.h5", clip=clip, frames=found.frames)
    spoken = words.read(transcripts / f"{found.video}.json")
    drawn.draw(drawn.Scene.of(trace, track, spoken, start, end), out)
    print(f"{out}: drawn")


def _named(name: str, clips: Sequence[Clip], path: Path) -> Clip:
    by_name = {clip.name: clip for clip in clips}
    if name not in by_name:
        close = difflib.get_close_matches(name, by_name, n=3, cutoff=0.0)
        raise Problem(
            clip=name,
            file=path,
            found="no clip of this name",
            expected=f"one of {len(by_name)}, such as {', '.join(close)}",
            cure="correct the name",
        )
    return by_name[name]


if __name__ == "__main__":
    main()
