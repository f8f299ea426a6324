"""What the runs' networks attend to in the videos, for the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rjcma.attention.attend_all import MEMORY
from rjcma.jobs.inputs import digest_input
from rjcma.jobs.work import Job, Work
from rjcma.jobs.workers import Needs
from rjcma.manifest import Clip
from rjcma.predict.trained import Trained
from rjcma.scoring.settings import Runs

WINDOWS = Runs().attention
"""Windows of a clip, as in the report."""


def work(
    clips: Sequence[Clip],
    runs: Sequence[Trained],
    folders: Mapping[str, Path],
    device: str,
    out: Path,
) -> Work:
    """The attention of one network of each target, the first; `folders` has the features."""
    first: dict[str, Trained] = {}
    for run in runs:
        first.setdefault(run.target, run)
    networks = [(run.target, run.fold, False, run.folder) for run in first.values()]
    jobs = [
        Job(
            clip.name,
            (clip, networks),
            {m: digest_input(folder / f"{clip.name}.h5") for m, folder in folders.items()},
            clip.frames,
        )
        for clip in clips
    ]
    return Work(
        "rjcma.attention.attend:attend",
        jobs,
        out,
        ".h5",
        stage="predict",
        common=(dict(folders), WINDOWS),
        settings={
            "runs": {run.name: run.digest for run in first.values()},
            "runs.attention": WINDOWS,
        },
        needs=Needs(MEMORY, device=device),
    )
