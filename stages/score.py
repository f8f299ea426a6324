"""Stage score: the runs' results as numbers, tables, curves, traces, pictures and pages."""

from __future__ import annotations

import sys
from pathlib import Path

from rjcma import manifest
from rjcma.command import run
from rjcma.corpus import labels as labels_on_disk
from rjcma.corpus.settings import Corpus
from rjcma.jobs.digests import digest_file, digest_folder
from rjcma.jobs.provenance import write_report
from rjcma.pages import report as pages
from rjcma.pages import site
from rjcma.pages.sources import Sources
from rjcma.params import keyed, load
from rjcma.scoring import report
from rjcma.scoring import runs as trained
from rjcma.scoring.settings import Runs

WRITE = ("rjcma.scoring.report:write", "rjcma.pages.report:write")
WRITTEN = (*report.FILES, *report.FOLDERS, *site.WRITTEN)  # all that these write


def main(
    clips: Path,
    labels: Path,
    runs: Path,
    out: Path,
    params: Path = Path("params.yaml"),
    features: Path | None = None,
    words: Path | None = None,
    transcripts: Path | None = None,
    attention: Path | None = None,
    ablation: Path | None = None,
) -> None:
    """Write the report: CCC and predictions of the runs that the params section `runs` names.

    CLIPS is the manifest, LABELS the folder of labels, RUNS the folder of runs; OUT receives the
    report. The pages also show what is in the folders that the options name; each may be missing.
    """
    wanted = load(params, "runs", Runs)
    corpus = load(params, "corpus", Corpus)
    records = manifest.read(clips)
    for name in trained.stale_runs(runs, wanted):
        print(f"score: {runs / name} is not among the runs of {params}: left out", file=sys.stderr)
    truth = report.read_truth(labels, records)
    ranges = labels_on_disk.ranges(labels)
    results = report.Results(records, ranges, truth, trained.read(runs, wanted, records))
    report.write(results, out)
    sources = Sources(runs, features, words, transcripts, attention, ablation, Path(corpus.root))
    pages.write(results, out, sources)
    inputs = {"manifest": digest_file(clips), "all labels": digest_folder(labels)}
    inputs |= report.digests(results.runs, runs) | sources.digests(records)
    write_report(out, "score", WRITE, WRITTEN, {"runs": keyed(wanted)}, inputs)


if __name__ == "__main__":
    run(main)
