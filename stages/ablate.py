"""Stage ablate: train rows of different settings several times each, and compare them."""

from __future__ import annotations

from pathlib import Path

from rjcma import manifest
from rjcma.ablation import report, row_settings, rows
from rjcma.ablation.measure_all import Places, measure_all
from rjcma.ablation.report import Study
from rjcma.ablation.trials import trials
from rjcma.command import run
from rjcma.jobs.digests import digest_file, digest_value
from rjcma.jobs.inputs import digest_inputs
from rjcma.jobs.provenance import write_report
from rjcma.params import keyed, load
from rjcma.scoring.settings import Runs
from rjcma.training.request import Data
from rjcma.training.sections import Settings

WRITE = ("rjcma.ablation.report:write",)


def main(
    clips: Path,
    labels: Path,
    visual: Path,
    audio: Path,
    text: Path,
    pipeline: Path,
    rows_file: Path,
    out: Path,
    tables: Path,
    params: Path = Path("params.yaml"),
    trained: Path = Path(".rjcma/ablation"),
    checkpoints: Path = Path(".rjcma/checkpoints/ablation"),
) -> None:
    """Train the rows of ROWS_FILE for each seed, target and fold; write the report to TABLES.

    CLIPS is the manifest, LABELS the folder of labels; VISUAL, AUDIO and TEXT are the folders of
    the modalities' features. The results are kept in OUT, the runs in TRAINED. A run of the folder
    PIPELINE with the same settings and seed is taken over; a killed run is resumed.
    """
    ablation, wanted = rows.read(rows_file), load(params, "runs", Runs)
    settings = row_settings.of_rows(ablation, Settings.read(params), rows_file)
    data = Data(manifest.read(clips), labels, {"visual": visual, "audio": audio, "text": text})
    places = Places(trained, checkpoints, pipeline)
    results = measure_all(trials(settings, wanted, ablation.seeds), data, places, out)
    report.write(Study(ablation, settings, wanted, data.clips, results), tables)
    read = digest_inputs([out / f"{name}.json" for name in results])
    inputs = {"manifest": digest_file(clips), "rows": digest_file(rows_file)}
    inputs |= {"results": digest_value(read)}
    write_report(tables, "ablate", WRITE, report.WRITTEN, {"runs": keyed(wanted)}, inputs)


if __name__ == "__main__":
    run(main)
