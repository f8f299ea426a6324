"""Stage train: train the network of one target and fold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rjcma import manifest
from rjcma.command import run
from rjcma.training.request import Data, Run
from rjcma.training.runs import Digests, train_run
from rjcma.training.sections import Settings


def main(
    clips: Path,
    labels: Path,
    visual: Path,
    audio: Path,
    text: Path,
    engines: Path,
    runs: Path,
    target: Annotated[str, typer.Option()],
    fold: Annotated[int, typer.Option()],
    params: Path = Path("params.yaml"),
    checkpoints: Path = Path(".rjcma/checkpoints"),
    ablation: Path = Path(".rjcma/ablation"),
) -> None:
    """Train for one TARGET and FOLD; write weights, history, curves and predictions.

    CLIPS is the manifest, LABELS the folder of labels; VISUAL, AUDIO and TEXT are the folders of
    the modalities' features, and ENGINES says by what they were made. The files of the run are
    written to RUNS/TARGET-FOLD. A killed run is resumed after its last finished epoch, from
    CHECKPOINTS. The same run is taken over if the folder ABLATION has it.
    """
    settings = Settings.read(params)
    data = Data(manifest.read(clips), labels, {"visual": visual, "audio": audio, "text": text})
    trained = Run(target, fold, settings)
    train_run(
        trained,
        data,
        Digests.of(data),
        runs / trained.name,
        checkpoint=checkpoints / f"{trained.name}.pt",
        curves=True,
        engines=engines,
        elsewhere=[ablation / trained.id],
    )


if __name__ == "__main__":
    run(main)
