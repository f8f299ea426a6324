"""Commands on the report: its table, another report, and what is made for others."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from rjcma import manifest
from rjcma.manifest import Clip
from rjcma.problem import Problem

app = typer.Typer()

ORIGIN = "held-out prediction; CCC of the whole clip"


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
    page = report / "index.html"
    print(f"\n{text}\nOpen {page} to see it; predictions, pictures and curves are beside it.")


@app.command()
def compare(
    a: Annotated[str, typer.Argument(help="A report: its folder, a run, or a revision.")],
    b: Annotated[str, typer.Argument(help="The report that is compared with A.")],
    out: Annotated[Path | None, typer.Option(help="Write the comparison as pages here.")] = None,
    moments: Annotated[int, typer.Option(min=0, help="How many moments are shown.")] = 12,
) -> None:
    """Compare two reports: tables, clips with paired tests, and where their predictions part most.

    A and B are folders of reports, names of `dvc exp show` (`workspace` is the present report), or
    revisions of git, whose report is taken from DVC's cache. What only one of them has is named.
    """
    from rjcma.compare import command

    print(command.compare(a, b, out, moments))


@app.command()
def previews(
    clips: Annotated[Path, typer.Argument(help="The manifest: data/clips.jsonl.")],
    out: Annotated[Path, typer.Argument(help="In the report: data/report/previews.")],
    params: Annotated[Path, typer.Option(help="The params file.")] = Path("params.yaml"),
    every: Annotated[
        bool, typer.Option("--every", help="Of all videos, also those that browsers play.")
    ] = False,
) -> None:
    """Write a small MP4 file of each video that no browser plays, for the pages of the report.

    The pages play it in place of the video, so that the report can be given away with it.
    """
    from rjcma.corpus.settings import Corpus
    from rjcma.mp4.previews import previews as write_previews
    from rjcma.params import load

    root = Path(load(params, "corpus", Corpus).root)
    write_previews(manifest.read(clips), root, out, every=every)


@app.command()
def submission(
    out: Annotated[Path, typer.Argument(help="The folder that the files go to.")] = Path(
        "submission"
    ),
    sample: Annotated[
        Path | None,
        typer.Option(help="The organisers' sample file: its rows and columns are taken."),
    ] = None,
    params: Annotated[Path, typer.Option(help="Its section runs is used.")] = Path("params.yaml"),
) -> None:
    """Write the challenge's files: one for each fold, and mean.csv of the folds' mean.

    Without --sample, the rows are all frames of the test clips. With it, a row without a prediction
    gets the one of the nearest frame, and predictions that it does not list are left out; both are
    counted.
    """
    from rjcma import places
    from rjcma.corpus import labels
    from rjcma.params import load
    from rjcma.scoring import runs as trained
    from rjcma.scoring import submission as files
    from rjcma.scoring.settings import Runs

    clips_path, labels_path, runs_path, _ = places.arguments("score")
    clips, ranges = manifest.read(clips_path), labels.ranges(labels_path)
    runs = trained.read(runs_path, load(params, "runs", Runs), clips)
    if sample is None:
        asked = files.of_test_clips(clips, ranges)
    else:
        asked = files.read_sample(sample, clips, runs)
    for line in [
        *files.write(out, asked, runs, clips, ranges),
        *files.in_words(files.fitted(asked, clips)),
    ]:
        print(line)


@app.command()
def picture(
    clip: str,
    out: Path,
    clips: Annotated[Path, typer.Option("--manifest", help="The manifest, clips.jsonl.")],
    faces: Annotated[Path, typer.Option(help="The folder of packed faces.")],
    transcripts: Annotated[Path, typer.Option(help="The folder of transcripts.")],
    traces: Annotated[Path, typer.Option(help="The report's folder of traces.")],
    start: Annotated[
        float | None, typer.Option(help="The first second shown; else the clip's.")
    ] = None,
    end: Annotated[float | None, typer.Option(help="The last second shown; else 8 later.")] = None,
) -> None:
    """Draw faces, words, truth and prediction of a part of CLIP into the PNG file OUT."""
    from rjcma.scoring.predictions import read_trace
    from rjcma.scoring.scene import Scene, draw
    from rjcma.scoring.trace_plots import Trace
    from rjcma.speech import words
    from rjcma.store import FeatureReader

    record = _named(clip, manifest.read(clips), clips)
    targets, predicted, truth = read_trace(traces / f"{clip}.csv", record)
    trace = Trace(clip, ORIGIN, record.frame_times(), targets, predicted, truth)
    crops = FeatureReader(faces / f"{clip}.h5", clip=clip, frames=record.frames)
    spoken = words.read(transcripts / f"{record.video}.json")
    draw(Scene.of(trace, crops, spoken, start, end), out)
    print(f"{out}: drawn")


def _named(name: str, clips: Sequence[Clip], path: Path) -> Clip:
    by_name = {clip.name: clip for clip in clips}
    if name not in by_name:
        close = difflib.get_close_matches(name, by_name, n=3, cutoff=0.0)
        raise Problem(
            clip=name,
            file=path,
            found="no clip of this name",
            expected=f"one of the manifest's {len(by_name)} clips, such as {', '.join(close)}",
            cure="correct the name",
        )
    return by_name[name]
