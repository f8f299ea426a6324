"""Stage score: what the runs reach, as numbers, tables, curves, traces, pictures, predictions."""

from __future__ import annotations

import sys
from pathlib import Path

from rjcma import manifest
from rjcma.command import run
from rjcma.params import load
from rjcma.scoring import report
from rjcma.scoring import runs as trained
from rjcma.scoring.settings import Runs


def main(
    clips: Path, labels: Path, runs: Path, out: Path, params: Path = Path("params.yaml")
) -> None:
    """CCC of the runs that the section runs names, and all predictions, into a report."""
    wanted = load(params, "runs", Runs)
    known = manifest.read(clips)
    for name in trained.stale_runs(runs, wanted):
        print(f"score: {runs / name} is not among the runs of {params}: left out", file=sys.stderr)
    truth = report.read_truth(labels, known)
    results = report.Results(known, truth, trained.read(runs, wanted, known))
    report.write(results, out)


if __name__ == "__main__":
    run(main)
