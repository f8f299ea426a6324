"""Stage `ablate`: rows of other settings, each trained several times, and compared."""

from __future__ import annotations

from pathlib import Path

from rjcma.command import run
from rjcma.corpus import manifest
from rjcma.corpus.settings import Corpus
from rjcma.fusion.settings import Fusion, Recursions
from rjcma.params import load
from rjcma.scoring import ablation, ablation_report, ablation_rows, ablation_settings
from rjcma.scoring.ablation_report import Study
from rjcma.scoring.ablation_trials import Files, trials
from rjcma.scoring.settings import Runs
from rjcma.training.encoders import Encoders
from rjcma.training.sections import Settings
from rjcma.training.settings import Training
from rjcma.training.windows import Windows


def main(
    clips: Path,
    labels: Path,
    visual: Path,
    audio: Path,
    text: Path,
    rows: Path,
    runs: Path,
    report: Path,
    params: Path = Path("params.yaml"),
    checkpoints: Path = Path(".rjcma/checkpoints/ablation"),
) -> None:
    """Train the ROWS' settings for each seed, target and fold; write tables to REPORT.

    CLIPS is the manifest, LABELS the folder of labels; VISUAL, AUDIO and TEXT are the folders of
    the modalities' features. What each run reached is kept in RUNS, and not trained again; a run
    that was killed goes on after its last finished epoch.
    """
    settings = Settings(
        recursions=load(params, "recursions", Recursions),
        corpus=load(params, "corpus", Corpus),
        encoders=load(params, "encoders", Encoders),
        windows=load(params, "windows", Windows),
        fusion=load(params, "fusion", Fusion),
        training=load(params, "training", Training),
    )
    wanted = load(params, "runs", Runs)
    asked = ablation_rows.read(rows)
    by_row = ablation_settings.of_rows(asked, settings, rows)
    needed = trials(by_row, wanted, asked.seeds)
    files = Files(clips, labels, {"visual": visual, "audio": audio, "text": text}, checkpoints)
    ablation.run(needed, files, runs)
    found = Study(asked, by_row, wanted, manifest.read(clips), ablation.read(runs, needed))
    ablation_report.write(found, report)


if __name__ == "__main__":
    run(main)
