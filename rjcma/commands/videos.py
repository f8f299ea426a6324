"""Commands on videos of one's own: faces that are found, predictions, bundles of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


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
    from rjcma.predict.videos import refuse_twins
    from rjcma.vision import inspection

    refuse_twins(videos)
    settings = inspection.settings(params, engine, model)
    who = inspection.person(person)
    for video in videos:
        sheet = out if len(videos) == 1 else out.with_name(f"{out.stem}-{video.stem}{out.suffix}")
        print(inspection.inspect(video, settings, who, sheet))
        print(f"{sheet}: drawn")


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
