"""Stage train: the network of one target and fold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rjcma import manifest
from rjcma.command import run
from rjcma.corpus.labels import Target
from rjcma.training.request import Data, Run
from rjcma.training.runs import Digests, train_run
from rjcma.training.sections import Settings


def main(
    clips: Path,
    labels: Path,
    visual: Path,
    audio: Path,
    text: Path,
    runs: Path,
    target: Annotated[Target, typer.Option()],
    fold: Annotated[int, typer.Option()],
    params: Path = Path("params.yaml"),
    checkpoints: Path = Path(".rjcma/checkpoints"),
    ablation: Path = Path(".rjcma/ablation"),
) -> None:
    """Train for one target and fold; write weights, history, curves and predictions to RUNS.

    CLIPS is the manifest, LABELS the folder of labels; VISUAL, AUDIO and TEXT are the folders of
    the modalities' features. They come to RUNS/TARGET-FOLD. A run that was killed goes on after its
    last finished epoch, which CHECKPOINTS holds; one that an ABLATION has trained is taken over.
    """
    settings = Settings.read(params)
    data = Data(manifest.read(clips), labels, {"visual": visual, "audio": audio, "text": text})
    asked = Run(target, fold, settings)
    train_run(
        asked,
        data,
        Digests.of(data),
        runs / asked.name,
        checkpoint=checkpoints / f"{asked.name}.pt",
        curves=True,
        elsewhere=[ablation / asked.id],
    )


if __name__ == "__main__":
    run(main)
