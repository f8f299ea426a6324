"""Commands on the pipeline: its params, its machine, and what it keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from rjcma.problem import Problem, Problems
from rjcma.pull import Kind

app = typer.Typer()


@app.command()
def check(
    params: Annotated[Path, typer.Argument(help="The params file.")] = Path("params.yaml"),
    models: Annotated[
        Path | None,
        typer.Option(
            help="The record of models, else stage index's; a model in it may be missing here."
        ),
    ] = None,
) -> None:
    """Check a params file: every key, and the devices and models that it names."""
    from rjcma import places, start

    is_project = places.PIPELINE.is_file()  # elsewhere, there is no record
    recorded = models or (places.record_of_models() if is_project else None)
    checked = start.check(params, recorded)
    for note in checked.notes:
        print(f"note: {note}")
    print(f"{params}: all {len(checked.sections)} sections are valid")


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
