"""The command `rjcma`: what a user needs besides `dvc repro`.

Each command imports its modules when it is called, so that quick commands stay quick.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rjcma import manifest
from rjcma.command import problems_as_lines
from rjcma.manifest import Clip
from rjcma.problem import Problem, Problems
from rjcma.pull import Kind

if TYPE_CHECKING:
    from rjcma.models.registry import Entry

app = typer.Typer(
    help="What a user needs besides `dvc repro`.", no_args_is_help=True, add_completion=False
)

corpus = typer.Typer(help="Begin with a corpus of your own.", no_args_is_help=True)
app.add_typer(corpus, name="corpus")

models = typer.Typer(help="The models that must be downloaded.", no_args_is_help=True)
app.add_typer(models, name="models")

REGISTRY = "A registry of your own, in the form of rjcma/models/registry.toml."
ORIGIN = "held-out prediction; CCC of the whole clip"


def main() -> None:
    """The console script."""
    with problems_as_lines():
        app()


@app.command()
def check(
    params: Annotated[Path, typer.Argument(help="The params file.")] = Path("params.yaml"),
    models: Annotated[
        Path, typer.Option(help="The record of models; a model in it may be missing here.")
    ] = Path("models.json"),
) -> None:
    """Check a params file: every key, and the devices and models that it names."""
    from rjcma import start

    checked = start.check(params, models)
    for note in checked.notes:
        print(f"note: {note}")
    print(f"{params}: all {len(checked.sections)} sections are valid")


@corpus.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The corpus: videos and annotations.")],
    out: Annotated[
        Path | None, typer.Option(help="The params file; else params/<the folder's name>.yaml.")
    ] = None,
    base: Annotated[
        Path, typer.Option(help="The params file for all that the corpus does not decide.")
    ] = Path("params.yaml"),
) -> None:
    """Write a first clip list into FOLDER, and a first params file, for you to correct.

    Says what is in the folder, what was guessed, and what to check. Replaces no file.
    """
    from rjcma.corpus import first_list

    name = folder.resolve().name
    for line in first_list.init(folder, out or Path("params") / f"{name}.yaml", base):
        print(line)


@app.command()
def doctor(
    params: Annotated[Path, typer.Argument(help="The params file.")] = Path("params.yaml"),
) -> None:
    """Say what is missing here, and what to do: packages, devices, models, the corpus, room.

    `python -m rjcma.doctor` works even if packages are missing. Exit status 1: there is something
    to do.
    """
    from rjcma.doctor.examination import main as examination

    examination([str(params)])


@app.command()
def mend() -> None:
    """Mend the files of DVC that a kill has damaged, if no DVC is running here."""
    from rjcma.mend import mend as mend_all

    for message in mend_all(Path.cwd()):
        print(message)


@app.command()
def pull(
    kind: Annotated[
        Kind,
        typer.Argument(
            help="training: the index and the features that training reads. report: tables, curves "
            "and predictions. features: all that is made of each clip, to add clips or change how "
            "features are made.",
        ),
    ],
) -> None:
    """Pull a part of what a team shares, with `dvc pull`."""
    from dvc.cli import main as dvc

    from rjcma.pipeline import dvc_stages
    from rjcma.pull import targets

    command = ["pull", *targets(kind, {stage.name: stage for stage in dvc_stages()})]
    print("dvc", *command, flush=True)
    if status := dvc(command):
        raise typer.Exit(status)
    if kind != "report":
        print("now: dvc repro --allow-missing")


@app.command()
def status(
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every file, and compare it with its ledger.")
    ] = False,
) -> None:
    """Tell per stage what is done, stale, missing and failed, and what `dvc repro` would make.

    Nothing is run. A file that was never read on this machine is taken to be what its ledger says.
    With --verify every file is read. One whose bytes have changed is named, and the next
    `dvc repro` makes it again; the exit status is then 1.
    """
    from rjcma import status as states

    if not verify:
        print(states.table(states.status()))
        return
    count, damaged = states.verify()
    if damaged:
        raise Problems([states.problem(each) for each in damaged])
    print(f"{count} files read: all are what their ledgers say")


@app.command()
def adopt(
    stage: Annotated[str, typer.Argument(help="Its name in dvc.yaml: logmel, encode, train …")],
    check: Annotated[int, typer.Option(min=1, help="How many clips are made again.")] = 5,
) -> None:
    """Keep the files of a STAGE if only the code has changed and it still makes the same bytes.

    The shortest clip, the longest and others at random are made again, in a temporary folder. If
    all are the same bytes, all files are kept under the new key; if one differs, none is.
    """
    from rjcma.jobs import adoption
    from rjcma.pipeline import works

    adoption.adopt(works(stage), check)


@app.command()
def about(
    files: Annotated[list[Path], typer.Argument(help="Features, files of runs or of the report.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Say what each of the FILES was made of and by what, and whether it is as it was made."""
    from rjcma.about import tell

    told, problems = [], []
    for path in files:
        try:
            told.append(tell(path))
        except Problem as problem:
            problems.append(problem)
    if as_json:
        print(json.dumps([each.plain() for each in told], indent=1))
    elif told:
        print("\n\n".join(each.text() for each in told))
    if problems:
        raise Problems(problems)


@app.command()
def make(
    stage: Annotated[str, typer.Argument(help="Its name in dvc.yaml: logmel, transcribe, train …")],
) -> None:
    """Do the work of a STAGE without DVC: all runs of train at once, or the shard RJCMA_SHARD.

    What the stage is made from must be up to date. `dvc repro` then finds the work done, and
    records it.
    """
    from rjcma import pipeline

    pipeline.make(stage)


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


@app.command()
def faces(
    videos: Annotated[list[Path], typer.Argument(help="Video files.")],
    model: Annotated[str | None, typer.Option(help="YuNet's ONNX file.")] = None,
    engine: Annotated[str | None, typer.Option(help="haar, or yunet with --model.")] = None,
    person: Annotated[str | None, typer.Option(help="left, right, or n-th from the left.")] = None,
    out: Annotated[Path, typer.Option(help="The picture; a name is added for each of several.")] = (
        Path("faces.png")
    ),
    params: Annotated[Path, typer.Option(help="Its section faces is used.")] = Path("params.yaml"),
) -> None:
    """Find the faces in VIDEOS, as stage `faces` would; draw a sheet to check for each.

    The sheet shows frames with boxes, landmarks and the number of each track. The chosen person is
    green, and the person's crops are below.
    """
    from rjcma.vision import inspection

    settings = inspection.settings(params, engine, model)
    who = inspection.person(person)
    for video in videos:
        sheet = out if len(videos) == 1 else out.with_name(f"{out.stem}-{video.stem}{out.suffix}")
        print(inspection.inspect(video, settings, who, sheet))
        print(f"{sheet}: drawn")


@models.command("list")
def list_models(
    names: Annotated[list[str] | None, typer.Argument(help="Some of them; else all.")] = None,
    registry: Annotated[Path | None, typer.Option(help=REGISTRY)] = None,
) -> None:
    """List models: what each is for, where it comes from, and the line of params.yaml to write."""
    from rjcma.models.catalogue import listed
    from rjcma.models.fetch import FOLDER

    print(listed(_entries(names, registry), FOLDER))


@models.command("fetch")
def fetch_models(
    names: Annotated[list[str], typer.Argument(help="Their names, as `list` shows them.")],
    registry: Annotated[Path | None, typer.Option(help=REGISTRY)] = None,
) -> None:
    """Fetch models into models/. What was interrupted goes on where it stopped.

    RJCMA_MODELS=PLACE fetches from a folder or an HTTP server that has the models, instead of from
    their publishers.
    """
    from rjcma.models.fetch import fetch

    problems = []
    for entry in _entries(names, registry):
        try:
            print(fetch(entry), flush=True)
            print(f"  in params.yaml: {entry.params}", flush=True)
        except Problem as problem:
            problems.append(problem)
    if problems:
        raise Problems(problems)


@models.command("check")
def check_models(
    names: Annotated[list[str] | None, typer.Argument(help="Some of them; else all.")] = None,
    registry: Annotated[Path | None, typer.Option(help=REGISTRY)] = None,
) -> None:
    """Read the models that are here, and compare them with what is published and was fetched."""
    from rjcma.models import catalogue
    from rjcma.models.fetch import FOLDER

    problems = []
    for entry in _entries(names, registry):
        try:
            print(catalogue.check(entry, FOLDER), flush=True)
        except Problem as problem:
            problems.append(problem)
    if problems:
        raise Problems(problems)


def _entries(names: Sequence[str] | None, registry: Path | None) -> list[Entry]:
    from rjcma.models import registry as registries

    entries = registries.read(registry or registries.COMMITTED)
    return registries.chosen(entries, names or entries)


@app.command()
def predict(
    videos: Annotated[list[Path], typer.Argument(help="Video files, or folders of them.")],
    run: Annotated[
        list[Path],
        typer.Option(help="The folder of a run, a folder of runs, or a bundle; one or several."),
    ],
    out: Annotated[Path, typer.Option(help="The folder for what is predicted.")] = (
        Path("predictions")
    ),
    work: Annotated[
        Path, typer.Option(help="The folder in which all that is made is kept, by key.")
    ] = Path(".rjcma/predict"),
    params: Annotated[
        Path | None,
        typer.Option(help="A params file that says where models are; else params.yaml if there."),
    ] = None,
    other_engines: Annotated[
        bool, typer.Option("--other-engines", help="Take the engines of --params, not the runs'.")
    ] = False,
    detector: Annotated[
        str | None, typer.Option(help="haar, or YuNet's ONNX file, if runs knew given crops.")
    ] = None,
    person: Annotated[str | None, typer.Option(help="left, right, or n-th from the left.")] = None,
    everyone: Annotated[
        bool, typer.Option("--everyone", help="Each person that is seen often, in files of theirs.")
    ] = False,
    no_faces: Annotated[
        bool, typer.Option("--no-faces", help="Predict as if no face were seen.")
    ] = False,
    no_words: Annotated[
        bool, typer.Option("--no-words", help="Predict as if nothing were said.")
    ] = False,
    parquet: Annotated[bool, typer.Option("--parquet", help="Write Parquet beside CSV.")] = False,
    elan: Annotated[bool, typer.Option("--elan", help="Write text that ELAN imports.")] = False,
    trace: Annotated[bool, typer.Option("--trace", help="Draw the traces as PNG.")] = False,
    overlay: Annotated[
        Path | None,
        typer.Option(help="Draw the video with face box, dial, traces and words, as MP4."),
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Write pages in which the videos play in step.")
    ] = False,
) -> None:
    """Predict VIDEOS with trained runs: a CSV each, with a row for each frame.

    Folds of one target are averaged; their spread is beside the mean. The engines and models are
    those that the runs' features were made with. A second call makes nothing again.
    """
    from rjcma.predict import given, outputs
    from rjcma.predict.engines import Asked
    from rjcma.predict.predict import Request
    from rjcma.vision import inspection

    asked = Asked(params, other_engines, detector, not no_faces, not no_words)
    who = inspection.person(person)
    files, runs = given.divided(videos)
    request = Request(files, [*run, *runs], work, who, everyone, asked)
    forms = outputs.Forms(parquet, elan, trace, overlay, report)
    for line in outputs.write_all(request, out, forms):
        print(line)


@app.command()
def export(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs, or a folder of them.")],
    out: Annotated[Path, typer.Argument(help="The bundle, such as talks.rjcma.")],
) -> None:
    """Write RUNS into the bundle OUT, one file with which a colleague predicts.

    It holds the networks, their settings, and what their features were made with. Models are named
    with their checksums, not copied.
    """
    from rjcma.predict import bundle, given
    from rjcma.predict.trained import open_all

    manifest = bundle.write(open_all(given.folders(runs, Path(".rjcma/bundles"))), out)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, {len(manifest.files)} files")
    for key, model in manifest.models.items():
        print(f"needs {key}: {model.name} ({model.digest})")


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


if __name__ == "__main__":
    main()
