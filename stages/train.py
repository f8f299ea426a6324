"""Stage train: the network of one target and fold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rjcma.command import run
from rjcma.corpus import manifest
from rjcma.corpus.labels import Target
from rjcma.corpus.settings import Corpus
from rjcma.fusion.settings import Fusion, Recursions
from rjcma.params import load
from rjcma.training.encoders import Encoders
from rjcma.training.run import train
from rjcma.training.sections import Settings
from rjcma.training.settings import Training
from rjcma.training.windows import Windows


def main(
    clips: Path,
    labels: Path,
    visual: Path,
    audio: Path,
    text: Path,
    out: Path,
    target: Annotated[Target, typer.Option()],
    fold: Annotated[int, typer.Option()],
    params: Path = Path("params.yaml"),
    checkpoints: Path = Path(".rjcma/checkpoints"),
) -> None:
    """Train for one target and fold; write weights, history, curves and predictions to OUT.

    CLIPS is the manifest, LABELS the folder of labels; VISUAL, AUDIO and TEXT are the folders of
    the modalities' features: faces and log-mel windows, or vectors, as encoders.mode says. A run
    that was killed goes on after its last finished epoch, which CHECKPOINTS holds.
    """
    settings = Settings(
        recursions=load(params, "recursions", Recursions),
        corpus=load(params, "corpus", Corpus),
        encoders=load(params, "encoders", Encoders),
        windows=load(params, "windows", Windows),
        fusion=load(params, "fusion", Fusion),
        training=load(params, "training", Training),
    )
    folders = {"visual": visual, "audio": audio, "text": text}
    data = manifest.read(clips), labels, folders, out
    train(*data, target, fold, settings, checkpoints=checkpoints, curves=True)


if __name__ == "__main__":
    run(main)
