"""Commands on ablations: what so many videos can show, and what can be reached on the sample."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def power(
    report: Annotated[Path, typer.Argument(help="The report of an ablation that was run.")],
    videos: Annotated[int, typer.Option(min=2, help="How many validation videos there will be.")],
    rows: Annotated[
        int | None, typer.Option(min=1, help="Rows that are compared; else those of each table.")
    ] = None,
) -> None:
    """Say which differences an ablation on so many videos could show, before it is run.

    From how much the differences of single videos scatter in an ablation that was run.
    """
    from rjcma.ablation.planned import planned

    print(planned(report, videos, rows))


@app.command()
def ceilings(
    clips: Annotated[Path, typer.Argument(help="The manifest.")],
    labels: Annotated[Path, typer.Argument(help="The folder of labels.")],
    params: Annotated[Path, typer.Option(help="The params file.")] = Path("params.yaml"),
) -> None:
    """Say what could be reached on the sample: by who reads face, voice and words without error.

    The people of the sample are drawn, so what they show is known.
    """
    from rjcma import manifest
    from rjcma.ablation.ceilings import table
    from rjcma.corpus.settings import Corpus
    from rjcma.params import load
    from rjcma.sample.settings import Sample
    from rjcma.scoring.settings import Runs

    targets = load(params, "runs", Runs).targets
    folds = load(params, "corpus", Corpus).folds
    print(table(manifest.read(clips), labels, load(params, "sample", Sample), folds, targets))
