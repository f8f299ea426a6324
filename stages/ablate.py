"""Stage ablate: rows of other settings, each trained several times, and compared."""

from __future__ import annotations

from pathlib import Path

from rjcma import manifest
from rjcma.ablation import report, row_settings, rows
from rjcma.ablation.measure_all import Places, measure_all
from rjcma.ablation.report import Study
from rjcma.ablation.trials import trials
from rjcma.command import run
from rjcma.params import load
from rjcma.scoring.settings import Runs
from rjcma.training.request import Data
from rjcma.training.sections import Settings


def main(
    clips: Path,
    labels: Path,
    visual: Path,
    audio: Path,
    text: Path,
    pipeline: Path,
    asked: Path,
    out: Path,
    tables: Path,
    params: Path = Path("params.yaml"),
    trained: Path = Path(".rjcma/ablation"),
    checkpoints: Path = Path(".rjcma/checkpoints/ablation"),
) -> None:
    """Train the rows that ASKED names for each seed, target and fold; write TABLES.

    CLIPS is the manifest, LABELS the folder of labels; VISUAL, AUDIO and TEXT are the folders of
    the modalities' features. What each run reached is kept in OUT, the run itself in TRAINED. A run
    of the PIPELINE with the same settings and seed is taken over; one that was killed goes on.
    """
    ablation, wanted = rows.read(asked), load(params, "runs", Runs)
    of_rows = row_settings.of_rows(ablation, Settings.read(params), asked)
    data = Data(manifest.read(clips), labels, {"visual": visual, "audio": audio, "text": text})
    places = Places(trained, checkpoints, pipeline)
    found = measure_all(trials(of_rows, wanted, ablation.seeds), data, places, out)
    report.write(Study(ablation, of_rows, wanted, data.clips, found), tables)


if __name__ == "__main__":
    run(main)
